"""Score photos by the million, on this machine or a Ray cluster, into Parquet.

    python -m deployments.bulk --input photos/ --output poses/
    python -m deployments.bulk --input s3://bucket/photos --output s3://bucket/poses \\
        --rules listing-main --masks
    python -m deployments.bulk --input photos.parquet --output poses/ --rules-file rules.yaml

The same command again does what is missing, what failed for no fault of the photo, and what other
models answered. docs/bulk.md says what the rows are. Exit code 2: it could not begin, or storage
failed; 3: more than --max-errors of the photos could not be looked at.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import get_args

import pyarrow as pa

from carpose.bundles import Task, open_bundle
from carpose.errors import CarposeError
from carpose.places import Place
from carpose.segmenters import Device, Runtime
from deployments.bulk.alone import alone
from deployments.bulk.asked import Asked
from deployments.bulk.done import Key, plan
from deployments.bulk.duplicates import MOST_BITS, NEAR_BITS
from deployments.bulk.errors import BulkError
from deployments.bulk.gather import Gather
from deployments.bulk.hold import Hold
from deployments.bulk.job import Work, answers, start
from deployments.bulk.output import REPORT, Output
from deployments.bulk.photos import first_line, list_photos
from deployments.bulk.progress import Progress
from deployments.bulk.report import html
from deployments.bulk.schema import VERSION
from deployments.bulk.scoring import Models
from deployments.bulk.summary import summarize

EXIT_ERROR, EXIT_TOO_MANY_ERRORS, EXIT_INTERRUPTED = 2, 3, 130

MANIFEST_S = 30.0
"""Between two manifests while photos are answered."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.bulk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--input", required=True, help="folder, s3://bucket/prefix, or table.parquet (column uri)")
    add("--output", required=True, help="folder or s3://bucket/prefix")
    add("--expect", default="", help="acceptable viewpoints, by commas")
    add("--min-score", type=float, help="least probability of the viewpoint; below: review")
    add("--rules", default="", help="names of rule sets, by commas")
    add("--rules-file", metavar="FILE", help="YAML: `sets` of your own, `categories`")
    add("--masks", action="store_true", help="masks as COCO run-length encoding, in every row")
    add("--car-parts", default="embedded:car_parts", metavar="BUNDLE")
    add("--main-car", default="embedded:main_car", metavar="BUNDLE")
    add("--device", choices=get_args(Device), default="cpu")
    add("--runtime", choices=get_args(Runtime), default="onnxruntime")
    add("--actors", default="", metavar="MIN-MAX", help="with models; default: all that fit now")
    add("--cpus", type=float, help="of an actor; default 0.9, one thread")
    add("--gpus", type=float, help="of an actor; default 1 with --device cuda")
    add("--batch", type=int, help="photos an actor looks at together; default 16 on a GPU")
    add(
        "--near-bits",
        type=int,
        default=NEAR_BITS,
        choices=range(-1, MOST_BITS + 1),
        help="of 64, by which hashes of one picture differ; -1: only equal files are one",
    )
    add("--every-photo", action="store_true", help="score equal photos one by one")
    add("--rows", type=int, default=500, help="of a file of the output")
    add("--max-errors", type=float, default=1.0, metavar="SHARE", help="above: exit code 3")
    args = parser.parse_args(arguments)
    if args.rows < 1:
        parser.error("--rows must be at least 1")
    if not 0 <= args.max_errors <= 1:
        parser.error("--max-errors is a share, 0 to 1")
    args.actors = _least_and_most(parser, args.actors)
    return args


def _least_and_most(parser: argparse.ArgumentParser, words: str) -> tuple[int, int] | None:
    if not words:
        return None
    least, _, most = words.partition("-")
    try:
        pair = int(least), int(most or least)
    except ValueError:
        parser.error(f"--actors {words}: two numbers, as in 1-8")
    if not 1 <= pair[0] <= pair[1]:
        parser.error(f"--actors {words}: the first is at least 1 and at most the second")
    return pair


def work_of(args: argparse.Namespace) -> Work:
    """How the command line wants the work to be spread."""
    on_gpu = args.device == "cuda"
    gpus = args.gpus if args.gpus is not None else float(on_gpu)
    models = Models(
        args.car_parts,
        args.main_car,
        args.device,
        "detectron2" if on_gpu else args.runtime,
        gpu_share=min(gpus, 1.0) or 1.0,
    )
    return Work(
        models,
        args.masks,
        args.actors,
        args.cpus if args.cpus is not None else 1.0 if on_gpu else 0.9,
        gpus,
        1.0 if on_gpu else 0.1,
        args.batch or (16 if on_gpu else None),
        None if args.near_bits < 0 else args.near_bits,
        not args.every_photo,
    )


def asked_of(args: argparse.Namespace) -> Asked:
    """What the command line wants of the photos. Raises: BulkError; BadParameter."""
    file = None
    if args.rules_file:
        folder, _, name = args.rules_file.rpartition("/")
        file = Place.at(folder or ".").read(name)
        if file is None:
            raise BulkError(f"--rules-file {args.rules_file}: no such file")
    names = [name.strip() for name in args.rules.split(",") if name.strip()]
    return Asked.of(args.expect, names, file, args.min_score)


def run(args: argparse.Namespace) -> int:
    """The exit code. Raises: BulkError; CarposeError; OSError where the output takes no more."""
    asked, work = asked_of(args), work_of(args)
    models = {
        "car_parts": _identity(args.car_parts, "car_parts"),
        "main_car": _identity(args.main_car, "main_car"),
    }
    listed = list_photos(args.input)
    output = Output.at(args.output)
    with alone(output) as hold:
        return _run(args, asked, work, models, listed, output, hold)


def _run(
    args: argparse.Namespace,
    asked: Asked,
    work: Work,
    models: dict[str, str],
    listed: pa.Table,
    output: Output,
    hold: Hold,
) -> int:
    began = time.monotonic()
    found = plan(listed, output, Key(models, args.masks, asked.identity))
    gather = Gather(output, asked, args.masks, found, models, args.rows)
    there = listed.num_rows - found.todo.num_rows
    print(f"{listed.num_rows:,} photos, {there:,} of them done", file=sys.stderr, flush=True)
    gather.judge_anew()
    rate, lost = 0.0, 0
    if found.todo.num_rows:
        start(work)
        progress, said = Progress(found.todo.num_rows), time.monotonic()
        try:
            for rows in answers(found.todo, found.sights, work):
                hold.check()
                progress.add(gather.add(rows))
                if time.monotonic() - said > MANIFEST_S:
                    said = time.monotonic()
                    output.write_manifest(_manifest(args, found.parts, models, False))
        except KeyboardInterrupt:
            progress.close()
            gather.keep()
            raise
        hold.check()
        lost = gather.finish()
        progress.add(lost)
        progress.close()
        rate = progress.rate
    output.write_manifest(_manifest(args, found.parts, models, True))
    summary = summarize(output)
    about = {
        "input": args.input,
        "output": args.output,
        **models,
        "answered now": f"{found.todo.num_rows:,}",
        "photos/s": f"{rate:.1f}",
        "minutes": f"{(time.monotonic() - began) / 60:.1f}",
    }
    output.place.put(REPORT, html(summary, about).encode())
    print("\n".join(summary.lines()))
    print(f"now: {found.todo.num_rows:,} photos at {rate:.1f} photos/s")
    print(f"written: {args.output}, {output.place.file(REPORT)}")
    if summary.error_share > args.max_errors:
        print(
            f"error: {summary.error_share:.1%} of the photos could not be looked at, "
            f"allowed are {args.max_errors:.1%}",
            file=sys.stderr,
        )
        return EXIT_TOO_MANY_ERRORS
    return 0


def _identity(uri: str, task: Task) -> str:
    bundle = open_bundle(uri)
    if bundle.manifest.task != task:
        raise BulkError(f"{uri} is a {bundle.manifest.task} bundle, not {task}")
    return bundle.identity


def _manifest(
    args: argparse.Namespace, parts: dict[str, int], models: dict[str, str], complete: bool
) -> dict[str, object]:
    return {
        "schema": VERSION,
        "input": args.input,
        "models": models,
        "complete": complete,
        "photos": sum(parts.values()),
        "parts": dict(sorted(parts.items())),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    try:
        return run(parse(arguments))
    except (BulkError, CarposeError, OSError) as error:
        print(f"error: {first_line(error)}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
