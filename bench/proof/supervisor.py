"""Starts workers, kills them at random moments, starts them again with what is left. One phase of a proof at a time."""

import json
import multiprocessing as mp
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from bench.proof import worker
from bench.proof.plan import Shift, Work
from bench.proof.stage import Stage

LOOK_S = 0.01
PRELOADED = ["bench.proof.worker", "bench.proof.observer", "psycopg", "anyio._backends._asyncio"]
ASKED_AGAIN = 0.5
MAX_CROSSINGS_A_CALL, CROSSINGS_A_RECOVERY = 30, 4
MAX_ERROR_RESTARTS = 20
MAX_PHASE_S = 1_800.0
KILLED = -signal.SIGKILL
RECOVERIES = 2
MAX_RECOVERY_PASSES = 12

Progress = Callable[[], None]


def context() -> ForkServerContext:
    """Workers are forked from a clean process that has imported everything once."""
    made = mp.get_context("forkserver")
    made.set_forkserver_preload(PRELOADED)
    return made


@dataclass
class Told:
    """All that the workers' journals say, so far."""

    outcomes: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    begun: int = 0
    ended: int = 0
    kept: dict[str, set[str]] = field(default_factory=lambda: {"put": set(), "put_job": set()})
    recovered: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    abandoned: int = 0
    # when each process was last known to live
    last_sign_s: dict[str, float] = field(default_factory=dict)

    def kinds(self) -> Counter[str]:
        return Counter(row["kind"] for rows in self.outcomes.values() for row in rows)


@dataclass
class Slot:
    """One worker's place: who works there now, and what is left for the next life."""

    shift: Shift
    process: ForkServerProcess | None = None
    left: list[Work] = field(default_factory=list)
    under_way: dict[int, Work] = field(default_factory=dict)
    restarts: int = 0
    by_hand: bool = False

    @property
    def is_done(self) -> bool:
        return self.process is None and not self.left


@dataclass(frozen=True)
class Break:
    """Something that happens once so many calls of a phase have ended."""

    after_calls: int
    work: Callable[[], None]


class Supervisor:
    """Keeps `told`, the record of what processes did and how they died."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.plan, self.told = stage, stage.plan, Told()
        self._context, self._lives = context(), 0
        self._rng = stage.plan.rng("deaths")
        self._deaths_at = list(stage.plan.deaths_at)
        self._beside: list[Slot] = []
        self._read_bytes: dict[Path, int] = {}

    # -- workers -----------------------------------------------------------------------------------------------------

    def work(self, phase: int, hands: list[list[Work]], breaks: list["Break"], tick: Progress) -> None:
        """One phase to its end. `breaks` are done once so many of its calls have ended."""
        slots = [Slot(self._shift(slot), left=list(hand)) for slot, hand in enumerate(hands)]
        calls, before = sum(map(len, hands)), self.told.ended
        by_hand = self._moments(calls, self.plan.kill_count // 2 // self.plan.phases)
        own = self.plan.kill_count // self.plan.phases - len(by_hand)
        ends_s = time.monotonic() + MAX_PHASE_S
        while not all(slot.is_done for slot in slots):
            assert time.monotonic() < ends_s, f"phase {phase} has not ended within {MAX_PHASE_S:g} s"
            own -= sum(self._look(slot, own > 0, calls) for slot in slots)
            ended = self.told.ended - before
            if by_hand and ended >= by_hand[0]:
                by_hand.pop(0)
                self._kill(slots)
            for due in [b for b in breaks if ended >= b.after_calls]:
                breaks.remove(due)
                due.work()
            tick()
            time.sleep(LOOK_S)
        self._end_recoveries(self._beside)
        self._beside = []

    def _moments(self, calls: int, count: int) -> list[int]:
        return sorted(self._rng.sample(range(1, max(2, calls)), min(count, max(1, calls - 1))))

    def _look(self, slot: Slot, may_die: bool, calls: int) -> int:
        """Start what is not running; 1 if its new life is to end by its own hand."""
        process = slot.process
        if process is not None:
            self._read(slot)
            if process.exitcode is None:
                return 0
            self._read(slot)
            self._bury(slot, process.exitcode)
        if slot.is_done:
            return 0
        return self._start(slot, may_die, calls)

    def _start(self, slot: Slot, may_die: bool, calls: int) -> int:
        death_at = self._deaths_at.pop(0) if self._deaths_at else ""
        dies = may_die and not death_at and self._rng.random() < 0.7
        span = max(1, min(len(slot.left), 1 + calls // self.plan.workers // 3)) * MAX_CROSSINGS_A_CALL
        slot.shift = replace(
            self._shift(slot.shift.slot),
            works=tuple(slot.left),
            kill_at=self._rng.randint(1, span) if dies else 0,
            death_at=death_at,
        )
        slot.process = self._context.Process(target=worker.serve, args=(slot.shift,), daemon=True)
        slot.process.start()
        return int(dies)

    def _shift(self, slot: int) -> Shift:
        self._lives += 1
        return Shift(
            slot=slot,
            life=self._lives,
            folder=self.stage.folder,
            database_url=self.stage.database_url,
            sandbox_url=self.stage.sandbox.url,
            again=ASKED_AGAIN,
            seed=str(self.plan.seed),
            at_once=self.plan.at_once,
            mutant=self.plan.mutant,
        )

    def _kill(self, slots: list[Slot]) -> None:
        running = [slot for slot in slots if slot.process is not None and slot.process.exitcode is None]
        if running and (process := self._rng.choice(running).process) is not None:
            process.kill()
            process.join()

    def _bury(self, slot: Slot, exitcode: int) -> None:
        slot.process = None
        if exitcode == 0:
            slot.left, slot.under_way = [], {}
            return
        if exitcode == KILLED:
            self.told.kills[_place(slot.shift)] += 1
        else:
            self.told.errors.append(f"a worker ended with {exitcode}")
            slot.restarts += 1
            assert slot.restarts < MAX_ERROR_RESTARTS, f"a worker ended with {exitcode} {slot.restarts} times"
        for index in list(slot.under_way):
            if self._rng.random() < self.plan.abandoned:
                self.told.abandoned += 1
                slot.left = [work for work in slot.left if work.index != index]
        slot.under_way = {}

    def _read(self, slot: Slot) -> None:
        for row in self._rows(slot):
            self.told.last_sign_s[row["process"]] = row["at_s"]
            if row["what"] == "begun":
                self.told.begun += 1
                slot.under_way |= {w.index: w for w in slot.left if w.index == row["work"]}
            elif row["what"] == "ended":
                self.told.ended += 1
                index = row.pop("work")
                self.told.outcomes.setdefault(index, []).append(row)
                slot.under_way.pop(index, None)
                slot.left = [work for work in slot.left if work.index != index]
            elif row["what"] == "kept":
                self.told.kept[row["step"]].add(row["attempt"])
            elif row["what"] == "recovered":
                self.told.recovered += int(row["attempts"])

    def _rows(self, slot: Slot) -> Iterator[dict[str, Any]]:
        path = slot.shift.journal
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._read_bytes.get(path, 0))
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read_bytes[path] = self._read_bytes.get(path, 0) + len(line)
                yield json.loads(line)

    # -- recovery ----------------------------------------------------------------------------------------------------

    def recover(self, is_open: Callable[[], int]) -> int:
        """Recovery until nothing is open: the first passes are two at once, and killed in the middle. Passes made."""
        for number in range(1, MAX_RECOVERY_PASSES + 1):
            dying = number <= self.plan.dying_recoveries
            span = is_open() * CROSSINGS_A_RECOVERY if dying else 0
            self._end_recoveries([self._recovery(span) for _ in range(RECOVERIES if dying else 1)])
            if not dying and not is_open():
                return number
        return MAX_RECOVERY_PASSES

    def recover_beside(self) -> None:
        """A pass while the workers pay: what belongs to the living must be left alone."""
        self._beside.append(self._recovery(0))

    def _end_recoveries(self, slots: list[Slot]) -> None:
        for slot in slots:
            assert slot.process is not None
            slot.process.join()
            self._read(slot)
            self._bury_recovery(slot, slot.process.exitcode)

    def _recovery(self, span: int) -> Slot:
        """One pass that dies within the first `span` crossings; 0: that lives."""
        shift = replace(
            self._shift(self.plan.workers + self._lives),
            kill_at=self._rng.randint(1, span) if span else 0,
        )
        slot = Slot(shift)
        slot.process = self._context.Process(target=worker.recover, args=(shift,), daemon=True)
        slot.process.start()
        return slot

    def _bury_recovery(self, slot: Slot, exitcode: int | None) -> None:
        if exitcode == KILLED:
            self.told.kills[f"recovery: {_place(slot.shift)}"] += 1
        elif exitcode != 0:
            self.told.errors.append(f"a recovery ended with {exitcode}")


def _place(shift: Shift) -> str:
    """The last step that the dead one began or ended."""
    mark = shift.place.read_bytes().decode().strip() if shift.place.exists() else ""
    return mark or "before the first step"
