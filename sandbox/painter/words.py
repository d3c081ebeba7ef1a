"""Reading a prompt: palette, light, setting, camera, mood, subject and quoted text. Words only, no drawing.

The prompts come in several dialects (one long ordered paragraph, or a few short sentences), so this looks for
words and their neighbours and never for a fixed form.
"""

import re
from dataclasses import dataclass

from sandbox.painter.colours import Rgb, last_named, read_palette

MAX_TEXT_CHARS = 48

SETTINGS: dict[str, str] = {
    "studio": (
        "studio|plinth|podium|pedestal|cyclorama|seamless|infinity cove|white background|plain background|packshot"
    ),
    "kitchen": (
        "kitchen|counter|countertop|worktop|breakfast|table|tabletop|tea ?room|caf[eé]|dining|oak table|"
        "baker\\w*|picnic"
    ),
    "sill": "window ?sill|windowsill|sill|window seat|by the window|beside a window|balcony",
    "beach": "beach|shore|seaside|seashore|sea|ocean|coast|coastal|sandy|dunes? (?:by|above|at) the sea|surf|driftwood",
    "forest": "forest|woodland|woods|moss|mossy|fern|garden|meadow|grass|orchard|undergrowth|park|jungle",
    "desert": "desert|dunes?|canyon|arid|mesa|sahara",
    "mountain": "mountains?|alpine|peaks?|summit|hills?|highlands?|lakeside|fjord|clouds|open sky",
    "city": "city|street|urban|skyline|rooftop|downtown|bokeh lights|night ?club|bar counter|cocktail bar|neon sign",
    "bath": (
        "bathroom|bath|bathtub|spa|shower|tiles|tiled|basin|washstand|pool|water surface|in water|rippling water|vanity"
    ),
    "stone": "concrete|stone slab|stone|marble|slate|rock|rocks|travertine|granite|boulders?|terrazzo",
    "linen": "linen|fabric|cloth|silk|satin|bed|bedroom|bedsheets?|duvet|sheets|textile|drap\\w+|blanket",
    "living": (
        "living room|shelf|sideboard|sofa|mantel\\w*|fireplace|interior|desk|bedside|nightstand|office|library|cabin"
    ),
}
_BASE = {"linen": 0.8, "stone": 0.9, "kitchen": 1.0, "studio": 1.1, "living": 0.95}
_PLACE_BEFORE = re.compile(
    r"\b(?:on|in|at|by|against|beside|over|near|before|above|setting|scene|background|backdrop|along|inside|among)\b[^.;,]{0,34}$"
)
MOODS = {
    "calm": "calm|quiet|serene|slow|gentle|peaceful|still|tranquil|minimal\\w*|restful|unhurried|soothing|airy|fresh",
    "bold": "bold|vivid|energetic|striking|dynamic|graphic|pop|punchy|sport\\w*|playful|confident",
    "festive": "festive|holiday|christmas|celebrat\\w+|party|winter|gift\\w*|new year|sparkl\\w+",
    "dark": "low[- ]key|moody|dramatic|mysterious|noir|cinematic|luxur\\w+|night",
    "cosy": "cosy|cozy|warm|homely|hygge|autumn\\w*|intimate|rustic|nostalgic",
}
QUALITIES = {
    "golden": "golden hour|late[- ]afternoon|low sun|golden light|sunset|sunrise|late sun|evening sun|dusk|autumn sun",
    "morning": "morning|dawn|daybreak|early light",
    "overcast": "overcast|soft even daylight|cloudy|foggy|misty|mist|diffuse[d]?|flat light|grey day|north light",
    "candle": "candle ?light|candlelit|firelight|lantern|fireside",
    "neon": "neon|ultraviolet|cyberpunk|synthwave|coloured gels?|colored gels?",
    "night": "night|moonlit|moonlight|after dark|evening",
    "hard": (
        "hard light|directional sunlight|hard sun|harsh|direct sun|midday|noon|crisp shadows?|"
        "strong sun|bright sun|sharp shadows?|flash"
    ),
    "soft": "soft|softbox|gentle light|bounced|silky|even light",
}
GOBOS = {
    "window": "window|morning|pane|mullion",
    "leaves": "leaf|leaves|palm|dappled|foliage|tree shadow|botanical|branch\\w*|garden|forest|olive tree|fern",
    "blinds": "blinds?|slats?|louvre|shutter",
}
SUBJECTS = {
    "mug": "mugs?|cups?|tumblers?|espresso cup",
    "bottle": "bottles?|flasks?|serum|shampoo|lotion|perfume|drinks?|juice|wine|oil|cologne",
    "vase": "vases?|pitchers?|jugs?|carafe|urn|planter|pots?",
    "candle": "candles?|tealights?",
    "lamp": "lamps?|lights? fixture|lantern",
    "bowl": "bowls?|dish|dishes|plates?",
    "jar": "jars?|face cream|balm|tins?|cans?|canister|pots? of",
    "box": "box|boxes|package|packaging|carton|gift|book|books|speaker|phone|tray|board",
    "soap": "soaps?|bars?",
    "cushion": "cushions?|pillows?",
    "garment": "hoodie|shirt|polo|tee|t-shirt|jacket|dress|sweater|jumper|coat|robe|apron|trousers|jeans|scarf",
    "glasses": "sunglasses|sunnies|spectacles|eyewear",
    "shoe": "shoes?|sneakers?|plimsolls?|trainers?|boots?|sandals?",
}
FRAMINGS = {
    "close": (
        "close[- ]up|closeup|close view|macro|tight (?:crop|frame|framing|view)|"
        "fills (?:most of )?the frame|detail shot|intimate crop"
    ),
    "wide": (
        "wide view|wide shot|wide[- ]angle|wide framing|wide|environmental|establishing|24 ?mm|28 ?mm|"
        "far shot|generous space|in its surroundings"
    ),
    "medium": "medium (?:view|shot)|some air|whole product in frame",
}
ANGLES = {
    "top": (
        "top[- ]down|top view|flat ?lay|overhead (?:view|shot|angle)|bird'?s[- ]eye|"
        "directly (?:from )?above|knolling|directly overhead"
    ),
    "low": "low[- ]angle|low camera|hero angle|worm'?s[- ]eye|ground level|low viewpoint|looking (?:slightly )?up",
    "high": (
        "high[- ]angle|45[- ]degree|forty-five|slightly above|elevated|raised angle|looking (?:gently |"
        "slightly )?down|view from above"
    ),
    "eye": "eye[- ]level|straight[- ]on|head[- ]on|frontal|three[- ]quarter",
}
PLACES = {
    "left": "(?:subject|product) on the left|left third",
    "right": "(?:subject|product) on the right|right third",
    "middle": "middle of the frame|cent(?:re|er)(?:ed|red)?|symmetrical",
    "low": "low in the frame|open space above",
}
LEVELS = {
    "brighter": "brighter|more open|high[- ]key|airy",
    "darker": "darker|more depth|low[- ]key|dim",
    "stronger": "contrast a little stronger|high contrast|contrasty|punchy",
    "gentler": "contrast a little gentler|low contrast|gentle contrast",
    "simple": "quiet and simple|few,? well-chosen|minimal\\w*|bare|uncluttered|plain",
    "rich": "rich surrounding|readable in every detail|abundan\\w+|rich details",
    "deep": "readable in every detail|deep focus|background in focus|f/8|f/11|f/16",
    "shallow": "softly out of focus|shallow|bokeh|blurred|f/1",
}
_VIEWPOINT = re.compile(
    r"(?:view|angle|shot) from the (?:left|right)|\b(?:on|in|to) the (?:left|right) (?:third|half|side)"
)
_QUOTED = re.compile(r"[\"“]([^\"”\n]{1,80})[\"”]|(?<!\w)['‘]([^'’\n]{2,80})['’](?!\w)")
_TEXT_NEAR = re.compile(
    r"text|words?|letter|headline|reads?|reading|says?|saying|typograph|title|caption|typeset|slogan|inscri|font|type\b|\bwrit"
)
_NO_TEXT = re.compile(r"\b(?:no|without|free of|avoid)\b[^.;]{0,20}$")


@dataclass(frozen=True)
class Reading:
    """What the painter understood. Empty words mean that the prompt did not say."""

    palette: tuple[Rgb, ...]
    setting: str
    light_from: str  # left, right, behind, above, front or ""
    qualities: frozenset[str]
    gobo: str
    framing: str  # close, wide, medium or ""
    angle: str  # top, low, high, eye or ""
    place: str  # left, right, middle, low or ""
    levels: frozenset[str]
    moods: frozenset[str]
    subject: str
    subject_colour: Rgb | None
    text: str
    materials: frozenset[str]


def _first(table: dict[str, str], text: str) -> str:
    """The key whose words come first in the text, or an empty string."""
    hits = [(m.start(), key) for key, words in table.items() if (m := re.search(rf"\b(?:{words})\b", text))]
    return min(hits)[1] if hits else ""


def _all(table: dict[str, str], text: str) -> frozenset[str]:
    return frozenset(key for key, words in table.items() if re.search(rf"\b(?:{words})\b", text))


def _setting(text: str) -> str:
    """The best-supported setting: words that follow a place preposition weigh more, earlier ones a little more."""
    scores: dict[str, float] = {}
    for name, words in SETTINGS.items():
        for match in re.finditer(rf"\b(?:{words})\b", text):
            weight = 3.0 if _PLACE_BEFORE.search(text[: match.start()]) else 1.0
            weight *= _BASE.get(name, 1.0) * (1.0 + 0.2 / (1 + match.start() / 200))
            scores[name] = scores.get(name, 0.0) + weight
    return max(scores, key=lambda name: scores[name]) if scores else ""


def _light_from(text: str) -> str:
    """Where the light comes from: a clause that opens with "light" decides, else words near a word for light."""
    clause = re.search(r"\b(?:lighting|light)\s*:\s*([^.\n]*)", text)
    said = clause.group(1) if clause else ""
    for part, anywhere in ((said, True), (_VIEWPOINT.sub(" ", text), False)):
        if re.search(r"back-?lit|back-?light\w*|rim[- ]?li\w+|contre-jour|silhouette", part):
            return "behind"
        side = r"(?:the )?(?:upper |lower |top |camera |far |back |front )*"
        side += r"(left|right|behind|above|overhead|front|one side|side|back)"
        near = r"\b" if anywhere else r"(?:light|lit|sun\w*|lamp|window|glow|shadows?|key)\b[^.;:]{0,50}?\b"
        match = re.search(rf"{near}(?:from|at|on|to|in)\b {side}\b", part) or re.search(rf"\bfrom {side}\b", part)
        if match:
            return {"overhead": "above", "side": "", "one side": "", "back": "behind"}.get(
                match.group(1), match.group(1)
            )
    return ""


def _pick(table: dict[str, str], text: str) -> str:
    """The first key, in the table's order, of which a word occurs."""
    return next((key for key, words in table.items() if re.search(rf"\b(?:{words})\b", text)), "")


def _subject_colour(text: str, subject: str) -> Rgb | None:
    """A colour said right before the subject's noun: "amber glass bottle", "a dark green stoneware mug"."""
    if not subject:
        return None
    noun = re.search(rf"\b(?:{SUBJECTS[subject]})\b", text)
    return last_named(" ".join(text[: noun.start()].split()[-4:])) if noun else None


def _quoted_text(prompt: str) -> str:
    """The words to set in the picture: quoted, and near a word that speaks of lettering."""
    for match in _QUOTED.finditer(prompt):
        before = prompt[max(0, match.start() - 70) : match.start()].lower()
        after = prompt[match.end() : match.end() + 40].lower()
        if (_TEXT_NEAR.search(before) or _TEXT_NEAR.search(after)) and not _NO_TEXT.search(before):
            return " ".join((match.group(1) or match.group(2)).split())[:MAX_TEXT_CHARS]
    return ""


def read(prompt: str) -> Reading:
    """Reads one prompt; never fails, whatever it holds."""
    # quoted words are lettering or a name: they say nothing of the scene
    text = " ".join(_QUOTED.sub(" ", prompt).lower().split())
    subject = _first(SUBJECTS, text)
    materials = {
        m: m
        for m in (
            "wood",
            "oak",
            "walnut",
            "marble",
            "concrete",
            "slate",
            "plaster",
            "plinth",
            "linen",
            "stone",
            "water",
            "moss",
            "sand",
            "tile",
            "snow",
        )
    }
    return Reading(
        palette=read_palette(text, "|".join(SUBJECTS.values())),
        setting=_setting(text),
        light_from=_light_from(text),
        qualities=_all(QUALITIES, text),
        gobo=_first(GOBOS, text),
        framing=_pick(FRAMINGS, text),
        angle=_pick(ANGLES, text),
        place=_pick(PLACES, text),
        levels=_all(LEVELS, text),
        moods=_all(MOODS, text),
        subject=subject,
        subject_colour=_subject_colour(text, subject),
        text=_quoted_text(prompt),
        materials=_all({k: f"{v}(?:s|en)?" for k, v in materials.items()}, text),
    )
