"""Keys: what may be part of one, and which digest one promises."""

import pytest

from domain.errors import InputError, SettingError
from storage.objects import keys
from storage.objects.settings import ObjectSettings

SHA = "ab" * 32


def test_keys_have_the_documented_layout() -> None:
    assert keys.blob(SHA, "webp") == f"blobs/ab/{SHA}.webp"
    assert keys.original(SHA, "png") == f"originals/ab/{SHA}.png"
    assert keys.quarantine(SHA) == f"quarantine/ab/{SHA}.bin"
    assert keys.manifest("main", "SKU-1", SHA) == f"manifests/main/SKU-1/{SHA}.json"
    assert keys.private_manifest("main", "SKU-1", SHA) == f"private-manifests/main/SKU-1/{SHA}.json"
    assert keys.snapshot("main", 7, SHA) == "catalogs/main/v/7-abababababab.json"
    assert keys.pointer("main") == "catalogs/main/current.json"
    assert keys.draft("run-1", "brief-2", "a.png") == "drafts/run-1/brief-2/a.png"


@pytest.mark.parametrize("bad", ["", ".", "..", "../x", "a/b", "a b", "é", "-a", "x" * 65, "a\n"])
def test_a_name_that_could_leave_its_folder_is_refused(bad: str) -> None:
    with pytest.raises(InputError):
        keys.pointer(bad)
    with pytest.raises(InputError):
        keys.draft("run", bad)


@pytest.mark.parametrize("bad", ["AB" * 32, "ab" * 31, "", "ab" * 32 + "\n"])
def test_only_a_whole_lower_case_sha256_makes_a_key(bad: str) -> None:
    with pytest.raises(InputError):
        keys.blob(bad, "png")


def test_shops_may_write_anything_into_a_sku_and_no_two_meet() -> None:
    skus = ["A/B", "A B", "A-B", "Größe 42", "../../x", "A~B", "日本", "x" * 300, "a/b"]
    parts = [keys.sku_part(s) for s in skus]
    assert len(set(parts)) == len(skus)
    assert all("/" not in p and ".." not in p and len(p) <= 64 and p.isascii() for p in parts)
    assert keys.sku_part("A-B") == "A-B"
    with pytest.raises(InputError):
        keys.sku_part("  ")


def test_a_key_names_its_digest_only_where_it_promises_one() -> None:
    assert keys.named_sha256(keys.blob(SHA, "png")) == SHA
    assert keys.named_sha256(keys.manifest("main", "A/B", SHA)) == SHA
    assert keys.named_sha256(keys.quarantine(SHA)) == SHA
    assert keys.named_sha256(keys.pointer("main")) is None
    assert keys.named_sha256(f"blobs/cd/{SHA}.png") is None
    assert keys.named_sha256(f"drafts/run/{SHA}.png") is None


def test_a_wrong_setting_is_named_as_the_user_wrote_it() -> None:
    with pytest.raises(SettingError, match="DRAFTLINE_S3_PRIVATE_BUCKET"):
        ObjectSettings(private_bucket="No Bucket", public_bucket="public")
    with pytest.raises(SettingError, match="DRAFTLINE_S3_SECRET_KEY"):
        ObjectSettings(private_bucket="private", public_bucket="public", access_key="key")
    with pytest.raises(SettingError, match="DRAFTLINE_S3_PUBLIC_BUCKET"):
        ObjectSettings(private_bucket="same", public_bucket="same")


def test_the_secret_never_shows_in_a_repr() -> None:
    settings = ObjectSettings(private_bucket="one", public_bucket="two", access_key="key", secret_key="hush")
    assert "hush" not in repr(settings)
