"""What it costs to decode where a codec's crash takes nobody else down.

    python -m benchmarks.isolation --photos DIR

Decodes the same photos in threads, as the ingress does, and in a pool of as many processes, which
send the pixels back; prints seconds, as ratios of one run, and the pool's memory (PSS).
"""

import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

from benchmarks.arguments import about_photos
from benchmarks.process_tree import pss_mb
from carpose.images import Limits, Look, Picture, decode

WORKERS = 2
ROUNDS = 3


def decoded(content: bytes) -> Picture:
    """As much of a photo as the detectors look at."""
    return decode(content, Limits(), Look(1024))


def seconds(pool: Executor, photos: list[bytes]) -> float:
    """For all photos, the best of some rounds; the pool is warm before."""
    list(pool.map(decoded, photos))
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        list(pool.map(decoded, photos))
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--count", type=int, default=40)
    args = parser.parse_args()
    paths = sorted(args.photos.glob("*.jpg"))[: args.count]
    photos = [path.read_bytes() for path in paths]
    with ThreadPoolExecutor(WORKERS) as threads:
        in_threads = seconds(threads, photos)
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as processes:
        apart = seconds(processes, photos)
        memory = sum(sum(pss_mb(pid).values()) for pid in processes._processes)
    each = 1000 / len(photos)
    print(f"threads {in_threads * each:.1f} ms a photo, processes {apart * each:.1f}")
    print(f"ratio processes / threads {apart / in_threads:.2f}; {memory:.0f} MB more")


if __name__ == "__main__":
    main()
