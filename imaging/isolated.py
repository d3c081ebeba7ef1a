"""Decoding of strangers' files (uploads, fetched photos) in a child process with bounded memory, time and output.

Lives here: starting the child, its limits, the way pixels come back. Not here: what is checked (decode.py does that,
inside the child, by the same rules). Linux and macOS; the limits are the kernel's, not Python's.
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, Final

from PIL import Image

from domain.errors import ImageError
from imaging.decode import REASONS, Decoded, DecodeLimits

_HEADER_BYTES: Final = 4096
_ROOT: Final = Path(__file__).parents[1]
_START: Final = "import sys; sys.path.append(sys.argv[1]); from imaging.isolated import child; child(sys.argv[2])"


def decode_in_child(data: bytes, limits: DecodeLimits, memory_bytes: int, timeout_s: float) -> Decoded:
    """decode.decode() in a process of its own; see decode.decode_untrusted for the contract."""
    with tempfile.TemporaryFile() as answer:
        status = _run_child(data, _orders(limits, memory_bytes, timeout_s), answer, timeout_s)
        answer.seek(0)
        head = answer.readline(_HEADER_BYTES)
        return _read_answer(head, answer, status, limits)


def child(orders: str) -> None:
    """What runs in the child: limits first, then the bytes. Only decode_in_child calls this."""
    told: dict[str, Any] = json.loads(orders)
    for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_CORE"):
        resource.setrlimit(getattr(resource, name), (told[name], told[name]))
    try:
        payload = _decode_to_bytes(DecodeLimits(told["max_bytes"], told["max_pixels"], tuple(told["formats"])))
    except ImageError as error:
        payload = _line({"reason": error.reason, "message": str(error).removesuffix(f" ({error.reason})")})
    except MemoryError:
        payload = _line({"reason": "out-of-memory", "message": "decoding the image needs more memory than is allowed"})
    sys.stdout.buffer.write(payload)


def _decode_to_bytes(limits: DecodeLimits) -> bytes:
    from imaging.decode import decode

    done = decode(sys.stdin.buffer.read(limits.max_bytes + 1), limits)
    facts = {"mode": done.image.mode, "size": done.image.size, "media_type": done.media_type, "sha256": done.sha256}
    return _line({**facts, "icc_converted": done.icc_converted}) + done.image.tobytes()


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"


def _orders(limits: DecodeLimits, memory_bytes: int, timeout_s: float) -> str:
    orders = {"RLIMIT_AS": memory_bytes, "RLIMIT_CPU": math.ceil(timeout_s) + 1, "RLIMIT_CORE": 0}
    orders["RLIMIT_FSIZE"] = limits.max_pixels * 4 + _HEADER_BYTES
    told = {"max_bytes": limits.max_bytes, "max_pixels": limits.max_pixels, "formats": limits.formats}
    return json.dumps({**orders, **told})


def _run_child(data: bytes, orders: str, answer: IO[bytes], timeout_s: float) -> int:
    """Exit status of the child. Its environment is empty: no key of ours is near the stranger's bytes."""
    command = [sys.executable, "-I", "-c", _START, str(_ROOT), orders]
    quiet = {"OPENBLAS_NUM_THREADS": "1", "PATH": os.defpath}
    try:
        done = subprocess.run(
            command, input=data, stdout=answer, stderr=subprocess.DEVNULL, timeout=timeout_s, env=quiet, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError("timed-out", f"decoding took longer than {timeout_s:g} s") from error
    return done.returncode


def _read_answer(head: bytes, answer: IO[bytes], status: int, limits: DecodeLimits) -> Decoded:
    """The child's answer, believed only as far as it fits the limits."""
    crashed = ImageError("decoder-crashed", f"the decoder ended with status {status}")
    if status != 0:
        raise crashed
    try:
        told = json.loads(head)
        if "reason" in told:
            raise ImageError(told["reason"] if told["reason"] in REASONS else "damaged", str(told["message"]))
        width_px, height_px = (int(side) for side in told["size"])
        if told["mode"] not in {"RGB", "RGBA"} or not 0 < width_px * height_px <= limits.max_pixels:
            raise crashed
        image = Image.frombytes(told["mode"], (width_px, height_px), answer.read())
        icc_converted = bool(told["icc_converted"])
        media_type, sha256 = str(told["media_type"]), str(told["sha256"])
    except (ValueError, TypeError, KeyError) as error:
        raise crashed from error
    return Decoded(image, media_type, width_px, height_px, sha256, image.mode == "RGBA", icc_converted)
