"""What was proven, line by line, in words that a person in finance reads. Pure: facts in, text and JSON out."""

import json
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_FINDINGS = 8
WIDTH = 110


@dataclass(frozen=True)
class Check:
    """One line: `key` is its short name (mutants are caught by it), `holds` its verdict."""

    key: str
    claim: str
    figure: str
    holds: bool
    findings: tuple[str, ...] = ()


@dataclass
class Certificate:
    """`about` is what was done (counts, seed, versions); `checks` what holds."""

    about: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    @property
    def failed(self) -> set[str]:
        return {check.key for check in self.checks if not check.holds}

    def check(
        self, key: str, claim: str, findings: list[str], *, figure: object | None = None, holds: bool = True
    ) -> None:
        """Holds when nothing was found and `holds`, a condition on the figure; the figure is the number of findings."""
        shown = str(len(findings) if figure is None else figure)
        self.checks.append(Check(key, claim, shown, holds and not findings, tuple(findings)))

    def text(self) -> str:
        rule = "=" * WIDTH
        lines = [rule, "DRAFTLINE: PROOF OF THE MONEY", rule]
        for name, value in self.about.items():
            lines += textwrap.wrap(f"{name:<26} {value}", WIDTH, subsequent_indent=" " * 27)
        lines.append("-" * WIDTH)
        for check in self.checks:
            lines.append(f"[{'holds' if check.holds else 'FAILS'}] {check.claim}: {check.figure}")
            lines += [f"          {finding}" for finding in check.findings[:MAX_FINDINGS]]
            if len(check.findings) > MAX_FINDINGS:
                lines.append(f"          and {len(check.findings) - MAX_FINDINGS} more")
        verdict = "every line holds" if self.holds else f"BROKEN: {', '.join(sorted(self.failed))}"
        return "\n".join([*lines, rule, verdict, rule])

    def json(self) -> str:
        return json.dumps({"holds": self.holds, **asdict(self)}, indent=2)


def usd(micros: int) -> str:
    """Exact to the micro-dollar."""
    sign = "-" if micros < 0 else ""
    return f"{sign}${abs(micros) // 1_000_000:,}.{abs(micros) % 1_000_000:06d}"
