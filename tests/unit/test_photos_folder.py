"""Photos in a folder: found by name and by nothing else, and never outside of it.

These touch small files in a temporary folder and nothing else.
"""

import os
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.product import Product
from storage.photos import MAX_PHOTO_BYTES, MAX_PHOTOS, FoundPhotos, PhotoFinder, names_of

PNG = b"\x89PNG\r\n\x1a\n"
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG + name.encode())


def find(folder: Path, product: Product, *others: Product) -> FoundPhotos:
    return PhotoFinder(folder, known_names=names_of([product, *others])).find(product)


def names(found: FoundPhotos) -> list[str]:
    return [photo.name for photo in found.photos]


def product(sku: str, *photo_names: str, variants: tuple[str, ...] = ()) -> Product:
    return Product(sku=sku, title=sku.title(), photo_names=(sku, *photo_names), variants=variants)


@pytest.mark.parametrize(
    "name",
    [
        "mug.png",
        "MUG.PNG",
        "Mug.jpeg",
        "mug.webp",
        "mug-1.png",
        "mug_front.png",
        "mug (2).jpg",
        "mug(2).jpg",
        "mug-front-2.png",
    ],
)
def test_a_photo_is_found_by_the_products_name(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert names(find(tmp_path, product("mug"))) == [name]


@pytest.mark.parametrize("name", ["mug.heic", "MUG.GIF", "mug.tiff"])
def test_a_photo_in_a_format_that_is_not_taken_is_named_and_not_called_missing(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    said = (f"{name} is not a PNG, JPEG, WebP or AVIF picture: save it as one of these",)
    assert find(tmp_path, product("mug")).problems == said
    assert find(tmp_path, product("M-1", f"{name}")).problems == said


def test_a_layered_file_beside_the_photo_is_nobodys_problem(tmp_path: Path) -> None:
    put(tmp_path, "mug.png", "mug.psd")
    found = find(tmp_path, product("mug"))
    assert (names(found), found.problems) == (["mug.png"], ())


@pytest.mark.parametrize(
    "name",
    ["mug-large.png", "mugs.png", "smug.png", "mug1.png", "my-mug.png", "mug-top.png", ".mug.png", "mug"],
)
def test_a_name_that_only_looks_alike_is_another_product(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    found = find(tmp_path, product("mug"))
    assert found.photos == ()
    assert "no photo called mug" in found.problems[0]


def test_variants_and_the_feeds_file_names_count_as_names(tmp_path: Path) -> None:
    put(tmp_path, "SKU-9.jpg", "Blue Mug_925x.png", "var-1.webp")
    found = find(tmp_path, product("mug", "SKU-9", "blue mug_925x.PNG", variants=("VAR-1",)))
    assert names(found) == ["SKU-9.jpg", "Blue Mug_925x.png", "var-1.webp"]
    assert found.problems == ()


def test_several_photos_come_in_natural_order_and_at_most_four(tmp_path: Path) -> None:
    put(tmp_path, "mug-10.png", "mug-2.png", "mug-1.png", "mug.png", "mug-3.png")
    assert names(find(tmp_path, product("mug"))) == ["mug.png", "mug-1.png", "mug-2.png", "mug-3.png"]
    assert MAX_PHOTOS == 4


def test_one_picture_in_two_formats_or_twice_the_same_bytes_counts_once(tmp_path: Path) -> None:
    put(tmp_path, "mug.jpg", "mug.png")
    (tmp_path / "mug-1.png").write_bytes((tmp_path / "mug.png").read_bytes())
    assert names(find(tmp_path, product("mug"))) == ["mug.png"]


def test_a_numbered_file_belongs_to_the_product_that_is_called_so(tmp_path: Path) -> None:
    put(tmp_path, "tee.png", "tee-2.png", "tee-3.png")
    assert names(find(tmp_path, product("tee"), product("tee-2"))) == ["tee.png", "tee-3.png"]
    assert names(find(tmp_path, product("tee-2"), product("tee"))) == ["tee-2.png"]


def test_subfolders_are_searched_to_depth_three(tmp_path: Path) -> None:
    put(
        tmp_path,
        "a/mug.png",
        "a/b/c/mug-2.png",
        "a/b/c/d/mug-3.png",
        ".hidden/mug-4.png",
        "mug/front.png",
        "mug/large.png",
    )
    found = find(tmp_path, product("mug"))
    assert [photo.origin for photo in found.photos] == [
        "folder:a/mug.png",
        "folder:a/b/c/mug-2.png",
        "folder:mug/front.png",
    ]


@pytest.mark.parametrize(
    "name", ["mug/IMG_4711.jpg", "Mug/_DSC0042.JPG", "mug/PXL_20250131_101530.jpg", "mug/dscf1234.png"]
)
def test_a_cameras_own_names_count_in_a_folder_called_like_the_product(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "IMG_4712.jpg", "pot/IMG_4713.jpg", "mug/scarf.jpg")
    assert [photo.origin for photo in find(tmp_path, product("mug")).photos] == [f"folder:{name}"]


@pytest.mark.parametrize("name", ["blue mug.png?v=1617291", "blue%20mug.png", "Blue%20Mug.PNG?v=1&width=800"])
def test_what_a_download_leaves_in_a_name_is_overlooked(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "100% wool.png")
    assert names(find(tmp_path, product("M-1", "blue mug.png"))) == [name]
    assert names(find(tmp_path, product("100% wool"))) == ["100% wool.png"]


@pytest.mark.parametrize(
    ("in_feed", "on_disk"),
    [("blue.jpg", "blue_1024x1024.jpg"), ("blue_925x.jpg", "blue.jpg"), ("blue_x600.png", "blue_300x.webp")],
)
def test_a_picture_of_the_feed_is_found_in_another_of_shopifys_sizes(
    tmp_path: Path, in_feed: str, on_disk: str
) -> None:
    put(tmp_path, on_disk)
    assert names(find(tmp_path, product("mug", in_feed))) == [on_disk]


def test_a_size_in_a_name_is_not_overlooked_where_it_may_be_another_products(tmp_path: Path) -> None:
    put(tmp_path, "rug_120x180.jpg", "blue.jpg", "blue_300x.jpg")
    assert names(find(tmp_path, product("mat", "rug.jpg"), product("rug_120x180"))) == []
    assert names(find(tmp_path, product("rug"))) == []
    assert names(find(tmp_path, product("mug", "blue.jpg"))) == ["blue.jpg"]


def test_accents_match_however_they_are_composed(tmp_path: Path) -> None:
    put(tmp_path, "cafe\u0301.png")
    assert len(find(tmp_path, product("CAFÉ")).photos) == 1


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_not(tmp_path: Path) -> None:
    inside, outside = tmp_path / "photos", tmp_path / "secret"
    put(inside, "real.png")
    put(outside, "mug.png", "deep/cup.png")
    (inside / "mug.png").symlink_to(outside / "mug.png")
    (inside / "linked").symlink_to(outside / "deep")
    (inside / "jug.png").symlink_to(inside / "real.png")
    (inside / "loop.png").symlink_to(inside / "loop.png")
    finder = PhotoFinder(inside)
    refused = finder.find(product("mug"))
    assert (refused.photos, refused.problems) == (
        (),
        ("mug.png is a link that leads out of the folder of photos: refused",),
    )
    assert finder.find(product("cup")).photos == ()
    assert finder.find(product("loop")).photos == ()
    assert len(finder.find(product("jug")).photos) == 1


def test_a_file_that_becomes_a_link_after_the_index_is_refused_as_well(tmp_path: Path) -> None:
    inside = tmp_path / "photos"
    put(inside, "mug.png", "cup.png")
    put(tmp_path, "secret.png")
    finder = PhotoFinder(inside)
    assert finder.find(product("cup")).photos
    (inside / "mug.png").unlink()
    (inside / "mug.png").symlink_to(tmp_path / "secret.png")
    assert finder.find(product("mug")).problems == ("mug.png leads out of the folder of photos",)


def test_what_is_no_usable_picture_is_a_problem_and_the_next_one_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "mug-3.png")
    (tmp_path / "mug.png").write_bytes(b"<html>not found</html>")
    (tmp_path / "mug-1.png").write_bytes(b"")
    with (tmp_path / "mug-2.png").open("wb") as file:
        file.write(PNG)
        file.truncate(MAX_PHOTO_BYTES + 1)
    os.mkfifo(tmp_path / "mug-4.png")
    found = find(tmp_path, product("mug"))
    assert names(found) == ["mug-3.png"]
    assert found.problems == (
        "mug.png is not a PNG, JPEG, WebP or AVIF picture",
        "mug-1.png is empty",
        "mug-2.png is larger than 30 MB",
    )


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        (b"\xff\xd8\xff\xe0rest", True),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", True),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", True),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avif", True),
        (b"\x00\x00\x00\x1cftypmp42\x00\x00\x00\x00isom", False),
        (b"RIFF\x00\x00\x00\x00WAVE", False),
        (b"GIF89a", False),
    ],
)
def test_the_bytes_decide_and_not_the_extension(tmp_path: Path, data: bytes, taken: bool) -> None:
    (tmp_path / "mug.png").write_bytes(data)
    assert bool(find(tmp_path, product("mug")).photos) is taken


def test_names_that_are_paths_lead_nowhere(tmp_path: Path) -> None:
    put(tmp_path, "photos/x.png", "mug.png")
    for name in ("../mug", "..", ".", "", "/", str(tmp_path / "mug.png"), "*", "[m]ug"):
        assert find(tmp_path / "photos", product(name)).photos == ()


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        PhotoFinder(tmp_path / "nowhere")


def test_without_folder_and_address_it_says_what_is_missing() -> None:
    assert PhotoFinder(None).find(product("mug")).problems == (
        "no folder of photos was given, and the feed has no https address of one",
    )


def test_the_real_cut_outs_are_found_by_their_handles() -> None:
    if not REAL.is_dir():
        pytest.skip(f"the real photos are not here: {REAL}")
    handles = [path.stem for path in REAL.glob("*.png")] + ["saleor-beanie", "saleor-polo-shirt"]
    finder = PhotoFinder(REAL)
    assert len(handles) == 12
    assert all(len(finder.find(product(handle)).photos) == 1 for handle in handles)
    assert finder.find(product("saleor")).photos == ()
