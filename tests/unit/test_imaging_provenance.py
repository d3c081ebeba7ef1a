"""What we write about a picture's origin can be read back from every format, and what vendors wrote is noticed."""

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from domain.errors import InputError
from imaging.provenance import has_c2pa, read_source_type, xmp_packet
from imaging.renditions import Format, Recipe, render

PICTURE = Image.new("RGB", (64, 64), "#446688")
MARK = b"jumd" + bytes.fromhex("6332706100110010800000aa00389b71") + b"\x03c2pa\0"


@pytest.mark.parametrize("format_name", ["jpeg", "webp", "avif", "png"])
@pytest.mark.parametrize("source_type", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_the_source_type_is_read_back_from_every_format(format_name: Format, source_type: str) -> None:
    packet = xmp_packet(source_type)  # type: ignore[arg-type]
    made = render(PICTURE, Recipe(64, 64, format_name), xmp=packet)
    assert read_source_type(made.data) == source_type
    bare = render(PICTURE, Recipe(64, 64, format_name))
    assert read_source_type(bare.data) is None
    assert len(made.data) - len(bare.data) < 1_000


def test_packets_are_the_same_at_every_call_and_small() -> None:
    assert xmp_packet("trainedAlgorithmicMedia") == xmp_packet("trainedAlgorithmicMedia")
    assert len(xmp_packet("trainedAlgorithmicMedia")) < 700


def test_names_with_marks_are_escaped() -> None:
    packet = xmp_packet("trainedAlgorithmicMedia", creator_tool='A "tool" <&>', credit="Müller & Söhne")
    assert read_source_type(packet) == "trainedAlgorithmicMedia"


def test_an_unknown_source_type_is_refused() -> None:
    with pytest.raises(InputError):
        xmp_packet("photograph")  # type: ignore[arg-type]


def test_the_long_form_of_other_tools_is_read_too() -> None:
    packet = b"""junk<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><e:DigitalSourceType>
    http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture </e:DigitalSourceType></rdf:Description>
    </rdf:RDF></x:xmpmeta>junk"""
    assert read_source_type(packet) == "digitalCapture"


def test_a_compressed_png_packet_is_read() -> None:
    out, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp_packet("trainedAlgorithmicMedia").decode(), zip=True)
    PICTURE.save(out, "PNG", pnginfo=info)
    assert read_source_type(out.getvalue()) == "trainedAlgorithmicMedia"


def test_an_entity_bomb_is_no_source_type() -> None:
    bomb = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!DOCTYPE a [<!ENTITY b "bb">]>&b;</x:xmpmeta>'
    assert read_source_type(bomb) is None


def test_a_zip_bomb_in_a_png_is_no_source_type() -> None:
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<" * 20_000_000)
    chunk = len(body).to_bytes(4, "big") + b"iTXt" + body + b"\0\0\0\0"
    assert read_source_type(b"\x89PNG\r\n\x1a\n" + chunk) is None


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_read_without_an_error(noise: bytes) -> None:
    packet = xmp_packet("trainedAlgorithmicMedia")
    read_source_type(noise + packet[: len(noise) * 2] + noise)
    read_source_type(b"\x89PNG\r\n\x1a\n" + noise)
    assert has_c2pa(noise) is False


def test_the_mark_of_a_c2pa_manifest_is_noticed_and_plain_files_have_none() -> None:
    plain = render(PICTURE, Recipe(64, 64, "webp")).data
    assert not has_c2pa(plain)
    assert not has_c2pa(b"a text about c2pa and jumbf")
    assert has_c2pa(plain + b"C2PA\x30\0\0\0" + MARK)
