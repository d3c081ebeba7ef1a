"""What a contact sheet is headed by."""

import pytest

from domain.run import Asset
from tasks.sheets import heading_of


@pytest.mark.parametrize(
    ("title", "sku", "heading"),
    [
        ("Größe café ☕️", "cafe-1", "Größe café ☕️"),
        ("マグカップ 陶器", "MUG-9", "MUG-9"),
        ("قبعة صوفية", "", "mug-9"),
        ("マグカップ", "マグカップ", "mug-9"),
        ("🎉", "MUG-9", "MUG-9"),
    ],
)
def test_a_title_that_the_typeface_cannot_spell_gives_way_to_the_sku(title: str, sku: str, heading: str) -> None:
    asset = Asset(
        run_id="run-1", asset_key="mug-9", ordinal=0, sku=sku, title=title, fingerprint="f", brief={}, plan={}
    )
    assert heading_of(asset) == heading
