"""A vendor's error is one sentence that says each thing once."""

import pytest

from domain.errors import VendorRefused


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        ("Request Moderated", "moderated", "bfl: Request Moderated"),
        ("no credits left: pay first", "no-credits", "bfl: no credits left: pay first"),
        ("the key was refused: who are you", "credentials", "bfl: the key was refused: who are you (credentials)"),
    ],
)
def test_the_code_stands_behind_only_where_the_words_do_not_hold_it(message: str, code: str, said: str) -> None:
    assert str(VendorRefused(message, vendor="bfl", code=code, fault="policy")) == said
