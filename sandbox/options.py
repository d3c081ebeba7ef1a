"""How one sandbox is set up. Values only; nothing is read from the environment here or anywhere else in the sandbox."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_BFL_KEY = "sandbox-bfl-key"
DEFAULT_GOOGLE_KEY = "sandbox-google-key"
DEFAULT_SPEED = 10.0
DEFAULT_BFL_CREDITS = 1_000_000
MAX_SPEED = 100_000.0


@dataclass(frozen=True)
class SandboxOptions:
    """One sandbox.

    `speed` divides the real vendors' latencies. `state_dir` None keeps everything in memory and a scratch folder.
    `retired` are model ids answered as gone; `enforce_retirement` also retires what the catalogue's dates say.
    `refuse_key_on_delivery` answers 400 to a picture download that carries the API key: clients must not send it there.
    """

    host: str = "127.0.0.1"
    port: int = 0
    state_dir: Path | None = None
    speed: float = DEFAULT_SPEED
    ready_file: Path | None = None
    bfl_key: str = DEFAULT_BFL_KEY
    google_key: str = DEFAULT_GOOGLE_KEY
    rules_file: Path | None = None
    bfl_credits: int = DEFAULT_BFL_CREDITS
    retired: frozenset[str] = frozenset()
    enforce_retirement: bool = False
    refuse_key_on_delivery: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.speed <= MAX_SPEED:
            raise ValueError(f"speed must be above 0 and at most {MAX_SPEED:g}, not {self.speed:g}")
        if self.bfl_credits < 0:
            raise ValueError(f"bfl_credits must not be negative, not {self.bfl_credits}")
