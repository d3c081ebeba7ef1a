"""What the sandbox remembers: tasks, invoice lines, request pictures to repaint. One SQLite file, plus blobs as files.

With a state folder everything here survives kill -9 (WAL; the page cache belongs to the machine, not to the process).
Without one the database is in memory and blobs lie in a scratch folder. No vendor's wire, no HTTP here.
"""

import hashlib
import json
import os
import secrets
import sqlite3
import tempfile
import threading
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

READY = "Ready"  # the only outcome of a task that is charged
MAX_BLOBS_BYTES = 4 * 1024**3
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, api_key TEXT NOT NULL, model TEXT NOT NULL, submitted_s REAL NOT NULL, ends_s REAL NOT NULL,
    outcome TEXT NOT NULL, cost_micros INTEGER NOT NULL, body_sha256 TEXT NOT NULL, record TEXT NOT NULL,
    charged INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS tasks_by_end ON tasks (charged, ends_s);
CREATE TABLE IF NOT EXISTS lines (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL, vendor TEXT NOT NULL, model TEXT NOT NULL,
    request_id TEXT NOT NULL, job_id TEXT, micros INTEGER NOT NULL, image INTEGER NOT NULL, usage TEXT NOT NULL,
    delivered INTEGER NOT NULL, body_sha256 TEXT NOT NULL, scene TEXT);
CREATE INDEX IF NOT EXISTS tasks_active ON tasks (ends_s);
CREATE INDEX IF NOT EXISTS lines_by_job ON lines (job_id);
"""


@dataclass(frozen=True)
class Task:
    """One accepted BFL job. `outcome` is the status it ends in at `ends_s`; `record` is what its routes need later."""

    id: str
    api_key: str
    model: str
    submitted_s: float
    ends_s: float
    outcome: str
    cost_micros: int
    body_sha256: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One invoice line as stored; `n` is 0 until the store has numbered it."""

    at_s: float
    vendor: str
    model: str
    request_id: str
    job_id: str | None
    micros: int
    image: bool
    usage: dict[str, Any]
    delivered: bool
    body_sha256: str
    scene: dict[str, Any] | None = None
    n: int = field(default=0)


class Store:
    """Called from the event loop only (each call well below a millisecond); blobs may be used from any thread."""

    def __init__(self, state_dir: Path | None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="sandbox-") if state_dir is None else None
        self.dir = Path(self._scratch.name) if self._scratch else Path(state_dir or ".")
        self.dir.mkdir(parents=True, exist_ok=True)
        self.blobs = BlobFolder(self.dir / "blobs")
        self._lock = threading.RLock()
        name = ":memory:" if state_dir is None else str(self.dir / "sandbox.sqlite")
        self._db = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()
        if self._scratch:
            self._scratch.cleanup()

    def clear(self) -> None:
        with self._lock:
            self._db.executescript("DELETE FROM tasks; DELETE FROM lines; DELETE FROM sqlite_sequence;")

    def meta(self, name: str, default: str) -> str:
        """The remembered value, or `default`, which is remembered from now on."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, default))
            return str(self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0])

    def set_meta(self, name: str, value: str) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def signing_secret(self) -> bytes:
        return self.meta("signing_secret", secrets.token_hex(32)).encode()

    def add_task(self, task: Task) -> None:
        row = asdict(task) | {"record": json.dumps(task.record)}
        columns = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        with self._lock:
            self._db.execute(f"INSERT INTO tasks ({columns}) VALUES ({marks})", row)

    def task(self, task_id: str) -> Task | None:
        with self._lock:
            row = self._db.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
        return _task(row) if row else None

    def active_tasks(self, now_s: float, api_key: str | None = None) -> list[Task]:
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM tasks WHERE ends_s > ? AND (? IS NULL OR api_key = ?) ORDER BY submitted_s",
                (now_s, api_key, api_key),
            ).fetchall()
        return [_task(row) for row in rows]

    def uncharged_ready(self, now_s: float) -> list[Task]:
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM tasks WHERE charged = 0 AND outcome = ? AND ends_s <= ? ORDER BY ends_s", (READY, now_s)
            ).fetchall()
        return [_task(row) for row in rows]

    def charge_task(self, task_id: str, lines: list[Line]) -> None:
        """Marks the task and adds its lines in one transaction, so that no crash charges twice or not at all."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                taken = self._db.execute(
                    "UPDATE tasks SET charged = 1 WHERE id = ? AND charged = 0", (task_id,)
                ).rowcount
                for line in lines if taken else ():
                    self._insert_line(line)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise

    def add_line(self, line: Line) -> int:
        with self._lock:
            return self._insert_line(line)

    def _insert_line(self, line: Line) -> int:
        row = asdict(line) | {"usage": json.dumps(line.usage), "scene": json.dumps(line.scene) if line.scene else None}
        del row["n"]
        columns = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        cursor = self._db.execute(f"INSERT INTO lines ({columns}) VALUES ({marks})", row)
        return int(cursor.lastrowid or 0)

    def mark_delivered(self, *, n: int | None = None, job_id: str | None = None) -> None:
        with self._lock:
            self._db.execute("UPDATE lines SET delivered = 1 WHERE n = ? OR job_id = ?", (n, job_id))

    def lines(self) -> list[Line]:
        with self._lock:
            rows = self._db.execute("SELECT * FROM lines ORDER BY n").fetchall()
        return [_line(row) for row in rows]

    def line(self, n: int) -> Line | None:
        with self._lock:
            row = self._db.execute("SELECT * FROM lines WHERE n = ?", (n,)).fetchone()
        return _line(row) if row else None

    def total_micros(self, vendor: str) -> int:
        with self._lock, closing(self._db.cursor()) as cursor:
            cursor.execute("SELECT COALESCE(SUM(micros), 0) FROM lines WHERE vendor = ?", (vendor,))
            return int(cursor.fetchone()[0])


class BlobFolder:
    """Bytes by their sha256: reference images of requests, kept so that a picture can be painted again.

    Above MAX_BLOBS_BYTES the ones unused for longest go, down to three quarters of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._total_bytes = sum(path.stat().st_size for path in folder.iterdir())

    def put_all(self, blobs: tuple[bytes, ...]) -> tuple[str, ...]:
        return tuple(self.put(data) for data in blobs)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self.folder / digest
        if path.exists():
            os.utime(path)
        else:
            write_atomically(path, data)
            with self._lock:
                self._total_bytes += len(data)
                if self._total_bytes > MAX_BLOBS_BYTES:
                    self._drop_oldest()
        return digest

    def get(self, digest: str) -> bytes:
        return (self.folder / digest).read_bytes()

    def _drop_oldest(self) -> None:
        for path in sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime):
            if self._total_bytes <= MAX_BLOBS_BYTES * 3 // 4:
                break
            self._total_bytes -= path.stat().st_size
            path.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """A reader sees the whole file or none."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    part.write_bytes(data)
    part.replace(path)


def _task(row: sqlite3.Row) -> Task:
    values = {key: row[key] for key in row.keys() if key != "charged"}  # noqa: SIM118 - a Row iterates over values
    return Task(**values | {"record": json.loads(row["record"])})


def _line(row: sqlite3.Row) -> Line:
    values = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a Row iterates over values
    values |= {"usage": json.loads(row["usage"]), "scene": json.loads(row["scene"]) if row["scene"] else None}
    values |= {"image": bool(row["image"]), "delivered": bool(row["delivered"])}
    return Line(**values)
