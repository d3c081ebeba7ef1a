"""usageMetadata as a Usage: tokens by modality, whatever part of the table is there. Pure.

Where a total is given without its details, what cannot be told apart goes where it costs more: an undercount would let
a cap be passed.
"""

from dataclasses import replace
from typing import Any

from domain.render import Usage
from vendors.reading import as_count, as_dict, as_list

IMAGE = "IMAGE"


def usage_of(body: dict[str, Any], *, has_image: bool) -> Usage | None:
    """The billed tokens, or None when the answer names none."""
    told = as_dict(body.get("usageMetadata"))
    prompt = _by_modality(told.get("promptTokensDetails"))
    out = _by_modality(told.get("candidatesTokensDetails"))
    # Residue of the prompt has one rate for text and image; residue of an answer with an image counts as image.
    rest_in = max(as_count(told.get("promptTokenCount")) - sum(prompt), 0)
    rest_out = max(as_count(told.get("candidatesTokenCount")) - sum(out), 0)
    thoughts = as_count(told.get("thoughtsTokenCount"))
    usage = Usage(
        text_in_tokens=prompt[0] + rest_in + as_count(told.get("toolUsePromptTokenCount")),
        image_in_tokens=prompt[1],
        text_out_tokens=out[0] + thoughts + (0 if has_image else rest_out),
        image_out_tokens=out[1] + (rest_out if has_image else 0),
        images=1 if has_image else 0,
    )
    return usage if is_billable(usage) else None


def is_billable(usage: Usage | None) -> bool:
    return usage is not None and any(replace(usage, images=0).as_dict().values())


def _by_modality(rows: object) -> tuple[int, int]:
    """(everything else, images) of a list of {modality, tokenCount}."""
    text = image = 0
    for row in map(as_dict, as_list(rows)[:100]):
        count = as_count(row.get("tokenCount"))
        if row.get("modality") == IMAGE:
            image += count
        else:
            text += count
    return text, image
