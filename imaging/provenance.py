"""What a file says about how it was made: writing and reading XMP's DigitalSourceType, and noticing C2PA manifests.

Lives here: the XMP packet, reading it back from bytes, a scan for C2PA. Not here: signing (done last,
when these bytes are final), the choice of source type (a rule about references), embedding (renditions.py, xmp=).
Terms: IPTC NewsCodes digitalsourcetype; Google Merchant asks for them on every generated image (facts/publish.md 3).
"""

import zlib
from collections.abc import Iterator
from typing import Final, Literal, get_args
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

from defusedxml import DefusedXmlException, ElementTree

from domain.errors import InputError
from imaging.headers import PNG_SIGNATURE

SourceType = Literal["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"]
SOURCE_TYPES: Final[tuple[str, ...]] = get_args(SourceType)
CREATOR_TOOL: Final = "Draftline"
MAX_PACKET_BYTES: Final = 256 * 1024
MAX_PACKETS: Final = 16
MAX_CHUNKS: Final = 10_000
_VOCABULARY: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_IPTC_EXT: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PROPERTY: Final = f"{{{_IPTC_EXT}}}DigitalSourceType"
_RDF_RESOURCE: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
# a JUMBF description box whose type is C2PA's own UUID: "jumd" and 63327061-0011-0010-8000-00AA00389B71 ("c2pa" first);
# the same bytes open a manifest in PNG (caBX), JPEG (APP11), WebP (C2PA chunk) and AVIF (uuid box): C2PA 2.1, 11.1
_C2PA_MARK: Final = b"jumd" + bytes.fromhex("63327061001100108000" + "00aa00389b71")


def xmp_packet(source_type: SourceType, *, creator_tool: str = CREATOR_TOOL, credit: str = "") -> bytes:
    """A UTF-8 XMP packet, about 0.5 KB, without times, so that the same facts give the same bytes."""
    if source_type not in SOURCE_TYPES:
        raise InputError(f"{source_type!r} is not one of {', '.join(SOURCE_TYPES)}")
    credited = f"\n    photoshop:Credit={quoteattr(credit)}" if credit else ""
    space = '\n    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"' if credit else ""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="{_IPTC_EXT}"{space}
    xmp:CreatorTool={quoteattr(creator_tool)}{credited}
    Iptc4xmpExt:DigitalSourceType="{_VOCABULARY}{source_type}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()


def read_source_type(data: bytes) -> str | None:
    """The last word of the DigitalSourceType in a file of any format ("trainedAlgorithmicMedia", ...), or None.

    Reads what the file claims; takes any bytes, raises nothing. Vendors' other IPTC terms come back too.
    """
    for packet in _packets(data):
        found = _source_type_of(packet)
        if found:
            return found
    return None


def has_c2pa(data: bytes) -> bool:
    """Whether the bytes hold the mark of a C2PA manifest; not whether it is valid: for the ledger, not for trust."""
    return _C2PA_MARK in data


def _packets(data: bytes) -> Iterator[bytes]:
    """XMP packets that lie bare in the bytes (JPEG, WebP, AVIF, most PNG), then those that a PNG compressed."""
    at = 0
    for _ in range(MAX_PACKETS):
        start = data.find(b"<x:xmpmeta", at)
        end = data.find(b"</x:xmpmeta>", start, start + MAX_PACKET_BYTES) if start >= 0 else -1
        if end < 0:
            break
        at = end + len(b"</x:xmpmeta>")
        yield data[start:at]
    if data.startswith(PNG_SIGNATURE):
        yield from _compressed_png_packets(data)


def _compressed_png_packets(data: bytes) -> Iterator[bytes]:
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if len(kind) < 4 or kind == b"IEND":
            return
        head = b"XML:com.adobe.xmp\x00\x01\x00"
        body = data[at + 8 : at + 8 + length]
        if kind == b"iTXt" and body.startswith(head):
            packed = body[len(head) :].split(b"\x00", 2)[-1]
            yield _inflated(packed)
        at += 12 + length


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MAX_PACKET_BYTES)
    except zlib.error:
        return b""


def _source_type_of(packet: bytes) -> str | None:
    try:
        root: Element = ElementTree.fromstring(packet)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    for element in root.iter():
        value = element.get(_PROPERTY)
        if element.tag == _PROPERTY:
            value = element.get(_RDF_RESOURCE) or element.text
        if value and value.strip():
            return value.strip().rstrip("/").rsplit("/", 1)[-1]
    return None
