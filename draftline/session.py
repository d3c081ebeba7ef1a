"""A command's working parts: starts the embedded services that it needs, builds the wiring, closes both."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from domain.errors import InputError
from domain.run import Run
from draftline.console import bars, say
from draftline.embedded import supervisor
from draftline.embedded.service import Options
from wiring import Wiring, build, read_settings, use
from wiring.settings import Settings

T = TypeVar("T")
ALL = frozenset({"s3", "sandbox", "prefect"})
NOTHING: frozenset[str] = frozenset()


def needed(settings: Settings, services: frozenset[str]) -> set[str]:
    """Those of the services that no setting replaces by the real thing."""
    wanted = set(services)
    if not settings.uses_embedded_s3:
        wanted.discard("s3")
    if not settings.uses_embedded_sandbox:
        wanted.discard("sandbox")
    if os.environ.get("PREFECT_API_URL"):
        wanted.discard("prefect")
    return wanted


@contextmanager
def session(services: frozenset[str] = ALL, *, quiet: bool = False, speed: float | None = None) -> Iterator[Wiring]:
    """The wiring, with its services running, for the length of the block."""
    settings = read_settings()
    options = Options(settings.s3_private_bucket, settings.s3_public_bucket, sandbox_speed=speed)
    report = (lambda _text: None) if quiet else (lambda text: say(f"[dim]{text}[/dim]"))
    with supervisor.ensure(needed(settings, services), settings.home, options=options, on_event=report) as running:
        _prepare_environment(running.environment())
        wiring = build(read_settings(home=settings.home.absolute()))
        try:
            with use(wiring):
                yield wiring
        finally:
            wiring.close()


def known_run(w: Wiring, run_id: str) -> Run:
    """The run that a person named. Raises InputError when there is none of this name."""
    found = w.runs.find(run_id)
    if found is None:
        raise InputError(f"there is no run {run_id!r}; `draftline runs` lists them")
    return found


def _prepare_environment(addresses: dict[str, str]) -> None:
    """Clients find their services by environment; Prefect reads its own at import, which comes after this."""
    os.environ.update(addresses)
    # our own errors are one sentence at the end; Prefect would print each three times, with tracebacks
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def run_shown(w: Wiring, work: Coroutine[Any, Any, T], *, show_bars: bool = True) -> T:
    """run_flow with a bar for each stage; they stand still when it returns, so what is said next stands below them."""
    if not show_bars:
        return run_flow(work)
    with bars() as drawn:
        w.progress = drawn
        return run_flow(work)


def run_flow(work: Coroutine[Any, Any, T]) -> T:
    """Run a flow in this process; its log lines reach Prefect's server before that is stopped."""
    return asyncio.run(_with_logs_sent(work))


async def _with_logs_sent(work: Coroutine[Any, Any, T]) -> T:
    from prefect.logging.handlers import APILogHandler

    try:
        return await work
    finally:
        await APILogHandler.aflush()
