"""Pictures of a seeded board: painted once a machine, and kept in the system's temporary folder."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from domain.canonical import digest, sha256_hex
from imaging.scores import score
from imaging.similarity import signature
from sandbox.painter import SceneRequest, paint

FOLDER = Path(tempfile.gettempdir()) / "draftline-board-seeds-1"


def seed_picture(
    prompt: str, seed: int, references: tuple[bytes, ...], size: tuple[int, int], *, painted: bool
) -> tuple[bytes, dict[str, Any]]:
    """(JPEG, its score and signature as a row of `scores` has them). Not `painted`: two flat rectangles, at once."""
    name = digest([prompt, seed, [sha256_hex(r) for r in references], list(size), painted])
    kept = FOLDER / f"{name}.jpg"
    if painted and kept.is_file() and kept.with_suffix(".json").is_file():
        return kept.read_bytes(), json.loads(kept.with_suffix(".json").read_text())
    picture = _painted(prompt, seed, references, size) if painted else _flat(seed, size)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    found = score(picture, palette=(), asked_width_px=size[0], asked_height_px=size[1])
    facts = {"overall": found.overall, "evidence": found.as_record(), "signature": signature(picture).text}
    if painted:
        _keep(kept, out.getvalue())
        _keep(kept.with_suffix(".json"), json.dumps(facts).encode())
    return out.getvalue(), facts


def _painted(prompt: str, seed: int, references: tuple[bytes, ...], size: tuple[int, int]) -> Image.Image:
    quality = "final" if len(references) > 1 else "draft"
    return paint(SceneRequest(prompt, *size, references, seed, "flux-2-klein-4b", quality)).convert("RGB")  # type: ignore[arg-type]


def _flat(seed: int, size: tuple[int, int]) -> Image.Image:
    ground = Image.new("RGB", size, (seed % 200 + 30, seed // 7 % 200 + 30, seed // 49 % 200 + 30))
    ground.paste((250, 240, 220), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] * 3 // 4))
    return ground


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f".{path.name}-{id(data)}")
    aside.write_bytes(data)
    aside.replace(path)
