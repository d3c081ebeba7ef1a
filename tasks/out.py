"""A local copy of what a run made, for people who would rather look than read: `.draftline/out/<run>/`."""

from pathlib import Path

from wiring import Wiring


def out_folder(w: Wiring, run_id: str) -> Path:
    return w.settings.home / "out" / run_id


def write_out(w: Wiring, run_id: str, name: str, data: bytes) -> Path:
    """Write a copy; the store has the record."""
    path = out_folder(w, run_id) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
