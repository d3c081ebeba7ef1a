"""What failed in the suite runs once more, alone, so that a busy machine is told apart from a defect.

Money gets no second look: a proof about money that fails once has failed.

usage: python tools/second_look.py REPORT.xml     the JUnit report (family xunit1) of the run that failed
Exit code 0: every file that failed passed alone, and each of its failures is named as flaky. 1: it stays failed.
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

MOST_FILES = 4
"""With more files than that the run was not unlucky, it was broken."""

MONEY = ("tests/proof/", "_budget_", "_paid_", "_money_", "_recovery", "_planning_worst", "_charging", "_quoting")


def failed(report: Path) -> dict[str, list[str]]:
    """Names of the failed tests by their file. Raises ParseError for a report cut short by a killed run."""
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            found.setdefault(case.get("file", ""), []).append(case.get("name", ""))
    return found


def refusal(found: dict[str, list[str]]) -> str | None:
    """Why there is no second look, if so."""
    if not found or "" in found:
        return "the report names no failed test, so the run itself broke"
    if len(found) > MOST_FILES:
        return f"{len(found)} files failed, which is more than bad luck"
    if money := sorted(file for file in found if any(mark in file for mark in MONEY)):
        return f"what fails about money has failed: {', '.join(money)}"
    return None


def main(arguments: list[str]) -> int:
    try:
        found = failed(Path(arguments[0]))
    except (OSError, ElementTree.ParseError) as error:
        print(f"no second look: no report of the run: {error}")
        return 1
    if why := refusal(found):
        print(f"no second look: {why}")
        return 1
    print(f"\na second look, one file after the other: {', '.join(found)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "pytest", *found], check=False).returncode
    if code == 0:
        print("\nFLAKY, failed at first and passed alone; each of them is a defect to be found:")
        print("\n".join(f"  {file}::{name}" for file, names in found.items() for name in names))
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
