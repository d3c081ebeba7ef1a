"""What a proof is made of, all drawn from one seed: works, caps, shifts of workers, deaths. No process, no database."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from budget.caps import Cap
from domain.render import RenderRequest
from tests.support.money import BFL_MODEL, GOOGLE_MODEL

OTHER_BFL_MODEL = "flux-2-klein-9b"
VENDOR_OF = {BFL_MODEL: "bfl", OTHER_BFL_MODEL: "bfl", GOOGLE_MODEL: "google"}
SIDE_PX = {"bfl": 64, "google": 512}
SHARE_OF_MODEL = {BFL_MODEL: 0.55, OTHER_BFL_MODEL: 0.2, GOOGLE_MODEL: 0.25}
# Painting is what the sandbox's time goes to: few pictures, and a marker without effect makes each request its own.
CALLS_PER_SUBJECT, MAX_SUBJECTS = 25, 48
UNIQUE = "[[sandbox:fault=slow factor=1 work={index}]]"
RUNS = 8
TIGHT_RUNS = ("r0", "r1")
SHARE_OF_TIGHT_RUN = 0.1
ROOM_OF_TIGHT_RUN, ROOM_OF_GOOGLE = 0.4, 0.8
PLENTY_MICROS = 10**12
SHARED = 0.1


@dataclass(frozen=True)
class Work:
    """One wanted image of one run."""

    index: int
    run_id: str
    model_id: str
    subject: int = 0

    @property
    def vendor(self) -> str:
        return VENDOR_OF[self.model_id]

    @property
    def prompt(self) -> str:
        return f"a red kettle number {self.subject} {UNIQUE.format(index=self.index)}"

    def request(self) -> RenderRequest:
        side_px = SIDE_PX[self.vendor]
        output_format = "jpeg" if self.vendor == "google" else "png"
        return RenderRequest(self.model_id, self.prompt, side_px, side_px, output_format=output_format)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Plan:
    """One proof. `mutant` names a deliberately broken build (mutants.py); "" is ours."""

    calls: int = 10_000
    workers: int = 8
    seed: int = 7
    kills: int = 0
    phases: int = 4
    postgres: bool = False
    kill_sandbox: int = 0
    restart_database: int = 0
    mutant: str = ""
    # names of crossings at which a worker must die, beside the random deaths
    deaths_at: tuple[str, ...] = ()
    sandbox_speed: float = 100.0
    at_once: int = 4
    look_every_s: float = 5.0
    # how many times as often as on a bad day (faults.py) the vendors spoil something
    faults: float = 1.0
    # more is asked for than fits, so that what fits is `calls` and somewhat more
    asked_per_call: float = 1.3
    # share of the works under way at a death that nobody asks for again: they are recovery's
    abandoned: float = 0.4
    # passes of recovery in each phase that die in the middle, two at once
    dying_recoveries: int = 2

    @property
    def kill_count(self) -> int:
        """Random deaths of workers; by default one for every 50 calls."""
        return self.kills or max(4, self.calls // 50)

    def rng(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")


@dataclass(frozen=True)
class Shift:
    """One life of one worker process, handed over a pipe. `kill_at`, `death_at`: it kills itself there; 0, "" never."""

    slot: int
    life: int
    folder: Path
    database_url: str
    sandbox_url: str
    works: tuple[Work, ...] = ()
    again: float = 0.0
    seed: str = ""
    at_once: int = 4
    mutant: str = ""
    kill_at: int = 0
    death_at: str = ""

    @property
    def journal(self) -> Path:
        return self.folder / f"slot-{self.slot}.journal"

    @property
    def place(self) -> Path:
        return self.folder / f"slot-{self.slot}-{self.life}.place"


@dataclass
class Deck:
    """The works of each slot in order, by phase: `phases[p][slot]`."""

    phases: list[list[list[Work]]] = field(default_factory=list)


def works_of(plan: Plan) -> list[Work]:
    rng = plan.rng("works")
    count = round(plan.calls * plan.asked_per_call)
    models, shares = list(SHARE_OF_MODEL), list(SHARE_OF_MODEL.values())
    subjects = min(MAX_SUBJECTS, 1 + plan.calls // CALLS_PER_SUBJECT)
    return [Work(n, _run(rng), rng.choices(models, shares)[0], n % subjects) for n in range(count)]


def _run(rng: random.Random) -> str:
    tight = rng.random()
    for number, run_id in enumerate(TIGHT_RUNS, start=1):
        if tight < number * SHARE_OF_TIGHT_RUN:
            return run_id
    return f"r{rng.randrange(len(TIGHT_RUNS), RUNS)}"


def deal(plan: Plan, works: list[Work]) -> Deck:
    """Every work to one worker, one in ten to two; each phase a part of them in an order of its own."""
    rng, deck = plan.rng("deal"), Deck()
    for phase in range(plan.phases):
        hands: list[list[Work]] = [[] for _ in range(plan.workers)]
        for work in works[phase :: plan.phases]:
            for slot in rng.sample(range(plan.workers), 2 if rng.random() < SHARED and plan.workers > 1 else 1):
                hands[slot].append(work)
        # the order is nearly that of the works, so that the two who share one meet
        deck.phases.append([sorted(hand, key=lambda w: w.index + rng.randrange(8)) for hand in hands])
    return deck


def caps_of(works: list[Work], worst_micros: dict[str, int]) -> list[Cap]:
    """Caps that nest: two runs and one vendor too tight for their works, the rest wide but counted."""

    def asked(kind: str, value: str) -> int:
        return sum(worst_micros[w.model_id] for w in works if getattr(w, kind) == value)

    caps = [
        Cap("vendor:google", "vendor", "google", "total", round(asked("vendor", "google") * ROOM_OF_GOOGLE)),
        Cap("model:klein-4b", "model_id", BFL_MODEL, "month", PLENTY_MICROS),
    ]
    for number in range(RUNS):
        run_id = f"r{number}"
        limit = round(asked("run_id", run_id) * ROOM_OF_TIGHT_RUN) if run_id in TIGHT_RUNS else PLENTY_MICROS
        caps.append(Cap(f"run:{run_id}", "run_id", run_id, "total", limit))
    return caps


def tight_caps() -> list[str]:
    return ["vendor:google", *(f"run:{run_id}" for run_id in TIGHT_RUNS)]
