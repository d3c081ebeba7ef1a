"""The sandbox's painter: deterministic pictures that are worth looking at, from a prompt, sizes, a seed and references.

Imports the standard library, numpy and Pillow, nothing of ours outside this folder.
"""

from PIL import Image

from sandbox.painter import compose
from sandbox.painter.request import BadReference, SceneRequest

__all__ = ["BadReference", "SceneRequest", "paint"]


def paint(scene: SceneRequest) -> Image.Image:
    """Paints one request: RGB, exactly width_px x height_px. Equal requests give equal pixels.

    Raises BadReference when a reference is no readable JPEG, PNG or WebP of at most 50 megapixels.
    """
    return compose.paint(scene)
