"""`draftline up`, `stop` and `sandbox`: the embedded services by themselves."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import RunError
from draftline import options as o
from draftline.commands.people import first_link
from draftline.console import out, say
from draftline.embedded import supervisor
from draftline.embedded.service import Options
from draftline.embedded.state import OnEvent
from draftline.session import needed
from wiring import build, read_settings

EVERYTHING = frozenset({"s3", "sandbox", "prefect", "worker", "board"})
DEPLOY_TIMEOUT_S = 180


def up(
    speed: o.Speed = 10.0,
) -> None:
    """Start everything embedded and stay up: the board, S3, sandbox, Prefect's server with its UI, a worker.

    Ctrl-C stops all of it.

    Example:  draftline up
    """
    settings = read_settings()
    wanted = needed(settings, EVERYTHING)
    options = Options(settings.s3_private_bucket, settings.s3_public_bucket, sandbox_speed=speed)
    report = lambda text: say(f"[dim]{text}[/dim]")  # noqa: E731
    with supervisor.ensure(wanted, settings.home, options=options, on_event=report) as running:
        os.environ.update(running.environment())
        if running.prefect is not None:
            _deploy(settings.home.parent, report)
        _print_addresses(running)
        _print_sign_in(running)
        _wait_for_ctrl_c()
        say("stopping …")


def _deploy(working_dir: Path, report: OnEvent) -> None:
    """The flows' deployments, by the same command that a real server gets.

    Runs start where board and worker stand: a feed that is named by its path must be the same file for all of them.
    """
    report("deploying catalog, campaign, promote and recovery")
    command = [sys.executable, "-m", "deployments", "--working-dir", str(working_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEPLOY_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise RunError(f"the deployments could not be applied: {(done.stderr or done.stdout)[-1500:]}")


def _print_addresses(running: supervisor.Running) -> None:
    out.print("\n[bold]Draftline is up.[/bold] Everything is on this machine only.\n")
    if running.prefect is not None:
        out.print(f"Prefect UI    {running.prefect.url}   start a campaign: Deployments, campaign, Run")
    if running.sandbox is not None:
        out.print(f"Sandbox       {running.sandbox.url}/_sandbox/   prices, pictures and the invoice")
    if running.s3 is not None:
        out.print(f"S3            {running.s3.url}   credentials in {running.home}/services.json")
    out.print(f"State         {running.home}   logs in {running.home}/log")
    out.print("\nIn another terminal here:  draftline run campaign --brief samples/campaign.yaml")
    out.print("Ctrl-C stops everything.\n")


def _print_sign_in(running: supervisor.Running) -> None:
    """The board asks everybody to sign in; this link does it for an administrator."""
    if running.board is None:
        return
    w = build(read_settings(home=running.home))
    try:
        link = first_link(w, running.board.url)
    finally:
        w.close()
    out.print(f"[bold]Board[/bold]         {running.board.url}")
    if link:
        out.print(f"Sign in       {link}")
        out.print("              once, within a quarter of an hour; `draftline people link` makes another\n")


def _wait_for_ctrl_c() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def stop() -> None:
    """Stop every embedded service of this folder, whoever started it.

    Example:  draftline stop
    """
    stopped = supervisor.stop(read_settings().home, on_event=say)
    out.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")


def sandbox(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 picks a free one.")] = 8700,
) -> None:
    """The vendors' sandbox alone, in the foreground: Black Forest Labs and Gemini wires, prices, faults, an invoice.

    Every further option goes to it; `python -m sandbox --help` lists them with all faults.
    Break things while it runs: PUT /_sandbox/rules, POST /_sandbox/chaos (random, repeatable), POST /_sandbox/prices,
    PUT /_sandbox/credits, PUT /_sandbox/limits; sandbox/README.md describes each.

    Example:  draftline sandbox --port 8700 --speed 10
    """
    root = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", "--port", str(port), *context.args])
