"""What a FLUX.2 task costs. Rule: section 1.10 of the facts; 1 credit = $0.01 = 10,000 micro-dollars."""

from math import ceil

from sandbox.catalogue import BflModel

MEGAPIXEL_PX = 1024 * 1024
MAX_INPUT_PX = 4 * MEGAPIXEL_PX


def cost_micros(model: BflModel, output_px: int, inputs_px: list[int]) -> int:
    """Started output megapixels, and started megapixels of every input, each input shrunk to 4 MP first."""
    further = ceil(output_px / MEGAPIXEL_PX) - 1
    further += sum(ceil(min(px, MAX_INPUT_PX) / MEGAPIXEL_PX) for px in inputs_px)
    return model.first_micros + further * model.further_micros


def megapixels(*areas_px: int) -> float:
    """As the submit answer shows them: 2^20 px, two decimals."""
    return round(sum(areas_px) / MEGAPIXEL_PX, 2)
