"""Memory of a server while many clients send the largest photos that it takes.

    python -m benchmarks.memory --clients 32 [--config serve_config.yaml]

Starts the server, sends it a PNG of 50 megapixels that is a few hundred kilobytes long, from every
client at once, and prints the proportional set size (PSS) of all its processes, Ray's own included,
before and at its highest.
"""

import collections
import io
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from benchmarks.arguments import about
from benchmarks.process_tree import pss_mb
from benchmarks.service import ours

SIZE = 8660, 5773
"""49,994,180 pixels."""


def largest_png() -> bytes:
    """A photo of 50 megapixels that costs its sender next to nothing."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(SIZE).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def ask(url: str, photo: bytes) -> int:
    """The status of an answer; 0 where there was none."""
    request = urllib.request.Request(f"{url}/v1/pose", photo, {"Content-Type": "image/png"})
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def main() -> None:
    """Command line."""
    parser = about(__doc__)
    parser.add_argument("--config", type=Path, default=Path("serve_config.yaml"))
    parser.add_argument("--clients", type=int, default=32)
    args = parser.parse_args()
    photo = largest_png()
    with ours(args.config, {}) as server:

        def size_gb() -> float:
            return sum(pss_mb(server.pid).values()) / 1024

        before, highest, stop = size_gb(), 0.0, threading.Event()

        def watch() -> None:
            nonlocal highest
            while not stop.wait(0.2):
                highest = max(highest, size_gb())

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.perf_counter()
        with ThreadPoolExecutor(args.clients) as clients:
            asked = clients.map(lambda _: ask(server.url, photo), range(args.clients))
            statuses = collections.Counter(asked)
        seconds = time.perf_counter() - began
        stop.set()
        watcher.join()
    print(f"{args.clients} clients, {SIZE[0]} x {SIZE[1]} px in {len(photo) / 1e6:.2f} MB each")
    print(f"PSS before {before:.2f} GiB, at its highest {highest:.2f} GiB")
    print(f"answers by status: {dict(statuses)} in {seconds:.0f} s")


if __name__ == "__main__":
    main()
