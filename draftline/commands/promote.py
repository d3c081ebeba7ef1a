"""`draftline promote`: a person's picks go on to publication."""

from typing import Annotated

import typer

from draftline import options as o
from draftline.commands.run import checked
from draftline.reports import show_report
from draftline.session import NOTHING, known_run, run_shown, session
from wiring.settings import ALL_VENDORS


def promote(
    run: Annotated[str, typer.Argument(help="The run, as printed on its contact sheet.")],
    pick: Annotated[
        list[str],
        typer.Option("--pick", help="A1; for several briefs BRIEF=A1,B1; '*=best' takes the machine's choice."),
    ],
    by: o.By = "command line",
    approved: o.Approved = "",
    resend_in_doubt: o.ResendInDoubt = False,
    as_json: o.Json = False,
) -> None:
    """Make finals from the picked drafts and publish them. Safe to repeat; other picks after closing are refused.

    Example:  draftline promote RUN --pick A1 --by Ada   (RUN as `draftline runs` lists it)
    """
    with session(NOTHING, quiet=True) as w:
        known_run(w, run)  # before services are started for a misspelt name
    with session(quiet=as_json) as w:
        from flows.params import PromoteParams
        from flows.promote import promote as flow

        if resend_in_doubt:
            w.settings.resend_in_doubt = ALL_VENDORS
        params = checked(
            lambda: PromoteParams(run_id=run, picks=pick, approve="approve", picked_by=by, approved_quote=approved)
        )
        report = run_shown(w, flow(params), show_bars=not as_json)
        raise typer.Exit(show_report(w, report, as_json=as_json))
