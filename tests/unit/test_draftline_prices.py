"""`draftline prices`: the book of today, drift from it, and old runs priced again, for a person and for a script.

Takes about 2 s.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from budget.drift import Drifts, departure
from domain.attempt import Dimensions, Intent
from domain.run import Run
from draftline.main import app
from wiring import Settings, build

BOOK = Path("budget/prices/book.yaml")
RUN = Run("r1", "campaign", "Autumn", "campaign", "economy", "auto", "planned", {"round": 1}, {"lines": []}, ())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with one charge by the book and one above it."""
    monkeypatch.setenv("DRAFTLINE_HOME", str(tmp_path))
    w = build(Settings(home=tmp_path))
    w.runs.open(RUN, [])
    for n, cost in enumerate((14_000, 17_500)):
        dimensions = Dimensions(run_id="r1", flow="campaign", vendor="bfl", model_id="flux-2-klein-4b")
        attempt = w.ledger.hold(Intent(f"w{n}", 14_000, w.price_book.version, dimensions), slots=9)
        w.ledger.send(attempt.attempt_id)
        drift = departure(attempt, cost, worst_micros=14_000, usage_micros=14_000)
        if drift is not None:
            Drifts(w.database, w.price_book, w.now).note(drift)
        w.ledger.settle(attempt.attempt_id, cost, source="vendor", usage={"output_mp": 1, "images": 1})
    w.close()
    return tmp_path


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["prices", *arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def read(*arguments: str) -> tuple[int, Any]:
    code, text = said(*arguments, "--json")
    return code, json.loads(text)


def test_the_list_names_every_model_with_its_price_role_and_end(home: Path) -> None:
    code, text = said("list")
    assert code == 0
    assert "first_mp $0.0140" in text
    assert "retired 2026-10-29; successor gemini-nano-banana-2.1" in text
    assert {m["model_id"] for m in read("list")[1]["models"]} >= {"flux-2-pro", "gemini-3-pro-image"}


def test_drift_names_model_factor_and_what_was_paid_above_the_book(home: Path) -> None:
    code, text = said("drift")
    assert code == 0
    assert all(word in text for word in ("flux-2-klein-4b", "$0.0140", "$0.0175", "1.25", "$0.0035", "raised"))
    (row,) = read("drift")[1]["rows"]
    assert (row["factor_ppm"], row["calls"], row["extra_micros"]) == (1_250_000, 1, 3_500)


def test_an_old_run_prices_as_it_did_and_a_changed_past_price_is_exit_code_4(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, same = read("reprice", "r1")
    assert (code, same["different"]) == (0, 0)
    assert [row["outcome"] for row in same["attempts"]] == ["equal", "equal"]
    changed = tmp_path / "changed.yaml"
    changed.write_text(BOOK.read_text().replace("first_mp: 14000", "first_mp: 13000"))
    monkeypatch.setenv("DRAFTLINE_PRICE_BOOK", str(changed))
    code, text = said("reprice", "r1")
    assert code == 4
    assert "2 charges, 2 priced differently" in text
    assert all(row["now_micros"] == 13_000 for row in read("reprice", "r1")[1]["attempts"])
