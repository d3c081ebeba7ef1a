"""The ledger as a state machine: any order of its steps by several processes, at a moving clock, under changing caps.

With books on two databases every step is done on both, and their answers and rows must be the same.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from budget.caps import Cap, Period, Scope
from budget.ledger import Ledger
from domain.attempt import Dimensions, Intent
from domain.render import Job
from tests.support.ledger_books import Books, Look

CAPS: dict[str, tuple[Scope, str, Period, str]] = {
    "day": ("global", "", "day", "Europe/Berlin"),
    "Flow-day": ("flow", "*", "day", "America/New_York"),
    "run:r1": ("run_id", "r1", "total", "UTC"),
    "a-vendor": ("vendor", "*", "week", "Pacific/Apia"),
    "sku_b": ("sku", "mug", "month", "UTC"),
}
WORKS, MAX_MICROS = 5, 60
BY = (
    Dimensions("r1", "campaign", vendor="bfl", sku="mug"),
    Dimensions("r1", "campaign", vendor="google"),
    Dimensions("r2", "catalog", vendor="bfl", sku="mug"),
    Dimensions("r2", "catalog", vendor="google", sku="bowl"),
)
processes = st.sampled_from(["p1", "p2", "p3"])
picks = st.integers(0, 30)
Step = Callable[[Ledger], Any]


class LedgerMachine(RuleBasedStateMachine):
    """`open_books` comes from the test: one database, or two to be compared."""

    @staticmethod
    def open_books() -> Sequence[Books]:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.books = list(self.open_books())
        self.known: list[str] = []
        self.before: Look = self.books[0].look()

    @initialize(limit=st.integers(60, 260))
    def first_caps(self, limit: int) -> None:
        for name in CAPS:
            self._set_cap(name, limit, (50, 80, 95))

    def _all(self, step: Step, process_id: str) -> tuple[str, Any]:
        """The same step on every database."""
        self.before = self.books[0].look()
        outcomes = [books.outcome(step, process_id) for books in self.books]
        assert all(outcome == outcomes[0] for outcome in outcomes)
        return outcomes[0]

    def _set_cap(self, name: str, limit: int, thresholds: tuple[int, ...]) -> None:
        scope, value, period, zone = CAPS[name]
        cap = Cap(name, scope, value, period, limit, zone, thresholds)
        self._all(lambda ledger: ledger.set_cap(cap, by="test", why="test"), "p1")

    def _on(self, pick: int, process_id: str, step: Callable[[Ledger, str], Any]) -> None:
        attempt_id = self.known[pick % len(self.known)]
        self._all(lambda ledger: step(ledger, attempt_id), process_id)

    @rule(
        work=st.integers(1, WORKS),
        micros=st.integers(0, MAX_MICROS),
        by=st.sampled_from(BY),
        slots=st.integers(1, 4),
        process=processes,
        after=st.sampled_from([None, None, None, 0, 1]),
        resend=st.booleans(),
    )
    def hold(
        self, work: int, micros: int, by: Dimensions, slots: int, process: str, after: int | None, resend: bool
    ) -> None:
        intent = Intent(f"w{work}", micros, "book", by, {"prompt": "a mug"})
        outcome, attempt = self._all(
            lambda ledger: ledger.hold(intent, slots=slots, after_try=after, resend_in_doubt=resend), process
        )
        if outcome == "done":
            self.known.append(attempt.attempt_id)

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def send(self, pick: int, process: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.send(a))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def bounce(self, pick: int, process: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.bounce(a, "429"))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes, cost=st.none() | st.integers(0, MAX_MICROS))
    def accept(self, pick: int, process: str, cost: int | None) -> None:
        self._on(pick, process, lambda ledger, a: ledger.accept(a, Job("j", "https://poll", cost)))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def deliver(self, pick: int, process: str) -> None:
        what: dict[str, Any] = {"sha256": "0" * 8, "key": "k", "usage": {"images": 1}, "receipt": {"note": "ü"}}
        self._on(pick, process, lambda ledger, a: ledger.deliver(a, model_answered="m", **what))

    @precondition(lambda self: self.known)
    @rule(
        pick=picks, process=processes, percent=st.sampled_from([0, 50, 100]), evidence=st.sampled_from(["", "line 3"])
    )
    def settle(self, pick: int, process: str, percent: int, evidence: str) -> None:
        def below_the_hold(ledger: Ledger, attempt_id: str) -> None:
            cost = ledger.get(attempt_id).hold_micros * percent // 100
            ledger.settle(attempt_id, cost, source="vendor", evidence=evidence, error_code="e")

        self._on(pick, process, below_the_hold)

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes, evidence=st.sampled_from(["", "not on the list"]))
    def release(self, pick: int, process: str, evidence: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.release(a, code="moderated", note="no", evidence=evidence))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def give_up(self, pick: int, process: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.give_up(a, code="never-sent", note="gone"))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def doubt(self, pick: int, process: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.doubt(a, code="cut", note="silence"))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def find_its_process_dead_and_take_it_over(self, pick: int, process: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.take_over(ledger.get(a)))

    @precondition(lambda self: self.known)
    @rule(pick=picks, process=processes)
    def free_the_slot_of_the_dead(self, pick: int, process: str) -> None:
        self._on(pick, process, lambda ledger, a: ledger.free_slot(a))

    @rule(
        name=st.sampled_from(list(CAPS)),
        limit=st.integers(0, 260),
        thresholds=st.sampled_from([(), (50, 80, 95), (1, 99, 100)]),
    )
    def change_a_cap(self, name: str, limit: int, thresholds: tuple[int, ...]) -> None:
        self._set_cap(name, limit, thresholds)

    @rule(minutes=st.integers(0, 700))
    def time_goes_by(self, minutes: int) -> None:
        for books in self.books:
            books.now += timedelta(minutes=minutes)

    @invariant()
    def the_books_are_right(self) -> None:
        looks = [books.look() for books in self.books]
        for look in looks:
            look.check_counters()
            look.check_rows()
            look.check_limits(self.before)
            look.check_alerts(self.before)
        for books, look in zip(self.books, looks, strict=True):
            assert [a.alert_id for a in books.told] == [row["alert_id"] for row in look.rows["cap_alerts"]]
            assert look.comparable() == looks[0].comparable()
