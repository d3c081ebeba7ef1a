"""What went wrong with a picture, as a person needs to hear it. What may not live here: deciding what went wrong."""

import re

VENDORS = {"bfl": "Black Forest Labs", "google": "Google"}
POLICY = "moderated"
# as VendorError writes it: vendor, message, and the code where the message does not say it
_VENDOR_ERROR = re.compile(rf"(.*?)\b({'|'.join(VENDORS)}): (.+?)(?: \(([a-z_-]+)\))?", re.DOTALL)


def plain(text: str) -> str:
    """`bfl: Request Moderated` as errors are kept, several with semicolons: with the vendor's name and what to do."""
    return "; ".join(map(_said, text.split("; ")))


def _said(part: str) -> str:
    found = _VENDOR_ERROR.fullmatch(part)
    if found is None:
        return part
    before, vendor, message, code = found[1], VENDORS[found[2]], found[3], found[4]
    if POLICY not in (code, *message.casefold().split()):
        return f"{before}{vendor}: {message}"
    return f"{before}{vendor} refused it by its content rules ({message}): change the words or the photos and try again"
