"""Quotes as they were offered, and who said yes to which. Rows of tables quotes and approvals; no price is made here.

An approval names a quote's hash, so it is void by itself when anything that the hash covers is another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from budget.quote import Quote
from budget.quote_changes import changes
from domain.errors import InputError
from storage.database import Database
from storage.database.money_tables import approvals, cap_changes, quotes
from storage.database.upsert import replace

HASH_DIGITS = 64
WHY_CAPPED = "approved quote "
"""How the recorded reason of a run's cap begins where an approval set it; the hash follows."""


@dataclass(frozen=True)
class Offer:
    """A quote as it was kept; amounts in micros over what was still to be paid then."""

    quote_hash: str
    run_id: str
    kind: str
    name: str
    price_version: str
    low_micros: int
    expected_micros: int
    worst_micros: int
    body: dict[str, Any]
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class Approval:
    """Somebody's yes to a quote, with the worst price that was on it. It stands until it is withdrawn."""

    approval_id: int
    quote_hash: str
    by: str
    why: str
    worst_micros: int
    at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str


class Approvals:
    """Keeps quotes, approves them by hash, and tells what stands."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def record_quote(self, quote: Quote, run_id: str, kind: str, name: str, by: str) -> str:
        """Keep a quote under its hash; made again, it shows what is still to be paid now. Returns the hash."""
        row = {
            "quote_hash": quote.hash,
            "run_id": run_id,
            "kind": kind,
            "name": name,
            "price_version": quote.price_version,
            "low_micros": quote.range.low,
            "expected_micros": quote.range.expected,
            "worst_micros": quote.range.worst,
            "body": quote.body,
            "made_by": by,
            "made_at": self._clock(),
        }
        with self._database.write() as connection:
            replace(connection, quotes, row)
        return str(row["quote_hash"])

    def quote(self, quote_hash: str) -> Offer | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(quotes).where(quotes.c.quote_hash == quote_hash)).mappings().first()
        return Offer(**row) if row else None

    def approve(self, quote_hash: str, by: str, why: str) -> Approval:
        """Say yes to a kept quote; one that stands is left as it is. Raises InputError for an unknown hash."""
        _named(by)
        offer = self.quote(quote_hash)
        if offer is None:
            raise InputError(
                f"there is no quote {quote_hash!r}", hint="`draftline quote` makes one and prints its hash"
            )
        if (standing := self.standing(quote_hash)) is not None:
            return standing
        row = {"quote_hash": quote_hash, "by": by, "why": why, "worst_micros": offer.worst_micros}
        with self._database.write() as connection:
            connection.execute(approvals.insert().values(**row, at=self._clock(), withdrawn_by=""))
        approval = self.newest(quote_hash)
        assert approval is not None
        return approval

    def withdraw(self, quote_hash: str, by: str) -> None:
        """Take the yes back. Raises InputError when none stands."""
        _named(by)
        standing = (approvals.c.quote_hash == quote_hash) & approvals.c.withdrawn_at.is_(None)
        with self._database.write() as connection:
            values = {"withdrawn_at": self._clock(), "withdrawn_by": by}
            if connection.execute(approvals.update().where(standing).values(**values)).rowcount == 0:
                raise InputError(f"no approval of quote {quote_hash!r} stands")

    def standing(self, quote_hash: str) -> Approval | None:
        """The newest approval of this hash unless it was withdrawn."""
        found = self.newest(quote_hash)
        return found if found is not None and found.withdrawn_at is None else None

    def newest(self, quote_hash: str) -> Approval | None:
        """The newest approval of this hash, withdrawn or not."""
        query = sa.select(approvals).where(approvals.c.quote_hash == quote_hash)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(approvals.c.approval_id.desc()).limit(1)).mappings().first()
        return Approval(**row) if row else None

    def offers(self, limit: int = 50) -> list[tuple[Offer, Approval | None]]:
        """The newest quotes, each with its newest approval."""
        query = sa.select(quotes).order_by(quotes.c.made_at.desc(), quotes.c.quote_hash).limit(limit)
        with self._database.read() as connection:
            found = [Offer(**row) for row in connection.execute(query).mappings()]
        return [(offer, self.newest(offer.quote_hash)) for offer in found]

    def given_cap_micros(self, cap_id: str) -> int | None:
        """The limit that somebody last gave this cap, in micros; None where only the settings or an approval set it."""
        query = sa.select(cap_changes.c.to_micros, cap_changes.c.by).where(cap_changes.c.cap_id == cap_id)
        query = query.where(cap_changes.c.why.not_like(WHY_CAPPED + HASH_DIGITS * "_")).order_by(
            cap_changes.c.change_id.desc()
        )
        with self._database.read() as connection:
            newest = connection.execute(query.limit(1)).first()
        return None if newest is None or newest.by == "settings" else int(newest.to_micros)

    @staticmethod
    def difference(stored_body: Mapping[str, Any], quote: Quote) -> list[str]:
        """What changed since a quote was kept, in words; empty when its hash is still the same."""
        return changes(stored_body, quote)


def _named(by: str) -> None:
    if not by.strip():
        raise InputError("an approval needs a name", where="--by")
