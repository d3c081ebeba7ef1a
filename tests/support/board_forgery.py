"""What somebody without the roles may try: every address and every form that is not hers, sent from her own window.

What lives here: what there is to try, sending it, and the rows that must be as before. What may not: judging it.
"""

import re
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Page as Window

from review.access.roles import Role, expand
from review.pages import ALL
from storage.database import Database
from storage.database.tables import METADATA

# Rows that come and go with processes and visits, whoever asks: a recovery every ten minutes, sessions, the audit log.
PASSING = {"processes", "leases", "credit_readings", "flow_runs"}
PASSING |= {"sessions", "sign_in_links", "sign_in_failures", "audit_log"}
PASSING_COLUMNS = frozenset({"seen_at"})
SEND = """async (tried) => {
  const token = document.querySelector('meta[name=csrf-token]').content, answers = [];
  const said = {csrf_token: token, do: 'pick A1', flag: 'pick', label: 'A1'};
  for (const [method, path] of tried) {
    const body = method === 'POST' ? new URLSearchParams(said) : undefined;
    const answer = await fetch(path, {method, body, redirect: 'manual', headers: {'X-CSRF-Token': token}});
    answers.push([`${method} ${path}`, answer.status]);
  }
  return answers;
}"""


def closed_to(role: Role, **known: str) -> list[tuple[str, str]]:
    """(method, address) of every route that this role may not use; `known` fills the places in its path."""
    may = expand([role])
    return [
        (method, re.sub(r"\{(\w+)(:path)?\}", lambda found: known.get(found[1], "1"), page.path))
        for page in ALL
        for method in page.methods
        if page.needs is not None and page.needs not in may
    ]


def forge(window: Window, tried: list[tuple[str, str]]) -> dict[str, int]:
    """The status of each answer. Sent by her own browser: her cookie, her form token, our origin."""
    return {name: int(status) for name, status in window.evaluate(SEND, [list(one) for one in tried])}


def rows_of(database: Database) -> dict[str, list[str]]:
    """Every row of every table that somebody's action would change."""
    with database.read() as connection:
        return {
            table.name: sorted(repr(_lasting(row)) for row in connection.execute(sa.select(table)).mappings())
            for table in METADATA.sorted_tables
            if table.name not in PASSING
        }


def _lasting(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in PASSING_COLUMNS}
