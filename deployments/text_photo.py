"""Photos that come as text: base64 of either alphabet, and data URLs."""

import base64
import binascii
import re
from typing import Final

from carpose.errors import BadImage

SHOWN: Final = 40
"""Letters of a text that are shown to who sent it."""

_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_STRAY: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
MOST_STRAY: Final = 1000

_WHITE_SPACE: Final = b" \t\r\n\v\f"


def from_text(text: str) -> bytes:
    """Bytes of base64, base64url, padded or not, or of a data URL; white space is ignored.

    Raises: BadImage when it is neither, or empty.
    """
    text = text.strip()
    plain = text
    if text[:5].lower() == "data:":
        head, comma, plain = text.partition(",")
        if not comma:
            raise BadImage("the data URL has no comma: data:image/jpeg;base64,...")
        if not head.lower().endswith(";base64"):
            return _not_empty(unescaped(plain.encode(errors="replace")))
    try:
        content = plain.encode("ascii")
        content = unescaped(content) if b"%" in content else content
        digits = content.translate(_TO_STANDARD, _WHITE_SPACE).rstrip(b"=")
        return _not_empty(base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        shown = plain if len(plain) <= SHOWN else plain[:SHOWN] + "..."
        raise BadImage(f"the text {shown!r} is neither base64 nor a data URL") from error


def unescaped(text: bytes) -> bytes:
    """What stood there before bytes were written as %41.

    Mail's quoted-printable is the same by another sign, and is read at the speed of memory: urllib
    takes 20 s for 20 MB of such signs. A sign that escapes nothing stays, as everywhere; not those
    beyond `MOST_STRAY`, which no text has.
    """
    text = _STRAY.sub(b"%25", text, count=MOST_STRAY)
    return binascii.a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise BadImage("the upload is empty")
    return content
