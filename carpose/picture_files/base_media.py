"""HEIC and AVIF: boxes that point at each other by their place in the file."""

import re

from carpose.picture_files.stripped import Stripped

_ABOUT = re.compile(rb"(infe(?:\x02.{5}|\x03.{7})..)(?:Exif|mime)", re.DOTALL)
"""An item's entry: version, flags, id, protection, and that it is EXIF, or XMP."""


def strip(content: bytes) -> Stripped:
    """The file with EXIF and XMP called something that no decoder looks at: nothing may move in it,
    and the orientation that counts is a box of its own."""
    return Stripped(_ABOUT.sub(rb"\1skip", content))
