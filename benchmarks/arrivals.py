"""A server under an open loop: photos arrive at random, or evenly, and wait for nobody.

    python -m benchmarks.arrivals --photos DIR [--config serve_config.yaml] [--shares 0.5 0.8 1 1.2]

Starts a server, finds its capacity by a closed loop of eight clients, and sends shares of that.
Latencies count from the moment at which a photo was due. At random, a queue is met at any share:
where all photos take the same time and 80 % of it is taken, one in a hundred waits for ten others
(M/D/1). `--hey` has the closed loop measured by hey (Debian's package), too, so that our own client
is held against another one.
"""

import asyncio
import os
import re
import subprocess
from pathlib import Path

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from benchmarks.load import Client, photos_in
from benchmarks.service import ours
from tests.servers import ROOT

CLIENTS = 8


def by_hey(url: str, photo: Path, seconds: float) -> float:
    """Photos per second of one photo, again and again."""
    command = ["hey", "-z", f"{seconds:.0f}s", "-c", str(CLIENTS), "-m", "POST", "-D", str(photo)]
    out = subprocess.run(
        [*command, "-T", "image/jpeg", f"{url}/v1/pose"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"Requests/sec:\s*([\d.]+)", out)
    if not found or "[200]" not in out:
        raise SystemExit(out)
    return float(found[1])


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.8, 1.0, 1.2])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--hey", action="store_true")
    args = parser.parse_args()
    photos = photos_in(args.photos)
    with ours(args.config, {}) as server:
        for pid in (os.getpid(), server.pid):
            process_tree.go_first(pid)
        client = Client(server.url, photos)
        asyncio.run(client.closed(CLIENTS, photos=24))
        capacity = asyncio.run(client.closed(CLIENTS, args.seconds))
        print(f"{CLIENTS} clients: {capacity}", flush=True)
        if args.hey:
            one = sorted(args.photos.glob("*.jpg"))[0]
            same = asyncio.run(Client(server.url, photos[:1]).closed(CLIENTS, args.seconds / 2))
            theirs = by_hey(server.url, one, args.seconds / 2)
            print(f"one photo: hey {theirs:.1f} photos/s, our client {same.rate:.1f}", flush=True)
        for share in args.shares:
            for even in (False, True):
                seen = asyncio.run(client.open(share * capacity.rate, args.seconds, even))
                how = "evenly" if even else "at random"
                print(f"{share:.0%} of it due, {how}: {seen}", flush=True)


if __name__ == "__main__":
    main()
