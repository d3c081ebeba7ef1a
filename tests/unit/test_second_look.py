"""What gets a second look after a failed run of the suite, and what never does."""

from pathlib import Path

import pytest

from tools.second_look import failed, main, refusal

REPORT = """<testsuites><testsuite>
<testcase classname="tests.e2e.test_a" file="tests/e2e/test_a.py" name="test_one"><failure>x</failure></testcase>
<testcase classname="tests.e2e.test_a" file="tests/e2e/test_a.py" name="test_two"><error message="x"/></testcase>
<testcase classname="tests.unit.test_b" file="tests/unit/test_b.py" name="test_fine"/>
<testcase classname="tests.unit.test_b" file="tests/unit/test_b.py" name="test_left_out"><skipped/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.xml"
    path.write_text(REPORT)
    return path


def test_failures_and_errors_are_found_by_file(report: Path) -> None:
    assert failed(report) == {"tests/e2e/test_a.py": ["test_one", "test_two"]}


def test_a_browser_test_is_looked_at_again() -> None:
    assert refusal({"tests/e2e/test_a.py": ["test_one"]}) is None


@pytest.mark.parametrize(
    "file",
    [
        "tests/proof/test_proof_small.py",
        "tests/server/test_budget_ledger_machine_postgres.py",
        "tests/wire/test_paid_calls_chaos.py",
        "tests/flow/test_flows_recovery.py",
    ],
)
def test_what_fails_about_money_has_failed(file: str) -> None:
    assert "money" in (refusal({"tests/e2e/test_a.py": ["test_one"], file: ["test_x"]}) or "")


def test_many_failures_and_a_run_that_broke_are_not_bad_luck() -> None:
    assert "5 files" in (refusal({f"tests/unit/test_{n}.py": ["test_x"] for n in range(5)}) or "")
    assert "broke" in (refusal({}) or "")


def test_a_report_cut_short_ends_in_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.xml").write_text(REPORT[:200])
    assert main([str(tmp_path / "cut.xml")]) == 1
    assert main([str(tmp_path / "none.xml")]) == 1
    assert "no second look" in capsys.readouterr().out
