"""Play money and real money never share a journal."""

from pathlib import Path

import pytest

from domain.errors import SettingError
from wiring import Settings, build


def settings(folder: Path, vendors: str, database_url: str = "") -> Settings:
    return Settings(home=folder, vendors=vendors, database_url=database_url)  # type: ignore[arg-type]


def test_real_money_has_a_journal_and_a_spool_of_its_own(tmp_path: Path) -> None:
    play, real = (settings(tmp_path, vendors) for vendors in ("sandbox", "live"))
    assert play.database != real.database
    assert play.spool != real.spool
    for one in (play, real):
        w = build(one)
        w.database.read()
        w.close()


@pytest.mark.parametrize(("first", "second"), [("sandbox", "live"), ("live", "sandbox")])
def test_a_database_that_counts_the_other_money_is_refused_with_the_setting(
    tmp_path: Path, first: str, second: str
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    opened = build(settings(tmp_path, first, url))
    assert opened.database is opened.database
    opened.close()
    w = build(settings(tmp_path, second, url))
    with pytest.raises(SettingError, match="DRAFTLINE_DATABASE_URL: this database counts"):
        _ = w.database
    again = build(settings(tmp_path, first, url))
    assert again.database is again.database
    again.close()
