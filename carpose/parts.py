"""The vocabulary: 18 car parts with the car's own sides, and eight viewpoints."""

import re
from typing import Final, Literal, get_args

Part = Literal[
    "back_bumper",
    "back_glass",
    "back_left_door",
    "back_left_light",
    "back_right_door",
    "back_right_light",
    "front_bumper",
    "front_glass",
    "front_left_door",
    "front_left_light",
    "front_right_door",
    "front_right_light",
    "hood",
    "left_mirror",
    "right_mirror",
    "tailgate",
    "trunk",
    "wheel",
]
View = Literal["front", "back", "side"]
Viewpoint = Literal[
    "front", "front-left", "left", "back-left", "back", "back-right", "right", "front-right"
]
Side = Literal["left", "right"]

PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""The parts in the order of the car-parts data; the index is the class id."""

VIEWPOINTS: Final[tuple[Viewpoint, ...]] = get_args(Viewpoint)
"""The viewpoints in steps of 45 degrees, counter-clockwise around the car seen from above."""


CAR_CLASSES: Final = ("car", "car-turned-90", "car-turned-180", "car-turned-270")
"""What the main-car segmenter tells apart: how many degrees clockwise a picture must be turned for
its car to stand upright. The index is the class id, and the number of quarter turns."""


def mirrored(name: str) -> str:
    """Name of what `name` becomes when the picture is mirrored: left and right swap.

    >>> mirrored("front_left_door"), mirrored("back-right"), mirrored("left"), mirrored("wheel")
    ('front_right_door', 'back-left', 'right', 'wheel')
    """
    swap = {"left": "right", "right": "left"}
    return re.sub("left|right", lambda side: swap[side.group()], name)


def turned_by(label: str) -> int:
    """Degrees, clockwise, that bring a detected car upright: 0, 90, 180 or 270."""
    return 90 * CAR_CLASSES.index(label) if label in CAR_CLASSES else 0


def side_of(label: str) -> Side | None:
    """The car's own side that a label names, or None for parts without one."""
    words = label.split("_")
    return "left" if "left" in words else "right" if "right" in words else None


def view_of(viewpoint: Viewpoint) -> View:
    """`front*` is front, `back*` is back, `left` and `right` are side."""
    if viewpoint.startswith("front"):
        return "front"
    return "back" if viewpoint.startswith("back") else "side"
