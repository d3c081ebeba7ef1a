"""Whether doubtful work is sent again is said per vendor, off by default, and a misspelt vendor is refused by name."""

import pytest

from domain.errors import SettingError
from wiring import Settings, read_settings


@pytest.mark.parametrize(
    ("text", "vendors"),
    [
        ("", set()),
        ("none", set()),
        ("false", set()),
        ("all", {"bfl", "google"}),
        ("true", {"bfl", "google"}),
        ("google", {"google"}),
        (" Google , bfl", {"bfl", "google"}),
    ],
)
def test_the_policy_names_its_vendors(text: str, vendors: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAFTLINE_RESEND_IN_DOUBT", text)
    settings = read_settings()
    assert {name for name in ("bfl", "google", "fal") if settings.resends(name)} == vendors


def test_nothing_is_sent_again_by_default() -> None:
    assert not Settings.model_fields["resend_in_doubt"].default
    assert not Settings.model_fields["bfl_account_is_ours"].default


def test_a_vendor_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAFTLINE_RESEND_IN_DOUBT", "google,blf")
    with pytest.raises(SettingError, match="DRAFTLINE_RESEND_IN_DOUBT: no vendor is called blf: none, all, or some of"):
        read_settings()


def test_only_an_account_that_is_said_to_be_ours_gives_evidence() -> None:
    assert not Settings().owns_account("bfl")
    assert Settings(bfl_account_is_ours=True).owns_account("bfl")
    assert not Settings(bfl_account_is_ours=True).owns_account("google")
