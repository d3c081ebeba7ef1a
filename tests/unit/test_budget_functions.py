"""The ledger's PostgreSQL functions say the same words as the code beside them."""

import re
from typing import get_args

from budget.caps import Scope
from budget.functions import function_name, function_text
from budget.steps import MOMENT, VALUES


def parameters(text: str) -> list[str]:
    head = text[text.index("CREATE FUNCTION") : text.index("RETURNS")]
    return re.findall(r"\bp_(\w+)", head)


def test_hold_knows_every_scope_of_a_cap() -> None:
    for scope in get_args(Scope):
        assert f"('{scope}'," in function_text("hold")


def test_move_takes_every_value_in_its_order_and_notes_every_moment() -> None:
    assert tuple(parameters(function_text("move"))[-len(VALUES) :]) == VALUES
    for column in set(MOMENT.values()):
        assert f"{column} = CASE WHEN" in function_text("move")


def test_a_function_is_named_by_what_it_says() -> None:
    assert re.fullmatch(r"draftline_hold_[0-9a-f]{12}", function_name("hold"))
    assert function_name("hold")[15:] != function_name("move")[15:]
