"""A car that nobody photographed: a distance field, ray-marched. It stands at a known direction.

`python -m tests.rendered_car` writes the page's example photo and the outlines of the eight views.
Axes in metres: x forward, y to the car's left, z up; the origin on the ground in the middle.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[np.float32]

WHEELS = (1.36, -1.36)
WHEEL_RADIUS, ARCH_RADIUS, TRACK = 0.335, 0.395, 0.80
HALF_WIDTH = 0.9
BOX = np.array([(-2.4, -1.12, 0.0), (2.4, 1.12, 1.5)], np.float32)
AZIMUTHS = {
    "front": 0,
    "front-left": 40,
    "left": 90,
    "back-left": 140,
    "back": 180,
    "back-right": 220,
    "right": 270,
    "front-right": 320,
}
# The side's outline, from the front bumper's foot over the roof to the back.
BODY = np.array(
    [
        (2.22, 0.22), (2.30, 0.36), (2.31, 0.52), (2.24, 0.66), (2.10, 0.75), (1.60, 0.86),
        (1.05, 0.95), (-1.55, 1.02), (-2.10, 1.00), (-2.24, 0.93), (-2.30, 0.60), (-2.26, 0.34),
        (-2.15, 0.24), (-1.0, 0.18), (1.0, 0.18),
    ],
    np.float32,
)  # fmt: skip
CABIN = np.array(
    [(1.12, 0.90), (0.36, 1.37), (0.05, 1.44), (-0.55, 1.46), (-1.05, 1.38), (-1.85, 0.95)],
    np.float32,
)
SIDE_GLASS = np.array(
    [(0.80, 0.99), (0.24, 1.33), (-0.10, 1.38), (-0.60, 1.39), (-0.98, 1.32), (-1.38, 1.04)],
    np.float32,
)


@dataclass(frozen=True)
class View:
    """Where the camera stands: `azimuth` in degrees, 0 before the car, 90 at its left side;
    `elevation` in degrees, `distance` in metres; `focal` in picture widths."""

    azimuth: float
    elevation: float = 9.0
    distance: float = 8.2
    focal: float = 1.35


def _polygon(x: Array, z: Array, corners: Array) -> Array:
    """Signed distance to a polygon, negative inside."""
    nearest = np.full(x.shape, 1e9, np.float32)
    inside = np.zeros(x.shape, bool)
    for (ax, az), (bx, bz) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        ex, ez = bx - ax, bz - az
        px, pz = x - ax, z - az
        along = np.clip((px * ex + pz * ez) / (ex * ex + ez * ez), 0, 1)
        nearest = np.minimum(nearest, (px - ex * along) ** 2 + (pz - ez * along) ** 2)
        crosses = (az <= z) != (bz <= z)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (px < ex * pz / np.float32(ez or 1e-9))
    return np.where(inside, -1, 1) * np.sqrt(nearest)


def _both(a: Array, b: Array, soft: float) -> Array:
    """Intersection with a rounded edge."""
    h = np.clip(0.5 - 0.5 * (b - a) / soft, 0, 1)
    return np.asarray(b + (a - b) * h + soft * h * (1 - h), np.float32)


def _either(a: Array, b: Array, soft: float) -> Array:
    """Union with a filled corner."""
    return -_both(-a, -b, soft)


def _shell(p: Array) -> Array:
    """Distance to the body without wheels."""
    x, y, z = p[..., 0], np.abs(p[..., 1]), p[..., 2]
    ends = np.maximum(np.abs(x) - 1.35, 0)
    belt = 0.035 * np.sin(np.clip((z - 0.2) / 0.75, 0, 1) * np.pi)
    width = HALF_WIDTH - 0.06 + belt - 0.17 * ends**2
    lower = _both(_polygon(x, z, BODY), y - width, 0.16)
    upper_width = 0.80 - 0.30 * np.clip(z - 0.92, 0, 1) - 0.03 * ends
    upper = _both(_polygon(x, z, CABIN), y - upper_width, 0.13)
    whole = _either(lower, upper, 0.05)
    for wheel in WHEELS:
        arch = np.hypot(x - wheel, z - WHEEL_RADIUS) - ARCH_RADIUS
        whole = np.maximum(whole, -np.maximum(arch, 0.52 - y))
    mirror = np.stack([(x - 0.72) / 0.7, (y - 0.97) / 1.0, (z - 1.03) / 0.62], -1)
    return np.asarray(
        np.minimum(whole, (np.linalg.norm(mirror, axis=-1) - 0.125) * 0.6), np.float32
    )


def _wheels(p: Array) -> Array:
    x, y, z = p[..., 0], np.abs(p[..., 1]), p[..., 2]
    nearest = np.full(x.shape, 1e9, np.float32)
    for wheel in WHEELS:
        radial = np.hypot(x - wheel, z - WHEEL_RADIUS) - WHEEL_RADIUS
        dish = np.clip(0.235 - (radial + WHEEL_RADIUS), 0, 1) * 0.12
        across = np.abs(y - (TRACK - 0.02)) - 0.11 + dish * (y > TRACK - 0.02)
        nearest = np.minimum(nearest, _both(radial, across, 0.05))
    return nearest


def distance(p: Array) -> Array:
    """Distance from points (..., 3) to the car, in metres, never too long by much."""
    return np.minimum(_shell(p), _wheels(p))


def _normals(p: Array) -> Array:
    step = 0.004
    offsets = np.eye(3, dtype=np.float32) * step
    slopes = np.stack([distance(p + o) - distance(p - o) for o in offsets], -1)
    return np.asarray(
        slopes / np.maximum(np.linalg.norm(slopes, axis=-1, keepdims=True), 1e-6), np.float32
    )


def _rays(view: View, width: int, height: int) -> tuple[Array, Array]:
    a, e = np.radians(view.azimuth), np.radians(view.elevation)
    towards = np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])
    aim = np.array([0, 0, 0.62])
    eye = aim + view.distance * towards
    right = np.cross(-towards, [0, 0, 1])
    right /= np.linalg.norm(right)
    up = np.cross(right, -towards)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    u, v = (columns - width / 2) / width, (height / 2 - rows) / width
    rays = -towards * view.focal + u[..., None] * right + v[..., None] * up
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    return eye.astype(np.float32), rays.astype(np.float32)


def _march(eye: Array, rays: Array, steps: int = 90) -> tuple[Array, NDArray[np.bool_]]:
    """Points (N, 3) where rays (N, 3) meet the car, and which of them do."""
    with np.errstate(divide="ignore"):
        low, high = (BOX[0] - eye) / rays, (BOX[1] - eye) / rays
    enter = np.minimum(low, high).max(-1).astype(np.float32)
    leave = np.maximum(low, high).min(-1)
    travelled = np.maximum(enter, 0)
    live = np.flatnonzero(leave > travelled)
    hit = np.zeros(len(rays), bool)
    for _ in range(steps):
        here = eye + rays[live] * travelled[live, None]
        gap = distance(here)
        travelled[live] += 0.75 * gap
        near = gap < 0.0025
        hit[live[near]] = True
        live = live[~near & (travelled[live] < leave[live])]
        if not len(live):
            break
    return eye + rays * travelled[:, None], hit


def _sky(rays: Array) -> Array:
    """Colours seen along rays: a bright sky above a dark, uneven skyline."""
    up = rays[..., 2]
    bearing = np.arctan2(rays[..., 1], rays[..., 0])
    skyline = 0.035 + 0.012 * np.sin(bearing * 7) + 0.008 * np.sin(bearing * 17 + 1)
    blue = np.array([0.55, 0.70, 0.90]) + np.clip(0.5 - up, 0, 0.5)[..., None] * 0.7
    leaves = 0.2 * np.sin(bearing * 61) + 0.2 * np.sin(bearing * 143 + 40 * up)
    trees = np.array([0.20, 0.25, 0.17]) * (1 + leaves[..., None] * 0.6)
    mix = np.clip((up - skyline) / 0.006, 0, 1)[..., None]
    ground = np.array([0.36, 0.355, 0.35])
    colours = trees * (1 - mix) + blue * mix
    return np.where(up[..., None] < 0, ground, np.clip(colours, 0, 1)).astype(np.float32)


GLASS = (0.035, 0.045, 0.05)
PAINT = np.array([0.50, 0.06, 0.07], np.float32)
SUN = np.array([0.45, 0.55, 0.70], np.float32) / np.linalg.norm([0.45, 0.55, 0.70])


def _surface(p: Array, n: Array) -> tuple[Array, Array]:
    """Albedo (N, 3) and mirror-likeness (N,) of points of the car."""
    x, y, z = p[:, 0], p[:, 1], p[:, 2]
    side = np.abs(y)
    albedo = np.broadcast_to(PAINT, p.shape).copy()
    gloss = np.full(len(p), 0.35, np.float32)

    def paint(where: NDArray[np.bool_], colour: tuple[float, ...], shine: float) -> None:
        albedo[where] = colour
        gloss[where] = shine

    facing = np.abs(n[:, 1]) > 0.62
    # Seams of doors, bonnet and boot.
    for seam in (0.98, -0.12, -1.12):
        paint(
            facing & (np.abs(x - seam) < 0.009) & (z > 0.3) & (z < 0.99), (0.05, 0.01, 0.01), 0.05
        )
    paint(facing & (np.abs(z - 0.30) < 0.008) & (np.abs(x) < 1.0), (0.05, 0.01, 0.01), 0.05)
    paint((z < 0.25) & (np.abs(x) < 2.1), (0.06, 0.06, 0.06), 0.05)
    for handle in (0.08, -0.95):
        paint(
            facing & (np.abs(x - handle) < 0.10) & (np.abs(z - 0.86) < 0.022), (0.7, 0.7, 0.72), 0.5
        )
    front, back = x > 1.9, x < -1.9
    paint(
        front & (n[:, 0] > 0.35) & (np.abs(z - 0.60) < 0.075) & (side < 0.42),
        (0.04, 0.04, 0.04),
        0.15,
    )
    for bar in (0.555, 0.60, 0.645):
        paint(
            front & (n[:, 0] > 0.35) & (np.abs(z - bar) < 0.009) & (side < 0.42),
            (0.7, 0.7, 0.7),
            0.5,
        )
    paint(
        front & (n[:, 0] > 0.3) & (np.abs(z - 0.36) < 0.07) & (side < 0.55), (0.04, 0.04, 0.04), 0.1
    )
    paint(
        front & (np.abs(z - 0.45) < 0.055) & (side < 0.26) & (n[:, 0] > 0.5),
        (0.85, 0.85, 0.82),
        0.1,
    )
    lamp = (x > 1.80) & (z > 0.60) & (z < 0.76) & (side > 0.50)
    paint(lamp, (0.72, 0.76, 0.80), 0.75)
    bulb = lamp & (np.hypot(side - 0.66, z - 0.675) < 0.055)
    paint(bulb, (1.0, 1.0, 0.95), 0.9)
    paint(lamp & ((z < 0.615) | (z > 0.747) | (side < 0.515)), (0.10, 0.10, 0.10), 0.3)
    paint((x < -1.93) & (z > 0.72) & (z < 0.93) & (side > 0.46), (0.70, 0.02, 0.02), 0.6)
    paint((x < -1.93) & (np.abs(z - 0.80) < 0.03) & (side > 0.5), (0.95, 0.75, 0.65), 0.6)
    paint(
        back & (np.abs(z - 0.78) < 0.06) & (side < 0.26) & (n[:, 0] < -0.5), (0.88, 0.88, 0.84), 0.1
    )
    paint(back & (z < 0.42) & (n[:, 0] < -0.3) & (side < 0.75), (0.10, 0.10, 0.10), 0.1)
    paint(back & (np.abs(z - 0.69) < 0.007) & (side < 0.7), (0.05, 0.01, 0.01), 0.05)
    pane = _polygon(x, z, SIDE_GLASS) < 0
    pillar = (np.abs(x + 0.12) < 0.035) | (np.abs(x + 1.08) < 0.02)
    paint(facing & pane & (side > 0.45), GLASS, 0.75)
    paint(facing & pane & pillar & (side > 0.45), (0.02, 0.02, 0.02), 0.2)
    windscreen = (
        (x > 0.22) & (x < 1.06) & (z > 0.97) & (n[:, 0] > 0.3) & (side < 0.70 - 0.25 * (z - 0.95))
    )
    rear = (
        (x < -1.02)
        & (x > -1.78)
        & (z > 1.02)
        & (n[:, 0] < -0.25)
        & (side < 0.64 - 0.25 * (z - 0.95))
    )
    paint((windscreen | rear) & (z < 1.375), GLASS, 0.75)
    # Wheels: a tyre, a rim with spokes, and the dark of the arch behind.
    for wheel in WHEELS:
        radius = np.hypot(x - wheel, z - WHEEL_RADIUS)
        turn = np.arctan2(z - WHEEL_RADIUS, x - wheel)
        wheelish = (radius < WHEEL_RADIUS + 0.01) & (_wheels(p) < 0.006)
        paint(wheelish, (0.035, 0.035, 0.035), 0.03)
        rim = wheelish & (radius < 0.235) & (side > TRACK)
        paint(rim, (0.08, 0.08, 0.08), 0.1)
        spoke = rim & ((np.cos(turn * 5) > 0.25) | (radius > 0.205) | (radius < 0.06))
        paint(spoke, (0.66, 0.67, 0.69), 0.45)
        paint(
            (radius < ARCH_RADIUS + 0.02)
            & (side < 0.80)
            & ~wheelish
            & (z < 0.75)
            & (np.abs(n[:, 1]) < 0.5),
            (0.015, 0.015, 0.015),
            0.0,
        )
    return albedo, gloss


def _shaded(p: Array, rays: Array) -> Array:
    n = _normals(p)
    albedo, gloss = _surface(p, n)
    sun = np.clip(n @ SUN, 0, 1)
    fill = 0.5 + 0.5 * n[:, 2]
    low = np.clip(p[:, 2] / 0.5, 0.25, 1)
    facing = np.clip(-(rays * n).sum(-1), 0, 1)
    mirrored = rays - 2 * (rays * n).sum(-1, keepdims=True) * n
    reflected = _sky(mirrored)
    fresnel = (0.06 + 0.94 * (1 - facing) ** 5)[:, None]
    mirror = np.clip(gloss[:, None] * (0.25 + fresnel), 0, 0.9)
    glint = np.clip(mirrored @ SUN, 0, 1) ** 60 * gloss
    lit = albedo * ((0.75 * sun + 0.55 * fill) * low)[:, None]
    return np.asarray(
        np.clip(lit * (1 - 0.5 * mirror) + reflected * mirror + glint[:, None] * 0.8, 0, 1),
        np.float32,
    )


def _floor(eye: Array, rays: Array, rng: np.random.Generator) -> Array:
    """Asphalt with the car's shadow, where rays go down; the sky elsewhere."""
    colours = _sky(rays)
    down = rays[:, 2] < -1e-3
    reach = -eye[2] / np.where(down, rays[:, 2], -1)
    p = eye + rays * reach[:, None]
    grain = rng.normal(0, 0.018, len(rays)) * np.clip(8 / np.maximum(reach, 1), 0, 1)
    asphalt = 0.38 + grain + 0.02 * np.sin(p[:, 0] * 1.7) * np.cos(p[:, 1] * 1.3)
    shifted = p[:, :2] + SUN[:2] * 0.35
    box = np.maximum(np.abs(shifted) - np.array([2.05, 0.75]), 0)
    shadow = 1 - 0.72 * np.exp(-((np.hypot(box[:, 0], box[:, 1]) / 0.28) ** 2))
    line = (np.abs(np.abs(p[:, 1] + 0.2) - 2.1) < 0.06) & (np.abs(p[:, 0]) < 3.4)
    asphalt = np.where(line, 0.75 + grain, asphalt) * shadow
    far = np.clip((reach - 14) / 40, 0, 1)[:, None]
    ground = asphalt[:, None] * np.array([1.0, 0.99, 0.97]) * (1 - far) + 0.42 * far
    return np.where(down[:, None], ground, colours)


def outlines(view: View, width: int = 400, height: int = 300) -> str:
    """An SVG path, in a box of width x height, of the car's edge, its glass and its wheels."""
    scale = 1.5
    eye, grid = _rays(view, int(width * scale), int(height * scale))
    rays = grid.reshape(-1, 3)
    points, hit = _march(eye, rays)
    kinds = np.zeros((2, len(rays)), np.uint8)
    seen = points[hit]
    albedo, _ = _surface(seen, _normals(seen))
    glass = np.abs(albedo - np.array(GLASS)).max(-1) < 1e-3
    kinds[0, hit] = glass
    kinds[1, hit] = (_wheels(seen) < 0.006) & (seen[:, 2] < 2 * WHEEL_RADIUS)
    path = []
    for mask, least in ((hit, 60), *((kind, 60) for kind in kinds)):
        picture = mask.astype(np.uint8).reshape(int(height * scale), int(width * scale))
        loops, _ = cv2.findContours(picture, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for loop in loops:
            if cv2.contourArea(loop) < least * scale * scale:
                continue
            corners = cv2.approxPolyDP(loop, 1.0, True)[:, 0] / scale
            path.append("M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in corners) + "Z")
    return "".join(path)


def render(view: View, width: int = 960, height: int = 640, smooth: int = 2) -> Image.Image:
    """A photo of the car; `smooth` rays a pixel's side against stairs."""
    eye, grid = _rays(view, width * smooth, height * smooth)
    rays = grid.reshape(-1, 3)
    points, hit = _march(eye, rays)
    colours = _floor(eye, rays, np.random.default_rng(7))
    colours[hit] = _shaded(points[hit], rays[hit])
    pixels = (np.clip(colours, 0, 1) ** (1 / 1.6) * 255).astype(np.uint8)
    image = Image.fromarray(pixels.reshape(height * smooth, width * smooth, 3))
    small = image.resize((width, height), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(0.5))


def main() -> None:
    """Write what the page shows, the example photo and the outlines; and `carpose doctor`'s photo."""
    root = Path(__file__).parent.parent
    web = root / "deployments" / "web"
    render(View(azimuth=38)).save(web / "example.jpg", quality=86)
    large = render(View(azimuth=38), 1600, 1200, 1)
    large.save(root / "carpose" / "cli" / "example.jpg", quality=82)
    lines = ["// Made by tests/rendered_car.py: a car from eight sides, in a box of 400 x 300."]
    lines.append("export const OUTLINES = {")
    for name, azimuth in AZIMUTHS.items():
        view = View(azimuth=azimuth, elevation=7, distance=7.2, focal=1.25)
        lines.append(f'  "{name}": "{outlines(view)}",')
    (web / "outlines.js").write_text("\n".join([*lines, "};", ""]))


if __name__ == "__main__":
    main()
