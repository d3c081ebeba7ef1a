"""Builds the vendors' clients: live with the keys of the settings, or against the sandbox."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from domain.errors import SettingError
from vendors.bfl.client import Bfl
from vendors.contract import Vendor
from vendors.google.client import Google
from wiring.settings import Settings

# The sandbox's own keys, as its --help prints them: not secrets.
SANDBOX_BFL_KEY = "sandbox-bfl-key"
SANDBOX_GOOGLE_KEY = "sandbox-google-key"
BFL_URL = "https://api.bfl.ai"
GOOGLE_URL = "https://generativelanguage.googleapis.com"


@asynccontextmanager
async def open_vendors(settings: Settings) -> AsyncIterator[dict[str, Vendor]]:
    """Every vendor by the name that the price book uses. A vendor without a key can measure, but refuses to submit."""
    async with AsyncExitStack() as stack:
        vendors: dict[str, Vendor] = {}
        for client in (_bfl(settings), _google(settings)):
            stack.push_async_callback(client.aclose)
            vendors[client.name] = client
        yield vendors


def sandbox_address(settings: Settings) -> str:
    if not settings.sandbox_url:
        raise SettingError(
            "the sandbox is chosen but its address is not known",
            where="DRAFTLINE_SANDBOX_URL",
            hint="The draftline command starts one by itself; a worker needs the address, or DRAFTLINE_VENDORS=live",
        )
    return settings.sandbox_url.rstrip("/")


def _bfl(s: Settings) -> Bfl:
    live = s.vendors == "live"
    return Bfl(
        api_key=s.bfl_api_key if live else SANDBOX_BFL_KEY,
        base_url=(s.bfl_base_url or BFL_URL) if live else _sandbox(s, "bfl"),
        poll_deadline_s=s.poll_deadline_s,
        poll_interval_s=0.5 if live else 0.1,
        max_active=s.bfl_max_active,
    )


def _google(s: Settings) -> Google:
    live = s.vendors == "live"
    return Google(
        api_key=s.google_api_key if live else SANDBOX_GOOGLE_KEY,
        base_url=(s.google_base_url or GOOGLE_URL) if live else _sandbox(s, "google"),
        api_version=s.google_api_version,
        max_active=s.google_max_active,
    )


def _sandbox(settings: Settings, vendor: str) -> str:
    # measuring needs no address: a quote is made before anything is started
    return f"{settings.sandbox_url.rstrip('/') or 'http://127.0.0.1:9'}/{vendor}"
