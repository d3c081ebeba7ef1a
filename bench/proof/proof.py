"""One proof from its plan to its certificate: phases of paying, recovery, evidence, audit."""

import multiprocessing as mp
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from bench.proof import observer
from bench.proof.audit import Audit, Quiet, audit, quiet
from bench.proof.certificate import Certificate
from bench.proof.certify import Record, certify
from bench.proof.evidence import Verdict, resolve
from bench.proof.observer import read_seen
from bench.proof.plan import Work, caps_of, deal, works_of
from bench.proof.stage import Stage
from bench.proof.supervisor import Break, Supervisor, context
from bench.proof.worker import wiring_of
from budget.reports import list_attempts
from domain.attempt import OPEN_STATES
from vendors.bfl.measure import measure as measure_bfl
from vendors.google.measure import measure as measure_google
from wiring import Wiring

SPOOLED = (".json", ".job")
OBSERVER_STOP_S = 30.0
Say = Callable[[str], None]
T = TypeVar("T")


class Proof:
    """Runs on a stage that is fresh; `say` gets a line now and then."""

    def __init__(self, stage: Stage, say: Say) -> None:
        self.stage, self.plan, self.say = stage, stage.plan, say
        self.w: Wiring = wiring_of(stage.folder, stage.database_url, stage.sandbox.url)
        self.works = works_of(self.plan)
        self.by_key = {work.request().work_key(0): work for work in self.works}
        self.supervisor = Supervisor(stage)
        self.quiet: list[Quiet] = []
        self.passes = 0
        self.breaks: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def run(self) -> Certificate:
        self._set_caps()
        watcher = self._start_observer()
        try:
            for phase, hands in enumerate(deal(self.plan, self.works).phases):
                self._phase(phase, hands)
            verdicts = self._timed("evidence", self._resolve)
        finally:
            self._stop_observer(watcher)
        invoice = self.stage.quiet()
        doubtful = {verdict.attempt_id for verdict in verdicts}
        signs = self.supervisor.told.last_sign_s
        found = self._timed("audit", lambda: audit(self.w, self.stage, self.by_key, invoice, doubtful, signs))
        made = certify(self._record(found, verdicts))
        self.w.close()
        return made

    # -- the run -----------------------------------------------------------------------------------------------------

    def _set_caps(self) -> None:
        worst = {model_id: self._worst_micros(work) for model_id, work in self._one_of_each().items()}
        for cap in caps_of(self.works, worst):
            self.w.ledger.set_cap(cap, by="proof", why="part of the plan")

    def _one_of_each(self) -> dict[str, Work]:
        return {work.model_id: work for work in self.works}

    def _worst_micros(self, work: Work) -> int:
        request = work.request()
        measured = measure_bfl(request) if work.vendor == "bfl" else measure_google(request)
        return self.w.price_book.price(work.model_id, measured.worst, self.w.today())

    def _phase(self, phase: int, hands: list[list[Work]]) -> None:
        started_s = time.monotonic()
        self.supervisor.work(phase, hands, self._breaks(phase, sum(map(len, hands))), self._tick())
        worked_s = time.monotonic()
        self.passes += self.supervisor.recover(self._open)
        self._seconds["paying"] = self._seconds.get("paying", 0) + worked_s - started_s
        self._seconds["recovery"] = self._seconds.get("recovery", 0) + time.monotonic() - worked_s
        self.quiet.append(quiet(self.w, self.by_key, self.stage.quiet()))
        self.say(
            f"phase {phase + 1} of {self.plan.phases}: quiet, {self.quiet[-1].margin_micros} micros above the bill"
        )

    def _breaks(self, phase: int, calls: int) -> list[Break]:
        """Recovery beside the workers in every phase; sandbox killed, database crashed where the plan says."""
        rng = self.plan.rng(f"breaks {phase}")
        found = [Break(rng.randrange(calls // 4, calls // 2), self.supervisor.recover_beside)]
        for name, count, work in (
            ("sandbox killed", self.plan.kill_sandbox, self.stage.kill_sandbox),
            ("database crashed", self.plan.restart_database, self.stage.restart_database),
        ):
            if phase < count:
                found.append(Break(rng.randrange(calls // 4, 3 * calls // 4), self._counted(name, work)))
        return found

    def _counted(self, name: str, work: Callable[[], None]) -> Callable[[], None]:
        def done() -> None:
            work()
            self.breaks[name] += 1
            self.say(name)

        return done

    def _tick(self) -> Callable[[], None]:
        last_s, told = [time.monotonic()], self.supervisor.told

        def tick() -> None:
            if time.monotonic() - last_s[0] >= 1.0:
                last_s[0] = time.monotonic()
                kinds = told.kinds()
                self.say(
                    f"{told.ended} calls ended: {kinds['paid']} paid, {kinds['refused']} refused by a cap, "
                    f"{kinds['InDoubt'] + kinds['VendorSilent']} in doubt; {sum(told.kills.values())} kills"
                )

        return tick

    def _open(self) -> int:
        return len(list_attempts(self.w.database, states=tuple(sorted(OPEN_STATES))))

    def _resolve(self) -> list[Verdict]:
        return resolve(self.w, self.by_key, self.stage.quiet())

    def _timed(self, name: str, work: Callable[[], T]) -> T:
        started_s = time.monotonic()
        try:
            return work()
        finally:
            self._seconds[name] = time.monotonic() - started_s

    def _start_observer(self) -> mp.process.BaseProcess:
        arguments = (self.stage.database_url, self.stage.sandbox.url, self.stage.folder, self.plan.look_every_s)
        watcher = context().Process(target=observer.observe, args=arguments, daemon=True)
        watcher.start()
        return watcher

    def _stop_observer(self, watcher: mp.process.BaseProcess) -> None:
        (self.stage.folder / "stop").touch()
        watcher.join(OBSERVER_STOP_S)
        if watcher.exitcode != 0:
            # what it did not see, it cannot vouch for
            self.supervisor.told.errors.append(f"the observer ended with {watcher.exitcode}")

    # -- what was found ----------------------------------------------------------------------------------------------

    def _record(self, found: Audit, verdicts: list[Verdict]) -> Record:
        return Record(
            plan=self.plan,
            works=len(self.works),
            told=self.supervisor.told,
            seen=read_seen(self.stage.folder),
            audit=found,
            verdicts=verdicts,
            quiet=self.quiet,
            passes=self.passes,
            forgotten=self._forgotten(),
            told_without_image=self._told_without_image(),
            left_on_disk=self._left_on_disk(),
            faults=self.stage.faults_drawn(),
            breaks=self.breaks,
            seconds=self._seconds,
        )

    def _forgotten(self) -> list[str]:
        """Answers that our disk had, and the ledger has not: an image without a result, a job without its id."""
        kept, found = self.supervisor.told.kept, list_attempts(self.w.database)
        images = [a for a in found if a.attempt_id in kept["put"] and not a.result_key]
        jobs = [a for a in found if a.attempt_id in kept["put_job"] and a.job is None]
        return [f"attempt {a.attempt_id[:12]} ({a.dimensions.vendor}, {a.error_code})" for a in [*images, *jobs]]

    def _left_on_disk(self) -> dict[str, str]:
        """The state of every attempt whose answer still lies in the spool."""
        spool = self.w.settings.spool
        states = {a.attempt_id: a.state for a in list_attempts(self.w.database)}
        files = list(spool.iterdir()) if spool.exists() else []
        return {path.stem: states.get(path.stem, "none") for path in files if path.suffix in SPOOLED}

    def _told_without_image(self) -> list[str]:
        booked = {(a.work_key, a.result_sha256, a.cost_micros) for a in list_attempts(self.w.database)}
        keys = {work.index: key for key, work in self.by_key.items()}
        rows = [(keys[n], row) for n, rows in self.supervisor.told.outcomes.items() for row in rows]
        told = [(key, row["sha256"], row["micros"]) for key, row in rows if row["kind"] == "paid"]
        return [f"work {key[:12]}" for key, sha256, micros in told if (key, sha256, micros) not in booked]
