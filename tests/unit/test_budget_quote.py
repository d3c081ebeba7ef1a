"""A quote's sums and its hash: exact by every cut, the same for the same terms, another for any other."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget.quote import Quote, QuoteLine, hash_of
from budget.quote_changes import changes
from domain.canonical import canonical_json
from domain.money import Micros, PriceRange, total

MICROS = st.integers(0, 5_000_000)


@st.composite
def price_ranges(draw: st.DrawFn) -> PriceRange:
    return PriceRange(*(Micros(micros) for micros in sorted(draw(st.tuples(MICROS, MICROS, MICROS)))))


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    """Drafts and a final, some with a retry or an upscale, for up to four products."""
    lines: list[QuoteLine] = []
    for name in draw(st.sets(st.sampled_from(["mug", "bowl", "vase", "jug"]), min_size=1)):
        for stage, most in (("draft", 16), ("final", 1)):
            count = draw(st.integers(1, most))
            model = draw(st.sampled_from(["flux-2-pro", "flux-2-klein-4b", "gemini-nano-banana-2.1"]))
            each, done = draw(price_ranges()), draw(st.integers(0, count))
            sku = draw(st.sampled_from(["", f"SKU-{name}"]))
            line = QuoteLine(name, sku, stage, stage, "role", model, "vendor", count, each, done, name * 3)
            lines.append(line)
            if draw(st.booleans()):
                lines.append(replace(line, stage="retry", each=replace(each, low=Micros(0), expected=Micros(0))))
    return Quote(tuple(lines), "book")


@given(quotes())
def test_sums_by_sku_stage_and_model_are_the_total_to_the_micro(quote: Quote) -> None:
    for what in ("sku", "stage", "model"):
        parts = quote.per(what).values()
        assert sum(parts, PriceRange()) == quote.range
    assert total(line.range.worst for line in quote.lines) == quote.range.worst


@given(quotes())
def test_low_is_never_above_expected_and_expected_never_above_worst(quote: Quote) -> None:
    for part in (quote.range, quote.full, *quote.per("sku").values(), *(line.range for line in quote.lines)):
        assert part.low <= part.expected <= part.worst
    assert quote.asked_micros <= quote.range.worst <= quote.full.worst


@given(quotes(), st.randoms())
def test_progress_order_and_the_books_version_do_not_change_the_hash(quote: Quote, chance: random.Random) -> None:
    moved = [replace(line, done=chance.randint(0, line.count), held=chance.randint(0, 3)) for line in quote.lines]
    chance.shuffle(moved)
    other = Quote(tuple(moved), "another book", ("a warning",))
    assert other.hash == quote.hash
    assert changes(quote.body, other) == []


COLUMNS = ("model_id", "vendor", "role", "sku", "count", "low", "expected", "worst", "fingerprint", "asset_key")


@given(quotes(), st.sampled_from(COLUMNS), st.data())
def test_any_other_term_is_another_hash_and_is_told_in_words(quote: Quote, column: str, data: st.DataObject) -> None:
    lines = list(quote.lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = _other(lines[at], column)
    changed = replace(quote, lines=tuple(lines))
    assert changed.hash != quote.hash
    assert changes(quote.body, changed)


@given(quotes(), st.data())
def test_a_line_more_or_less_is_another_hash_and_is_told_in_words(quote: Quote, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(quote.lines) - 1))
    less = replace(quote, lines=quote.lines[:at] + quote.lines[at + 1 :])
    assert less.hash != quote.hash
    assert changes(quote.body, less)
    assert changes(less.body, quote)


WHOSE = {"run": "r-1", "campaign": "spring", "cost centre": "shoes", "flow": "campaign", "deployment": "eu"}


@pytest.mark.parametrize("name", WHOSE)
def test_whose_money_it_is_is_in_the_hash_and_told_with_both_names(name: str) -> None:
    before, after = Quote((line(),), "b", whose=WHOSE), Quote((line(),), "b", whose={**WHOSE, name: "another"})
    assert after.hash != before.hash
    told = f"the {name} went from {WHOSE[name]} to another"
    assert changes(before.body, after) == [told if name != "run" else "it is for another run: another instead of r-1"]


def test_another_run_is_not_told_where_that_follows_from_the_change() -> None:
    before = Quote((line(),), "b", whose=WHOSE)
    after = Quote((line(worst=70_000),), "b", whose={**WHOSE, "run": "r-2", "cost centre": "hats"})
    assert changes(before.body, after) == [
        "the cost centre went from shoes to hats",
        "price of flux-2-pro went from $0.0600 to $0.0700 a final",
    ]


def test_a_deployment_binds_only_where_it_was_known() -> None:
    known, unknown = (Quote((line(),), "b", whose={**WHOSE, "deployment": name}) for name in ("eu", ""))
    assert known.known_as(unknown.body).hash == unknown.hash
    assert unknown.known_as(known.body).hash != known.hash
    other = Quote((line(),), "b", whose={**WHOSE, "deployment": "us"})
    assert changes(known.body, other.known_as(known.body)) == ["the deployment went from eu to us"]


def test_a_quote_of_before_whose_money_was_named_is_void_and_says_so() -> None:
    quote = Quote((line(),), "b", whose=WHOSE)
    kept = {name: value for name, value in quote.body.items() if name != "whose"}
    assert changes(kept, quote.known_as(kept)) == ["it was kept by an earlier version, which did not yet name who pays"]


def _other(line: QuoteLine, column: str) -> QuoteLine:
    if column in ("low", "expected", "worst"):
        return replace(line, each=replace(line.each, **{column: getattr(line.each, column) + 1}))
    value = getattr(line, column)
    return replace(line, **{column: value + 1 if isinstance(value, int) else f"{value}-other"})


def line(
    stage: str = "final", model: str = "flux-2-pro", count: int = 1, worst: int = 60_000, **more: str
) -> QuoteLine:
    each = PriceRange(Micros(0), Micros(worst), Micros(worst))
    return QuoteLine("kettle", "", stage, more.pop("tier", stage), "r", model, "bfl", count, each, **more)  # type: ignore[arg-type]


def told(old: list[QuoteLine], new: list[QuoteLine]) -> str:
    return "; ".join(changes(Quote(tuple(old), "b").body, Quote(tuple(new), "b")))


def test_a_change_is_told_with_both_figures() -> None:
    old = [line("draft", "klein", 4, 14_000), line()]
    new = [line("draft", "klein", 6, 14_000), line(worst=70_000)]
    assert told(old, new) == "4 drafts became 6; price of flux-2-pro went from $0.0600 to $0.0700 a final"


def test_a_price_whose_worst_stays_says_which_figure_moved() -> None:
    cheaper = replace(line(), each=PriceRange(Micros(0), Micros(50_000), Micros(60_000)))
    assert told([line()], [cheaper]) == "price of flux-2-pro went from $0.0600 to $0.0500 (expected) a final"


def test_another_model_is_told_by_its_name() -> None:
    assert told([line()], [line(model="flux-2-max")]) == "the model of the final went from flux-2-pro to flux-2-max"


def test_a_switched_policy_is_told_with_what_it_may_add() -> None:
    retry = line("retry", tier="final")
    assert told([line()], [line(), retry]) == "sending again what is in doubt was switched on: $0.0600 at worst"
    assert told([line(), retry], [line()]) == "sending again what is in doubt was switched off: $0.0600 at worst"


def test_a_catalog_that_changes_everywhere_is_told_in_a_few_sentences() -> None:
    old = [replace(line(), asset_key=f"p{n}") for n in range(500)]
    new = [replace(line(worst=70_000), asset_key=f"p{n}") for n in range(500)]
    assert told(old, new) == "price of flux-2-pro went from $0.0600 to $0.0700 a final (in 500 lines)"


def test_the_fields_of_a_changed_brief_are_named() -> None:
    def quote(fingerprint: str, light: str, photo: str) -> Quote:
        facts = {
            "kettle": {"brief": {"light": light, "subject": "s"}, "photos": [photo], "draft": "1x1", "final": "2x2"}
        }
        return Quote((line(fingerprint=fingerprint),), "b", facts=facts)

    assert changes(quote("a", "x", "p").body, quote("b", "y", "q")) == [
        "the brief of kettle changed: light",
        "the reference photos of kettle changed",
    ]
    behind = changes(quote("a", "x", "p").body, quote("b", "x", "p"))
    assert behind == ["the ladder, the prompts or a setting behind kettle changed"]


@pytest.mark.parametrize("seed", range(5))
def test_a_kept_body_reads_back_as_the_same_quote(seed: int) -> None:
    quote = Quote((line(count=seed + 1),), "book", whose=WHOSE)
    kept = json.loads(canonical_json(quote.body))
    assert changes(kept, quote) == []
    assert hash_of(kept) == quote.hash
