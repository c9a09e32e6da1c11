"""`carpose photo.jpg`: the whole answer without a server.

carpose photo.jpg                          JSON on standard output
carpose photo.jpg --annotated out.jpg      and the overlay as a picture
carpose photo.jpg --expect front-left      exit code 3 when the photo is refused
"""

import argparse
import base64
import sys
from pathlib import Path
from typing import get_args

from carpose.cars import Cars
from carpose.errors import CarposeError
from carpose.estimator import Estimator
from carpose.outputs import OUTPUTS
from carpose.request import PoseRequest

EXIT_ERROR, EXIT_REFUSED = 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code: 0 answered, 2 no answer, 3 refused by --expect."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path, nargs="+")
    parser.add_argument("--expect", default="", help="acceptable viewpoints, by commas")
    parser.add_argument("--cars", choices=get_args(Cars), default="main")
    parser.add_argument(
        "--min-score", type=float, help="least probability of the viewpoint; below: review"
    )
    parser.add_argument("--masks", action="store_true", help="masks as COCO run-length encoding")
    for name in OUTPUTS:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write the {name}")
    parser.add_argument("--car-parts", default="embedded:car_parts", metavar="BUNDLE")
    parser.add_argument("--main-car", default="embedded:main_car", metavar="BUNDLE")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(arguments)
    drawn = [name for name in OUTPUTS if getattr(args, name)]
    if drawn and len(args.photo) > 1:
        parser.error("a picture can be written of one photo at a time")
    asked = {
        "expect": args.expect,
        "include": [*drawn, "masks"] if args.masks else drawn,
        "cars": args.cars,
        "min_score": args.min_score,
    }
    code = 0
    try:
        PoseRequest.of(**asked)
        estimator = Estimator.load(args.car_parts, args.main_car, threads=args.threads)
    except CarposeError as error:
        print(f"carpose: {error.code}: {error.detail}", file=sys.stderr)
        return EXIT_ERROR
    for photo in args.photo:
        try:
            answer = estimator.answer(photo.read_bytes(), **asked).response()
        except (CarposeError, OSError) as error:
            detail = f"{error.code}: {error.detail}" if isinstance(error, CarposeError) else error
            print(f"{photo}: {detail}", file=sys.stderr)
            code = EXIT_ERROR
            continue
        for name, url in (answer.images or {}).items():
            getattr(args, name).write_bytes(base64.b64decode(url.partition(",")[2]))
        print(answer.model_copy(update={"images": None}).model_dump_json())
        if answer.compliance and not answer.compliance.accepted and not code:
            code = EXIT_REFUSED
    return code


if __name__ == "__main__":
    sys.exit(main())
