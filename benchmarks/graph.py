"""What the HTTP graph costs over the same models called in one process.

    python -m benchmarks.graph --photos DIR [--url http://127.0.0.1:8000]

Needs a running server (`make serve`). Prints p50 in both and their ratio, then the throughput of
several clients. Absolute times depend on the machine; the ratio is the figure.
"""

import argparse
import json
import statistics
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from carpose.answer import Question, describe
from carpose.bundles import open_bundle
from carpose.images import Limits, decode
from carpose.segmenters import load_segmenter


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--clients", type=int, default=8)
    args = parser.parse_args()
    contents = [p.read_bytes() for p in sorted(args.photos.glob("*.jpg"))[: args.count]]

    # The threads of serve_config.yaml.
    threads = {"main_car": 1, "car_parts": 2}
    models = [load_segmenter(open_bundle(f"embedded:{n}"), threads=t) for n, t in threads.items()]
    with ThreadPoolExecutor(2) as pool:

        def in_process(content: bytes) -> None:
            picture = decode(content, Limits(), 1024)
            cars, parts = pool.map(lambda model: model([picture], 0.5)[0], models)
            describe(picture, cars, parts, Question())

        def over_http(content: bytes) -> None:
            request = urllib.request.Request(
                f"{args.url}/v1/pose", content, {"Content-Type": "image/jpeg"}
            )
            with urllib.request.urlopen(request) as response:
                json.load(response)

        p50 = {}
        for name, call in (("in process", in_process), ("over HTTP", over_http)):
            call(contents[0])
            times = []
            for content in contents:
                began = time.perf_counter()
                call(content)
                times.append(1000 * (time.perf_counter() - began))
            times.sort()
            p50[name] = statistics.median(times)
            print(f"{name}: p50 {p50[name]:.0f} ms, p95 {times[int(0.95 * len(times))]:.0f} ms")
        print(f"ratio over HTTP / in process: {p50['over HTTP'] / p50['in process']:.2f}")
        with ThreadPoolExecutor(args.clients) as clients:
            began = time.perf_counter()
            list(clients.map(over_http, contents))
        rate = len(contents) / (time.perf_counter() - began)
        print(f"{args.clients} clients: {rate:.1f} photos/s")


if __name__ == "__main__":
    main()
