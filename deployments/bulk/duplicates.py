"""Photos that show the same: equal files, and the same picture saved again."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import imagehash
import numpy as np
from PIL import Image

from carpose.images import Picture

NEAR_BITS: Final = 2
"""Bits by which the 64-bit hashes of one picture saved twice may differ."""

MOST_BITS: Final = 3
"""The index finds pairs that differ in at most this many."""

SAME_SHAPE: Final = 0.01
"""Relative difference of width by height within which a picture is another one scaled."""

_HASH_PX = 256


def perceptual_hash(picture: Picture) -> int:
    """64 bits (DCT, imagehash.phash) that survive another size and other compression."""
    image = Image.fromarray(picture.pixels).convert("L")
    image = image.reduce(max(1, max(image.size) // _HASH_PX))
    bits = np.packbits(imagehash.phash(image).hash)
    return int.from_bytes(bits.tobytes(), "big")


@dataclass(frozen=True)
class Sight:
    """A photo as it is compared: its address, the sha256 of its file, the hash of its picture (None
    where it has none) and its size in pixels."""

    uri: str
    sha256: str
    phash: int | None
    size: tuple[int, int]


class Seen:
    """The photos seen so far. About 400 bytes a photo.

    near_bits: bits by which hashes may differ; None compares files alone.
    scaled: whether a picture may be another one in another size.
    """

    def __init__(self, near_bits: int | None = NEAR_BITS, scaled: bool = True) -> None:
        self._near_bits = near_bits
        self._scaled = scaled
        self._uris: list[str] = []
        self._hashes = array("Q")
        self._sizes: list[tuple[int, int]] = []
        self._by_file: dict[bytes, int] = {}
        # By each quarter of the hash: of two that differ in 3 bits, one quarter is the same.
        self._by_quarter: dict[int, array[int]] = {}

    def first(self, sights: Sequence[Sight]) -> list[str | None]:
        """For each photo the address of the first one that shows the same; None: itself.

        Asked again about a photo that was the first, it says so again.
        """
        return [self._first(sight) for sight in sights]

    def known(self, files: Sequence[tuple[str, str]]) -> list[str | None]:
        """The same for files alone, by address and sha256, before anybody decodes them; None:
        itself, or none like it was seen yet."""
        found = [self._by_file.get(_key(sha256)) for _, sha256 in files]
        return [
            None if k is None or self._uris[k] == uri else self._uris[k]
            for k, (uri, _) in zip(found, files, strict=True)
        ]

    def _first(self, sight: Sight) -> str | None:
        file = _key(sight.sha256)
        k = self._by_file.get(file)
        if k is None:
            k = self._near(sight)
        if k is None:
            k = self._add(sight)
        self._by_file.setdefault(file, k)
        return None if self._uris[k] == sight.uri else self._uris[k]

    def _near(self, sight: Sight) -> int | None:
        if self._near_bits is None or sight.phash is None:
            return None
        for key in _quarters(sight.phash):
            for k in self._by_quarter.get(key, ()):
                differ = (self._hashes[k] ^ sight.phash).bit_count()
                if differ <= self._near_bits and self._alike(self._sizes[k], sight.size):
                    return k
        return None

    def _alike(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        if not self._scaled:
            return one == other
        return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= SAME_SHAPE

    def _add(self, sight: Sight) -> int:
        k = len(self._uris)
        self._uris.append(sight.uri)
        self._hashes.append(sight.phash or 0)
        self._sizes.append(sight.size)
        if self._near_bits is not None and sight.phash is not None:
            for key in _quarters(sight.phash):
                self._by_quarter.setdefault(key, array("I")).append(k)
        return k


def _key(sha256: str) -> bytes:
    return bytes.fromhex(sha256)[:16]


def _quarters(phash: int) -> list[int]:
    return [k << 16 | (phash >> 16 * k) & 0xFFFF for k in range(4)]
