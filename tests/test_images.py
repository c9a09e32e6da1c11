"""Bytes to upright pixels, or a refusal that says why."""

import zlib
from typing import Any

import numpy as np
import pi_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from carpose.errors import BadImage, CarposeError, TooLarge, TooManyPixels, UnsupportedType
from carpose.images import ENOUGH, Limits, Look, decode, pixels_of, to_jpeg
from tests.support import encoded

LIMITS = Limits()


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left half, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def png_claiming(width: int, height: int) -> bytes:
    content = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    content[16:24] = width.to_bytes(4) + height.to_bytes(4)
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    return bytes(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_is_read_comes_out_as_rgb(kind: str) -> None:
    out = decode(encoded(picture(), kind), LIMITS)
    assert (out.width, out.height, out.pixels.shape, out.pixels.dtype) == (
        60,
        40,
        (40, 60, 3),
        np.uint8,
    )
    assert out.pixels[20, 5, 0] > 200 > 60 > out.pixels[20, 55, 0]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("I;16", 65535, (255, 255, 255)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb_with_alpha_on_white(
    mode: str, colour: object, expected: tuple[int, int, int]
) -> None:
    content = encoded(Image.new(mode, (10, 10), colour), "PNG")  # type: ignore[arg-type]
    assert tuple(decode(content, LIMITS).pixels[5, 5]) == expected


def test_cmyk_jpeg_is_read() -> None:
    content = encoded(picture().convert("CMYK"), "JPEG")
    assert decode(content, LIMITS).pixels.shape == (40, 60, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_turned_upright(orientation: int) -> None:
    upright = picture()
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = decode(encoded(stored, "JPEG", exif=exif), LIMITS)
    assert (out.width, out.height) == upright.size
    assert out.pixels[20, 5, 0] > 200
    assert out.pixels[20, 55, 2] > 200


KINDS = {
    "jpeg": ("JPEG", "RGB"),
    "png": ("PNG", "RGB"),
    "png-with-alpha": ("PNG", "RGBA"),
    "png-of-a-palette": ("PNG", "P"),
    "png-of-16-bits": ("PNG", "I;16"),
    "png-of-1-bit": ("PNG", "1"),
    "webp": ("WEBP", "RGB"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_pixels_are_kept_than_are_needed(kind: str) -> None:
    file, mode = KINDS[kind]
    grey = Image.linear_gradient("L").resize((2000, 1500))
    image = grey.convert("RGB").convert(mode) if mode != "I;16" else grey.convert("I;16")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    content = encoded(image, file)
    whole = decode(content, LIMITS)
    out = decode(content, LIMITS, Look(longest_px=400))
    assert out.size == whole.size == (2000, 1500)
    assert out.pixels.shape == (300, 400, 3)
    means = whole.pixels.reshape(300, 5, 400, 5, 3).mean((1, 3))
    assert np.abs(out.pixels - means).mean() < 8, "every pixel counts, none is picked"
    window = decode(content, LIMITS, Look(200, turn=90, window=(0, 0, 1500, 1000)))
    assert window.size == (1500, 1000)
    assert 200 >= max(window.pixels.shape) >= ENOUGH * 200


def test_what_shows_through_is_white_at_every_scale() -> None:
    image = Image.new("RGBA", (800, 800), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 400, 800))
    out = decode(encoded(image, "PNG"), LIMITS, Look(100)).pixels
    assert (out[50, 20] == (200, 0, 0)).all()
    assert (out[50, 80] == 255).all()
    assert out[50].min(axis=0)[1] == 0
    edge = out[50, 49:51].astype(int)
    assert (edge[:, 0] >= 199).all(), "no dark seam where red ends"


def test_a_header_says_how_many_pixels_there_are() -> None:
    assert pixels_of(encoded(picture(60, 40), "PNG")) == 2400
    assert pixels_of(png_claiming(10_000, 5_000)) == 50_000_000
    assert pixels_of(b"hello") == pixels_of(b"") == 0


def test_a_crop_has_the_resolution_of_the_photo() -> None:
    fine = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(np.repeat(np.repeat(fine, 8, 0), 8, 1)), "JPEG", quality=95)
    window = (800, 400, 1600, 1200)
    whole, crop = (
        decode(content, LIMITS, Look(px, window=w)) for px, w in ((700, None), (800, window))
    )
    assert (crop.width, crop.height, crop.pixels.shape) == (800, 800, (800, 800, 3))
    assert whole.pixels.shape[1] == 700
    assert abs(crop.pixels[4::8, 4::8].astype(int) - fine[50:150, 100:200]).mean() < 6


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_is_turned_clockwise_before_it_is_cropped(turn: Any, orientation: int) -> None:
    upright = picture() if orientation == 1 else picture().transpose(Image.Transpose.ROTATE_270)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(), "PNG", exif=exif)
    expected = upright.rotate(-turn, expand=True)
    out = decode(content, LIMITS, Look(turn=turn))
    assert out.size == expected.size
    assert (out.pixels == np.asarray(expected)).all()
    crop = decode(content, LIMITS, Look(turn=turn, window=(3, 5, 21, 35)))
    assert crop.size == (18, 30)
    assert (crop.pixels == np.asarray(expected.crop((3, 5, 21, 35)))).all()


def test_the_same_look_at_the_same_upload_has_the_same_digest() -> None:
    content = encoded(picture(), "PNG")
    looks = [Look(), Look(800), Look(turn=90), Look(window=(0, 0, 9, 9))]
    digests = [decode(content, LIMITS, look).digest for look in looks]
    assert digests[0] == digests[1], "the scale of the decode is no other picture"
    assert len(set(digests)) == 3
    assert decode(encoded(picture(61), "PNG"), LIMITS).digest != digests[0]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", BadImage),
        (b"hello", BadImage),
        (encoded(picture(), "JPEG")[:-30], BadImage),
        (encoded(picture(), "PNG")[:-30], BadImage),
        (encoded(picture(), "GIF"), UnsupportedType),
        (encoded(picture(), "BMP"), UnsupportedType),
        (encoded(picture(), "TIFF"), UnsupportedType),
        (b"%PDF-1.7", UnsupportedType),
        (png_claiming(30000, 30000), TooManyPixels),
        (png_claiming(7100, 7100), TooManyPixels),
        (b"x" * 15_000_001, TooLarge),
    ],
    ids=["empty", "text", "cut-jpeg", "cut-png", "gif", "bmp", "tiff", "pdf", "bomb", "51-megapixels", "bytes"],
)  # fmt: skip
def test_what_is_no_whole_picture_is_refused(content: bytes, error: type[CarposeError]) -> None:
    with pytest.raises(error):
        decode(content, LIMITS)


def test_heic_is_registered_when_it_is_first_needed() -> None:
    with pytest.raises(BadImage):
        decode(b"\0\0\0\x18ftypheic" + b"\0" * 40, LIMITS)
    assert "HEIF" in Image.OPEN
    assert pi_heif.__version__


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_a_refusal(content: bytes) -> None:
    try:
        assert decode(content, LIMITS).pixels.ndim == 3
    except CarposeError as error:
        assert error.detail


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_damaged_picture_is_a_picture_or_a_refusal(kind: str, data: st.DataObject) -> None:
    content = bytearray(encoded(picture(), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(content), Limits(max_pixels=1_000_000))
    except CarposeError as error:
        assert error.detail


def test_pixels_survive_jpeg() -> None:
    pixels = np.asarray(picture())
    again = decode(to_jpeg(pixels), LIMITS).pixels
    assert np.abs(again.astype(int) - pixels).mean() < 4
