"""What the HTTP graph costs over the same models called in one process.

    python -m benchmarks.graph --photos DIR [--url http://127.0.0.1:8000]

Needs a running server (`make serve`). Prints p50 in both and their ratio, then the throughput of
several clients. Absolute times depend on the machine; the ratio is the figure.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.arguments import about_photos
from carpose import Estimator, Found, load_model
from carpose.client import CarPose, Retries
from carpose.engines import found_by_own_models
from carpose.images import Picture


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--clients", type=int, default=8)
    args = parser.parse_args()
    contents = [p.read_bytes() for p in sorted(args.photos.glob("*.jpg"))[: args.count]]

    # The threads of serve_config.yaml.
    main_car, car_parts = (
        load_model("embedded:main_car"),
        load_model("embedded:car_parts", threads=2),
    )
    with ThreadPoolExecutor(1) as pool, CarPose(args.url, retries=Retries(1)) as client:

        def detect(picture: Picture) -> Found:
            cars = pool.submit(main_car, [picture])
            parts = car_parts([picture])[0]
            return found_by_own_models(cars.result()[0], parts)

        estimator = Estimator(detect)

        def in_process(content: bytes) -> None:
            estimator.answer(content).response()

        p50 = {}
        for name, call in (("in process", in_process), ("over HTTP", client.look)):
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
        began = time.perf_counter()
        for seen in client.look_many(contents, args.clients):
            seen.result()
        rate = len(contents) / (time.perf_counter() - began)
        print(f"{args.clients} clients: {rate:.1f} photos/s")


if __name__ == "__main__":
    main()
