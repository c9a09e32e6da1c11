"""`carpose look`: photos answered here, without a server."""

import sys

import typer

from carpose.cli import options as o
from carpose.cli.asking import Asking, Seen
from carpose.cli.exits import ANSWERED, BAD_INPUT, NOT_ACCEPTED, told
from carpose.cli.formats import chosen, printer
from carpose.cli.photos import named
from carpose.cli.progress import progress

BRIEFLY_FROM = 4
"""As many photos have a line each, fewer all that is known."""


def look(
    photos: o.Photos,
    expect: o.Expect = "",
    rules: o.Rules = "",
    min_score: o.MinScore = None,
    whole: o.Whole = False,
    sharp: o.Sharp = False,
    exposure: o.Exposure = False,
    single: o.Single = False,
    framing: o.Framing = "",
    min_car_share: o.MinCarShare = None,
    max_car_share: o.MaxCarShare = None,
    max_angle: o.MaxAngle = None,
    min_width: o.MinWidth = None,
    text: o.Text = False,
    json: o.Json = False,
    jsonl: o.Jsonl = False,
    csv: o.Csv = False,
    masks: o.Masks = False,
    annotate: o.Annotate = None,
    upright: o.Upright = None,
    crop: o.Crop = None,
    cutout: o.Cutout = None,
    mask: o.Mask = None,
    cars: o.Cars = "main",
    car_parts: o.CarParts = o.EMBEDDED_PARTS,
    main_car: o.MainCar = o.EMBEDDED_CAR,
    threads: o.Threads = 2,
) -> None:
    """Which side of a car photos show, and how it stands.

    Exit code 0: answered; 2: no photo, or no car in it; 3: a photo is refused, or to be looked at.
    """
    with told():
        asking = Asking(
            expect=expect, cars=cars, min_score=min_score, rules=rules,
            single={
                "whole": whole, "sharp": sharp, "exposure": exposure, "single": single,
                "framing": words(framing), "min_car_share": min_car_share,
                "max_car_share": max_car_share, "max_angle": max_angle, "min_width": min_width,
            },
            masks=masks,
            pictures={
                "annotate": annotate, "upright": upright, "crop": crop, "cutout": cutout,
                "mask": mask,
            },
            bundles=(car_parts, main_car), threads=threads,
        )  # fmt: skip
        kind = chosen(text, json, jsonl, csv)
        asked = named(photos)
        if not asked:
            raise FileNotFoundError(f"no photos in {', '.join(photos)}")
        estimator = asking.loaded()
    alone = len(asked) == 1
    out = printer(
        kind, alone and asked[0].name in (*photos, "standard input"), len(asked) >= BRIEFLY_FROM
    )
    code = ANSWERED
    for photo in progress(asked):
        seen = asking.look(estimator, photo, alone)
        out.add(seen)
        complain(seen)
        if seen.error is not None:
            code = BAD_INPUT
        elif not seen.accepted and not code:
            code = NOT_ACCEPTED
    out.end()
    raise typer.Exit(code)


def words(listed: str) -> tuple[str, ...]:
    """Of a list by commas."""
    return tuple(word.strip() for word in listed.split(",") if word.strip())


def complain(seen: Seen) -> None:
    """What went wrong with a photo, by standard error."""
    if problem := seen.problem:
        print(f"{seen.name}: {problem['code']}: {problem['detail']}", file=sys.stderr, flush=True)
