"""Alerts are told: a log line, a Prefect event and a webhook, without ever delaying the paid call that caused them.

The log line and the event leave at once; the webhook has a thread of its own. A cap's alert stays untold in
`cap_alerts`, a drift in `price_drifts`, until its webhook was answered, so it is told at least once: a webhook that is
down, or a process that died before its mark, leaves it to the next process. Whoever must not see it twice looks at its
id.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from budget.alerts import CapAlert
from budget.drift import PPM, Drift, Drifts
from domain.errors import LedgerConflict, RunBusy
from domain.money import show
from tasks.webhooks import POST_AT_MOST_S, post_alert
from wiring import Wiring

LEFT_TO_ITS_MAKER = timedelta(seconds=2 * POST_AT_MOST_S)
"""So long an alert is left to the living process that made it: it may be telling it just now."""
TELLING_AT_MOST_S = 5.0
LEASE = "alerts"

log = logging.getLogger("draftline.alerts")


@dataclass(frozen=True)
class Alert:
    """Something that a person should hear of. `kind` is a dotted name; `facts` are plain and hold no secret.

    `about` names what it concerns, as `cap.day`. `alert_id` stays the same however often it is told; "" is a new one.
    """

    kind: str
    title: str
    text: str
    facts: Mapping[str, str | int] = field(default_factory=dict)
    about: str = ""
    run_id: str = ""
    alert_id: str = ""
    at: datetime | None = None


def tell(w: Wiring, alert: Alert, *, on_told: Callable[[], object] | None = None) -> None:
    """Log it and emit it now, post it soon; returns at once. `on_told` runs when nobody is left to be told."""
    _log_and_emit(alert)
    if not w.background.submit(lambda: _post(w, alert) and on_told and on_told()):
        log.warning("alert.not_posted kind=%s reason=too-many-waiting", alert.kind)


def listen(w: Wiring) -> None:
    """From now on this process tells the thresholds that its holds cross, and those that others could not tell."""
    w.ledger.on_alert = lambda alerts: _tell_caps(w, alerts)
    w.background.submit(lambda: tell_untold_alerts(w))


@asynccontextmanager
async def telling(w: Wiring) -> AsyncIterator[None]:
    """`listen` for the length of a run; its end waits a moment for what is still to be told."""
    await asyncio.to_thread(listen, w)
    try:
        yield
    finally:
        # a webhook that is slower than this leaves its alert untold, for the next process
        await asyncio.to_thread(w.background.drain, TELLING_AT_MOST_S)


def tell_untold_alerts(w: Wiring) -> int:
    """Tell what other processes left untold; returns how many were told. Blocks, at most POST_AT_MOST_S for each.

    One living process at a time; it stops at the first that the webhook does not take, and leaves the rest to the next.
    """
    try:
        w.processes.take(LEASE, "telling alerts")
    except RunBusy:
        return 0
    told = 0
    try:
        for alert, attempt_id, mark in _untold(w):
            if alert.at is not None and _its_maker_tells(w, attempt_id, alert.at):
                continue
            _log_and_emit(alert)
            if not _post(w, alert):
                break
            told += mark()
    finally:
        w.processes.give_back(LEASE)
    return told


def _untold(w: Wiring) -> Iterator[tuple[Alert, str, Callable[[], int]]]:
    """Each alert that nobody was told of, the attempt that caused it, and how it is marked as told."""
    for crossed in w.ledger.untold_alerts():
        yield of_cap(crossed), crossed.attempt_id, partial(w.ledger.told, crossed.alert_id)
    drifts = Drifts(w.database, w.price_book, w.now)
    for drift, at in drifts.untold():
        yield replace(of_drift(drift), at=at), drift.attempt_id, partial(drifts.told, drift.attempt_id)


def of_cap(alert: CapAlert) -> Alert:
    """A crossed threshold in words."""
    run = f" Run: {alert.run_id}." if alert.run_id else ""
    return Alert(
        kind="cap.threshold",
        title=f"Cap {alert.cap_id} is {alert.percent} % used",
        text=f"Draftline: cap {alert.cap_id} ({alert.window}) has {show(alert.committed_micros)} committed of "
        f"{show(alert.limit_micros)}: past {alert.percent} %.{run}",
        facts={
            "cap": alert.cap_id,
            "scope": alert.scope,
            "window": alert.window,
            "percent": alert.percent,
            "limit_micros": alert.limit_micros,
            "committed_micros": alert.committed_micros,
            "attempt": alert.attempt_id,
        },
        about=f"cap.{alert.cap_id}",
        run_id=alert.run_id,
        alert_id=f"cap-{alert.alert_id}-{alert.attempt_id}",
        at=alert.at,
    )


def of_drift(drift: Drift) -> Alert:
    """A vendor's figure that departs from the price book in words."""
    follows = "later holds of it are raised by that" if drift.is_above else "holds stay as they are"
    return Alert(
        kind="price.drift",
        title=f"{drift.model_id} costs {drift.factor_ppm / PPM:.4g} times the price book's price",
        text=f"Draftline: {drift.vendor} bills {show(drift.vendor_micros)} for {drift.model_id}, where price book "
        f"{drift.price_version} says {show(drift.book_micros)}; {follows}. See `draftline prices drift`.",
        facts={
            "model": drift.model_id,
            "price_version": drift.price_version,
            "book_micros": drift.book_micros,
            "vendor_micros": drift.vendor_micros,
            "factor_ppm": drift.factor_ppm,
            "attempt": drift.attempt_id,
        },
        about=f"price.{drift.model_id}",
        run_id=drift.run_id,
        alert_id=f"drift-{drift.attempt_id}-{drift.factor_ppm}",
    )


def _tell_caps(w: Wiring, alerts: Sequence[CapAlert]) -> None:
    for alert in alerts:
        try:
            tell(w, of_cap(alert), on_told=lambda told=alert.alert_id: w.ledger.told(told))  # type: ignore[misc]
        except Exception:
            # the money is held already: telling of it must never stop the call
            log.exception("alert.failed cap=%s", alert.cap_id)


def _its_maker_tells(w: Wiring, attempt_id: str, at: datetime) -> bool:
    if w.now() - at > LEFT_TO_ITS_MAKER:
        return False
    try:
        return w.processes.is_alive(w.ledger.get(attempt_id).process_id)
    except LedgerConflict:
        return False


def _log_and_emit(alert: Alert) -> None:
    facts = " ".join(f"{name}={value}" for name, value in alert.facts.items())
    log.warning("%s run=%s %s", alert.kind, alert.run_id or "-", facts)
    # whoever did not load Prefect runs no flow, and loading it takes a second
    if "prefect" in sys.modules:
        _emit(alert)


def _emit(alert: Alert) -> None:
    """A Prefect event; only handed to Prefect's own thread here. Its id makes a second telling the same event."""
    from prefect.events import emit_event
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        # Prefect would start a server of its own, and make us wait for it
        return
    run = {"prefect.resource.id": f"draftline.run.{alert.run_id}", "prefect.resource.role": "run"}
    emit_event(
        f"draftline.{alert.kind}",
        resource={
            "prefect.resource.id": f"draftline.{alert.about or alert.kind}",
            "prefect.resource.name": alert.title,
            # an automation can only match labels, so the facts are labels as well
            **{f"draftline.{name}": str(value) for name, value in alert.facts.items()},
        },
        related=[run] if alert.run_id else [],
        payload={**alert.facts, "title": alert.title, "text": alert.text, "id": alert.alert_id, "run": alert.run_id},
        id=uuid5(NAMESPACE_URL, f"draftline:{alert.alert_id}") if alert.alert_id else uuid4(),
    )


def _post(w: Wiring, alert: Alert) -> bool:
    """True when nobody is left to be told: the webhook took it, or there is none."""
    url = w.settings.alert_webhook_url.get_secret_value()
    secret = w.settings.alert_webhook_secret.get_secret_value()
    return not url or post_alert(url, _body(alert), secret=secret, now=w.now)


def _body(alert: Alert) -> dict[str, Any]:
    """What is sent; `text` is what Slack and Mattermost show."""
    return {
        "text": alert.text,
        "title": alert.title,
        "kind": alert.kind,
        "id": alert.alert_id,
        "at": alert.at.isoformat() if alert.at else "",
        "run": alert.run_id,
        "facts": dict(alert.facts),
    }
