"""Settings -> working objects. The only reader of the environment; builds nothing at import.

`current()` gives this process's Wiring, built from the settings at its first use; `use(other)` swaps it for a test.
"""

from wiring.progress import Progress, Silent
from wiring.settings import Settings, read_settings
from wiring.wiring import Wiring, build, current, use

__all__ = ["Progress", "Settings", "Silent", "Wiring", "build", "current", "read_settings", "use"]
