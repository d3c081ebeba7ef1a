"""The proof of the money: a paying process is killed at every single step, run again to its end, and the books hold.

The steps are the beginnings and ends of every ledger transaction, spool file, store put, submit and collect. Where
one ends and the next begins the world outside is the same, so that is one death; mere reading changes nothing. After
each death and re-run: nothing was billed twice, every hold has ended, every counter is the sum of its rows, and the
ledger covers the vendors' invoice: exactly, where nothing is in doubt.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from budget.reports import list_attempts
from tests.support.money import BFL_MODEL, GOOGLE_MODEL, audit, bench_wiring, template_database
from tests.support.nursery import KILLED, Nursery
from tests.support.sandbox_server import SandboxServer

pytestmark = pytest.mark.server

ENDED = {"settled", "released", "in_doubt"}
# From the first crossing to one of the others a vendor may have been paid without our disk knowing what it gave.
SENDING = "ledger.send ended"
READING = {"ledger.find", "spool.get", "spool.get_job"}
KNOWN = {"spool.put ended", "spool.put_job ended", "ledger.bounce ended"}
LIMITED = "[[sandbox:fault=rate_limit retry_after_s=0.01 times=1]]"
MODERATED = "[[sandbox:fault=moderated_output]]"

CAMPAIGNS: dict[str, list[list[Any]]] = {
    "bfl": [
        [BFL_MODEL, "a red kettle", 0],
        [BFL_MODEL, f"a blue kettle {LIMITED}", 0],
        [BFL_MODEL, f"a kettle of somebody famous {MODERATED}", 0],
    ],
    "google": [[GOOGLE_MODEL, "a red kettle", 0], [GOOGLE_MODEL, f"a blue kettle {LIMITED}", 0]],
}


class Proof:
    """One sandbox and one nursery for all deaths; each death gets a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.template = folder, template_database(folder)
        self.sandbox, self.nursery = SandboxServer.start(), Nursery()

    def job(self, works: list[list[Any]], name: str, **more: Any) -> dict[str, Any]:
        """A fresh home and an empty invoice."""
        self.sandbox.reset()
        home = self.folder / name
        home.mkdir()
        shutil.copy(self.template, home / "draftline.db")
        return {"home": str(home), "sandbox": self.sandbox.url, "works": works, **more}

    def run(self, job: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
        ((code, result),) = self.nursery.run({**job, **more})
        return code, result

    def stop(self) -> None:
        self.nursery.stop()
        self.sandbox.stop()


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    made = Proof(tmp_path_factory.mktemp("proof"))
    yield made
    made.stop()


def deaths(names: list[str]) -> list[int]:
    """The crossings at which to die: every one before which the world outside can have changed."""
    chosen = [1]
    for n, name in enumerate(names[1:], start=2):
        step, _, side = name.rpartition(" ")
        follows_an_end = side == "begins" and names[n - 2].endswith("ended")
        if step not in READING and not follows_an_end:
            chosen.append(n)
    return chosen


def in_send_window(names: list[str], kill_at: int) -> bool:
    """Whether the death lies between "bytes may leave" and the answer's file."""
    before = names[:kill_at]
    sent = max((n for n, name in enumerate(before) if name == SENDING), default=None)
    return sent is not None and not KNOWN & set(before[sent:])


@pytest.mark.parametrize("vendor", sorted(CAMPAIGNS))
def test_killed_at_any_step_the_second_run_pays_nothing_twice_and_the_books_hold(proof: Proof, vendor: str) -> None:
    works = CAMPAIGNS[vendor]
    code, whole = proof.run(proof.job(works, f"{vendor}-whole"))
    names = whole["crossings"]
    assert code == 0
    assert len(names) > 40
    for kill_at in deaths(names):
        where = f"{vendor}, death {kill_at} of {len(names)}: {names[kill_at - 1]}"
        job = proof.job(works, f"{vendor}-{kill_at}")
        assert proof.run(job, kill_at=kill_at)[0] == KILLED, where
        code, second = proof.run(job)
        assert code == 0, where
        _books_hold(proof, job, second, names, kill_at, where)


def _books_hold(
    proof: Proof, job: dict[str, Any], second: dict[str, Any], names: list[str], kill_at: int, where: str
) -> None:
    w = bench_wiring(Path(job["home"]), proof.sandbox.url)
    bill = proof.sandbox.invoice()
    attempts = list_attempts(w.database)
    doubtful = {a.work_key for a in attempts if a.state == "in_doubt"}
    refused = {a.work_key for a in attempts if a.error_code == "moderated"}
    assert bill["duplicates"] == 0, where
    assert {a.state for a in attempts} <= ENDED, where
    audit(w, bill)
    if doubtful:
        assert in_send_window(names, kill_at), where
    for outcome in second["outcomes"]:
        has_image = "sha256" in outcome
        assert has_image != (outcome["work_key"] in doubtful | refused), (where, outcome)
    # what was answered is in the store, and nothing is left lying in the spool
    for attempt in attempts:
        if attempt.state == "settled":
            assert (Path(job["home"]) / "store" / "private" / attempt.result_key).exists(), where
    spool = w.settings.spool
    left = [p.name for p in spool.iterdir() if p.suffix in (".json", ".job")] if spool.exists() else []
    assert left == [], where
    w.close()


def test_work_in_doubt_after_a_death_is_made_when_the_policy_says_so(proof: Proof) -> None:
    works = CAMPAIGNS["bfl"][:1]
    _, whole = proof.run(proof.job(works, "bold-whole"))
    kill_at = whole["crossings"].index("bfl.submit ended") + 1
    job = proof.job(works, "bold")
    assert proof.run(job, kill_at=kill_at)[0] == KILLED
    assert proof.run(job)[1]["outcomes"][0]["error"] == "InDoubt"
    code, third = proof.run(job, settings={"resend_in_doubt": True})
    assert code == 0
    assert "sha256" in third["outcomes"][0]
    w = bench_wiring(Path(job["home"]), proof.sandbox.url)
    audit(w, proof.sandbox.invoice())
    w.close()


def test_a_process_killed_twice_in_a_row_still_ends_well(proof: Proof) -> None:
    works = CAMPAIGNS["bfl"][:2]
    _, whole = proof.run(proof.job(works, "twice-whole"))
    count = len(whole["crossings"])
    for first, second in ((count // 4, 3), (count // 2, 7), (3 * count // 4, 11)):
        job = proof.job(works, f"twice-{first}")
        assert proof.run(job, kill_at=first)[0] == KILLED
        proof.run(job, kill_at=second)
        code, last = proof.run(job)
        assert code == 0
        _books_hold(proof, job, last, [SENDING], 1, f"deaths {first} and {second}")
