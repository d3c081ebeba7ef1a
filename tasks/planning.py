"""From wishes to a plan with its price: models by role and date, sizes, prompts, and the quote. Sends nothing.

A plan is plain data and goes into the run's rows, so that a later process (and a person) sees what was decided and why.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from budget.degrade import Lowering, Making, Stage, lowered_note
from budget.drift import Drifts
from budget.price_book import ModelChoice
from budget.quote import Quote, QuoteLine, inversion_warning, saving_micros
from domain.attempt import Dimensions, State
from domain.canonical import digest
from domain.errors import InputError, PriceMissing
from domain.ladder import Ladder
from domain.money import PriceRange
from domain.prompt import ReferenceRole
from domain.render import Reference, RenderRequest
from domain.run import Asset, Kind, Publication, Run, SelectMode
from domain.sizing import Size, crop_warnings, draft_size, final_size
from prompts.book import RenderedPrompt
from prompts.variations import Variation
from tasks.charging import dimensions, needs_no_hold
from tasks.wishes import Wish, Wishes
from vendors.contract import Vendor
from wiring import Wiring

DEFAULT_DRAFTS = 4
# Gemini has no choice of format and answers JPEG: a wish for PNG would only be a warning.
FINAL_FORMAT = {"flux": "png", "nano-banana": "jpeg", "gpt-image": "png"}
PROBE_PX = 1024
ROUND_STEP = 1_000
"""Ordinals of a second round of drafts start here, so that equal requests are new work."""


@dataclass(frozen=True)
class RunOptions:
    """What a person chose for a run."""

    kind: Kind
    ladder: str
    select_mode: SelectMode
    drafts: int = DEFAULT_DRAFTS
    cap_cents: int = 0
    round: int = 1
    requested_by: str = ""
    degrade: str = ""
    cost_centre: str = ""


@dataclass(frozen=True)
class Planned:
    """A run that could be opened: its rows, its price, and the pictures that must be stored before it starts."""

    run: Run
    assets: tuple[Asset, ...]
    quote: Quote
    references: dict[str, Reference]
    unchanged: tuple[str, ...] = ()
    wishes: Wishes | None = None
    final_each: dict[str, int] | None = None

    @property
    def saving_micros(self) -> int:
        """Against making every draft in its asset's final model."""
        return saving_micros(self.quote.lines, self.final_each or {})


class Planner:
    """Plans on one day with one ladder, lowered by a policy or as wished. `vendors` only measure here."""

    def __init__(
        self, w: Wiring, vendors: Mapping[str, Vendor], options: RunOptions, lowering: Lowering | None = None
    ) -> None:
        self.w, self.vendors, self.options = w, vendors, options
        self.lowering = lowering or Lowering()
        self.ladder = _ladder(w, options.ladder)
        self.today = w.today()
        self.prices = Drifts(w.database, w.price_book, w.now).prices()
        self.warnings: dict[str, None] = {}

    def plan(self, wishes: Wishes, *, published: Mapping[str, Publication] | None = None, catalog: str = "") -> Planned:
        """Everything that changed since it was `published` (by SKU) in `catalog`, as one run."""
        assets: list[Asset] = []
        lines: list[QuoteLine] = []
        finals: dict[str, int] = {}
        references: dict[str, Reference] = {}
        changed = self._changed(wishes, published or {})
        for wish in changed:
            asset, own, final = self._asset(wish, self.fingerprint(wish), len(assets))
            assets.append(asset)
            lines += own
            finals[asset.asset_key] = final
            references |= {r.sha256: r for r in wish.references}
        quote = Quote(tuple(lines), self.w.price_book.version, tuple(self.warnings))
        run = self._run(self.run_id(wishes, published=published, catalog=catalog), wishes.name, quote)
        stamped = tuple(replace(asset, run_id=run.run_id) for asset in assets)
        unchanged = [wish.brief.sku for wish in wishes.items if wish.brief.name not in finals]
        return Planned(run, stamped, quote, references, tuple(unchanged), wishes, finals)

    def _changed(self, wishes: Wishes, published: Mapping[str, Publication]) -> list[Wish]:
        """Those published otherwise or not at all; what this policy published at another step is not made anew."""
        shown = {sku: publication.fingerprint for sku, publication in published.items()}
        return [
            wish
            for wish in wishes.items
            if wish.brief.sku not in shown
            or shown[wish.brief.sku] not in {self._fingerprint(wish, at) for at in self.lowering.all_steps()}
        ]

    def fingerprint(self, wish: Wish) -> str:
        """Everything that would make other pictures: brief, photos, ladder, prompts. Not prices and not model ids."""
        return self._fingerprint(wish, self.lowering)

    def _fingerprint(self, wish: Wish, lowering: Lowering) -> str:
        making = self._making(wish, lowering)
        roles = [making.draft_role, making.final_role]
        dialects = sorted({self.w.roles[role].dialect for role in (*self.ladder.roles(), *roles)})
        return digest(
            {
                "brief": wish.brief.model_dump(mode="json"),
                "references": [r.sha256 for r in wish.references],
                "ladder": self.ladder.model_dump(mode="json"),
                "prompts": [self.w.prompt_book.version(d) for d in dialects],
                "variations": self.w.prompt_book.variations_version,
                "drafts": making.drafts,
                "vary": list(wish.vary) if wish.vary is not None else None,
                "upscale": self.w.settings.upscale_model,
                "round": self.options.round,
                **({"lowered": roles} if {change.what for change in making.changes} - {"drafts"} else {}),
            }
        )

    def _making(self, wish: Wish, lowering: Lowering) -> Making:
        """The number of drafts and the roles that the wish is made with, lowered where a policy says so."""
        final = self.ladder.choose_final(wish.brief).role
        wished = Making(wish.drafts or self.options.drafts, self.ladder.draft.role, final)
        return lowering.apply(wished, lambda stage, role: self._can(wish, stage, role))

    def _can(self, wish: Wish, stage: Stage, role: str) -> bool:
        """Whether a role takes as many references as the wish has: a final also gets its select."""
        select = Reference("0" * 64, "image/jpeg", PROBE_PX, PROBE_PX, b"?")
        references = wish.references if stage == "draft" else (select, *wish.references)
        try:
            model = self.w.price_book.choose(role, self.today)
            self.vendors[model.vendor].measure(RenderRequest(model.model_id, "?", PROBE_PX, PROBE_PX, references))
        except (InputError, PriceMissing):
            return False
        return True

    def _asset(self, wish: Wish, fingerprint: str, ordinal: int) -> tuple[Asset, list[QuoteLine], int]:
        brief, making = wish.brief, self._making(wish, self.lowering)
        draft = self._draft_plan(wish, fingerprint)
        final, reason = self._final_plan(wish, draft)
        drafts = draft_requests(draft, wish.references)
        draft_each = self._dearest(drafts, draft["vendor"])
        final_each = self._dearest(self._final_probes(wish, final, draft, drafts[0]), final["vendor"])
        self._warn(inversion_warning(draft["model_id"], draft_each, final["model_id"], final_each))
        lowered = self.lowering.facts(making)
        warnings = (
            *lowered_note(lowered),
            *wish.warnings,
            *draft["warnings"],
            *crop_warnings(brief, Size(final["width_px"], final["height_px"])),
        )
        plan = {
            "draft": draft,
            "final": final,
            "references": [_facts(r) for r in wish.references],
            "origins": list(wish.origins),
            "imagined": wish.imagined,
            "feed_ids": list(wish.feed_ids),
            "reason": reason,
            **lowered,
        }
        asset = Asset(
            run_id="",
            asset_key=brief.name,
            ordinal=ordinal,
            sku=brief.sku,
            title=brief.title or brief.name,
            fingerprint=fingerprint,
            brief=brief.model_dump(mode="json"),
            plan=plan,
            warnings=tuple(dict.fromkeys(warnings)),
        )
        lines = [
            self._line(asset, "draft", draft, len(draft["calls"]), draft_each),
            self._line(asset, "final", final, self._finals(asset.asset_key), final_each),
        ]
        return asset, lines, final_each.expected

    def _draft_plan(self, wish: Wish, fingerprint: str) -> dict[str, Any]:
        making, size = self._making(wish, self.lowering), draft_size(wish.brief, self.ladder.draft)
        model = self._model(making.draft_role)
        variations = self.w.prompt_book.variations(wish.brief, making.drafts, axes=wish.vary)
        roles = _roles(wish)
        prompts = [self._prompt(wish, model.role, variation, roles) for variation in variations]
        seeded = self.vendors[model.vendor].takes_seed(model.model_id)
        calls = [
            {
                "prompt": p.text,
                "version": p.version,
                "axes": p.axes,
                "seed": _seed(fingerprint, n, self.options.round) if seeded else None,
            }
            for n, p in enumerate(prompts)
        ]
        warnings = list(dict.fromkeys(text for p in prompts for text in p.warnings))
        return {**_model_plan(model, size), "calls": calls, "warnings": warnings, "output_format": "jpeg"}

    def _final_plan(self, wish: Wish, draft: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        choice = self.ladder.choose_final(wish.brief)
        model = self._model(self._making(wish, self.lowering).final_role)
        size = final_size(wish.brief, choice)
        seed = draft["calls"][0]["seed"] if self.vendors[model.vendor].takes_seed(model.model_id) else None
        plan = {**_model_plan(model, size), "dialect": self.w.roles[model.role].dialect, "seed": seed}
        reason = choice.reason + (f"; lowered to {model.role}" if model.role != choice.role else "")
        return {**plan, "output_format": FINAL_FORMAT[plan["dialect"]], "reason": reason}, reason

    def _finals(self, asset_key: str) -> int:
        """How many a brief gets: one, until somebody picks more."""
        return 1

    def _prompt(
        self, wish: Wish, role: str, variation: Variation, reference_roles: Sequence[ReferenceRole]
    ) -> RenderedPrompt:
        dialect = self.w.roles[role].dialect
        return self.w.prompt_book.render(wish.brief, dialect, variation=variation, reference_roles=reference_roles)

    def _model(self, role: str) -> ModelChoice:
        model = self.w.price_book.choose(role, self.today)
        for warning in model.warnings:
            self._warn(warning)
        return model

    def _dearest(self, requests: Sequence[RenderRequest], vendor: str) -> PriceRange:
        """The price of the dearest one: where tokens of the prompt are billed, variations differ by a little."""
        return max((self._price(request, vendor) for request in requests), key=lambda price: price.worst)

    def _final_probes(
        self, wish: Wish, final: Mapping[str, Any], draft: Mapping[str, Any], sent: RenderRequest
    ) -> list[RenderRequest]:
        """What the final will look like to a price, for every draft that may be selected: that one, then the photos."""
        comes = self.vendors[draft["vendor"]].measure(sent)
        select = Reference("0" * 64, "image/jpeg", comes.width_px, comes.height_px, b"?")
        roles: list[ReferenceRole] = ["select", *_roles(wish)]
        variations = (Variation(number, dict(call["axes"])) for number, call in enumerate(draft["calls"]))
        return [
            RenderRequest(
                model_id=final["model_id"],
                prompt=self._prompt(wish, final["role"], variation, roles).text,
                width_px=final["width_px"],
                height_px=final["height_px"],
                references=(select, *wish.references),
                seed=final["seed"],
                output_format=final["output_format"],
            )
            for variation in variations
        ]

    def _price(self, request: RenderRequest, vendor: str) -> PriceRange:
        measured = self.vendors[vendor].measure(request)
        for warning in measured.warnings:
            self._warn(warning)
        self._warn(self.prices.warning(request.model_id))
        return self.prices.price_range(request.model_id, measured, self.today)

    def _warn(self, text: str) -> None:
        if text:
            self.warnings[text] = None

    def _line(self, asset: Asset, stage: str, plan: Mapping[str, Any], count: int, each: PriceRange) -> QuoteLine:
        states = self._states(asset, stage, plan)
        return QuoteLine(
            asset_key=asset.asset_key,
            sku=asset.sku,
            stage=stage,
            tier=stage,
            role=plan["role"],
            model_id=plan["model_id"],
            vendor=plan["vendor"],
            count=count,
            each=each,
            done=states.count("settled"),
            held=sum(needs_no_hold(self.w, plan["vendor"], state) for state in states),
            fingerprint=asset.fingerprint,
        )

    def _states(self, asset: Asset, stage: str, plan: Mapping[str, Any]) -> list[State]:
        """Where drafts stand whose very request is in the journal; finals are counted when the run is found again."""
        if stage != "draft":
            return []
        requests = draft_requests(plan, [Reference(**r, data=b"") for r in asset.plan["references"]])
        keys = [r.work_key(n) for n, r in requests_with_ordinals(requests, self.options.round)]
        return list(self.w.ledger.states_among(keys).values())

    def run_id(self, wishes: Wishes, *, published: Mapping[str, Publication] | None = None, catalog: str = "") -> str:
        """The run's name comes from what is made and what that replaces: going back to an old feed is a new run."""
        kind, changed, shown = self.options.kind, self._changed(wishes, published or {}), published or {}
        after = {wish.brief.sku: shown[wish.brief.sku].version for wish in changed if wish.brief.sku in shown}
        identity = {
            "assets": {wish.brief.name: self.fingerprint(wish) for wish in changed},
            "select": self.options.select_mode,
            "round": self.options.round,
            **({"catalog": catalog, "after": after} if catalog else {}),
        }
        slug = re.sub(r"[^a-z0-9]+", "-", wishes.name.lower()).strip("-")[:30] or kind
        return f"{kind}-{slug}-{digest(identity)[:10]}"

    def _run(self, run_id: str, name: str, quote: Quote) -> Run:
        return Run(
            run_id=run_id,
            kind=self.options.kind,
            name=name,
            flow=self.options.kind,
            ladder=self.ladder.name,
            select_mode=self.options.select_mode,
            status="planned",
            plan={
                "round": self.options.round,
                "requested_by": self.options.requested_by,
                "cost_centre": self.options.cost_centre,
            },
            quote=quote.as_dict(),
            warnings=quote.warnings,
        )


def draft_requests(plan: Mapping[str, Any], references: Sequence[Reference]) -> list[RenderRequest]:
    """The draft requests of an asset's plan, in the order of their ordinals."""
    return [
        RenderRequest(
            model_id=plan["model_id"],
            prompt=call["prompt"],
            width_px=plan["width_px"],
            height_px=plan["height_px"],
            references=tuple(references),
            seed=call["seed"],
            output_format=plan["output_format"],
        )
        for call in plan["calls"]
    ]


def requests_with_ordinals(requests: list[RenderRequest], round_no: int) -> list[tuple[int, RenderRequest]]:
    """Each request with its ordinal for the work key: rounds never meet."""
    return [((round_no - 1) * ROUND_STEP + n, request) for n, request in enumerate(requests)]


def quote_parts(w: Wiring, planned: Planned) -> list[tuple[Dimensions, int]]:
    """The plan for `Ledger.check_plan`: each line's own dimensions, so that a vendor's or a model's cap counts too."""
    assets = {asset.asset_key: asset for asset in planned.assets}
    return [
        (dimensions(planned.run, assets[x.asset_key], w, assets[x.asset_key].plan[x.stage], x.stage), x.asked_micros)
        for x in planned.quote.lines
    ]


def _roles(wish: Wish) -> tuple[ReferenceRole, ...]:
    return wish.brief.reference_roles(r.sha256 for r in wish.references)


def _facts(reference: Reference) -> dict[str, Any]:
    """A reference as plain data; its bytes are in the store."""
    return {k: v for k, v in vars(reference).items() if k != "data"}


def _model_plan(model: ModelChoice, size: Size) -> dict[str, Any]:
    return {
        "role": model.role,
        "model_id": model.model_id,
        "vendor": model.vendor,
        "width_px": size.width_px,
        "height_px": size.height_px,
    }


def _seed(fingerprint: str, ordinal: int, round_no: int) -> int:
    return int(digest([fingerprint, ordinal, round_no])[:7], 16)


def _ladder(w: Wiring, name: str) -> Ladder:
    if name not in w.ladders:
        raise InputError(f"unknown ladder {name!r}", where="--ladder", hint=f"Known: {', '.join(sorted(w.ladders))}")
    return w.ladders[name]
