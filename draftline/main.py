"""`draftline`: all commands, and what their exit codes mean.

0  done, or nothing to do
2  wrong input or setting (the message names it)
3  refused by a cap (nothing was sent for what did not fit), or no approved quote stands for what would be done
4  incomplete: something failed or is in doubt; the same command goes on from there
5  a vendor, the object store, the database or a service did not do it
6  another process works on this run
130  stopped by Ctrl-C; the same command goes on from there
"""

import sys

import typer

from domain.errors import CapRefused, DraftlineError, InputError, NotApproved, RunBusy, SelectionError
from draftline.commands import (
    admin,
    approve,
    attempts,
    board,
    caps,
    demo,
    doctor,
    people,
    prices,
    promote,
    quote,
    run,
    services,
    spend,
)
from draftline.console import complain

EXIT_INPUT, EXIT_CAP, EXIT_FAULT, EXIT_BUSY, EXIT_STOPPED = 2, 3, 5, 6, 130

app = typer.Typer(
    name="draftline",
    help="Draft-to-final image production with a ledger under it.\n\n"
    "Cheap drafts, a chosen few as finals, upscaled and published to S3, under budget caps that hold. "
    "Without any setting everything is embedded: sandbox vendors, S3, SQLite and Prefect under .draftline/.\n\n"
    "Start with:  draftline demo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command(name="demo")(demo.demo)
app.add_typer(quote.app, name="quote")
app.command(name="approve")(approve.approve)
app.add_typer(run.app, name="run")
app.command(name="promote")(promote.promote)
app.command(name="runs")(admin.runs)
app.command(name="show")(admin.show_run)
app.command(name="spend")(spend.spend)
app.add_typer(caps.app, name="caps")
app.add_typer(prices.app, name="prices")
app.add_typer(attempts.app, name="attempts")
app.command(name="up")(services.up)
app.command(name="board")(board.board)
app.add_typer(people.app, name="people")
app.command(name="stop")(services.stop)
app.command(name="sandbox", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    services.sandbox
)
app.command(name="doctor")(doctor.doctor)


def main() -> None:
    """The console script. Our own errors are sentences on stderr with an exit code, never tracebacks."""
    try:
        app()
    except DraftlineError as error:
        complain(error)
        sys.exit(_code(error))
    except OSError as error:
        complain(_told(error))
        sys.exit(EXIT_FAULT)
    except (KeyboardInterrupt, SystemExit) as end:
        # typer makes a silent exit of Ctrl-C
        if isinstance(end, SystemExit) and end.code != EXIT_STOPPED:
            raise
        complain("stopped; the same command goes on from here")
        sys.exit(EXIT_STOPPED)


def _told(error: OSError) -> str:
    """A file or folder that this machine refuses, as a sentence."""
    return f"{error.filename or 'this machine'}: {error.strerror or error}"


def _code(error: DraftlineError) -> int:
    if isinstance(error, CapRefused | NotApproved):
        return EXIT_CAP
    if isinstance(error, InputError | SelectionError):
        return EXIT_INPUT
    return EXIT_BUSY if isinstance(error, RunBusy) else EXIT_FAULT


if __name__ == "__main__":
    main()
