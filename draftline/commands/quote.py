"""`draftline quote`: what a run would cost, kept under its hash for an approval. Starts and sends nothing."""

from typing import cast, get_args

import typer

from domain.run import SelectMode
from draftline import options as o
from draftline.options import check_choice
from draftline.plans import offer_plan, plan_campaign, plan_catalog
from draftline.session import session
from tasks.planning import DEFAULT_DRAFTS, RunOptions
from tasks.wishes import WithoutPhoto, read_brief
from wiring.settings import ALL_VENDORS

app = typer.Typer(
    help="What a run would cost: low, expected, worst. Sends nothing; keeps the quote.", no_args_is_help=True
)
NOTHING: frozenset[str] = frozenset()


@app.command(epilog="Example:  draftline quote campaign --brief samples/campaign.yaml --ladder google")
def campaign(
    brief: o.BriefFile,
    ladder: o.Ladder = "economy",
    select: o.Select = "auto",
    drafts: o.Drafts = DEFAULT_DRAFTS,
    cap_cents: o.CapCents = 0,
    round_: o.Round = 1,
    resend_in_doubt: o.ResendInDoubt = False,
    degrade: o.Degrade = "",
    per: o.Per = "",
    as_json: o.Json = False,
) -> None:
    """The price of a campaign brief, the final's model with its reason, and the caps that it falls under."""
    select_mode = _select_mode(select)
    with session(NOTHING, quiet=True) as w:
        if resend_in_doubt:
            w.settings.resend_in_doubt = ALL_VENDORS
        wanted = RunOptions("campaign", ladder, select_mode, drafts, cap_cents, round_, degrade=degrade)
        planned = plan_campaign(w, read_brief(brief), brief.parent, wanted)
        offer_plan(w, planned, cap_cents, per=per, as_json=as_json)


@app.command(
    epilog="Examples:  draftline quote catalog --feed samples/feed.csv --photos samples/photos\n\n"
    "draftline quote catalog --feed samples/merchant.tsv --photos samples/photos --per sku --json"
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
    resend_in_doubt: o.ResendInDoubt = False,
    degrade: o.Degrade = "",
    per: o.Per = "",
    as_json: o.Json = False,
) -> None:
    """The price of a catalog run: only products that changed since they were published."""
    check_choice("--without-photo", without_photo, get_args(WithoutPhoto))
    select_mode = _select_mode(select)
    with session(NOTHING, quiet=True) as w:
        if resend_in_doubt:
            w.settings.resend_in_doubt = ALL_VENDORS
        planned = plan_catalog(
            w,
            feed,
            photos,
            style,
            RunOptions("catalog", ladder, select_mode, drafts, cap_cents, degrade=degrade),
            without_photo=cast(WithoutPhoto, without_photo),
            limit=limit,
            catalog=catalog_,
        )
        offer_plan(w, planned, cap_cents, per=per, as_json=as_json)


def _select_mode(select: str) -> SelectMode:
    """An approval is for one run, and the same wish with another choice of drafts is another run."""
    check_choice("--select", select, get_args(SelectMode))
    return cast(SelectMode, select)
