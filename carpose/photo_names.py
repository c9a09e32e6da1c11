"""Which files of a folder are photos: by their names, without looking into them."""

from typing import Final

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif")


def is_photo_name(path: str) -> bool:
    """Whether a path, with / between its steps, is taken for a photo; hidden ones are not."""
    hidden = any(step.startswith(".") for step in path.split("/"))
    return not hidden and path.lower().endswith(SUFFIXES)
