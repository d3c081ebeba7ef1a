"""`draftline attempts`: what is in doubt is shown with its age and its evidence, and a word about it has a reason."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from budget.reports import list_attempts
from domain.attempt import Dimensions, Intent
from domain.errors import InputError
from domain.money import Micros
from draftline.main import app
from tests.support.money import bench_wiring, set_run_cap, template_database
from wiring import Wiring

HOLD_MICROS = 47_248


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_database(tmp_path_factory.mktemp("template"))


@pytest.fixture
def w(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """A home where one call went into doubt 30 hours ago."""
    monkeypatch.setenv("DRAFTLINE_HOME", str(tmp_path))
    made = bench_wiring(tmp_path, "", template=template)
    long_ago = made.now() - timedelta(hours=30)
    made.now = lambda: long_ago  # type: ignore[method-assign]
    set_run_cap(made, 10**9)
    dimensions = Dimensions(run_id="r1", flow="campaign", vendor="google", model_id="gemini-3.1-flash-image")
    held = made.ledger.hold(Intent("work", Micros(HOLD_MICROS), "book", dimensions), slots=8)
    made.ledger.send(held.attempt_id)
    made.ledger.doubt(held.attempt_id, code="no-answer", note="no answer came")
    yield made
    made.close()


def attempts(*words: str) -> str:
    result = CliRunner().invoke(app, ["attempts", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_what_is_in_doubt_is_shown_with_its_age_amount_and_what_would_settle_it(w: Wiring) -> None:
    shown = attempts("doubtful")
    for part in ("gemini-3.1-flash-image", "r1", "$0.047248", "1 d 6 h !", "google's invoice or usage page"):
        assert part in shown
    assert "1 in doubt, $0.047248 stay held, the oldest for 1 d 6 h; 1 older than it should be" in shown
    assert "older than" not in attempts("doubtful", "--older-than-hours", "48")


def test_a_machine_reads_the_same(w: Wiring) -> None:
    (told,) = json.loads(CliRunner().invoke(app, ["attempts", "doubtful", "--json"]).stdout)
    assert (told["vendor"], told["held_micros"], told["is_old"]) == ("google", HOLD_MICROS, True)
    assert told["age_s"] == pytest.approx(30 * 3600, abs=60)


@pytest.mark.parametrize(
    ("word", "state", "cost"), [(("--billed", "0.0336"), "settled", 33_600), (("--not-billed",), "released", 0)]
)
def test_a_person_closes_it_with_a_reason_that_is_kept(w: Wiring, word: tuple[str, ...], state: str, cost: int) -> None:
    attempts("resolve", list_attempts(w.database)[0].attempt_id[:8], *word, "--by", "Ada", "--why", "the May invoice")
    (found,) = list_attempts(w.database)
    assert (found.state, found.cost_micros) == (state, cost)
    assert found.evidence == "resolved by Ada: the May invoice"
    assert attempts("doubtful") == "Nothing is in doubt."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--not-billed", "--by", "Ada", "--why", " "), "--why: a word about money"),
        (("--not-billed", "--by", "", "--why", "x"), "--by: a word about money"),
        (("--by", "Ada", "--why", "x"), "say what the vendor did"),
        (("--billed", "1", "--not-billed", "--by", "Ada", "--why", "x"), "say what the vendor did"),
        (("--billed", "a lot", "--by", "Ada", "--why", "x"), "not an amount in dollars"),
    ],
)
def test_a_word_without_its_reason_or_its_amount_changes_nothing(w: Wiring, words: tuple[str, ...], told: str) -> None:
    (before,) = list_attempts(w.database)
    with pytest.raises(InputError, match=told):
        CliRunner().invoke(app, ["attempts", "resolve", before.attempt_id, *words], catch_exceptions=False)
    assert list_attempts(w.database) == [before]
