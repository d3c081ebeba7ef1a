"""Thresholds that a hold crossed are told at once, signed, and by the next process if this one could not."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from budget.caps import Cap
from domain.attempt import Dimensions, Intent
from domain.errors import SettingError
from tasks import webhooks
from tasks.alerts import Alert, listen, tell, tell_untold_alerts
from tests.support.money import bench_wiring, template_database
from tests.support.receiver import Receiver
from wiring import Wiring, read_settings

SECRET = "not-a-secret"
LIMIT = 1_000_000
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_database(tmp_path_factory.mktemp("template"))


@pytest.fixture
def process(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Wiring]]:
    """Makes processes' wirings on one database, each with a webhook's address."""
    monkeypatch.setattr(webhooks, "WAITS_S", (0.01, 0.01))
    # a receiver of these tests is never given up because the machine is slow
    monkeypatch.setattr(webhooks, "TIMEOUT_S", PATIENCE_S)
    made: list[Wiring] = []

    def start(url: str) -> Wiring:
        settings: dict[str, Any] = {"alert_webhook_url": url, "alert_webhook_secret": SECRET}
        w = bench_wiring(tmp_path, "http://127.0.0.1:9", template=empty_database, **settings)
        w.ledger.set_cap(Cap("run:r1", "run_id", "r1", "total", LIMIT), by="test", why="test")
        made.append(w)
        return w

    yield start
    for w in made:
        w.background.drain(PATIENCE_S)
        w.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def hold(w: Wiring, percent: int, work: str = "w1") -> None:
    by = Dimensions(run_id="r1", flow="campaign", vendor="bfl", model_id="m")
    w.ledger.hold(Intent(work, LIMIT * percent // 100, "book", by), slots=9)


def untold(w: Wiring) -> list[int]:
    return [alert.percent for alert in w.ledger.untold_alerts() if alert.cap_id == "run:r1"]


def test_a_hold_over_80_percent_is_told_at_once_signed_and_in_words(
    process: Callable[[str], Wiring], receiver: Receiver, caplog: pytest.LogCaptureFixture, record_property: Any
) -> None:
    w = process(receiver.url)
    listen(w)
    began = int(time.time())
    hold(w, 40)
    with caplog.at_level(logging.WARNING, "draftline.alerts"):
        hold(w, 41, "w2")
        committed = time.monotonic()
    mail = receiver.wait_for(2)
    assert [m.body["facts"]["percent"] for m in mail] == [50, 80]
    assert len({m.body["id"] for m in mail}) == 2, "each came with its first post: nothing was waited for"
    record_property("seconds from commit to receipt", round(mail[-1].at - committed, 3))
    last = mail[-1]
    assert last.is_signed_with(SECRET)
    assert began <= int(last.headers["x-draftline-timestamp"]) <= time.time()
    assert last.body["text"] == ("Draftline: cap run:r1 (total) has $0.8100 committed of $1.0000: past 80 %. Run: r1.")
    assert "cap.threshold run=r1 cap=run:r1 scope=run_id window=total percent=80 limit_micros=1000000" in caplog.text
    assert w.background.drain(PATIENCE_S)
    assert untold(w) == []


def test_an_answer_of_500_is_tried_again_with_the_same_id(process: Callable[[str], Wiring]) -> None:
    receiver = Receiver(500, 503)
    w = process(receiver.url)
    listen(w)
    hold(w, 50)
    mail = receiver.wait_for(3)
    assert w.background.drain(PATIENCE_S)
    receiver.stop()
    assert len(mail) == 3
    assert len({m.body["id"] for m in mail}) == 1
    assert untold(w) == []


def test_a_receiver_that_hangs_delays_no_hold_and_the_alert_stays_untold(process: Callable[[str], Wiring]) -> None:
    receiver = Receiver(hangs=True)
    w = process(receiver.url)
    listen(w)
    for number in range(9):
        hold(w, 10, f"w{number}")
    assert receiver.wait_for(1)
    assert len(receiver.mail) == 1, "all holds are back, and the first post is still under way: none waited for it"
    assert untold(w) == [50, 80]
    receiver.stop()


def test_what_a_webhook_refused_is_told_by_a_later_process_and_only_once(
    process: Callable[[str], Wiring], receiver: Receiver
) -> None:
    refusing = Receiver(403)
    first = process(refusing.url)
    listen(first)
    hold(first, 50)
    assert first.background.drain(PATIENCE_S)
    refusing.stop()
    assert len(refusing.mail) == 1
    assert untold(first) == [50]
    _forget(first)
    later = process(receiver.url)
    assert tell_untold_alerts(later) == 1
    assert tell_untold_alerts(later) == 0
    assert len(receiver.mail) == 1


def test_an_alert_of_a_process_that_lives_is_left_to_it(process: Callable[[str], Wiring], receiver: Receiver) -> None:
    first, second = process(receiver.url), process(receiver.url)
    hold(first, 50)
    assert tell_untold_alerts(second) == 0
    assert untold(second) == [50]


def test_a_process_killed_between_its_hold_and_the_telling_is_spoken_for_by_the_next_one(
    process: Callable[[str], Wiring], receiver: Receiver
) -> None:
    def hold_and_die() -> None:
        w = process(receiver.url)
        w.ledger.on_alert = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        hold(w, 80)

    child = multiprocessing.get_context("fork").Process(target=hold_and_die)
    child.start()
    child.join(PATIENCE_S)
    assert child.exitcode == -signal.SIGKILL
    assert receiver.mail == []
    w = process(receiver.url)
    assert sorted(untold(w)) == [50, 80]
    listen(w)
    mail = receiver.wait_for(2)
    assert sorted(m.body["facts"]["percent"] for m in mail) == [50, 80]
    assert w.background.drain(PATIENCE_S)
    assert untold(w) == []


def test_other_alerts_take_the_same_way_and_say_when_nobody_is_left_to_be_told(
    process: Callable[[str], Wiring], receiver: Receiver
) -> None:
    w, told = process(receiver.url), []
    drift = Alert("price.drift", "Dearer", "flux-2-pro costs 10 % more than the book says", {"percent": 10})
    tell(w, drift, on_told=lambda: told.append("posted"))
    assert w.background.drain(PATIENCE_S)
    silent = process("")
    tell(silent, drift, on_told=lambda: told.append("nobody to post to"))
    assert silent.background.drain(PATIENCE_S)
    assert told == ["posted", "nobody to post to"]
    assert receiver.mail[0].body["kind"] == "price.drift"


@pytest.mark.parametrize("url", ["http://hooks.example.com/T0/secret", "ftp://127.0.0.1/x", "hooks.example.com/x"])
def test_a_webhook_over_plain_http_to_elsewhere_is_refused_without_showing_its_address(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAFTLINE_ALERT_WEBHOOK_URL", url)
    with pytest.raises(SettingError, match="DRAFTLINE_ALERT_WEBHOOK_URL: not an https address") as refused:
        read_settings()
    assert url not in str(refused.value)


def _forget(w: Wiring) -> None:
    """As if the process behind `w` were gone."""
    with w.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM processes")
