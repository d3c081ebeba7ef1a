"""Names, models and what is data about them."""

import httpx
import pytest

from domain.errors import InputError
from vendors.contract import Vendor
from vendors.registry import VENDORS, capabilities, vendor_of


def test_every_model_has_one_vendor_and_says_where_its_facts_come_from() -> None:
    models = [model_id for entry in VENDORS.values() for model_id in entry.models()]
    assert len(models) == len(set(models)) >= 10
    for model_id in models:
        assert model_id in VENDORS[vendor_of(model_id)].models()
        assert capabilities(model_id).source
        assert capabilities(model_id).checked.year >= 2026


def test_an_unknown_model_is_told_with_what_there_is() -> None:
    with pytest.raises(InputError, match="flux-2-pro"):
        vendor_of("flux-9")


def test_both_vendors_keep_the_contract_and_know_whether_a_seed_counts() -> None:
    nowhere = httpx.MockTransport(lambda _: httpx.Response(500))
    for name, entry in VENDORS.items():
        vendor: Vendor = entry.make(api_key="some-key-or-other", transport=nowhere)
        assert vendor.name == name
        assert {vendor.takes_seed(m) for m in entry.models()} == {name == "bfl"}
        with pytest.raises(InputError):
            vendor.takes_seed("nobody")
