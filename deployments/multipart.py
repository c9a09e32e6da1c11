"""multipart/form-data (RFC 7578), read from memory: photos never touch the disk."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from python_multipart.multipart import parse_options_header

from carpose.errors import BadImage

MAX_PARTS: Final = 64
MOST_HEAD: Final = 16 << 10
"""Bytes of a part's headers."""
_MOST_ALIKE: Final = 10_000
"""Times that a form may hold what looks like its boundary."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"[ \t]*(?:\r?\n|\Z)")
_FIRST_LINE = re.compile(rb"\s*--([^\r\n]{1,200})\r?\n")


@dataclass(frozen=True)
class Part:
    """A part of a form; `media_type` is empty where the part names none."""

    name: str
    content: bytes
    media_type: str = ""


def boundary_of(content_type: str, body: bytes) -> bytes | None:
    """What separates the parts: as the header says or, where it forgot, as the body begins."""
    kind, options = parse_options_header(content_type)
    if kind.startswith(b"multipart/") and options.get(b"boundary"):
        return options[b"boundary"]
    first = _FIRST_LINE.match(body)
    return first[1].rstrip() if first else None


def parts_of(body: bytes, boundary: bytes) -> list[Part]:
    """The parts of a form, in order. Raises: BadImage when it is not one, or not a whole one."""
    parts = [_part(content) for content in _between(body, b"--" + boundary)]
    if not parts:
        raise BadImage("the form has no parts")
    return parts


def _between(body: bytes, delimiter: bytes) -> Iterator[bytes]:
    start, at, count, alike = None, body.find(delimiter), 0, 0
    while at >= 0:
        alike += 1
        if alike > _MOST_ALIKE:
            raise BadImage("the form's boundary is all over it: take another one")
        end = at + len(delimiter)
        last = body.startswith(b"--", end)
        line = _LINE_END.match(body, end + 2 if last else end)
        if line and (at == 0 or body[at - 1] == 0x0A):
            if start is not None:
                yield body[start : at - (2 if body[at - 2 : at] == b"\r\n" else 1)]
                count += 1
                if count > MAX_PARTS:
                    raise BadImage(f"the form has more than {MAX_PARTS} parts")
            if last:
                return
            start = line.end()
        at = body.find(delimiter, end)
    if start is None:
        raise BadImage("the form cannot be read: its boundary is not in it")
    raise BadImage("the form ends early: its last boundary is missing")


def _part(content: bytes) -> Part:
    if content.startswith((b"\r\n", b"\n")):
        raise BadImage("a part of the form has no Content-Disposition")
    blank = _BLANK_LINE.search(content, 0, MOST_HEAD)
    if not blank and len(content) > MOST_HEAD:
        raise BadImage(f"a part of the form has more than {MOST_HEAD >> 10} kB of headers")
    head, body = (content[: blank.start()], content[blank.end() :]) if blank else (content, b"")
    headers: dict[str, str] = {}
    for line in re.split(rb"\r?\n(?![ \t])", head):
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), " ".join(value.split()))
    _, options = parse_options_header(headers.get("content-disposition"))
    if b"name" not in options:
        raise BadImage("a part of the form has no name")
    return Part(
        text(options[b"name"]),
        _decoded(body, headers.get("content-transfer-encoding", "").lower()),
        headers.get("content-type", "").partition(";")[0].strip().lower(),
    )


def _decoded(content: bytes, coding: str) -> bytes:
    """What mail's libraries, which know no other forms than mail's, have made text of."""
    try:
        if coding == "base64":
            return binascii.a2b_base64(content.translate(None, b" \t\r\n"), strict_mode=True)
        return binascii.a2b_qp(content) if coding == "quoted-printable" else content
    except binascii.Error:
        return content  # not what the header says: what it is, its content says


def text(content: bytes) -> str:
    """Of a field or a header: UTF-8, or what browsers sent before it."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
