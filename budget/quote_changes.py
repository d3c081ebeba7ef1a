"""What differs between a quote as it was kept and a quote of now, in words. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from budget.quote import RUN, Quote
from domain.money import show

MAX_TOLD = 12
Line = Mapping[str, Any]
Key = tuple[str, str, str]


def changes(body: Mapping[str, Any], quote: Quote) -> list[str]:
    """Sentences such as "4 drafts became 6"; empty exactly when the hashes are equal. `body` is `Quote.body`."""
    before, now = _by_key(body["lines"]), _by_key(line.terms for line in quote.lines)
    told = _of_assets({key[0] for key in before}, {key[0] for key in now})
    told += _counted(_of_terms(before, now))
    told += _of_wishes(before, now, body["facts"], quote.facts, told)
    told += _of_lines(before, now)
    if not told and any(dict(before[key]) != dict(now[key]) for key in now):
        told = ["what sending again may add changed"]
    told = [*_of_whose(body, quote.whose), *told]
    if not told and body["whose"] != dict(quote.whose):
        told = [
            f"it is for another run: {quote.whose.get(RUN) or 'none'} instead of {body['whose'].get(RUN) or 'none'}"
        ]
    more = len(told) - MAX_TOLD
    return told if more <= 0 else [*told[:MAX_TOLD], f"and {more} changes more"]


def _of_whose(body: Mapping[str, Any], now: Mapping[str, str]) -> list[str]:
    """Whose money it is. A changed plan is another run: that alone is told only where nothing else is."""
    if "whose" not in body:
        return ["it was kept by an earlier version, which did not yet name who pays"]
    before = body["whose"]
    names = sorted(name for name in {*before, *now} if name != RUN and before.get(name) != now.get(name))
    return [f"the {name} went from {before.get(name) or 'none'} to {now.get(name) or 'none'}" for name in names]


def _of_run(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    one, other = before.get(RUN) or "none", now.get(RUN) or "none"
    return [] if one == other else [f"it is for another run: {other} instead of {one}"]


def _by_key(lines: Iterable[Line]) -> dict[Key, Line]:
    return {(line["asset_key"], line["stage"], line["tier"]): line for line in lines}


def _of_assets(before: set[str], now: set[str]) -> list[str]:
    added, gone = sorted(now - before), sorted(before - now)
    told = [f"{_some(added)} came in"] if added else []
    return [*told, f"{_some(gone)} left"] if gone else told


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _of_terms(before: Mapping[Key, Line], now: Mapping[Key, Line]) -> list[str]:
    """Models, prices and counts of the lines that both have."""
    told: list[str] = []
    for key, new in now.items():
        if (old := before.get(key)) is None or old["stage"] == "retry":
            continue
        stage, model = new["stage"], new["model_id"]
        if old["model_id"] != model:
            told.append(f"the model of the {stage} went from {old['model_id']} to {model}")
        if old["each"] != new["each"]:
            told.append(f"price of {model} went from {_each(old, new)} a {stage}")
        if old["count"] != new["count"]:
            told.append(f"{old['count']} {stage}{'s' if old['count'] > 1 else ''} became {new['count']}")
        for name in ("role", "vendor", "sku"):
            if old[name] != new[name] and old["model_id"] == model:
                told.append(f"the {name} of the {stage} went from {old[name] or 'none'} to {new[name] or 'none'}")
    return told


def _each(old: Line, new: Line) -> str:
    """The worst price is what an approval bounds; the others are named where only they moved."""
    name = next(x for x in ("worst", "expected", "low") if old["each"][x] != new["each"][x])
    which = "" if name == "worst" else f" ({name})"
    return f"{show(old['each'][name])} to {show(new['each'][name])}{which}"


def _counted(told: list[str]) -> list[str]:
    """Each sentence once; a catalog says the same of hundreds of pictures."""
    counts = {text: told.count(text) for text in dict.fromkeys(told)}
    return [f"{text} (in {count} lines)" if count > 1 else text for text, count in counts.items()]


def _of_wishes(
    before: Mapping[Key, Line], now: Mapping[Key, Line], old: Mapping[str, Any], new: Mapping[str, Any], told: list[str]
) -> list[str]:
    """Briefs and photos, by the assets whose fingerprint is another one."""
    changed = {
        key[0] for key, line in now.items() if key in before and before[key]["fingerprint"] != line["fingerprint"]
    }
    found = [text for name in sorted(changed) for text in _of_wish(name, old.get(name, {}), new.get(name, {}))]
    if changed and not found and not told:
        return [f"the ladder, the prompts or a setting behind {_some(sorted(changed))} changed"]
    return found


def _of_wish(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    words, were = new.get("brief", {}), old.get("brief", {})
    fields = sorted(field for field in {*words, *were} if words.get(field) != were.get(field))
    told = [f"the brief of {name} changed: {', '.join(fields)}"] if fields else []
    told += [f"the reference photos of {name} changed"] if old.get("photos") != new.get("photos") else []
    for stage in ("draft", "final"):
        if old.get(stage) != new.get(stage):
            told.append(f"the {stage} of {name} went from {old.get(stage)} to {new.get(stage)}")
    return told


def _of_lines(before: Mapping[Key, Line], now: Mapping[Key, Line]) -> list[str]:
    """Work that only one of the two has, for assets that both have."""
    assets = {key[0] for key in before} & {key[0] for key in now}
    added = [now[key] for key in now if key not in before and key[0] in assets]
    gone = [before[key] for key in before if key not in now and key[0] in assets]
    return [*_of_side(added, "on"), *_of_side(gone, "off")]


def _of_side(lines: list[Line], switched: str) -> list[str]:
    retries = [line for line in lines if line["stage"] == "retry"]
    others = sorted({line["stage"] for line in lines} - {"retry"})
    told = [f"{stage} was switched {switched}" for stage in others]
    if not retries:
        return told
    worst = sum(line["each"]["worst"] * line["count"] for line in retries)
    return [*told, f"sending again what is in doubt was switched {switched}: {show(worst)} at worst"]
