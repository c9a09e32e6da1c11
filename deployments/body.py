"""A request's body: never more bytes than the limit, whatever they unpack to."""

import zlib
from typing import Final

from starlette.requests import ClientDisconnect, Request

from carpose.errors import BadImage, TooLarge, UnsupportedType

_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window bits, by content coding."""

_RAW_DEFLATE: Final = -15
_MOST_MEMBERS: Final = 1000
_MOST_CODINGS: Final = 2
_PIECE: Final = 64 << 10


async def read_body(request: Request, most: int, refusal: TooLarge) -> bytes:
    """The body, unpacked where it has a Content-Encoding.

    most: bytes that are read, and that it may unpack to; `refusal` is raised beyond.

    Raises: UnsupportedType for a coding that is not unpacked; BadImage where the body ends early.
    """
    codings = _codings(request)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise refusal
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise refusal
    except ClientDisconnect as error:
        raise BadImage("the connection was lost before the upload was whole") from error
    content = bytes(body)
    for coding in reversed(codings):
        content = unpacked(content, coding, most, refusal)
    return content


def _codings(request: Request) -> list[str]:
    """In the order in which the client applied them."""
    given = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    codings = [c.strip() for c in given if c.strip() not in ("", "identity")]
    known = ", ".join(name for name in _WINDOWS if name != "x-gzip")
    for coding in codings:
        if coding not in _WINDOWS:
            raise UnsupportedType(
                f"Content-Encoding {coding[:40]} is not unpacked: send {known}, or none"
            )
    if len(codings) > _MOST_CODINGS:
        raise UnsupportedType(f"a body is unpacked {_MOST_CODINGS} times at most")
    return codings


def unpacked(content: bytes, coding: str, most: int, refusal: TooLarge) -> bytes:
    """What a body was before `coding` was applied. Raises: `refusal` beyond `most` bytes; BadImage
    where it is not whole."""
    window = _WINDOWS[coding]
    try:
        return _inflated(content, window, most, refusal)
    except zlib.error as error:
        if coding == "deflate":
            # Many a client leaves the wrapper away.
            try:
                return _inflated(content, _RAW_DEFLATE, most, refusal)
            except zlib.error:
                pass
        raise BadImage(f"the body is not {coding}, as its Content-Encoding says") from error


def _inflated(content: bytes, window: int, most: int, refusal: TooLarge) -> bytes:
    out, at = bytearray(), 0
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(window)
        while not member.eof:
            # Piece by piece: a member hands back a copy of all that follows it.
            piece = content[at : at + _PIECE]
            if not piece:
                raise BadImage("the packed body ends early: send the whole file")
            out += member.decompress(piece, most + 1 - len(out))
            if len(out) > most:
                raise refusal
            at += len(piece) - len(member.unused_data)
        # gzip files may be joined; what else follows is padding.
        if window < 16 or not content.startswith(b"\x1f\x8b", at):
            break
    return bytes(out)
