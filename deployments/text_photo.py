"""Photos that come as text: base64 of either alphabet, and data URLs."""

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from carpose.errors import BadImage

SHOWN: Final = 40
"""Letters of a text that are shown to who sent it."""

_TO_STANDARD: Final = str.maketrans("-_", "+/")


def from_text(text: str) -> bytes:
    """Bytes of base64, base64url, padded or not, or of a data URL; white space is ignored.

    Raises: BadImage when it is neither, or empty.
    """
    text = text.strip()
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma:
            raise BadImage("the data URL has no comma: data:image/jpeg;base64,...")
        if not head.lower().endswith(";base64"):
            return _not_empty(unquote_to_bytes(text))
    plain = unquote(text) if "%" in text else text
    digits = re.sub(r"\s+", "", plain).translate(_TO_STANDARD).rstrip("=")
    try:
        return _not_empty(base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        shown = text if len(text) <= SHOWN else text[:SHOWN] + "..."
        raise BadImage(f"the text {shown!r} is neither base64 nor a data URL") from error


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise BadImage("the upload is empty")
    return content
