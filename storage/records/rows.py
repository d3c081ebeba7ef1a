"""Between frozen records and table rows: tuples are JSON lists, everything else is as it is."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

Record = TypeVar("Record")


def to_row(record: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(record, f.name)) for f in fields(record)}


def from_row(kind: type[Record], row: Mapping[Any, Any]) -> Record:
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    return kind(**{n: tuple(row[n]) if isinstance(row[n], list) else row[n] for n in names if n in row})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
