"""`draftline run`: a campaign or a catalog, from words or a feed to published pictures."""

from pathlib import Path
from typing import Any, Literal, cast

import typer
from pydantic import ValidationError
from rich.markup import escape

from domain.errors import InputError
from domain.feeds import is_note
from draftline import options as o
from draftline.console import say
from draftline.plans import plan_campaign, plan_catalog, show_plan
from draftline.reports import show_report
from draftline.session import run_shown, session
from flows.params import CampaignParams, CatalogParams
from storage.photos import require_folder
from tasks.planning import DEFAULT_DRAFTS
from tasks.wishes import read_brief, read_feed_file, style_of
from wiring.degrade_files import SUFFIXES
from wiring.settings import ALL_VENDORS

app = typer.Typer(
    help="Make and publish pictures. Started again, a run goes on where it stopped.", no_args_is_help=True
)
NOTHING: frozenset[str] = frozenset()
OPTION_OF = {"approved_quote": "--approved"}
"""Parameters whose option has another name."""
FORM_OF = {
    "approved_quote": "64 hex digits, as `draftline quote` printed them",
    "catalog": "letters, digits, '.', '_' and '-' only, 64 at most, a letter or digit first",
}
"""What a parameter must look like, in place of its regular expression."""


@app.command(
    epilog="Examples:  draftline run campaign --brief samples/campaign.yaml\n\n"
    "draftline run campaign --brief samples/campaign.yaml --ladder flux --select person --cap-cents 200\n\n"
    "draftline run campaign --brief samples/campaign.yaml --approved HASH   (as `draftline quote campaign` printed it)"
)
def campaign(
    brief: o.BriefFile,
    ladder: o.Ladder = "economy",
    select: o.Select = "auto",
    drafts: o.Drafts = DEFAULT_DRAFTS,
    cap_cents: o.CapCents = 0,
    round_: o.Round = 1,
    approved: o.Approved = "",
    degrade: o.Degrade = "",
    by: o.By = "",
    resend_in_doubt: o.ResendInDoubt = False,
    dry_run: o.DryRun = False,
    as_json: o.Json = False,
) -> None:
    """Make one campaign: drafts, contact sheet, selection, finals, upscales, renditions, manifest."""
    parsed = read_brief(brief)
    spending = _spending(ladder, drafts, select, cap_cents, by, degrade) | {"round": round_, "approved_quote": approved}
    if dry_run:
        with session(NOTHING, quiet=True) as w:
            if resend_in_doubt:
                w.settings.resend_in_doubt = ALL_VENDORS
            wanted = checked(lambda: CampaignParams.of_brief(parsed, brief.parent, **spending)).options()
            show_plan(w, plan_campaign(w, parsed, brief.parent, wanted), cap_cents, as_json=as_json)
        return
    raise typer.Exit(run_campaign(brief, spending, resend_in_doubt=resend_in_doubt, as_json=as_json))


def run_campaign(brief: Path, spending: dict[str, Any], *, resend_in_doubt: bool, as_json: bool) -> int:
    parsed = read_brief(brief)
    params = checked(lambda: CampaignParams.of_brief(parsed, brief.parent, **spending))
    with session(quiet=as_json) as w:
        # Prefect reads its settings at import: only now do they say where its server is
        from flows.campaign import campaign as flow

        if resend_in_doubt:
            w.settings.resend_in_doubt = ALL_VENDORS
        report = run_shown(w, flow(params), show_bars=not as_json)
        return show_report(w, report, as_json=as_json)


@app.command(
    epilog="Examples:  draftline run catalog --feed samples/feed.csv --photos samples/photos\n\n"
    "draftline run catalog --feed samples/merchant.tsv --photos samples/photos --cap-cents 500 --dry-run"
)
def catalog(
    feed: o.FeedFile,
    photos: o.PhotoFolder = None,
    style: o.StyleFile = None,
    ladder: o.Ladder = "economy",
    select: o.Select = "auto",
    drafts: o.Drafts = DEFAULT_DRAFTS,
    cap_cents: o.CapCents = 0,
    without_photo: o.WithoutPhoto = "set-aside",
    limit: o.Limit = 0,
    catalog_: o.Catalog = "catalog",
    approved: o.Approved = "",
    degrade: o.Degrade = "",
    by: o.By = "",
    resend_in_doubt: o.ResendInDoubt = False,
    dry_run: o.DryRun = False,
    as_json: o.Json = False,
) -> None:
    """Make pictures for the products of a feed that changed since their last publication."""
    fields: dict[str, Any] = {
        **_spending(ladder, drafts, select, cap_cents, by, degrade),
        "feed": str(feed.absolute()),
        "photos": str(photos.absolute()) if photos else "",
        "style": str(style.absolute()) if style else "",
        "without_photo": without_photo,
        "limit": limit,
        "catalog": catalog_,
        "approved_quote": approved,
    }
    if not dry_run:
        raise typer.Exit(run_catalog(fields, resend_in_doubt=resend_in_doubt, as_json=as_json))
    with session(NOTHING, quiet=True) as w:
        if resend_in_doubt:
            w.settings.resend_in_doubt = ALL_VENDORS
        wanted = checked(lambda: CatalogParams.model_validate(fields)).options()
        kind = cast(Literal["set-aside", "imagine"], without_photo)
        planned = plan_catalog(w, feed, photos, style, wanted, without_photo=kind, limit=limit, catalog=catalog_)
        show_plan(w, planned, cap_cents, as_json=as_json)


def run_catalog(fields: dict[str, Any], *, resend_in_doubt: bool, as_json: bool) -> int:
    params = checked(lambda: CatalogParams.model_validate(fields))
    # a wrong file or folder is told before services are started
    style_of(params.style)
    if params.photos:
        require_folder(Path(params.photos))
    reading = read_feed_file(Path(params.feed))
    for note in (row.reason for row in reading.bad_rows if is_note(row)):
        say(f"[yellow]![/yellow] {escape(note)}")
    with session(quiet=as_json) as w:
        from flows.catalog import catalog as flow

        if resend_in_doubt:
            w.settings.resend_in_doubt = ALL_VENDORS
        report = run_shown(w, flow(params), show_bars=not as_json)
        return show_report(w, report, as_json=as_json)


def _spending(ladder: str, drafts: int, select: str, cap_cents: int, by: str, degrade: str) -> dict[str, Any]:
    """`degrade` as a path is made absolute: a deployment's flow has another working directory."""
    if degrade.endswith(SUFFIXES):
        degrade = str(Path(degrade).absolute())
    given = {"ladder": ladder, "drafts": drafts, "select": select, "cap_cents": cap_cents, "requested_by": by}
    return given | ({"degrade": degrade} if degrade else {})


def checked(make: Any) -> Any:
    """Parameters, or an InputError that names the option."""
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        option = OPTION_OF.get(name, "--" + name.replace("_", "-")) if name else "options"
        message = FORM_OF.get(name, first["msg"]) if first["type"] == "string_pattern_mismatch" else first["msg"]
        raise InputError(message, where=option) from error
