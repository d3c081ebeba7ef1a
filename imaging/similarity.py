"""How alike two pictures look, and which drafts are near-duplicates of one another.

Lives here: the signature (two 64-bit hashes of luma and a small grid of colour), its distance, the grouping. Not here:
which of a group is kept (the caller's order says it), exact duplicates (those share a sha256).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domain.errors import InputError
from imaging.colour import Floats, flatten, luma, to_lab

NEAR_DUPLICATE_DISTANCE: Final = 0.12
MAX_GROUPED: Final = 2_000
_GRID: Final = 4
_HASH_BITS: Final = 64
# a mean Lab difference of 30 over the grid is another picture altogether
_COLOUR_SCALE: Final = 30.0
_WEIGHTS: Final = (0.35, 0.30, 0.35)
_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Signature:
    """gradient: dHash of luma; frequency: pHash (DCT) of luma, both 64 bits; colour: 4 x 4 cells of Lab, 48 bytes."""

    gradient: int
    frequency: int
    colour: bytes

    @property
    def text(self) -> str:
        """128 hexadecimal digits, for a database column; parse_signature() reads it back."""
        return f"{self.gradient:016x}{self.frequency:016x}{self.colour.hex()}"


def parse_signature(text: str) -> Signature:
    """The signature that `text` was made from; InputError when it was not."""
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise InputError("a picture's signature is hexadecimal") from error
    if len(raw) != 16 + _GRID * _GRID * 3:
        raise InputError(f"a picture's signature has 128 digits, not {len(text)}")
    return Signature(int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:16], "big"), raw[16:])


def signature(image: Image.Image) -> Signature:
    """Signature of an RGB or RGBA picture (transparent parts on white); the same for the same pixels, everywhere."""
    flat = flatten(image)
    return Signature(_gradient_hash(flat), _frequency_hash(flat), _colour_grid(flat))


def near_duplicate_distance(first: Image.Image | Signature, second: Image.Image | Signature) -> float:
    """0 for the same picture, about 0.02 for another encoding of it, 0.17 and more for other pictures; at most 1."""
    one, other = _signature_of(first), _signature_of(second)
    gradient = (one.gradient ^ other.gradient).bit_count() / _HASH_BITS
    frequency = (one.frequency ^ other.frequency).bit_count() / _HASH_BITS
    cells = [np.frombuffer(side.colour, dtype=np.uint8).reshape(-1, 3).astype(np.float64) for side in (one, other)]
    colour = min(1.0, float(np.linalg.norm(cells[0] - cells[1], axis=-1).mean()) / _COLOUR_SCALE)
    return round(float(np.dot(_WEIGHTS, (min(1.0, 2 * gradient), min(1.0, 2 * frequency), colour))), 6)


def group_near_duplicates(
    pictures: Sequence[tuple[str, Image.Image | Signature]], threshold: float = NEAR_DUPLICATE_DISTANCE
) -> list[tuple[str, ...]]:
    """Groups of ids, in the order given; a picture without a double is a group of one.

    The first of a group is its leader: each picture joins the nearest earlier leader within `threshold`. So give the
    best first. No chains: two in a group are never further apart than twice the threshold. At most MAX_GROUPED.
    """
    if len(pictures) > MAX_GROUPED:
        raise InputError(f"at most {MAX_GROUPED} pictures are compared at once, not {len(pictures)}")
    signatures = [_signature_of(picture) for _, picture in pictures]
    hashes = np.array([(s.gradient, s.frequency) for s in signatures], dtype=np.uint64).reshape(-1, 2)
    led, leaders = np.empty_like(hashes), list[Signature]()
    groups: list[list[str]] = []
    for number, (name, _) in enumerate(pictures):
        near = [
            (near_duplicate_distance(signatures[number], leaders[place]), place)
            for place in _alike_by_hash(led[: len(leaders)], hashes[number], threshold)
        ]
        distance, place = min(near, default=(1.0, -1))
        if place >= 0 and distance <= threshold:
            groups[place].append(name)
        else:
            led[len(leaders)] = hashes[number]
            leaders.append(signatures[number])
            groups.append([name])
    return [tuple(names) for names in groups]


def _alike_by_hash(led: NDArray[np.uint64], mine: NDArray[np.uint64], threshold: float) -> list[int]:
    """Places of the leaders whose hashes alone do not already put them further away: few, so colour is cheap."""
    apart = np.minimum(np.bitwise_count(led ^ mine) * (2 / _HASH_BITS), 1.0)
    least = apart @ np.array(_WEIGHTS[:2])
    places: list[int] = np.flatnonzero(least <= threshold + _ROUNDING).tolist()
    return places


def _signature_of(picture: Image.Image | Signature) -> Signature:
    return picture if isinstance(picture, Signature) else signature(picture)


def _shrunk(flat: Image.Image, width_px: int, height_px: int) -> Image.Image:
    return flat.resize((width_px, height_px), Image.Resampling.BOX)


def _gradient_hash(flat: Image.Image) -> int:
    cells = np.rint(luma(np.asarray(_shrunk(flat, 9, 8))) * 255)
    return _bits(cells[:, 1:] - cells[:, :-1], 1.0)


def _frequency_hash(flat: Image.Image) -> int:
    cells = luma(np.asarray(_shrunk(flat, 32, 32))) * 255
    matrix = _cosines(32)
    low = (matrix @ cells @ matrix.T)[:8, :8]
    level = np.median(low.reshape(-1)[1:])
    return _bits(low - level, 0.5)


def _bits(values: Floats, at_least: float) -> int:
    """64 bits, one where the value reaches `at_least`: flat areas then give the same bits on every machine."""
    return int.from_bytes(np.packbits(values.reshape(-1) >= at_least).tobytes(), "big")


@cache
def _cosines(size: int) -> Floats:
    place = np.arange(size)
    return np.asarray(np.cos(np.pi / size * (place[np.newaxis] + 0.5) * place[:, np.newaxis]))


def _colour_grid(flat: Image.Image) -> bytes:
    lab = to_lab(np.asarray(_shrunk(flat, _GRID, _GRID)))
    stretched = np.stack([lab[..., 0], lab[..., 1] + 128, lab[..., 2] + 128], axis=-1)
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8).tobytes()
