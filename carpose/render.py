"""Pictures for people: the photo upright, the overlay, the crop and the cut-out of the car."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from carpose.cars import Car
from carpose.detections import Detections
from carpose.images import Picture, Pixels
from carpose.labels import Label, placed
from carpose.pose import Pose

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MARGIN = 0.04
"""Room around the car in a crop, as a share of its box."""

COLOURS = {
    # Okabe and Ito's colours, told apart by colour-blind people too; front and back share a family.
    "hood": (230, 159, 0),
    "front_bumper": (86, 180, 233),
    "back_bumper": (86, 180, 233),
    "front_glass": (0, 158, 115),
    "back_glass": (0, 158, 115),
    "trunk": (230, 159, 0),
    "tailgate": (230, 159, 0),
    "wheel": (240, 228, 66),
}
LEFT, RIGHT, OTHER = (0, 114, 178), (213, 94, 0), (204, 121, 167)
"""The car's left parts are blue, its right parts vermilion, in the page too."""


def colour_of(label: str) -> tuple[int, int, int]:
    """RGB of a part, the same in every picture."""
    if "left" in label:
        return LEFT
    return RIGHT if "right" in label else COLOURS.get(label, OTHER)


@dataclass(frozen=True, eq=False)
class Scene:
    """What a picture for people is drawn from: car and pose are in pixels of `pixels`."""

    pixels: Pixels
    car: Car
    pose: Pose

    @classmethod
    def of(cls, picture: Picture, car: Car, pose: Pose) -> "Scene":
        """`car` and `pose` are in pixels of the original; the scene is what was decoded of it."""
        height, width = picture.pixels.shape[:2]
        across, down = width / picture.width, height / picture.height
        if pose.reference_line:
            (x0, y0), (x1, y1) = pose.reference_line
            line = (x0 * across, y0 * down), (x1 * across, y1 * down)
            pose = replace(pose, reference_line=line)
        return cls(picture.pixels, car.resized((width, height)), pose)


def annotated(scene: Scene) -> Pixels:
    """The whole picture with parts, car, reference line and viewpoint drawn on it."""
    return overlay(scene.pixels, scene.car.parts, scene.car.mask.to_numpy(), scene.pose)


def upright(scene: Scene) -> Pixels:
    """The whole picture, for who cannot read its format."""
    return scene.pixels


def crop(scene: Scene) -> Pixels:
    """The car's box with a margin."""
    return np.ascontiguousarray(scene.pixels[_window(scene)])


def cutout(scene: Scene) -> NDArray[np.uint8]:
    """(H, W, 4) RGBA: the car with a soft edge on nothing, of the crop's size."""
    rows, columns = _window(scene)
    car = scene.car.mask.inside_at(rows, columns)
    alpha = Image.fromarray(car.astype(np.uint8) * np.uint8(255))
    radius = max(0.6, max(car.shape) / 1000)
    soft = np.asarray(alpha.filter(ImageFilter.GaussianBlur(radius)))
    return np.dstack([scene.pixels[rows, columns], soft])


def overlay(pixels: Pixels, parts: Detections, car: NDArray[np.bool_], pose: Pose) -> Pixels:
    """Parts, a car's (H, W) mask and its pose, all in pixels of this picture, drawn on it."""
    longest = max(pixels.shape[:2])
    stroke = max(1, round(longest / 400))
    canvas = pixels.astype(np.float32)
    canvas[~car] *= 0.72
    for k in np.argsort(-parts.areas):
        mask = parts.mask(int(k))
        colour = np.array(colour_of(str(parts.labels[k])), np.float32)
        window = canvas[mask.rows, mask.columns]
        window[mask.inside] = 0.55 * window[mask.inside] + 0.45 * colour
        window[_edge(mask.inside, stroke)] = colour
    canvas[_edge(car, stroke)] = 255
    image = Image.fromarray(canvas.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    if pose.reference_line:
        draw.line(pose.reference_line, (255, 255, 255), 4 * stroke)
        draw.line(pose.reference_line, (220, 0, 90), 2 * stroke)
    names = [str(label).replace("_", " ") for label in parts.labels]
    _name(draw, image.size, names, parts.centres, _caption(pose))
    return np.asarray(image)


def _window(scene: Scene) -> tuple[slice, slice]:
    """Rows and columns of the car's box with a margin."""
    box, (width, height) = scene.car.box, scene.car.body.size
    margin = MARGIN * (box[2:] - box[:2])
    x0, y0 = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(box[2:] + margin), [width, height]).astype(int)
    return slice(int(y0), max(int(y1), int(y0) + 1)), slice(int(x0), max(int(x1), int(x0) + 1))


def _edge(mask: NDArray[np.bool_], stroke: int) -> NDArray[np.bool_]:
    """The mask's own pixels within `stroke` of its border."""
    inner = mask.copy()
    for _ in range(stroke):
        padded = np.pad(inner, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:] & inner
    return mask & ~inner


def _caption(pose: Pose) -> str:
    place: str = pose.viewpoint or pose.view or "viewpoint unknown"
    return place if pose.signed_angle is None else f"{place}   {pose.signed_angle:+.1f}°"


def _name(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    names: Sequence[str],
    centres: NDArray[np.float32],
    caption: str,
) -> None:
    """The caption in the corner, and each name near its middle, (N, 2) pixels: none on another."""
    font, large = _font(max(11, round(max(size) / 60))), _font(max(16, round(max(size) / 32)))
    labels = [_label((0, 0), caption, large)]
    labels += [
        _label((float(x), float(y)), name, font)
        for name, (x, y) in zip(names, centres, strict=True)
    ]
    places = placed(labels, size, step=max(size) / 200)
    fonts = [large, *[font] * len(names)]
    for words, words_font, place, label in zip(
        [caption, *names], fonts, places, labels, strict=True
    ):
        _plate(draw, place, label, words, words_font)


def _label(centre: tuple[float, float], words: str, font: Font) -> Label:
    x0, y0, x1, y1 = font.getbbox(words)
    pad = 0.7 * (y1 - y0)
    return Label(centre, x1 - x0 + pad, y1 - y0 + pad)


def _plate(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], label: Label, words: str, font: Font
) -> None:
    """Words on a dark plate, readable on any paint."""
    (x, y), (width, height) = at, (label.width, label.height)
    draw.rounded_rectangle((x, y, x + width, y + height), height / 5, fill=(20, 22, 26))
    draw.text((x + width / 2, y + height / 2), words, (255, 255, 255), font=font, anchor="mm")


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
