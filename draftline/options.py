"""The options that several commands share, with their help."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import InputError

BriefFile = Annotated[
    Path, typer.Option("--brief", help="The campaign's brief, a YAML file (see samples/campaign.yaml).", dir_okay=False)
]
FeedFile = Annotated[
    Path, typer.Option("--feed", help="Product feed: Shopify CSV or Google Merchant TSV.", dir_okay=False)
]
PhotoFolder = Annotated[
    Path | None, typer.Option("--photos", help="Folder of product photos, found by handle, SKU or file name.")
]
StyleFile = Annotated[
    Path | None, typer.Option("--style", help="The shop's look, a YAML file (see samples/style.yaml).")
]
Ladder = Annotated[str, typer.Option("--ladder", help="economy, google, flux, or one of your own (DRAFTLINE_LADDERS).")]
CapCents = Annotated[
    int,
    typer.Option("--cap-cents", min=0, help="This run never spends more, in US cents; 0 takes the setting (1,000)."),
]
Select = Annotated[
    str, typer.Option("--select", help="auto: the best draft goes on. person: stop at the contact sheet.")
]
Drafts = Annotated[int, typer.Option("--drafts", min=1, max=16, help="Drafts for each brief.")]
Round = Annotated[int, typer.Option("--round", min=1, max=50, help="2 or more asks for new drafts of the same brief.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be made and what it would cost; send nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
WithoutPhoto = Annotated[
    str,
    typer.Option("--without-photo", help="set-aside, or imagine: picture a product that was never seen, marked so."),
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="Only the first products of the feed; 0 is all.")]
Catalog = Annotated[str, typer.Option("--catalog", help="The name under which the catalog is published.")]
By = Annotated[str, typer.Option("--by", help="Your name, for the record.")]
ResendInDoubt = Annotated[
    bool,
    typer.Option("--resend-in-doubt", help="Pay again for work that was sent and never answered (inside the caps)."),
]
Degrade = Annotated[
    str,
    typer.Option(
        "--degrade",
        help="gentle, off, or your own policy's YAML file: a cheaper plan as caps fill, all of it marked so. "
        "Without it DRAFTLINE_DEGRADE decides (off).",
    ),
]
Per = Annotated[str, typer.Option("--per", help="Also the sums by one of: sku, stage, model.")]
Approved = Annotated[
    str,
    typer.Option("--approved", help="The hash of an approved quote: then exactly that is done, or nothing."),
]
Speed = Annotated[float, typer.Option("--speed", min=0.1, help="The sandbox answers so many times faster than life.")]


def check_choice(option: str, given: str, allowed: Sequence[str]) -> None:
    """Raises InputError naming the option and what it may be."""
    if given not in allowed:
        raise InputError(f"{given!r} is not one of {', '.join(allowed)}", where=option)
