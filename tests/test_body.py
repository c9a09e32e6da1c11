"""Packed bodies, without a server."""

import gzip
import random
import zlib

import pytest

from carpose.errors import BadImage, TooLarge
from deployments.body import unpacked

REFUSAL = TooLarge("too much")
NOISE = random.Random(0).randbytes(300_000)
"""Of several pieces, packed or not."""


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 131_072, 300_000])
def test_files_joined_are_read_as_one(size: int) -> None:
    parts = [NOISE[:size], b"", NOISE[:100], NOISE]
    content = b"".join(gzip.compress(part) for part in parts)
    assert unpacked(content + b"padding", "gzip", 1_000_000, REFUSAL) == b"".join(parts)


@pytest.mark.parametrize(("most", "fits"), [(300_000, True), (299_999, False)])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_no_more_than_the_limit_is_unpacked(coding: str, most: int, fits: bool) -> None:
    content = gzip.compress(NOISE) if coding == "gzip" else zlib.compress(NOISE)
    if fits:
        assert unpacked(content, coding, most, REFUSAL) == NOISE
    else:
        with pytest.raises(TooLarge):
            unpacked(content, coding, most, REFUSAL)


def test_a_body_that_ends_early_is_refused() -> None:
    for content in (gzip.compress(NOISE)[:-1], gzip.compress(NOISE) + gzip.compress(b"1")[:12]):
        with pytest.raises(BadImage, match="ends early"):
            unpacked(content, "gzip", 1_000_000, REFUSAL)


def test_many_files_in_one_are_no_reason_to_copy_it_as_often() -> None:
    """Which would be 200 GB."""
    content = gzip.compress(b"1") * 999 + bytes(100_000_000)
    assert unpacked(content, "gzip", 1_000_000, REFUSAL) == b"1" * 999
