"""How the command line looks: console, progress bars, tables of money, complaints."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

NOT_A_TERMINAL_COLUMNS = 160
out = Console(
    highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else NOT_A_TERMINAL_COLUMNS
)
err = Console(stderr=True, highlight=False, emoji=False)


def complain(error: object) -> None:
    """One line, whatever the error's text was made of."""
    err.print(f"[red]draftline:[/red] {escape(' '.join(str(error).split()))}", soft_wrap=True)


def say(text: str) -> None:
    """A line for the person at the terminal; on stderr, so that stdout stays clean for --json and pipes."""
    err.print(text, soft_wrap=True)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, total: Sequence[object] = ()
) -> None:
    """A table on stdout; columns whose name ends in a money or count word stand right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for name in columns:
        right = name in _NUMBERS
        made.add_column(name, justify="right" if right else "left", no_wrap=name in _WHOLE or right, overflow="fold")
    for row in rows:
        made.add_row(*(escape(str(cell)) for cell in row))
    if total:
        made.add_row(*(f"[bold]{escape(str(cell))}[/bold]" for cell in total))
    out.print(made)
    out.print()


_NUMBERS = frozenset(("calls", "images", "spent", "held", "in-doubt", "low", "expected", "worst", "paid", "limit")) | {
    "committed",
    "left",
    "size",
    "line",
}


_WHOLE = frozenset(
    {"attempt", "held at", "stage", "state", "run", "cap", "brief", "label", "sha256", "window", "period"}
)


class Bars:
    """A bar for each stage, drawn on stderr. Safe to call from any thread."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._ids = progress, dict[str, TaskID]()
        self._lock = threading.Lock()

    def start(self, stage: str, total: int, note: str = "") -> None:
        with self._lock:
            if stage in self._ids:
                self._progress.update(self._ids[stage], total=total)
            else:
                self._ids[stage] = self._progress.add_task(stage, total=total, note=note)

    def step(self, stage: str, done: float = 1, note: str = "") -> None:
        with self._lock:
            if stage in self._ids:
                self._progress.advance(self._ids[stage], done)

    def end(self, stage: str, note: str = "") -> None:
        with self._lock:
            if stage in self._ids:
                task = next(t for t in self._progress.tasks if t.id == self._ids[stage])
                self._progress.update(self._ids[stage], completed=task.total or 0)


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars while the block runs; plain lines when stderr is no terminal."""
    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}[/dim]"),
    )
    with Progress(*columns, console=err, transient=False) as progress:
        yield Bars(progress)
