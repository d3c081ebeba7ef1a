"""A brief as it stands in the form: read from what was sent or kept, and turned into what the campaign is started with.

What may not live here: requests, SQL, prices. Nothing is refused while it is read: a person's half-done words come back
as they were, and `FormErrors` says what is wrong with which field.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from starlette.datastructures import FormData

from domain.brief import Brief
from domain.errors import InputError
from domain.placement import BUILTIN
from review.pages.launch_terms import MAX_PERSON_CHARS, RunTerms
from storage.records.uploads import PREFIX as UPLOAD
from tasks.planning import DEFAULT_DRAFTS, RunOptions

WORDS = ("name", "title", "subject", "action", "setting", "light", "camera", "mood", "text_in_image")
PEOPLE = ("let the words decide", "yes", "no")
DEGRADES = ("setting", "off", "gentle")
MAX_OWN = 8
MAX_NAME_CHARS = 48
MAX_FIELD_CHARS = 2_000
"""More of a field is cut off before it is looked at; what a brief takes is less."""
NAME_WORDS = 6
_UPLOAD = re.compile(rf"^{UPLOAD}[0-9a-f]{{64}}$")
_IMAGE = re.compile(r"[0-9a-f]{24}")
_LISTS = ("references", "style_references", "placements")
_OF_ONE_OPENING = ("form_id", "brief_id", "like")


class FormErrors(InputError):
    """What is wrong, by field, in sentences."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


class Terms(RunTerms):
    """Bounds of what is no brief: the same as the flow's own (a test holds them together)."""

    round: Annotated[int, Field(ge=1, le=50)]
    final_megapixels: Annotated[float, Field(ge=0, le=16)]
    people: Literal["let the words decide", "yes", "no"]


@dataclass(frozen=True)
class OwnSize:
    """A placement of the person's own, as typed."""

    name: str = ""
    width_px: str = ""
    height_px: str = ""
    fit: str = "cover"
    formats: str = "jpeg webp avif"
    background: str = "#ffffff"
    white_background: str = ""
    max_bytes: str = "0"

    @property
    def is_empty(self) -> bool:
        return not (self.name or self.width_px or self.height_px)

    def placement(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "formats": self.formats.split(),
            "white_background": bool(self.white_background),
            "max_bytes": self.max_bytes or 0,
        }


@dataclass(frozen=True)
class LaunchForm:
    """Every field as text. `form_id` is new with each form that is opened: one form starts one run.

    `style_references` are those of the references that are there for their look. `like` is the id of the draft that the
    form was opened for; its picture, if it is sent, is among the references.
    """

    name: str = ""
    title: str = ""
    subject: str = ""
    action: str = ""
    setting: str = ""
    light: str = ""
    camera: str = ""
    mood: str = ""
    palette: str = ""
    text_in_image: str = ""
    people: str = PEOPLE[0]
    references: tuple[str, ...] = ()
    style_references: tuple[str, ...] = ()
    placements: tuple[str, ...] = ("web",)
    own: tuple[OwnSize, ...] = ()
    final_megapixels: str = "0"
    ladder: str = "economy"
    drafts: str = str(DEFAULT_DRAFTS)
    select: str = "person"
    round: str = "1"
    cap_cents: str = "0"
    cost_centre: str = ""
    degrade: str = DEGRADES[0]
    due_at: str = ""
    brief_id: str = ""
    like: str = ""
    form_id: str = field(default="", compare=False)

    @classmethod
    def of_sent(cls, sent: FormData) -> "LaunchForm":
        """What a browser sent. Anything that is missing is as in an empty form; lists that are missing are empty."""
        texts = {f.name: _text(sent, f.name, f.default) for f in fields(cls) if isinstance(f.default, str)}
        texts["like"] = texts["like"] if _IMAGE.fullmatch(texts["like"]) else ""
        references = tuple(dict.fromkeys(x for x in _texts(sent, "references") if _UPLOAD.match(x)))
        styles = set(_texts(sent, "style_references"))
        placements = tuple(dict.fromkeys(x for x in _texts(sent, "placements") if x in BUILTIN))
        return cls(
            **texts,
            references=references,
            style_references=tuple(x for x in references if x in styles),
            placements=placements,
            own=_own_sent(sent),
        )

    @classmethod
    def of_body(cls, body: Mapping[str, Any]) -> "LaunchForm":
        """What was kept of a form, by this version or an earlier one."""
        known = {f.name: body[f.name] for f in fields(cls) if f.name in body and isinstance(f.default, str)}
        own = tuple(OwnSize(**{k: str(v) for k, v in row.items() if k in _OWN}) for row in body.get("own", ()))
        lists = {name: tuple(map(str, body[name])) for name in _LISTS if name in body}
        values: dict[str, Any] = {**{name: str(value) for name, value in known.items()}, **lists}
        return cls(**values, own=own)

    @classmethod
    def of_params(cls, params: Mapping[str, Any]) -> "LaunchForm":
        """What a campaign was started with."""
        texts: dict[str, Any] = {
            f.name: str(params[f.name]) for f in fields(cls) if f.name in params and isinstance(f.default, str)
        }
        texts["palette"] = ", ".join(params.get("palette", ()))
        texts["final_megapixels"] = f"{float(params.get('final_megapixels', 0)):g}"
        texts |= {name: tuple(map(str, params.get(name, ()))) for name in _LISTS}
        return cls(**texts, own=tuple(own_size(row) for row in params.get("own_placements", ())))

    def body(self) -> dict[str, Any]:
        """To be kept: everything but what belongs to one opening of the form."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_ONE_OPENING}

    @property
    def short_name(self) -> str:
        """As given, else made from the subject; "" while there is neither."""
        return self.name or name_of(self.subject)

    @property
    def colours(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.palette.split(",") if part.strip())

    @property
    def own_rows(self) -> tuple[OwnSize, ...]:
        return tuple(row for row in self.own if not row.is_empty)

    def with_references(self, names: Sequence[str]) -> "LaunchForm":
        """Those that stay are for what they were for; others show the product."""
        styles = tuple(name for name in dict.fromkeys(names) if name in self.style_references)
        return replace(self, references=tuple(dict.fromkeys(names)), style_references=styles)

    def with_look(self, name: str) -> "LaunchForm":
        """With one more reference, the last, for its look; one that is there already stays what it is."""
        if name in self.references:
            return self
        references, styles = (*self.references, name), (*self.style_references, name)
        return replace(self, references=references, style_references=styles)

    # -- what it means -------------------------------------------------------------------------------------------------

    def terms(self) -> Terms:
        """Raises FormErrors."""
        given = {**asdict(self), **{name: getattr(self, name) or 0 for name in ("cap_cents", "final_megapixels")}}
        try:
            return Terms.model_validate({name: given[name] for name in Terms.model_fields})
        except ValidationError as error:
            raise FormErrors(errors_of(error)) from error

    def brief(self) -> Brief:
        """The brief as the flow makes it from the same fields. Raises FormErrors."""
        words = {name: getattr(self, name) for name in WORDS} | {"name": self.short_name or "unnamed"}
        placements = [*self.placements, *(row.placement() for row in self.own_rows)]
        lists = {name: getattr(self, name) for name in _LISTS} | {"palette": self.colours, "placements": placements}
        people = {"yes": True, "no": False}.get(self.people)
        try:
            return Brief.model_validate(
                {**words, **lists, "people": people, "final_megapixels": self.final_megapixels or 0}
            )
        except ValidationError as error:
            raise FormErrors(errors_of(error, self)) from error

    def due(self) -> datetime | None:
        """The deadline, in UTC. Raises FormErrors."""
        if not self.due_at:
            return None
        try:
            return datetime.fromisoformat(self.due_at).replace(tzinfo=UTC)
        except ValueError as error:
            raise FormErrors({"due_at": "The deadline is no date and time."}) from error

    def check(self) -> None:
        """Raises FormErrors with everything that is wrong."""
        errors: dict[str, str] = {}
        for part in (self.brief, self.terms, self.due):
            try:
                part()
            except FormErrors as error:
                errors |= error.errors
        if errors:
            raise FormErrors(errors)

    def options(self, requested_by: str) -> RunOptions:
        terms = self.terms()
        return terms.options("campaign", self.ladder, requested_by, round_no=terms.round)

    def params(self, requested_by: str, approved_quote: str = "") -> dict[str, Any]:
        """What the campaign takes, complete."""
        terms = self.terms()
        return {
            **{name: getattr(self, name) for name in WORDS},
            "name": self.short_name,
            "palette": list(self.colours),
            "people": self.people,
            **{name: list(getattr(self, name)) for name in _LISTS},
            "own_placements": [_plain(row) for row in self.own_rows],
            **terms.model_dump(),
            "ladder": self.ladder,
            "requested_by": requested_by[:MAX_PERSON_CHARS],
            "approved_quote": approved_quote,
        }


_OWN = frozenset(f.name for f in fields(OwnSize))


def own_size(row: Mapping[str, Any]) -> OwnSize:
    """A placement as a row of the form."""
    texts = {name: str(row[name]) for name in ("name", "width_px", "height_px", "fit", "background", "max_bytes")}
    white = "yes" if row["white_background"] else ""
    return OwnSize(**texts, formats=" ".join(row["formats"]), white_background=white)


def name_of(subject: str) -> str:
    """A short name out of the first words of a subject; "" where they hold no letter or digit."""
    words = re.findall(r"[a-z0-9]+", subject.lower().replace("'", ""))[:NAME_WORDS]
    name = ""
    for word in words:
        if len(name) + len(word) < MAX_NAME_CHARS:
            name = f"{name}-{word}" if name else word
    return name


def _plain(row: OwnSize) -> dict[str, Any]:
    made = row.placement()
    return made | {name: int(made[name]) for name in ("width_px", "height_px", "max_bytes")}


def _own_sent(sent: FormData) -> tuple[OwnSize, ...]:
    columns = {name: _texts(sent, f"own_{name}") for name in _OWN}
    rows = []
    for n in range(min(MAX_OWN, len(columns["name"]))):
        given = {name: column[n].strip()[:MAX_FIELD_CHARS] for name, column in columns.items() if n < len(column)}
        rows.append(OwnSize(**given))
    return tuple(row for row in rows if not row.is_empty)


def _text(sent: FormData, name: str, default: str) -> str:
    return str(sent.get(name, default)).strip()[:MAX_FIELD_CHARS]


def _texts(sent: FormData, name: str) -> list[str]:
    return [value for value in sent.getlist(name) if isinstance(value, str)]


# -- errors in words --------------------------------------------------------------------------------------------------

_SENTENCES = {
    ("subject", "string_too_short"): "Say what the picture is of.",
    ("name", "string_pattern_mismatch"): "Lower-case letters, digits, '.', '_' and '-' only; a letter or digit first.",
    ("placements", "too_short"): "Choose at least one placement.",
}
# of any field, by pydantic's name of the error, filled from its context
_BOUNDS = {
    "less_than_equal": "At most {le:,.10g}.",
    "greater_than_equal": "At least {ge:,.10g}.",
    "string_too_long": "At most {max_length} characters.",
    "string_too_short": "At least {min_length} characters.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "float_parsing": "Write a number.",
    "finite_number": "Write a number.",
}


def errors_of(error: ValidationError, form: LaunchForm | None = None) -> dict[str, str]:
    """The first thing that is wrong with each field."""
    found: dict[str, str] = {}
    for one in error.errors():
        name, sentence = _told(one, form)
        found.setdefault(name, sentence)
    return found


def _told(one: Any, form: LaunchForm | None) -> tuple[str, str]:
    name = str(one["loc"][0]) if one["loc"] else "subject"
    if form is not None and name == "placements" and len(one["loc"]) > 1:
        # the named ones always fit: what is wrong is a size of the person's own
        row = max(0, int(one["loc"][1]) - len(form.placements))
        part = str(one["loc"][2]) if len(one["loc"]) > 2 else "size"
        return "own", f"Own placement {row + 1}, {part.removesuffix('_px')}: {_plainly(one)}"
    return name, _SENTENCES.get((name, one["type"])) or _plainly(one)


def _plainly(one: Any) -> str:
    if sentence := _BOUNDS.get(one["type"]):
        return sentence.format(**one.get("ctx", {}))
    message = str(one["msg"]).removeprefix("Value error, ").replace("Input should", "It should")
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
