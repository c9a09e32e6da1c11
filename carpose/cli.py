"""`carpose photo.jpg`: the whole answer without a server.

carpose photo.jpg                          JSON on standard output
carpose photo.jpg --annotated out.jpg      and the overlay as a picture
carpose photo.jpg --expect front-left      exit code 3 when the photo is refused
"""

import argparse
import base64
import sys
import time
from pathlib import Path
from typing import get_args

from carpose.answer import Question, describe, parse_expect
from carpose.bundles import Bundle, open_bundle
from carpose.detections import Detections
from carpose.errors import CarposeError
from carpose.images import Limits, Picture, decode
from carpose.schema import Cars, Include, PoseResponse
from carpose.segmenters import load_segmenter

DECODED_PX = 1024
EXIT_ERROR, EXIT_REFUSED = 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code: 0 answered, 2 no answer, 3 refused by --expect."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path, nargs="+")
    parser.add_argument("--expect", default="", help="acceptable viewpoints, by commas")
    parser.add_argument("--cars", choices=get_args(Cars), default="main")
    parser.add_argument("--masks", action="store_true", help="masks as COCO run-length encoding")
    for picture in ("annotated", "crop", "cutout"):
        parser.add_argument(f"--{picture}", type=Path, metavar="FILE", help=f"write the {picture}")
    parser.add_argument("--parts", default="embedded:car_parts", metavar="BUNDLE")
    parser.add_argument("--car", default="embedded:main_car", metavar="BUNDLE")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(arguments)
    wanted: set[Include] = {name for name in ("annotated", "crop", "cutout") if getattr(args, name)}
    if wanted and len(args.photo) > 1:
        parser.error("--annotated, --crop and --cutout take one photo at a time")
    if args.masks:
        wanted.add("masks")
    code = 0
    try:
        question = Question(
            engine="detectron2",
            include=frozenset(wanted),
            expect=parse_expect(args.expect),
            cars=args.cars,
        )
        models = [_Model(open_bundle(uri), args.threads) for uri in (args.car, args.parts)]
    except CarposeError as error:
        print(f"carpose: {error.code}: {error.detail}", file=sys.stderr)
        return EXIT_ERROR
    for photo in args.photo:
        try:
            answer = _answer(photo, question, models)
        except (CarposeError, OSError) as error:
            detail = f"{error.code}: {error.detail}" if isinstance(error, CarposeError) else error
            print(f"{photo}: {detail}", file=sys.stderr)
            code = EXIT_ERROR
            continue
        for name in wanted - {"masks"}:
            url = getattr(answer.images, name)
            getattr(args, name).write_bytes(base64.b64decode(url.partition(",")[2]))
        print(answer.model_copy(update={"images": None}).model_dump_json(exclude_none=True))
        if answer.compliance and not answer.compliance.accepted and not code:
            code = EXIT_REFUSED
    return code


class _Model:
    """A bundle's segmenter with the bundle's own threshold."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._segmenter = load_segmenter(bundle, threads=threads)
        self._threshold = bundle.manifest.score_threshold

    def __call__(self, picture: Picture) -> Detections:
        return self._segmenter([picture], self._threshold)[0]


def _answer(photo: Path, question: Question, models: list[_Model]) -> PoseResponse:
    began = time.perf_counter()
    picture = decode(photo.read_bytes(), Limits(), question.decoded_px or DECODED_PX)
    decoded = time.perf_counter()
    car, parts = (model(picture) for model in models)
    detected = time.perf_counter()
    answer = describe(picture, car, parts, question)
    seconds = {
        "decode": decoded - began,
        "detect": detected - decoded,
        "pose": time.perf_counter() - detected,
    }
    timings = {stage: round(value * 1000, 1) for stage, value in seconds.items()}
    return answer.model_copy(update={"timings_ms": timings})


if __name__ == "__main__":
    sys.exit(main())
