"""Bodies that nobody's client sends: each is a photo or a refusal, and nothing stays of it.

CARPOSE_MALFORMED says how many are drawn; 500 between two edits.
"""

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carpose.errors import CarposeError, TooLarge
from carpose.images import Limits, Look, decode
from deployments.body import unpacked
from deployments.problems import meaning_of
from deployments.uploads import PHOTOS, upload_of
from tests.test_picture_files import AVIF, JPEG, PNG, WEBP, with_scans
from tests.test_uploads import FORM, form

COUNT = int(os.environ.get("CARPOSE_MALFORMED", "500"))
GROWTH_MB = 200
"""What the codecs and Python's own pools may take on their first photos, and no more after."""
LIMITS = Limits(max_bytes=1_000_000, max_pixels=1_000_000, max_jpeg_pixels=1_000_000)

# No encoder of HEIC is at hand: an AVIF that says it is one goes through its parser.
FILES = [JPEG, PNG, WEBP, AVIF, AVIF.replace(b"ftypavif", b"ftypheic"), with_scans(3)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A picture file with bytes changed, cut out, doubled, swapped for another's or filled with
    what breaks counters."""
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        # Heads are where the counters are.
        at = at if draw(st.booleans()) else at % 200
        length = draw(st.integers(0, 64))
        how = draw(st.sampled_from(["set", "cut", "double", "other", "ones", "end"]))
        if how == "set":
            content[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif how == "cut":
            del content[at : at + length]
        elif how == "double":
            content[at:at] = content[at : at + length] * draw(st.integers(1, 50))
        elif how == "other":
            content[at : at + length] = draw(st.sampled_from(FILES))[at : at + length]
        elif how == "ones":
            content[at : at + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4])
            )
        else:
            del content[at:]
    return bytes(content)


TEXT = st.text(max_size=30)
HEADER = st.text(st.characters(max_codepoint=255), max_size=30)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
TREES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A content type and a body."""
    kind = draw(st.sampled_from(["file", "form", "json", "urlencoded", "noise"]))
    types = (
        st.sampled_from([FORM, "application/json", "multipart/form-data", "image/jpeg", ""])
        | HEADER
    )
    content_type = draw(types)
    if kind == "file":
        return content_type, draw(damaged())
    if kind == "form":
        about = (
            st.sampled_from(['name="image"', "name=image; filename=a", "name=", 'name="im', "x"])
            | TEXT
        )
        parts = draw(st.lists(st.tuples(about, damaged() | st.binary(max_size=60)), max_size=4))
        body = form(*parts, end=draw(st.sampled_from(["\r\n", "\n", "\r"])))
        cut = draw(st.integers(0, len(body)))
        return draw(st.sampled_from([FORM, content_type])), body[
            : cut if draw(st.booleans()) else None
        ]
    if kind == "json":
        said = draw(st.dictionaries(st.sampled_from(["image", "images", "expect", "engine"]) | TEXT, TREES, max_size=5))  # fmt: skip
        text = json.dumps(said).encode(draw(st.sampled_from(["utf-8", "utf-16", "utf-32"])))
        cut = draw(st.integers(0, len(text)))
        return "application/json", text[: cut if draw(st.booleans()) else None]
    if kind == "urlencoded":
        return "application/x-www-form-urlencoded", draw(
            st.binary(max_size=200).map(lambda b: b"image=" + b)
        )
    return content_type, draw(st.binary(max_size=400))


def is_answered(work: Callable[[], object]) -> None:
    """It is done, or refused in a way that is the client's to mend."""
    try:
        work()
    except CarposeError as error:
        assert 400 <= meaning_of(error).status < 500


def memory_mb() -> float:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def test_any_body_is_a_photo_or_a_refusal_and_nothing_stays() -> None:
    seen: list[float] = []

    @given(bodies(), st.sampled_from([Look(), Look(100), Look(100, 90, (1, 2, 9, 9))]))
    @settings(max_examples=COUNT, database=None, suppress_health_check=list(HealthCheck))
    def ask(body: tuple[str, bytes], look: Look) -> None:
        def work() -> None:
            for photo in upload_of(*body, PHOTOS).photos:
                decode(photo, LIMITS, look)

        is_answered(work)
        if len(seen) == 0 or len(seen) % 100 == 99:
            seen.append(memory_mb())
        else:
            seen.append(seen[-1])

    ask()
    assert seen[-1] - seen[len(seen) // 5] < GROWTH_MB


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@given(content=st.binary(max_size=300))
def test_any_packed_body_is_unpacked_or_refused(coding: str, content: bytes) -> None:
    is_answered(lambda: unpacked(content, coding, 1000, TooLarge("too much")))
