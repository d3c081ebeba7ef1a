"""Which vendors there are, and which model belongs to which. Adding a vendor is a folder and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.errors import InputError
from vendors.bfl import models as bfl_models
from vendors.bfl.client import Bfl
from vendors.capabilities import Capabilities
from vendors.google import models as google_models
from vendors.google.client import Google


@dataclass(frozen=True)
class Entry:
    """`make` is the vendor's constructor (keywords differ: see it); `models` its capabilities by model id."""

    make: type[Bfl] | type[Google]
    models: Callable[[], Mapping[str, Capabilities]]


VENDORS: dict[str, Entry] = {
    "bfl": Entry(Bfl, bfl_models.models),
    "google": Entry(Google, google_models.models),
}


def vendor_of(model_id: str) -> str:
    """The vendor's name. Raises InputError that lists every model."""
    for name, entry in VENDORS.items():
        if model_id in entry.models():
            return name
    known = ", ".join(sorted(model for entry in VENDORS.values() for model in entry.models()))
    raise InputError(f"no vendor here has a model {model_id!r}", where="model_id", hint=f"known: {known}")


def capabilities(model_id: str) -> Capabilities:
    """What every model says of itself: references, seed, source, retirement. Raises InputError."""
    return VENDORS[vendor_of(model_id)].models()[model_id]
