"""Error answers as api.bfl.ai gives them: FastAPI's `detail`, a string or a list."""

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from sandbox.wire import json_response


@dataclass
class BflError(Exception):
    """Becomes `{"detail": ...}` with this status."""

    status: int
    detail: str | list[dict[str, Any]]
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        return json_response({"detail": self.detail}, self.status, self.headers)


def not_found() -> BflError:
    return BflError(404, "Not Found")


def invalid(problems: list[dict[str, Any]]) -> BflError:
    return BflError(422, problems)


def problem(kind: str, location: list[str | int], message: str, given: object, **context: object) -> dict[str, Any]:
    """One entry of a validation list, in pydantic's form; long inputs are not echoed."""
    row: dict[str, Any] = {"type": kind, "loc": location, "msg": message, "input": _short(given)}
    if context:
        row["ctx"] = context
    return row


def _short(given: object) -> object:
    if isinstance(given, str) and len(given) > 200:
        return given[:200] + "…"
    if isinstance(given, dict):
        return {key: _short(value) for key, value in given.items()}
    return given
