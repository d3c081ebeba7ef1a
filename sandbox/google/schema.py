"""The JSON that generateContent knows: unknown names and wrong types become google.rpc.BadRequest violations.

Names may come in camelCase or snake_case, as Google's JSON mapping allows; the result has camelCase only.
"""

import re
from typing import Any

from sandbox.google.errors import bad_fields

# A string names a scalar type, a dict a message, a one-element list a repeated field; "any" is not looked into.
Shape = str | dict[str, Any] | list[Any]

_PART: dict[str, Any] = {
    "text": "string",
    "thought": "bool",
    "thoughtSignature": "string",
    "inlineData": {"mimeType": "string", "data": "string", "displayName": "string"},
    "fileData": {"mimeType": "string", "fileUri": "string", "displayName": "string"},
    "mediaResolution": "any",
    "partMetadata": "any",
}
_CONTENT: dict[str, Any] = {"role": "string", "parts": [_PART]}
_GENERATION_CONFIG: dict[str, Any] = {
    "responseModalities": ["string"],
    "imageConfig": {"aspectRatio": "string", "imageSize": "string"},
    "thinkingConfig": {"thinkingLevel": "string", "includeThoughts": "bool", "thinkingBudget": "int"},
    "candidateCount": "int",
    "seed": "int",
    "temperature": "number",
    "topP": "number",
    "topK": "number",
    "maxOutputTokens": "int",
    "stopSequences": ["string"],
    "presencePenalty": "number",
    "frequencyPenalty": "number",
    "responseMimeType": "string",
    "responseSchema": "any",
    "responseJsonSchema": "any",
    "responseLogprobs": "bool",
    "logprobs": "int",
    "enableEnhancedCivicAnswers": "bool",
    "speechConfig": "any",
    "mediaResolution": "string",
}
REQUEST: dict[str, Any] = {
    "model": "string",
    "contents": [_CONTENT],
    "systemInstruction": _CONTENT,
    "safetySettings": [{"category": "string", "threshold": "string", "method": "string"}],
    "tools": ["any"],
    "toolConfig": "any",
    "generationConfig": _GENERATION_CONFIG,
    "cachedContent": "string",
    "serviceTier": "string",
    "store": "bool",
}
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "TYPE_STRING"),
    "bool": ((bool,), "TYPE_BOOL"),
    "int": ((int,), "TYPE_INT32"),
    "number": ((int, float), "TYPE_FLOAT"),
}
MAX_VIOLATIONS = 20


def checked(body: object) -> dict[str, Any]:
    """The body in camelCase, or GoogleError 400 with every unknown name and wrong type (at most 20)."""
    violations: list[tuple[str, str]] = []
    result = _walk(body, REQUEST, "", violations)
    if violations:
        raise bad_fields(violations[:MAX_VIOLATIONS])
    return result if isinstance(result, dict) else {}


def _walk(value: object, shape: Shape, where: str, violations: list[tuple[str, str]]) -> object:
    if shape == "any" or value is None:
        return value
    if isinstance(shape, dict):
        return _walk_message(value, shape, where, violations)
    if isinstance(shape, list):
        return _walk_list(value, shape[0], where, violations)
    allowed, name = _TYPES[shape]
    if not isinstance(value, allowed) or (isinstance(value, bool) and shape != "bool"):
        violations.append((where, f"Invalid value at '{where}' ({name}), {_shown(value)}"))
    return value


def _walk_message(value: object, shape: dict[str, Any], where: str, violations: list[tuple[str, str]]) -> object:
    if not isinstance(value, dict):
        violations.append((where, f"Invalid value at '{where}' (message), {_shown(value)}"))
        return {}
    result = {}
    for key, inner in value.items():
        name = _camel(key)
        if name not in shape:
            at = f" at '{where}'" if where else ""
            text = f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.'
            violations.append((where, text))
            continue
        result[name] = _walk(inner, shape[name], f"{where}.{_snake(name)}".lstrip("."), violations)
    return result


def _walk_list(value: object, shape: Shape, where: str, violations: list[tuple[str, str]]) -> object:
    """A single message in place of a list is accepted, as the service does for `contents`."""
    rows = value if isinstance(value, list) else [value]
    return [_walk(row, shape, f"{where}[{n}]", violations) for n, row in enumerate(rows)]


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text[:120]


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found.group(1).upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found.group(1).lower(), name)
