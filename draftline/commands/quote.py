"""`draftline quote`: what a run would cost, without starting or sending anything."""

from typing import cast, get_args

import typer

from draftline import options as o
from draftline.options import check_choice
from draftline.plans import plan_campaign, plan_catalog, show_plan
from draftline.session import session
from tasks.planning import DEFAULT_DRAFTS, RunOptions
from tasks.wishes import WithoutPhoto, read_brief

app = typer.Typer(help="What a run would cost: low, expected, worst. Sends nothing.", no_args_is_help=True)
NOTHING: frozenset[str] = frozenset()


@app.command(epilog="Example:  draftline quote campaign --brief samples/campaign.yaml --ladder google")
def campaign(
    brief: o.BriefFile,
    ladder: o.Ladder = "economy",
    drafts: o.Drafts = DEFAULT_DRAFTS,
    cap_cents: o.CapCents = 0,
    round_: o.Round = 1,
    as_json: o.Json = False,
) -> None:
    """The price of a campaign brief, the final's model with its reason, and the caps that it falls under."""
    with session(NOTHING, quiet=True) as w:
        wanted = RunOptions("campaign", ladder, "auto", drafts, cap_cents, round_)
        show_plan(w, plan_campaign(w, read_brief(brief), brief.parent, wanted), cap_cents, as_json=as_json)


@app.command(epilog="Example:  draftline quote catalog --feed samples/feed.csv --photos samples/photos")
def catalog(
    feed: o.FeedFile,
    photos: o.PhotoFolder = None,
    style: o.StyleFile = None,
    ladder: o.Ladder = "economy",
    drafts: o.Drafts = DEFAULT_DRAFTS,
    cap_cents: o.CapCents = 0,
    without_photo: o.WithoutPhoto = "set-aside",
    limit: o.Limit = 0,
    catalog_: o.Catalog = "catalog",
    as_json: o.Json = False,
) -> None:
    """The price of a catalog run: only products that changed since they were published."""
    check_choice("--without-photo", without_photo, get_args(WithoutPhoto))
    with session(NOTHING, quiet=True) as w:
        planned = plan_catalog(
            w,
            feed,
            photos,
            style,
            RunOptions("catalog", ladder, "auto", drafts, cap_cents),
            without_photo=cast(WithoutPhoto, without_photo),
            limit=limit,
            catalog=catalog_,
        )
        show_plan(w, planned, cap_cents, as_json=as_json)
