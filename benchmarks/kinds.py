"""Photos per second by the kind of file, in turns, over those of 1080p JPEG.

    python -m benchmarks.kinds --photos DIR [--url http://127.0.0.1:8000] [--rounds 3]

Without --url a server of serve_config.yaml is started. Each kind is made of the same photos, scaled
up, with a camera's noise; HEIC, which nothing here writes, is that of --heic.
"""

import asyncio
import io
import os
import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from benchmarks.load import TYPES, Client, Photo, Seen, photos_in
from benchmarks.service import ours
from carpose.images import Limits, decode
from tests.servers import ROOT

NOISE = 4.0


class Kind(NamedTuple):
    """A size, which the longest side sets, and how it is written."""

    longest_px: int
    suffix: str
    options: dict[str, int]

    def made(self, photo: Photo) -> Photo:
        """The photo of this kind."""
        image = Image.open(io.BytesIO(photo.content)).convert("RGB")
        scale = self.longest_px / max(image.size)
        size = round(image.width * scale), round(image.height * scale)
        pixels = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float32)
        noise = np.random.default_rng(0).normal(0, NOISE, (*pixels.shape[:2], 1))
        noisy = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
        buffer = io.BytesIO()
        noisy.save(buffer, self.suffix.upper().replace("JPG", "JPEG"), **self.options)
        return Photo(buffer.getvalue(), TYPES[f".{self.suffix}"])


BASE = "JPEG 1920 px"
KINDS = {
    "JPEG 640 px": Kind(640, "jpg", {"quality": 85}),
    BASE: Kind(1920, "jpg", {"quality": 85}),
    "JPEG 4032 px (12 megapixels)": Kind(4032, "jpg", {"quality": 85}),
    "PNG 1920 px": Kind(1920, "png", {"compress_level": 6}),
    "WebP 1920 px": Kind(1920, "webp", {"quality": 80}),
    "WebP 4032 px": Kind(4032, "webp", {"quality": 80}),
}


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--heic", type=Path, nargs="*", default=[])
    parser.add_argument("--url")
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    parser.add_argument("--count", type=int, default=8, help="photos of each kind")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    args = parser.parse_args()
    photos = photos_in(args.photos, args.count)
    made = {name: [kind.made(photo) for photo in photos] for name, kind in KINDS.items()}
    for path in args.heic:
        longest = max(decode(path.read_bytes(), Limits()).size)
        made[f"HEIC {longest} px"] = [Photo.read(path)]
    with ExitStack() as stack:
        if args.url:
            url = args.url
        else:
            server = stack.enter_context(ours(args.config, {}))
            url = server.url
            for pid in (os.getpid(), server.pid):
                process_tree.go_first(pid)
        seen: dict[str, list[Seen]] = {name: [] for name in made}
        for _ in range(args.rounds):
            for name, some in made.items():
                client = Client(url, some)
                asyncio.run(client.closed(args.clients, photos=2))
                seen[name].append(asyncio.run(client.closed(args.clients, args.seconds)))
    rates = {name: statistics.median(one.rate for one in rounds) for name, rounds in seen.items()}
    print("| kind | kB | photos/s | p50 ms | of 1080p |\n|---|---|---|---|---|")
    for name, rounds in seen.items():
        size = statistics.mean(len(photo.content) for photo in made[name]) / 1000
        p50 = statistics.median(one.ms(0.5) for one in rounds)
        share = rates[name] / rates[BASE]
        print(f"| {name} | {size:.0f} | {rates[name]:.1f} | {p50:.0f} | {share:.2f} |")


if __name__ == "__main__":
    main()
