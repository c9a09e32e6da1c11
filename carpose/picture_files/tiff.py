"""The one thing that is wanted of an EXIF block."""

import struct
from typing import Final

_ORIENTATION: Final = 0x0112
_SHORT, _LONG = 3, 4


def orientation_of(exif: bytes) -> int | None:
    """Orientation, 1 to 8, of the first folder of tags; None where it has none, or is no EXIF."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (folder,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, folder)
        for at in range(folder + 2, folder + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", exif, at)
            if tag == _ORIENTATION and kind in (_SHORT, _LONG):
                form = order + ("H" if kind == _SHORT else "I")
                (value,) = struct.unpack_from(form, exif, at + 8)
                return int(value) if 1 <= value <= 8 else None
    except struct.error:
        return None
    return None
