"""Our library behind plain FastAPI, in one process: the least that a server of it can cost.

    python -m benchmarks.peers.library --port 8100

Both detectors at the same time in two threads, with the threads of serve_config.yaml; two photos at
a time. It refuses nobody, has no limits, no metrics and no second replica.
"""

from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.server import arguments, serve
from carpose import Estimator, Found, load_model
from carpose.engines import found_by_own_models
from carpose.images import Picture

PHOTOS = 2


def estimator(car_threads: int = 1, parts_threads: int = 2) -> Estimator:
    """The embedded models, side by side."""
    main_car = load_model("embedded:main_car", threads=car_threads)
    car_parts = load_model("embedded:car_parts", threads=parts_threads)
    beside = ThreadPoolExecutor(PHOTOS, thread_name_prefix="main_car")

    def detect(picture: Picture) -> Found:
        cars = beside.submit(main_car, [picture])
        parts = car_parts([picture])[0]
        return found_by_own_models(cars.result()[0], parts)

    return Estimator(detect)


def main() -> None:
    """Command line."""
    args = arguments(__doc__).parse_args()
    one = estimator()
    serve(lambda content: one.answer(content).response().model_dump_json(), args.port, PHOTOS)


if __name__ == "__main__":
    main()
