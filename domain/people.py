"""Whether words speak of people. A rule for choosing a model, so that a product's own words must not count as people.

"a hand-thrown mug", "hand cream", "women's jacket", "a clock with a white face", "a couple of bowls" and "a table
runner" show nobody: on a ladder whose final for people is the dearer one each of them would cost more. A brief that
says `people: true` or `false` is never asked here.
"""

import re

_PEOPLE = re.compile(
    r"\b(people|person|persons|woman|women|man|men|girl|girls|boy|boys|child|children|kid|kids|couple|family|friends|"
    r"portrait|hand|hands|face|faces|dancer|runner|chef|barista|worker|customer|crowd|baby|she|he)\b",
    re.IGNORECASE,
)
_WARES = (
    r"cream|creams|soap|soaps|wash|lotion|balm|salve|sanitiser|sanitizer|towel|towels|mirror|mixer|blender|grinder|tool|"
    r"tools|saw|bag|luggage|rail|warmer|warmers|mask|masks|serum|oil|mist|toner|cleanser|moisturiser|moisturizer|roller|"
    r"cloth|cloths|scrub|gel|brush|brushes|made|thrown|painted|woven|blown|poured|stitched|sewn|carved|crafted|dyed|"
    r"forged|finished|knit|knitted|knotted|printed|hammered|turned|loomed|embroidered|glazed|built|cut|held|rolled"
)
_NOBODY = re.compile(
    # whose it is made for: women's, kids', men`s
    r"\b(?:wo)?m[ae]n['’`]s\b|\b(?:girl|boy|kid|child|children|baby|chef|worker|runner|dancer)s?['’`](?:s\b)?"
    r"|\bfor (?:(?:wo)?men|kids|children|girls|boys|baby)\b"
    # the side by side of a hand or a face with what is done with it
    rf"|\b(?:hand|hands|face)[- ](?:{_WARES})\b"
    # dials, and the sides of things
    r"|\b(?:clock|watch|dial|timepiece)\b[^.;,]{0,40}\bfaces?\b|\b(?:clock|watch|dial)[- ]faces?\b"
    r"|\bcouple of\b"  # what they are stands behind it
    r"|\b(?:table|bed|carpet|stair|door) runners?\b|\bportrait (?:format|orientation|frame|lens)\b"
    r"|\bfamily[- ](?:size|sized|pack)\b|\bbaby (?:blue|pink|blanket|bottle|spinach|corn)\b",
    re.IGNORECASE,
)


def person_named(words: str) -> str:
    """The first word that names a person, or a part of one, and is not part of a product's own name; "" for none."""
    found = _PEOPLE.search(_NOBODY.sub(" ", words))
    return found.group(0) if found else ""
