"""One picture from one request: references, plan, set, pieces, product, lettering, mark. Order of work only."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from sandbox.painter import cast, cutout, dress, finish, flat, lettering, product, promote, stage
from sandbox.painter.camera import Camera
from sandbox.painter.cutout import Cutout
from sandbox.painter.plan import Hero, Plan, camera_of
from sandbox.painter.plan import plan as make_plan
from sandbox.painter.raster import Array, rng_of
from sandbox.painter.request import SceneRequest
from sandbox.painter.words import Reading, read

FINAL_WORK_PX = 780_000  # the set is painted on at most this many pixels, then enlarged
DRAFT_WORK_PX = 420_000
MIN_WORK_SIDE_PX = 32
DRAFT_GRAIN, FINAL_GRAIN = (2.6, 1.7), (1.0, 1.0)  # (levels of 255, size in px)


@dataclass(frozen=True)
class References:
    """What the references were: products cut out, and the first full-frame picture."""

    products: list[Cutout]
    draft: Image.Image | None
    from_here: bool  # the full frame carries the sandbox's own mark


def paint(request: SceneRequest) -> Image.Image:
    """The picture, RGB, of the asked size. Raises BadReference."""
    refs = sort_references(request)
    reading = read(request.prompt)
    pixels = _promoted(request, refs) if refs.draft is not None else _scene(request, reading, refs.products)
    lettering.add_mark(pixels)
    return Image.fromarray(pixels)


def sort_references(request: SceneRequest) -> References:
    """Decodes every reference, tells products from full frames."""
    limit_px = max(request.width_px, request.height_px)
    products: list[Cutout] = []
    draft: Image.Image | None = None
    from_here = False
    for index, data in enumerate(request.references):
        image = cutout.decode(data, index)
        marked = image.mode == "RGB" and lettering.has_mark(np.asarray(image))
        found = None if marked else cutout.cut(image, limit_px)
        if found is not None:
            products.append(found)
        elif draft is None or (marked and not from_here):
            draft, from_here = image.convert("RGB"), marked
    return References(products, draft, from_here)


def _promoted(request: SceneRequest, refs: References) -> np.ndarray:
    assert refs.draft is not None
    picture = promote.clean(refs.draft)
    if request.quality == "final":
        contrast = 1.4 if "flux" in request.model.lower() else 1.0
        return promote.refine(picture, request.width_px, request.height_px, request.seed, contrast)
    if not refs.from_here:
        picture = _reframed(picture, request.seed)
    pixels = np.array(promote.cover(picture, request.width_px, request.height_px))
    return finish.add_grain(pixels, request.seed, 2.2, 1.5)


def _reframed(picture: Image.Image, seed: int) -> Image.Image:
    """A full-frame photograph that is no draft of ours: each draft takes another framing of it."""
    rng = rng_of(seed, "reframe")
    part = float(rng.uniform(0.78, 1.0))
    width, height = picture.width * part, picture.height * part
    left, top = rng.uniform(0, picture.width - width + 1e-6), rng.uniform(0, picture.height - height + 1e-6)
    return picture.crop((int(left), int(top), int(left + width), int(top + height)))


def _work_size(request: SceneRequest) -> tuple[int, int]:
    limit = FINAL_WORK_PX if request.quality == "final" else DRAFT_WORK_PX
    factor = min(1.0 if request.quality == "final" else 0.75, (limit / (request.width_px * request.height_px)) ** 0.5)
    return max(MIN_WORK_SIDE_PX, round(request.width_px * factor)), max(
        MIN_WORK_SIDE_PX, round(request.height_px * factor)
    )


def _scene(request: SceneRequest, reading: Reading, cutouts: list[Cutout]) -> np.ndarray:
    width, height = _work_size(request)
    products = product.arrange(cutouts)
    hero = product.extent(products) if products else Hero(cast.stand_in_width(reading.subject), 1.0)
    plan = make_plan(reading, width, height, hero, request.seed, request.model)
    if plan.flat:
        return _flat_scene(request, plan, products)
    plinth = cast.plinth_for(plan, hero.width / 2)
    lift = plinth.form.height if plinth else 0.0
    plan = replace(
        plan,
        camera=camera_of(
            reading, width, height, replace(hero, lift=lift), rng_of(request.seed, "camera"), plan.setting
        ),
    )
    products = product.lifted(products, lift)
    pieces = cast.companions(plan, hero.width / 2) + ([plinth] if plinth else [])
    if not products:
        pieces += cast.stand_in(plan, lift)
    canvas = _paint_set(plan, pieces, products, request.quality == "final")
    pixels = _develop(canvas, plan, request)
    if request.quality == "draft":
        _set_products(pixels, products, plan)
    pixels = _enlarge(pixels, request)
    camera = plan.camera.scaled(request.width_px / width, request.width_px, request.height_px)
    if request.quality == "final":
        _set_products(pixels, products, replace(plan, camera=camera))
    pixels = finish.add_grain(pixels, request.seed, *(DRAFT_GRAIN if request.quality == "draft" else FINAL_GRAIN))
    if reading.text:
        lettering.add_text(pixels, reading.text, _hero_box(products, camera, replace(hero, lift=lift)), plan.roles.all)
    return pixels


def _flat_scene(request: SceneRequest, plan: Plan, products: list[product.Product]) -> np.ndarray:
    """The same, seen straight from above."""
    factor = request.width_px / plan.camera.width_px
    plan = flat.look_down(plan, product.extent(products) if products else Hero(0.9, 0.9))
    products = flat.spread_out(products)
    for item in products:
        plan.light.casters.extend(product.shadows_of(item))
    canvas = flat.paint(plan, hero=not products)
    pixels = _develop(canvas, plan, request)
    camera = plan.camera.scaled(factor, request.width_px, request.height_px)
    if request.quality == "draft":
        _set_products(pixels, products, plan)
    pixels = _enlarge(pixels, request)
    if request.quality == "final":
        _set_products(pixels, products, replace(plan, camera=camera))
    pixels = finish.add_grain(pixels, request.seed, *(DRAFT_GRAIN if request.quality == "draft" else FINAL_GRAIN))
    if plan.reading.text:
        lettering.add_text(pixels, plan.reading.text, _hero_box(products, camera, Hero(0.9, 0.9)), plan.roles.all)
    return pixels


def _paint_set(plan: Plan, pieces: list[cast.Piece], products: list[product.Product], final: bool) -> Array:
    """The set with its pieces and every shadow, linear, before the products themselves are laid in."""
    casters = dress.silhouettes(plan, pieces)
    plan.light.casters.extend(casters)
    for item in products:
        plan.light.casters.extend(product.shadows_of(item))
    touching = dress.contacts(pieces) + [product.footprint(p) for p in products if p.foot[1] < 0.01]
    empty = stage.build(plan, touching)
    canvas = stage.out_of_focus(plan, empty, empty.rgb)
    dress.draw(plan, canvas, pieces, casters, 1.0 if final else 0.7, empty.room.gloss)
    for item in products:
        if empty.room.gloss > 0.1 and item.foot[1] < 0.01:
            product.reflect(canvas, item, plan.camera, empty.room.gloss)
        product.ground(canvas, item, plan.camera)
    return canvas


def _develop(canvas: Array, plan: Plan, request: SceneRequest) -> np.ndarray:
    height, width = canvas.shape[:2]
    shade = finish.vignette(width, height, plan.vignette)
    shown = finish.to_display(canvas * (plan.level * shade)[..., None], plan.contrast, plan.warmth)
    return np.asarray(np.clip(shown * 255 + 0.5, 0, 255), np.uint8)


def _enlarge(pixels: np.ndarray, request: SceneRequest) -> np.ndarray:
    size = (request.width_px, request.height_px)
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _set_products(pixels: np.ndarray, products: list[product.Product], plan: Plan) -> None:
    """Lays the products in, far to near; a product is lit without its own shadow and that of what it stands on."""
    for item in sorted(products, key=lambda p: p.foot[2]):
        reach = item.width / 2 + 0.01
        others = [c for c in plan.light.casters if abs(c.x - item.foot[0]) > reach or abs(c.z - item.foot[2]) > 0.05]
        product.place(pixels, item, plan.camera, replace(plan, light=replace(plan.light, casters=others)))


def _hero_box(products: list[product.Product], camera: Camera, hero: Hero) -> tuple[float, float, float, float]:
    if products:
        return product.upright(products, camera)
    left, base = camera.to_px(-hero.width / 2, hero.lift, 0.0)
    right, top = camera.to_px(hero.width / 2, hero.lift + hero.height, 0.0)
    return left, top, right, base
