"""Files as they come: of every format, with metadata that is broken, cut, or made to be slow."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from carpose.errors import BadImage, TooManyPixels, UnsupportedType
from carpose.images import Limits, Look, decode
from carpose.picture_files.base_media import strip
from carpose.picture_files.signatures import format_of
from tests.support import encoded

LIMITS = Limits()
GARBAGE = b"\x17\x00not what it should be\xff" * 3


def picture(width: int = 320, height: int = 240) -> Image.Image:
    """Noise of blocks, red above blue, and no grey."""
    blocks = np.random.default_rng(3).integers(0, 80, (height // 8, width // 8, 3), np.uint8)
    blocks[: height // 16, :, 0] += 160
    blocks[height // 16 :, :, 2] += 160
    return Image.fromarray(np.repeat(np.repeat(blocks, 8, 0), 8, 1))


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content).to_bytes(4)
    return len(content).to_bytes(4) + kind + content + crc


def riff(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def into_jpeg(content: bytes, *segments: bytes) -> bytes:
    return content[:2] + b"".join(segments) + content[2:]


def into_png(content: bytes, *chunks: bytes, at: int = 33) -> bytes:
    return content[:at] + b"".join(chunks) + content[at:]


def into_webp(content: bytes, flags: int, *chunks: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + riff(b"VP8X", bytes([flags, 0, 0, 0]) + size) + content[12:]
    body += b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


JPEG, PNG, WEBP = (encoded(picture(), kind) for kind in ("JPEG", "PNG", "WEBP"))
AVIF = encoded(picture(), "AVIF", quality=90)
EXIF = Image.Exif()
EXIF[0x010F] = "a maker"
AVIF_WITH_EXIF = encoded(picture(), "AVIF", quality=90, exif=EXIF)
TIFF = EXIF.tobytes().removeprefix(b"Exif\0\0")
BOMB = zlib.compress(b"\0" * 30_000_000)

BROKEN_METADATA = {
    "jpeg-exif": (JPEG, into_jpeg(JPEG, segment(0xE1, b"Exif\0\0" + GARBAGE))),
    "jpeg-exif-cut": (JPEG, into_jpeg(JPEG, segment(0xE1, b"Exif\0\0II*\0"))),
    "jpeg-exif-endless": (JPEG, into_jpeg(JPEG, segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x01" * 40))),
    "jpeg-xmp": (JPEG, into_jpeg(JPEG, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GARBAGE))),
    "jpeg-icc": (JPEG, into_jpeg(JPEG, segment(0xE2, b"ICC_PROFILE\0\1\1" + GARBAGE))),
    "jpeg-photos-behind": (JPEG, into_jpeg(JPEG, segment(0xE2, b"MPF\0" + GARBAGE))),
    "jpeg-adobe-cut": (JPEG, into_jpeg(JPEG, segment(0xEE, b"Adobe\0"))),
    "jpeg-jfif-cut": (JPEG, into_jpeg(JPEG, segment(0xE0, b"JFIF\0"))),
    "jpeg-photoshop": (JPEG, into_jpeg(JPEG, segment(0xED, b"Photoshop 3.0\x008BIM" + GARBAGE))),
    "png-exif": (PNG, into_png(PNG, chunk(b"eXIf", GARBAGE))),
    "png-icc": (PNG, into_png(PNG, chunk(b"iCCP", b"p\0\0" + GARBAGE))),
    "png-icc-bomb": (PNG, into_png(PNG, chunk(b"iCCP", b"p\0\0" + BOMB))),
    "png-text-bomb": (PNG, into_png(PNG, chunk(b"zTXt", b"Comment\0\0" + BOMB))),
    "png-text": (PNG, into_png(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp"))),
    "png-checksum": (PNG, into_png(PNG, chunk(b"gAMA", b"\0\0\0\1")[:-4] + b"oops")),
    "png-sizes": (PNG, into_png(PNG, chunk(b"pHYs", b"1"), chunk(b"cHRM", b"2"), chunk(b"sRGB", b""))),
    "webp-exif": (WEBP, into_webp(WEBP, 0x08, riff(b"EXIF", GARBAGE))),
    "webp-xmp": (WEBP, into_webp(WEBP, 0x04, riff(b"XMP ", GARBAGE))),
    "webp-icc": (WEBP, into_webp(WEBP, 0x20, riff(b"ICCP", GARBAGE))),
    "webp-exif-cut": (WEBP, into_webp(WEBP, 0x08, b"EXIF\xff\xff\0\0II")),
    "avif-exif": (AVIF, AVIF_WITH_EXIF.replace(TIFF[:8], GARBAGE[:8])),
    "avif-xmp": (AVIF, encoded(picture(), "AVIF", quality=90, xmp=GARBAGE)),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_METADATA)
def test_metadata_that_cannot_be_read_is_ignored(name: str) -> None:
    plain, broken = BROKEN_METADATA[name]
    assert (decode(broken, LIMITS).pixels == decode(plain, LIMITS).pixels).all()
    assert (decode(broken, LIMITS).in_srgb().pixels == decode(plain, LIMITS).pixels).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation_counts_beside_a_broken_profile(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(), kind, exif=exif, icc_profile=GARBAGE)
    size = decode(content, LIMITS).size
    assert size == ((320, 240) if orientation in (1, 3) else (240, 320))


def test_orientation_is_read_of_xmp_and_of_imagemagick_s_text() -> None:
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    assert decode(into_jpeg(JPEG, segment(0xE1, xmp)), LIMITS).size == (240, 320)
    exif = Image.Exif()
    exif[0x0112] = 8
    text = b"\nexif\n 99\n" + exif.tobytes().hex().encode()
    content = into_png(PNG, chunk(b"tEXt", b"Raw profile type exif\0" + text))
    assert decode(content, LIMITS).size == (240, 320)


def display_p3() -> bytes:
    """A profile with the primaries of Display P3 and a gamma of 2.2: sRGB's own with other
    colorants, which LittleCMS writes as s15Fixed16 numbers."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    colorants = {
        b"rXYZ": (0.51512, 0.2412, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }
    (count,) = struct.unpack_from(">I", profile, 128)
    for k in range(count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * k)
        if name in colorants:
            fixed = [round(v * 65536) for v in colorants[name]]
            struct.pack_into(">3i", profile, offset + 8, *fixed)
    return bytes(profile)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_pictures_go_out_in_srgb(kind: str) -> None:
    # P3's (214, 70, 50) is sRGB's (231, 52, 36), about.
    flat = Image.new("RGB", (64, 64), (214, 70, 50))
    out = decode(encoded(flat, kind, icc_profile=display_p3(), quality=95), LIMITS)
    red, green, blue = (int(v) for v in out.in_srgb().pixels[32, 32])
    assert red == pytest.approx(231, abs=4)
    assert green == pytest.approx(54, abs=6)
    assert blue == pytest.approx(36, abs=8)


def test_a_cmyk_profile_that_is_none_leaves_the_plain_conversion() -> None:
    cmyk = picture().convert("CMYK")
    plain, broken = encoded(cmyk), encoded(cmyk, icc_profile=display_p3())
    assert (decode(plain, LIMITS).pixels == decode(broken, LIMITS).pixels).all()


def cut(content: bytes, share: float) -> bytes:
    start = content.index(b"\xff\xda")
    return content[: start + int(share * (len(content) - start))]


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["no-end", "ended"])
@pytest.mark.parametrize("look", [Look(), Look(100)], ids=["whole", "reduced"])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 85},
        {"quality": 85, "subsampling": 0},
        {"quality": 30, "restart_marker_rows": 1},
        {"quality": 85, "restart_marker_blocks": 1},
        {"quality": 85, "optimize": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_jpeg_that_ends_early_is_refused_with_how_much_there_is(
    options: dict[str, Any], share: float, look: Look, end: bytes
) -> None:
    with pytest.raises(BadImage, match="ends after") as refusal:
        decode(cut(encoded(picture(), "JPEG", **options), share) + end, LIMITS, look)
    told = int(refusal.value.detail.split()[4])
    assert told == pytest.approx(100 * share, abs=15)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_one_in_grey_or_ink_too(mode: str) -> None:
    with pytest.raises(BadImage, match="ends after"):
        decode(cut(encoded(picture().convert(mode)), 0.5) + b"\xff\xd9", LIMITS)


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["no-end", "ended"])
def test_a_progressive_jpeg_that_is_coarse_but_whole_is_read(end: bytes) -> None:
    content = encoded(picture(), "JPEG", progressive=True, quality=90)
    out = decode(cut(content, 0.7) + end, LIMITS).pixels.astype(int)
    assert abs(out - np.asarray(picture())).mean() < 25
    with pytest.raises(BadImage, match="ends after"):
        decode(cut(content, 0.03) + end, LIMITS)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str
)
@pytest.mark.parametrize("end", [-2, None], ids=["no-end", "whole"])
def test_grey_that_is_the_picture_s_own_is_read(options: dict[str, Any], end: int | None) -> None:
    image = picture()
    image.paste((128, 128, 128), (0, 120, 320, 240))
    content = encoded(image, "JPEG", **options)[:end]
    assert decode(content, LIMITS).size == (320, 240)
    assert decode(content + b"a trailer", LIMITS, Look(100)).size == (320, 240)


def test_a_jpeg_without_a_pixel_is_refused() -> None:
    for length in (3, 20, JPEG.index(b"\xff\xda")):
        with pytest.raises(BadImage, match="0 %"):
            decode(JPEG[:length], LIMITS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_other_files_that_end_early_are_refused_in_our_own_words(kind: str, share: float) -> None:
    content = encoded(picture(), kind)
    with pytest.raises(BadImage, match="broken or cut short"):
        decode(content[: int(share * len(content))], LIMITS)


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    content = encoded(picture(64, 64), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    return content[:-2] + (count - content.count(b"\xff\xda")) * scan + b"\xff\xd9"


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    assert decode(with_scans(90), LIMITS).size == (64, 64)
    with pytest.raises(BadImage, match="300 scans"):
        decode(with_scans(300), LIMITS)


def test_fewer_scans_are_too_many_for_a_large_picture() -> None:
    content = bytearray(with_scans(60))
    frame = content.index(b"\xff\xc2")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 7000, 7000)
    with pytest.raises(BadImage, match="60 scans"):
        decode(bytes(content), LIMITS)


def test_a_jpeg_may_have_more_pixels_than_others() -> None:
    large = encoded(Image.new("L", (8192, 6144), 100), "JPEG", quality=20)
    out = decode(large, LIMITS, Look(512))
    assert out.size == (8192, 6144)
    with pytest.raises(TooManyPixels):
        decode(large, Limits(max_jpeg_pixels=50_000_000), Look(512))


def jpeg_of(frame: int, precision: int = 8) -> bytes:
    """The beginning of a JPEG of another process."""
    content = bytearray(JPEG)
    at = content.index(b"\xff\xc0")
    content[at + 1], content[at + 4] = frame, precision
    return bytes(content)


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def tiff_with(tag: int) -> bytes:
    return struct.pack("<4sIHHHII", b"II*\0", 8, 1, tag, 4, 1, 0)


NOT_READ = [
    ("JPEG XL", b"\xff\x0a" + b"\0" * 20),
    ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")),
    ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 20),
    ("JPEG 2000", b"\xff\x4f\xff\x51" + b"\0" * 20),
    ("JPEG of 12 bits", jpeg_of(0xC1, 12)),
    ("JPEG with arithmetic coding", jpeg_of(0xC9)),
    ("JPEG with arithmetic coding", jpeg_of(0xCA)),
    ("lossless JPEG", jpeg_of(0xC3)),
    ("hierarchical JPEG", jpeg_of(0xC5)),
    ("JPEG-LS", jpeg_of(0xF7)),
    ("TIFF", encoded(picture(), "TIFF")),
    ("TIFF", b"MM\0+\0\x08\0\0" + b"\0" * 20),
    ("GIF", encoded(picture().quantize(), "GIF")),
    ("BMP", encoded(picture(), "BMP")),
    ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'),
    ("SVG", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a car -->\n<svg width="9">'),
    ("camera raw (DNG)", tiff_with(0xC612)),
    ("camera raw (a TIFF)", tiff_with(0x014A)),
    ("camera raw (Canon CR2)", b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 20),
    ("camera raw (Canon CR3)", box(b"ftyp", b"crx \0\0\0\1crx isom")),
    ("camera raw (Fujifilm RAF)", b"FUJIFILMCCD-RAW 0201"),
    ("video (MPEG-4)", box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + box(b"moov")),
    ("video (QuickTime)", box(b"ftyp", b"qt  \0\0\0\0qt  ")),
    ("video (QuickTime)", box(b"wide") + box(b"mdat")),
    ("video (Matroska or WebM)", b"\x1a\x45\xdf\xa3" + b"\0" * 20),
    ("video (AVI)", b"RIFF\0\0\0\0AVI LIST"),
    ("video (MPEG)", (b"\x47" + b"\0" * 187) * 5),
    ("video (MPEG)", (b"\0\0\0\0\x47" + b"\0" * 187) * 5),
    ("video (MXF)", bytes.fromhex("060e2b34020501010d010201") + b"\0" * 20),
    ("DjVu", b"AT&TFORM\0\0\0\0DJVU"),
    ("PDF", b"%PDF-1.7\n"),
    ("PDF", b"\n\n%PDF-1.4\n"),
    ("ZIP", b"PK\3\4" + b"\0" * 20),
    ("gzip", b"\x1f\x8b\x08" + b"\0" * 20),
    ("HTML", b"<!DOCTYPE html><html>"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), NOT_READ, ids=[name for name, _ in NOT_READ])
def test_a_format_that_is_not_read_is_named(name: str, content: bytes) -> None:
    with pytest.raises(UnsupportedType) as refusal:
        decode(content, LIMITS)
    assert refusal.value.detail.startswith(f"{name} is not read")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("AVIF", AVIF),
        ("AVIF", box(b"ftyp", b"mif1\0\0\0\0mif1avif")),
        ("HEIC", box(b"ftyp", b"heic\0\0\0\0mif1heic")),
        ("HEIC", box(b"ftyp", b"mif1\0\0\0\0mif1heic")),
        ("JPEG", JPEG),
        ("PNG", PNG),
        ("WebP", WEBP),
        (None, b"BMW for sale, one owner, no accidents"),
        (None, b"hello"),
        (None, b""),
        (None, b"GPS"),
        (None, b"P1"),
        (None, b"\0" * 100),
        (None, b"\0\0\0 ftyp"),
    ],
)
def test_formats_are_told_by_their_first_bytes(name: str | None, content: bytes) -> None:
    assert format_of(content) == name


def test_avif_is_read() -> None:
    out = decode(AVIF, LIMITS)
    assert out.size == (320, 240)
    assert abs(out.pixels.astype(int) - np.asarray(picture())).mean() < 12


def boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    while content:
        size, kind = struct.unpack_from(">I4s", content)
        found.append((kind, content[8:size]))
        content = content[size:]
    return found


def with_lists(**lists: bytes) -> bytes:
    """An AVIF file with other lists in its meta box."""

    def inside(kind: bytes, content: bytes) -> bytes:
        if kind.decode() in lists:
            return lists[kind.decode()]
        if kind not in (b"meta", b"iprp"):
            return content
        start = content[: 4 if kind == b"meta" else 0]
        return start + b"".join(box(k, inside(k, c)) for k, c in boxes(content[len(start) :]))

    return b"".join(box(kind, inside(kind, content)) for kind, content in boxes(AVIF))


def associations(count: int) -> bytes:
    """Of so many items with no property each."""
    items = b"".join(struct.pack(">IB", item, 0) for item in range(1, count + 1))
    return struct.pack(">II", 1 << 24, count) + items


@pytest.mark.parametrize("kind", [b"ftypavif", b"ftypheic"])
def test_lists_of_items_that_no_photo_has_are_no_work(kind: bytes) -> None:
    """A decoder that looks for each among all would take half an hour."""
    content = with_lists(ipma=associations(1_000_000)).replace(b"ftypavif", kind)
    with pytest.raises(BadImage, match="ipma box has"):
        decode(content, LIMITS)


def test_frames_that_no_animation_has_are_no_work() -> None:
    with pytest.raises(BadImage, match="moov box has"):
        decode(AVIF + box(b"moov", b"\0" * 100_000), LIMITS)


@pytest.mark.parametrize("count", [1, 760])
def test_the_tiles_of_a_large_photo_are_few_enough(count: int) -> None:
    content = with_lists(
        iinf=struct.pack(">IH", 0, count) + box(b"infe", b"\2" + b"\0" * 12) * count,
        iloc=struct.pack(">IHH", 0, 0x4400, count) + b"\0" * 16 * count,
        ipma=associations(count),
    )
    assert strip(content).content == content


def test_boxes_are_followed_whatever_they_say_of_their_size() -> None:
    lists = box(b"iprp", box(b"ipma", associations(10_000)))
    endless = b"\0\0\0\0meta\0\0\0\0" + lists
    long = b"\0\0\0\1meta" + (20 + len(lists)).to_bytes(8) + b"\0\0\0\0" + lists
    for content in (AVIF[:32] + endless, AVIF[:32] + long, AVIF[:32] + box(b"free") + endless):
        with pytest.raises(BadImage, match="ipma box has"):
            strip(content)
    for broken in (b"\0\0\0\3meta", b"\0\0\0\1meta\0", b"\0\0\0\1meta" + b"\0" * 8, b"\0"):
        assert strip(AVIF[:32] + broken).content == AVIF[:32] + broken


def profile_of_steps(space: bytes, channels: int, steps: int) -> bytes:
    """A profile whose way to the colours is one step of many channels, then the same one again and
    again, which stands in it once."""
    first = (
        b"matf\0\0\0\0"
        + struct.pack(">HH", channels, 3)
        + struct.pack(">f", 0.3) * 3 * channels
        + bytes(12)
    )
    same = b"matf\0\0\0\0" + struct.pack(">HH", 3, 3)
    same += struct.pack(">12f", 0.9, 0.1, 0, 0, 0.9, 0.1, 0.1, 0, 0.9, 0, 0, 0)
    at = 16 + 8 * (steps + 1)
    places = struct.pack(">II", at, len(first))
    places += struct.pack(">II", at + len(first), len(same)) * steps
    tag = b"mpet\0\0\0\0" + struct.pack(">HHI", channels, 3, steps + 1) + places + first + same
    body = struct.pack(">I4sII", 1, b"D2B0", 144, len(tag)) + tag
    head = struct.pack(">I4x4s4s4s4s12s4s", 128 + len(body), b"\4\x30\0\0", b"scnr", space, b"XYZ ", b"", b"acsp")  # fmt: skip
    return head.ljust(68, b"\0") + struct.pack(">3i48x", 63190, 65536, 54061) + body


@pytest.mark.parametrize(
    ("mode", "space", "channels"), [("L", b"GRAY", 1), ("CMYK", b"CMYK", 4), ("RGB", b"RGB ", 3)]
)
def test_a_profile_of_endless_steps_is_none(mode: str, space: bytes, channels: int) -> None:
    """Its transform would take hours to be made."""
    image = picture().convert(mode)
    profile = profile_of_steps(space, channels, 100_000)
    out = decode(encoded(image, "JPEG", icc_profile=profile), LIMITS).in_srgb()
    assert (out.pixels == decode(encoded(image, "JPEG"), LIMITS).pixels).all()
