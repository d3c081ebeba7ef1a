"""The sandbox's painter, as someone sees it who tries the product without a key."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sandbox.painter import BadReference, SceneRequest, dress, paint, props
from sandbox.painter.cast import Piece
from sandbox.painter.lettering import has_mark, lift_mark, set_block
from sandbox.painter.plan import Hero
from sandbox.painter.plan import plan as make_plan
from sandbox.painter.words import read

BRIEF = "A bottle on a studio plinth, soft window light from the left, color palette #d9c7a8 #8a5a3b #f1e8dc"


def picture(prompt: str = BRIEF, side: int = 192, **more: object) -> np.ndarray:
    request = {"width_px": side, "height_px": side, "seed": 3, "quality": "final"} | more
    return np.asarray(paint(SceneRequest(prompt, **request)))  # type: ignore[arg-type]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def red_pot(ground: str | None = None) -> bytes:
    """A bright red pot, cut out, or as a JPEG on a plain ground with a soft shadow."""
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0) if ground is None else ground)
    draw = ImageDraw.Draw(image)
    if ground is not None:
        draw.ellipse((60, 255, 260, 285), fill=(225, 225, 225, 255))
    draw.rounded_rectangle((80, 60, 220, 270), 24, fill=(205, 24, 30, 255))
    return encoded(image) if ground is None else encoded(image.convert("RGB"), "JPEG")


def redness(pixels: np.ndarray) -> np.ndarray:
    p = pixels.astype(int)
    return (p[..., 0] > 90) & (p[..., 0] > 2.0 * p[..., 1]) & (p[..., 0] > 2.0 * p[..., 2])


def test_the_same_request_gives_the_same_pixels() -> None:
    reference = (red_pot(),)
    assert (picture(references=reference) == picture(references=reference)).all()


def test_another_seed_gives_a_visibly_other_picture_in_the_same_palette() -> None:
    first, second = picture(seed=1).astype(float), picture(seed=2).astype(float)
    assert np.abs(first - second).mean() > 6
    assert np.abs(first.mean((0, 1)) - second.mean((0, 1))).max() < 60


def test_words_for_light_and_framing_change_the_picture() -> None:
    plain = picture().astype(float)
    for words in (
        ". Camera: close view that fills most of the frame",
        ". Camera: subject on the left third",
        " a little darker",
    ):
        assert np.abs(picture(BRIEF + words).astype(float) - plain).mean() > 2


@pytest.mark.parametrize("palette", [("#d9c7a8", "#f1e8dc"), ("#7f9fb5", "#c9d8e0"), ("#e0a08a", "#f0d5c8")])
def test_the_palette_asked_for_is_the_palette_seen(palette: tuple[str, str]) -> None:
    seen = (
        picture(f"a still life in a studio, soft light, color palette {' '.join(palette)}").reshape(-1, 3).astype(float)
    )
    asked = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in palette], float)
    # hue and balance, with the light taken out: shadows may be as dark as they like
    seen_hue, asked_hue = (v / v.sum(-1, keepdims=True) for v in (seen + 1, asked))
    distance = np.linalg.norm(seen_hue[:, None] - asked_hue[None], axis=-1).min(axis=1)
    assert distance.mean() < 0.05


def test_colour_names_count_as_colours() -> None:
    teal = picture("a still life in a studio, palette: teal, petrol").mean((0, 1))
    coral = picture("a still life in a studio, palette: coral, blush").mean((0, 1))
    assert teal[2] > teal[0]
    assert coral[0] > coral[2] + 20


@pytest.mark.parametrize("ground", [None, "white", "#c9d2d8"])
def test_a_reference_product_stands_in_the_scene_uncut(ground: str | None) -> None:
    seen = redness(picture(side=384, references=(red_pot(ground),)))
    rows, columns = np.nonzero(seen)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert seen.mean() > 0.03
    assert width / height == pytest.approx(140 / 210, rel=0.08), "the product was distorted"
    assert seen[rows.min() : rows.max(), columns.min() : columns.max()].mean() > 0.93, "the product has holes"


def test_a_plain_ground_does_not_come_along() -> None:
    seen = picture("a pot in a studio, palette #2f5d50 #3f6d60", side=256, references=(red_pot("white"),))
    assert ((seen > 225).all(-1)).mean() < 0.01


def test_a_product_lying_flat_is_seen_whole() -> None:
    seen = redness(picture("top-down flat lay on linen, calm", side=256, references=(red_pot(),)))
    assert seen.mean() > 0.08


def draft_and_final(text: str = "") -> tuple[np.ndarray, np.ndarray]:
    prompt = BRIEF + (f'. The lettering reads "{text}"' if text else "")
    small = paint(SceneRequest(prompt, 512, 288, (red_pot(),), 5, "flux-2-klein", "draft"))
    big = paint(SceneRequest(prompt, 960, 540, (encoded(small), red_pot()), 77, "flux-2-pro", "final"))
    return np.asarray(small), np.asarray(big)


def grey(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L").resize((width, height), Image.Resampling.BOX), float)


def test_a_promoted_final_keeps_the_drafts_composition() -> None:
    small, big = draft_and_final("SLOW")
    assert big.shape == (540, 960, 3)
    pair = np.corrcoef(grey(small, 64, 36).ravel(), grey(big, 64, 36).ravel())
    assert pair[0, 1] > 0.97


def test_a_promoted_final_is_cleaner_than_its_draft() -> None:
    small, big = draft_and_final()
    noise = [np.abs(np.diff(p[:40, :80, 1].astype(float), axis=1)).mean() for p in (small, big)]
    assert noise[1] < 0.75 * noise[0]


def test_there_is_exactly_one_mark_also_after_promotion() -> None:
    small, big = draft_and_final()
    assert has_mark(small)
    assert has_mark(big)
    bare = big.copy()
    lift_mark(bare)
    assert not has_mark(bare), "a second mark lies under the first"
    assert (big[:-40] == bare[:-40]).all()


def test_the_mark_outlives_a_jpeg() -> None:
    again = Image.open(io.BytesIO(encoded(Image.fromarray(picture(side=384)), "JPEG")))
    assert has_mark(np.asarray(again))


def test_lettering_is_set_once_and_only_when_asked() -> None:
    plain, lettered = picture(side=256), picture(BRIEF + ', the words "SLOW MORNINGS"', side=256)
    assert np.abs(plain.astype(int) - lettered.astype(int)).max() > 60
    quoted_name = picture('A bottle named "Mighty" on a studio plinth', side=256)
    assert (quoted_name == picture("A bottle named   on a studio plinth", side=256)).all()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_wide_bowl_is_seen_whole_also_from_close(seed: int) -> None:
    prompt = "a crimson bowl, close view, subject on the left third, in a studio, color palette #d9d9d9 #c8c8c8"
    seen = np.asarray(redness(picture(prompt, width_px=144, height_px=192, seed=seed)).any(axis=0))
    assert seen.any()
    assert not seen[:10].any()
    assert not seen[-10:].any()


def lettering(text: str) -> np.ndarray:
    """The ink of some words, in lines of 100 px a letter's size."""
    return set_block(text, 10_000, 128, centred=False).mask


@pytest.mark.parametrize(("accented", "plain"), ["ÖO", "ée", "ñn", "çc", "ØO", "ŠS"])
def test_an_accented_letter_is_its_plain_letter_with_something_more(accented: str, plain: str) -> None:
    seen, bare = lettering(accented), lettering(plain)
    assert seen.shape == bare.shape
    assert (seen >= bare).all()
    assert seen.sum() > bare.sum() + 20


def test_a_sharp_s_and_ligatures_are_spelled_out() -> None:
    assert (lettering("Straße Œuvre") == lettering("Strasse OEuvre")).all()


@pytest.mark.parametrize("text", ["朝のお茶", "утро", "شاي", "नमन"])
def test_letters_of_other_scripts_are_quiet_bars_and_no_crossed_boxes(text: str) -> None:
    columns = lettering(text).max(axis=0) > 0.5
    starts = np.nonzero(columns[1:] & ~columns[:-1])[0]
    assert len(starts) + int(columns[0]) == len(text)
    middle = lettering(text)[:, columns]
    rows = np.nonzero(middle.max(axis=1) > 0.5)[0]
    assert middle[rows[len(rows) // 2]].min() > 0.5, "a bar has holes"


def test_a_sharp_form_has_soft_edges_and_no_stairs() -> None:
    plan = make_plan(read("studio"), 320, 320, Hero(0.9, 1.0), 3, "")
    piece = Piece(props.sphere((0.1, 0.1, 0.1), 0.3, 0.0), (0.0, 0.0, 0.0))
    canvas = np.full((320, 320, 3), 50.0, np.float32)
    dress.draw(plan, canvas, [piece], dress.silhouettes(plan, [piece]), 1.0, 0.0)
    top = canvas[: int(plan.camera.to_px(0.0, 0.3, 0.0)[1]), :, 1]
    ball, between = top < 5, (top > 5) & (top < 45)
    outline = np.count_nonzero(ball & ~np.roll(ball, 1, 0))
    assert outline > 40
    assert np.count_nonzero(between) > outline / 2


def test_a_reflection_of_what_fills_its_box_ends_softly() -> None:
    canvas = np.zeros((200, 200, 3), np.float32)
    dress.mirror(canvas, np.ones((60, 60, 3), np.float32), np.ones((60, 60), np.float32), 70, 40, 99.0, 1.0, 200.0)
    row = canvas[115, :, 0]
    assert row[100] > 0.3
    assert np.abs(np.diff(row)).max() < 0.5 * row[100]


@pytest.mark.parametrize(
    "size", [(64, 64), (64, 512), (512, 64), (65, 333), (1024, 128), (128, 1024)], ids=lambda s: f"{s[0]}x{s[1]}"
)
@pytest.mark.parametrize("quality", ["draft", "final"])
def test_any_shape_of_picture_comes_out_as_asked(size: tuple[int, int], quality: str) -> None:
    for prompt in ("shoe on a beach", 'flat lay, the text "HI"'):
        for references in ((), (red_pot(),)):
            done = paint(SceneRequest(prompt, *size, references, 1, "", quality))  # type: ignore[arg-type]
            assert (done.size, done.mode) == (size, "RGB")


@pytest.mark.parametrize(
    "setting",
    ["studio", "kitchen counter", "window sill", "beach", "forest", "desert", "mountains", "city at night", "bathroom",
     "concrete", "linen", "living room"],
)  # fmt: skip
def test_every_setting_has_light_and_depth(setting: str) -> None:
    seen = picture(f"a vase, {setting}", side=160).astype(float)
    assert 25 < seen.mean() < 235
    assert seen.std() > 12


def test_broken_references_name_their_place() -> None:
    for broken in (b"", b"not an image", red_pot()[:200], b"GIF89a" + bytes(64)):
        with pytest.raises(BadReference) as caught:
            picture(references=(red_pot(), broken))
        assert caught.value.index == 1


def test_a_reference_of_too_many_pixels_is_refused_unopened() -> None:
    with pytest.raises(BadReference, match="pixels"):
        picture(references=(encoded(Image.new("1", (9000, 6000))),))


def test_sizes_out_of_bounds_are_refused() -> None:
    for size in ((63, 100), (100, 4097)):
        with pytest.raises(ValueError, match="px"):
            SceneRequest("x", *size)
