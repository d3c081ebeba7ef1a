"""What a run is started with: one pydantic model a deployment, made for Prefect's form and checked again by the flow.

Whole cents, selects, sane defaults; the field that spends money has no default.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.brief import MAX_TEXT_CHARS, Brief
from domain.errors import InputError
from domain.placement import Placement
from storage.records.uploads import PREFIX as UPLOAD
from tasks.planning import DEFAULT_DRAFTS, RunOptions

LADDERS = ("economy", "google", "flux")
DEGRADES = ("off", "gentle")
SETTING = "setting"
PlacementName = Literal[
    "hero",
    "hero-4k",
    "banner",
    "web",
    "web-small",
    "thumb",
    "feed",
    "feed-small",
    "social-square",
    "social-portrait",
    "story",
    "link-preview",
]


def _at(position: int, title: str, description: str, *, offers: tuple[str, ...] = (), **more: object) -> object:
    """A field of Prefect's form. `offers` makes a select of a field that takes other words from elsewhere."""
    extra = {"position": position, **({"enum": list(offers)} if offers else {})}
    return Field(title=title, description=description, json_schema_extra=extra, **more)  # type: ignore[call-overload]


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class _Spending(_Params):
    ladder: Annotated[str, _at(80, "Ladder", "Which models draft and finish", offers=LADDERS)] = "economy"
    drafts: Annotated[int, _at(81, "Drafts a picture", "How many cheap candidates to choose from", ge=1, le=16)] = (
        DEFAULT_DRAFTS
    )
    select: Annotated[
        Literal["person", "auto"],
        _at(
            82, "Who chooses", "person: the run ends with a contact sheet and waits for picks; auto: best score goes on"
        ),
    ] = "auto"
    cap_cents: Annotated[
        int, _at(83, "Cap in US cents", "This run never spends more; 0 takes the setting (1,000)", ge=0, le=10_000_000)
    ] = 0
    requested_by: Annotated[str, _at(84, "Requested by", "Your name, for the record", max_length=80)] = ""
    degrade: Annotated[
        str,
        _at(
            86,
            "Degrade instead of stop",
            "A policy that makes the plan cheaper as its caps fill; everything made so is marked. setting: what "
            "DRAFTLINE_DEGRADE says (off, unless somebody set it)",
            offers=(SETTING, *DEGRADES),
            max_length=500,
        ),
    ] = SETTING
    cost_centre: Annotated[
        str,
        _at(87, "Cost centre", "Who pays; caps and reports go by it. Empty takes DRAFTLINE_COST_CENTRE", max_length=80),
    ] = ""
    approved_quote: Annotated[
        str,
        _at(89, "Approved quote", "Its hash: then exactly that is done, or nothing", pattern=r"^([0-9a-f]{64})?$"),
    ] = ""

    @property
    def policy(self) -> str:
        """The degrade policy by name or path; "" leaves it to the setting."""
        return "" if self.degrade == SETTING else self.degrade


class CampaignParams(_Spending):
    """One brief, in words."""

    name: Annotated[
        str,
        _at(
            1,
            "Short name",
            "Lower case, e.g. slow-mornings; the same brief again is the same run",
            pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$",
        ),
    ]
    subject: Annotated[str, _at(2, "Subject", "What the picture is of", min_length=1, max_length=MAX_TEXT_CHARS)]
    title: Annotated[str, _at(3, "Title", "Shown on the contact sheet", max_length=120)] = ""
    action: Annotated[str, _at(4, "Action", "What happens, if anything", max_length=MAX_TEXT_CHARS)] = ""
    setting: Annotated[
        str, _at(5, "Setting", "Where it is, e.g. an oak kitchen table by a window", max_length=MAX_TEXT_CHARS)
    ] = ""
    light: Annotated[
        str, _at(6, "Light", "And where it comes from, e.g. low morning sun from the left", max_length=MAX_TEXT_CHARS)
    ] = ""
    camera: Annotated[str, _at(7, "Camera", "Angle, distance, lens", max_length=MAX_TEXT_CHARS)] = ""
    mood: Annotated[str, _at(8, "Mood", "How it should feel", max_length=MAX_TEXT_CHARS)] = ""
    palette: Annotated[list[str], _at(9, "Palette", "Colours as #rrggbb or by name, at most 8", max_length=8)] = []
    text_in_image: Annotated[str, _at(10, "Text in the image", "Exactly these words, or nothing", max_length=80)] = ""
    people: Annotated[
        Literal["let the words decide", "yes", "no"],
        _at(11, "People", "Whether people are shown; decides the final model"),
    ] = "let the words decide"
    references: Annotated[
        list[str],
        _at(
            12,
            "Reference photos",
            "Files on the worker's disk, or upload:SHA256 for a photo that was uploaded to the board; most important "
            "first",
            max_length=8,
        ),
    ] = []
    style_references: Annotated[
        list[str],
        _at(
            13,
            "For their look only",
            "Those of the reference photos that show the look to follow and not the product, named exactly as above",
            max_length=8,
        ),
    ] = []
    placements: Annotated[
        list[PlacementName], _at(14, "Placements", "Where it will be shown; decides sizes and formats")
    ] = ["web"]
    own_placements: Annotated[
        list[Placement], _at(15, "Own placements", "Sizes of your own, beside the ones above", max_length=8)
    ] = []
    final_megapixels: Annotated[
        float, _at(16, "Final's size", "In megapixels; 0 leaves it to the ladder", ge=0, le=16)
    ] = 0.0
    round: Annotated[int, _at(85, "Round", "2 or more asks for new drafts of the same brief", ge=1, le=50)] = 1

    def brief(self) -> Brief:
        """The brief in our words. Raises InputError naming the field."""
        fields = self.model_dump(
            exclude=set(_Spending.model_fields) | {"own_placements", "placements", "people", "round"}
        )
        people = {"yes": True, "no": False}.get(self.people)
        placements = (*self.placements, *(p.model_dump() for p in self.own_placements))
        try:
            return Brief.model_validate({**fields, "people": people, "placements": placements})
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(first["msg"], where=f"campaign, {'.'.join(map(str, first['loc']))}") from error

    @classmethod
    def of_brief(cls, brief: Brief, folder: Path, **spending: object) -> "CampaignParams":
        """A brief from a file as parameters; files among its references become absolute paths, uploads stay."""
        fields = brief.model_dump(exclude={"sku", "people", "placements", "references", "style_references"})
        people = {True: "yes", False: "no", None: "let the words decide"}[brief.people]
        photos = {
            field: [name if name.startswith(UPLOAD) else str((folder / name).absolute()) for name in names]
            for field, names in (("references", brief.references), ("style_references", brief.style_references))
        }
        own = [p.model_dump() for p in brief.placements]
        given = {"people": people, **photos, "placements": [], "own_placements": own}
        return cls.model_validate({**fields, **given, **spending})

    def options(self) -> RunOptions:
        return RunOptions(
            "campaign",
            self.ladder,
            self.select,
            self.drafts,
            self.cap_cents,
            self.round,
            self.requested_by,
            self.policy,
            self.cost_centre,
        )


class CatalogParams(_Spending):
    """A product feed; only what changed since its last publication is made."""

    feed: Annotated[
        str, _at(1, "Feed", "Shopify product CSV or Google Merchant TSV on the worker's disk", min_length=1)
    ]
    photos: Annotated[str, _at(2, "Photos", "Folder with product photos, named by handle or SKU")] = ""
    style: Annotated[str, _at(3, "Style", "YAML file with the shop's look; empty takes a quiet studio")] = ""
    without_photo: Annotated[
        Literal["set-aside", "imagine"],
        _at(4, "Products without a photo", "set-aside: no picture; imagine: one that never saw the product, marked so"),
    ] = "set-aside"
    limit: Annotated[int, _at(5, "At most", "Only the first products of the feed; 0 is all", ge=0, le=100_000)] = 0
    catalog: Annotated[
        str, _at(6, "Catalog", "Under which name it is published", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    ] = "catalog"

    def options(self) -> RunOptions:
        return RunOptions(
            "catalog",
            self.ladder,
            self.select,
            self.drafts,
            self.cap_cents,
            1,
            self.requested_by,
            self.policy,
            self.cost_centre,
        )


class PromoteParams(_Params):
    """Picks from a contact sheet."""

    run_id: Annotated[str, _at(1, "Run", "As printed on the contact sheet", min_length=1, max_length=120)]
    picks: Annotated[
        list[str],
        _at(
            2,
            "Picks",
            "Labels such as A1; for several briefs BRIEF=A1,B1; *=best takes the machine's choice",
            min_length=1,
            max_length=2_000,
        ),
    ]
    approve: Annotated[
        Literal["not yet", "approve"], _at(3, "Approve", "Finals cost money: choose approve to make and publish them")
    ]
    picked_by: Annotated[str, _at(4, "Picked by", "Your name, for the record", min_length=1, max_length=80)]
    approved_quote: Annotated[
        str,
        _at(
            5,
            "Approved quote",
            "Only for more picks than the run was approved with: the hash of the quote with them",
            pattern=r"^([0-9a-f]{64})?$",
        ),
    ] = ""


class RecoveryParams(_Params):
    """One pass over what dead processes left, and over what is in doubt."""

    dry_run: Annotated[bool, _at(1, "Only look", "Show what would be taken up; change nothing")] = False
    report_older_than_hours: Annotated[
        int,
        _at(
            2,
            "Call out doubts older than",
            "In hours; 0 takes the setting DRAFTLINE_DOUBT_REPORT_HOURS (24)",
            ge=0,
            le=8_760,
        ),
    ] = 0
