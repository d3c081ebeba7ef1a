"""Reading strange answers, hints and words."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendors.bfl.answer import credits_to_micros
from vendors.http import media_type_of, parse_url
from vendors.reading import as_count, as_text, read_json, retry_after_s, seconds, tidy

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        (b"3", 30_000),
        (b"3.0", 30_000),
        (b"1.4", 14_000),
        (b"0.1", 1_000),
        (b"0", 0),
        (b"0.00001", 1),
        (b"1.7000000000000002", 17_000),
        (b"7.5", 75_000),
        (b"-1", None),
        (b"1e9", None),
        (b"1e999999999", None),
        (b"true", None),
        (b'"3"', None),
        (b"null", None),
        (b"NaN", None),
        (b"Infinity", None),
    ],
)
def test_credits_become_micro_dollars_exactly_or_not_at_all(written: Any, micros: Any) -> None:
    assert credits_to_micros(read_json(written)) == micros


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_json_or_nothing(body: Any) -> None:
    read_json(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 5000, b"1e99999999999999999999", b"\xff\xfe{", b""])
def test_hostile_json_is_nothing(body: Any) -> None:
    value = read_json(body)
    assert value is None or as_count(value) == 0


def test_fractions_are_never_floats() -> None:
    assert read_json(b'{"cost": 0.1}') == {"cost": Decimal("0.1")}


def test_counts_may_be_strings_but_never_negative_or_broken() -> None:
    assert [as_count(v) for v in (5, "5", Decimal("5"), -5, "x", 1.5, True, None, 10**30)] == [
        5,
        5,
        5,
        0,
        0,
        0,
        0,
        0,
        0,
    ]


def test_text_that_no_database_would_take_is_empty() -> None:
    assert as_text("\ud800") == ""
    assert as_text("x" * 3000) == ""
    assert as_text("grün") == "grün"


@pytest.mark.parametrize(
    ("hint", "wait_s"), [("5", 5.0), ("10.67s", 10.67), (3, 3.0), ("soon", None), ("-1", None), (10**9, 3600.0)]
)
def test_hints_to_wait(hint: Any, wait_s: Any) -> None:
    assert seconds(hint) == wait_s


def test_a_date_to_wait_for_is_read_against_the_answers_own_date() -> None:
    assert retry_after_s("Sat, 21 Nov 2026 10:00:30 GMT", DATE) == 30.0
    assert retry_after_s("Sat, 21 Nov 2026 09:00:00 GMT", DATE) == 0.0
    assert retry_after_s("Sat, 21 Nov 2026 10:00:30 GMT", "") is None
    assert retry_after_s("", "") is None


def test_words_lose_addresses_keys_and_base64() -> None:
    text = "see https://delivery.bfl.ai/x?sig=abc\nkey sk-12345678 " + "QUJD" * 40
    clean = tidy(text, "sk-12345678")
    assert clean == "see <address> key *** ..."
    assert len(tidy("long words " * 100)) == 300


ODD_HOSTS = (
    "https://[",
    "https://a b/",
    "https://\ud800/",
    "https://a..b/",
    f"https://{'a' * 64}.ai/",
    "https://a:99999/",
)


@pytest.mark.parametrize("text", ["", "http://", "no address", "\ud800://x", *ODD_HOSTS])
def test_what_cannot_be_sent_to_is_no_address(text: Any) -> None:
    assert parse_url(text) is None


@pytest.mark.parametrize(
    "text", ["https://api.eu2.bfl.ai/v1?id=1", "http://127.0.0.1:8000/x", "http://[::1]:8000/x", "http://sandbox:81/"]
)
def test_plain_addresses_are_read(text: Any) -> None:
    assert str(parse_url(text)) == text


def test_media_types_come_from_the_bytes() -> None:
    assert media_type_of(b"\xff\xd8\xff\xe0", "image/png") == "image/jpeg"
    assert media_type_of(b"<html>", "text/html") == "text/html"
    assert media_type_of(b"<html>", "image/png") == "application/octet-stream"
    assert media_type_of(b"<html>", "a b c") == "application/octet-stream"
