"""What a file is, by its first bytes: formats that are read, and names for those that are not."""

import re
import struct
from typing import Final

READ: Final = ("JPEG", "PNG", "WebP", "HEIC", "AVIF")
"""Names of what is read."""

_STARTS: Final = (
    (b"\xff\xd8\xff\xf7", "JPEG-LS"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc", "JPEG XR"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"8BPS", "Photoshop"),
    (b"gimp xcf", "XCF"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "CUR"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"BPG\xfb", "BPG"),
    (b"FLIF", "FLIF"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"SIMPLE  =", "FITS"),
    (b"icns", "ICNS"),
    (b"AT&TFORM", "DjVu"),
    (b"\x97JB2\r\n\x1a\n", "JBIG2"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    # Camera raw that is no TIFF, or nearly one.
    (b"FUJIFILMCCD-RAW", "camera raw (Fujifilm RAF)"),
    (b"IIRO", "camera raw (Olympus ORF)"),
    (b"IIRS", "camera raw (Olympus ORF)"),
    (b"MMOR", "camera raw (Olympus ORF)"),
    (b"IIU\0", "camera raw (Panasonic RW2)"),
    (b"II\x1a\0\0\0HEAPCCDR", "camera raw (Canon CRW)"),
    (b"FOVb", "camera raw (Sigma X3F)"),
    (b"\0MRM", "camera raw (Minolta MRW)"),
    # Video.
    (b"\x1a\x45\xdf\xa3", "video (Matroska or WebM)"),
    (b"\0\0\1\xba", "video (MPEG)"),
    (b"\0\0\1\xb3", "video (MPEG)"),
    (b"FLV\1", "video (Flash)"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "video (MXF)"),
    (b"OggS", "video or sound (Ogg)"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video (Windows Media)"),
    # Documents and archives.
    (b"{\\rtf", "RTF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Microsoft Office"),
    (b"PK\3\4", "ZIP"),
    (b"PK\5\6", "ZIP"),
    (b"PK\7\x08", "ZIP"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
)

_RIFF: Final = {b"WEBP": "WebP", b"AVI ": "video (AVI)", b"WAVE": "sound (WAV)"}

_BRANDS: Final = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIC"
    ),
    b"crx ": "camera raw (Canon CR3)",
    b"jxl ": "JPEG XL",
    b"jp2 ": "JPEG 2000",
    b"jpx ": "JPEG 2000",
    b"jpm ": "JPEG 2000",
    b"M4A ": "sound (MPEG-4)",
    b"qt  ": "video (QuickTime)",
}
_CONTAINERS: Final = (b"mif1", b"mif2", b"msf1", b"miaf")
"""Brands that say a picture is inside, not how it is coded."""

_QUICKTIME: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_DNG_VERSION, _SUB_IFDS = 0xC612, 0x014A
_MARKUP: Final = (
    (re.compile(rb"<svg[\s>:]", re.IGNORECASE), "SVG"),
    (re.compile(rb"^\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE), "HTML"),
    (re.compile(rb"^\s*<\?xml"), "XML"),
)
_LOOK_BYTES: Final = 4096


def format_of(content: bytes) -> str | None:
    """Name of a file's format, or None where nothing is known to start so."""
    for start, name in _STARTS:
        if content.startswith(start):
            return name
    for tell in (_riff, _tiff, _base_media, _bitmap, _netpbm, _transport_stream, _document):
        if found := tell(content):
            return found
    return None


def _riff(content: bytes) -> str | None:
    return _RIFF.get(content[8:12]) if content.startswith(b"RIFF") else None


def _tiff(content: bytes) -> str | None:
    if content[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    if content[8:10] == b"CR":
        return "camera raw (Canon CR2)"
    tags = _first_tags(content)
    if _DNG_VERSION in tags:
        return "camera raw (DNG)"
    # Nikon, Sony and Pentax keep the raw pixels in a folder below a small picture.
    return "camera raw (a TIFF)" if _SUB_IFDS in tags else "TIFF"


def _first_tags(content: bytes) -> set[int]:
    order = "<" if content.startswith(b"II") else ">"
    try:
        (offset,) = struct.unpack_from(order + "I", content, 4)
        (count,) = struct.unpack_from(order + "H", content, offset)
        return {
            struct.unpack_from(order + "H", content, offset + 2 + 12 * k)[0] for k in range(count)
        }
    except struct.error:
        return set()


def _base_media(content: bytes) -> str | None:
    if content[4:8] in _QUICKTIME and content[:4] != b"\0\0\0\0":
        return "video (QuickTime)"
    if content[4:8] != b"ftyp":
        return None
    (length,) = struct.unpack(">I", content[:4])
    head = content[8 : min(max(length, 12), 256)]
    if not head:
        return None
    # The major brand, its version, then the brands that it is compatible with.
    brands = [head[k : k + 4] for k in range(0, len(head), 4) if k != 4]
    known = (_BRANDS[brand] for brand in brands if brand in _BRANDS)
    if brands[0] in _BRANDS:
        return next(known)
    if brands[0] in _CONTAINERS:
        return next(known, "HEIC")
    return "video (MPEG-4)"


def _bitmap(content: bytes) -> str | None:
    # Two letters alone begin many a text: the header's own size must be one that exists.
    if content[:2] != b"BM" or len(content) < 18:
        return None
    (header,) = struct.unpack_from("<I", content, 14)
    return "BMP" if header in (12, 16, 40, 52, 56, 64, 108, 124) else None


def _netpbm(content: bytes) -> str | None:
    return "Netpbm" if re.match(rb"P[1-7f]\s+[#\d]|P7\n", content[:_LOOK_BYTES]) else None


def _transport_stream(content: bytes) -> str | None:
    # Camcorders put a time code of four bytes before each packet.
    for packets in (content[:753:188], content[4:773:192]):
        if len(packets) == 5 and set(packets) == {0x47}:
            return "video (MPEG)"
    return None


def _document(content: bytes) -> str | None:
    head = content[:_LOOK_BYTES].removeprefix(b"\xef\xbb\xbf")
    if b"%PDF-" in head[:1024] or head.startswith(b"%PDF"):
        return "PDF"
    if head.lstrip()[:1] != b"<":
        return None
    return next((name for pattern, name in _MARKUP if pattern.search(head)), None)
