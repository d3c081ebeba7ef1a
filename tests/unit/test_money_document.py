"""docs/money.md and docs/prices.md say what the code does, as far as that can be recomputed."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
import typer
import yaml

from budget.caps import THRESHOLDS, Cap
from budget.ledger import Ledger
from domain.attempt import Dimensions, Intent, State
from domain.errors import LedgerConflict
from domain.render import Job
from draftline.main import app
from storage.database import open_database
from storage.database.migrate import migrate
from storage.database.tables import METADATA
from storage.records.processes import HEARTBEAT_TTL
from tasks.recoveries import BEFORE_RUN_S
from wiring import Settings
from wiring.settings import names
from wiring.wiring import standard_caps

ROOT = Path(__file__).parents[2]
MONEY = (ROOT / "docs/money.md").read_text(encoding="utf-8")
PRICES = (ROOT / "docs/prices.md").read_text(encoding="utf-8")
Step = Callable[[Ledger, str], object]

STEPS: dict[State, tuple[Step, ...]] = {
    "sent": (lambda ledger, a: ledger.send(a),),
    "held": (lambda ledger, a: ledger.bounce(a, "429"),),
    "accepted": (lambda ledger, a: ledger.accept(a, Job("j", "")),),
    "delivered": (lambda ledger, a: ledger.deliver(a, sha256="0", key="k", usage={}, model_answered="", receipt={}),),
    "in_doubt": (lambda ledger, a: ledger.doubt(a, code="cut", note=""),),
    "settled": (
        lambda ledger, a: ledger.settle(a, 1, source="vendor"),
        lambda ledger, a: ledger.settle(a, 1, source="person", evidence="the invoice"),
    ),
    "released": (
        lambda ledger, a: ledger.release(a, code="x", note=""),
        lambda ledger, a: ledger.release(a, code="x", note="", evidence="the invoice"),
        lambda ledger, a: ledger.give_up(a, code="x", note=""),
    ),
}
"""Every way that the ledger has into a state."""
WAY_TO: dict[State, tuple[State, ...]] = {
    "held": (),
    "sent": ("sent",),
    "accepted": ("sent", "accepted"),
    "delivered": ("sent", "delivered"),
    "in_doubt": ("sent", "in_doubt"),
    "settled": ("sent", "settled"),
    "released": ("released",),
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('document')}/ledger.db")
    migrate(database)
    ids = count(1)
    made = Ledger(database, process_id="p", clock=lambda: datetime.now(UTC), new_id=lambda: f"a{next(ids)}")
    made.set_cap(Cap("all", "global", "", "total", 10**9), by="test", why="test")
    yield made
    database.close()


def attempt_in(ledger: Ledger, state: State) -> str:
    by = Dimensions(run_id="r", flow="f", vendor="bfl")
    attempt_id = ledger.hold(Intent(f"w{datetime.now(UTC).timestamp()}", 10, "b", by), slots=1_000).attempt_id
    for step in WAY_TO[state]:
        STEPS[step][0](ledger, attempt_id)
    return attempt_id


def is_possible(ledger: Ledger, before: State, step: Step) -> bool:
    attempt_id = attempt_in(ledger, before)
    try:
        step(ledger, attempt_id)
    except LedgerConflict:
        return False
    return True


def test_the_drawing_has_every_transition_that_the_ledger_allows_and_no_other(ledger: Ledger) -> None:
    (drawing,) = re.findall(r"```mermaid\n(.*?)```", MONEY, re.S)
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)", drawing, re.M))
    states: tuple[State, ...] = get_args(State)
    allowed = {(one, to) for one in states for to in states if any(is_possible(ledger, one, s) for s in STEPS[to])}
    assert drawn == allowed
    assert re.findall(r"\[\*\] --> (\w+)", drawing) == ["held"]


def test_the_tables_that_are_named_are_there() -> None:
    sentence = MONEY.partition("The tables are")[2].partition(";")[0]
    named = set(re.findall(r"`(\w+)`", sentence))
    assert len(named) > 5
    assert named <= set(METADATA.tables)
    assert "price_drifts" in METADATA.tables


@pytest.mark.parametrize("text", [MONEY, PRICES], ids=["money", "prices"])
def test_the_settings_and_commands_that_are_named_are_there(text: str) -> None:
    settings = set(re.findall(r"DRAFTLINE_[A-Z_]+[A-Z]", text))
    assert settings <= names()
    tree = typer.main.get_command(app)
    for words in re.findall(r"`draftline ([a-z]+(?: [a-z]+)?)", text):
        group, _, name = words.partition(" ")
        command = tree.commands[group]  # type: ignore[attr-defined]
        assert not name or not hasattr(command, "commands") or name in command.commands, words


def test_the_caps_that_stand_are_those_of_the_table() -> None:
    settings = Settings(home=Path("unused"))
    rows = re.findall(r"\| `(day|flow-day)` \|.*\| (\w+) \| `DRAFTLINE_(\w+)` = ([\d,]+) \|", MONEY)
    told = {name: (period, int(cents.replace(",", "")) * 10_000) for name, period, _, cents in rows}
    assert told == {cap.cap_id: (cap.period, cap.limit_micros) for cap in standard_caps(settings)}
    assert f"`DRAFTLINE_CAP_RUN_CENTS` = {settings.cap_run_cents:,}" in MONEY
    assert "({}, {} and {} % unless set otherwise)".format(*THRESHOLDS) in MONEY


def test_the_times_that_are_named_are_those_of_the_code() -> None:
    assert f"than {HEARTBEAT_TTL.seconds} s." in MONEY.replace("\n", " ")
    assert f"A run waits {BEFORE_RUN_S:.0f} s for it" in MONEY
    deployments = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]
    (recovery,) = [d for d in deployments if d["name"] == "recovery"]
    assert "(every ten minutes)" in MONEY
    assert recovery["schedules"][0]["cron"] == "*/10 * * * *"


def test_the_files_that_are_named_are_there() -> None:
    for name in re.findall(r"`(budget/[\w/.]+)`", MONEY + PRICES):
        assert (ROOT / name).exists(), name
