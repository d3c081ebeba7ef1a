"""What went wrong with a picture, in words that say what to do."""

import pytest

from domain.errors import VendorRefused
from review.plain_words import plain


@pytest.mark.parametrize("message", ["Request Moderated", "the request was refused"])
def test_what_a_vendor_s_rules_refuse_says_so_and_what_to_do(message: str) -> None:
    kept = f"no draft: {VendorRefused(message, vendor='bfl', code='moderated', fault='policy')}"
    assert plain(kept) == (
        f"no draft: Black Forest Labs refused it by its content rules ({message}): "
        "change the words or the photos and try again"
    )


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("google: no answer in 600 s (timeout)", "Google: no answer in 600 s"),
        ("google: no answer in 600 s", "Google: no answer in 600 s"),
        ("bfl: one (a_b); google: two (c)", "Black Forest Labs: one; Google: two"),
        ("no photo, and the feed says set aside", "no photo, and the feed says set aside"),
        ("other: x (y)", "other: x (y)"),
        ("", ""),
    ],
)
def test_other_words_stay_without_the_codes(kept: str, told: str) -> None:
    assert plain(kept) == told
