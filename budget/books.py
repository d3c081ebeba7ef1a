"""Whose money a database counts: the sandbox's or real vendors'. Written once, looked at by every process.

The journal replays paid work for nothing, and a run that was published is done. In one database a picture that the
sandbox painted would so be taken for one that a vendor made, and its play money would fill real caps.
"""

from datetime import datetime

import sqlalchemy as sa

from domain.errors import SettingError
from storage.database import Database
from storage.database.money_tables import ledger_books
from storage.database.upsert import insert_once

BOOK = "vendors"


def claim_books(database: Database, vendors: str, now: datetime) -> None:
    """Open the books for `vendors`, "sandbox" or "live". Raises SettingError where they are the other's."""
    kept = _vendors_of(database)
    if kept is None:
        with database.write() as connection:
            insert_once(connection, ledger_books, {"book": BOOK, "vendors": vendors, "at": now})
        kept = _vendors_of(database)
    if kept != vendors:
        theirs = {"sandbox": "the sandbox's play money", "live": "real money"}.get(str(kept), str(kept))
        raise SettingError(
            f"this database counts {theirs}, and DRAFTLINE_VENDORS is {vendors}: the two never share a journal",
            where="DRAFTLINE_DATABASE_URL",
            hint=f"Name another database for {vendors} vendors, or set DRAFTLINE_VENDORS={kept}",
        )


def _vendors_of(database: Database) -> str | None:
    query = sa.select(ledger_books.c.vendors).where(ledger_books.c.book == BOOK)
    with database.read() as connection:
        return connection.execute(query).scalar()
