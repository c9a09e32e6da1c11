"""What comes out: JSON, JSON lines, CSV; for people it is `carpose.cli.shown`."""

import csv
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args

from carpose.cli.asking import Seen

if TYPE_CHECKING:
    from carpose.schema import PoseResponse

Format = Literal["text", "json", "jsonl", "csv"]


class Printer(Protocol):
    """Prints answers as they come."""

    def add(self, seen: Seen) -> None:
        """One more."""

    def end(self) -> None:
        """There are no more."""


def chosen(text: bool, as_json: bool, jsonl: bool, as_csv: bool) -> Format:
    """The format that was asked for; else what a terminal, or a program behind a pipe, can read.

    Raises: BadParameter for two.
    """
    from carpose.errors import BadParameter

    given = {"text": text, "json": as_json, "jsonl": jsonl, "csv": as_csv}
    asked = [name for name in get_args(Format) if given[name]]
    if len(asked) > 1:
        raise BadParameter(f"--{asked[0]} and --{asked[1]} at once")
    return asked[0] if asked else "text" if sys.stdout.isatty() else "jsonl"


def printer(kind: Format, alone: bool, briefly: bool) -> Printer:
    """alone: whether the answer is one photo's, and not a list's; briefly: a line a photo."""
    if kind == "json":
        return _Json(alone)
    if kind == "jsonl":
        return _Jsonl()
    if kind == "csv":
        return _Csv()
    from carpose.cli.shown import Shown

    return Shown(briefly)


def as_object(seen: Seen) -> dict[str, Any]:
    """The service's answer, with the photo's name before it; `problem` in its place."""
    if seen.answer is None:
        return {"file": seen.name, "problem": seen.problem}
    return {"file": seen.name, **seen.answer.model_dump(mode="json")}


class _Json:
    def __init__(self, alone: bool) -> None:
        self._alone = alone
        self._all: list[dict[str, Any]] = []

    def add(self, seen: Seen) -> None:
        self._all.append(as_object(seen))

    def end(self) -> None:
        print(json.dumps(self._all[0] if self._alone else self._all, indent=1))


class _Jsonl:
    def add(self, seen: Seen) -> None:
        print(json.dumps(as_object(seen), separators=(",", ":")), flush=True)

    def end(self) -> None:
        pass


COLUMNS: Final[dict[str, Callable[["PoseResponse"], object]]] = {
    "verdict": lambda a: a.compliance and a.compliance.verdict,
    "findings": lambda a: a.compliance and " ".join(f.code for f in a.compliance.findings),
    "reasons": lambda a: a.compliance and "; ".join(a.compliance.reasons),
    "view": lambda a: a.pose.view,
    "viewpoint": lambda a: a.pose.viewpoint,
    "viewpoint_score": lambda a: a.pose.viewpoint_score,
    "azimuth": lambda a: a.pose.azimuth,
    "azimuth_error": lambda a: a.pose.azimuth_error,
    "angle": lambda a: a.pose.angle,
    "signed_angle": lambda a: a.pose.signed_angle,
    "car_x0": lambda a: a.car.box[0],
    "car_y0": lambda a: a.car.box[1],
    "car_x1": lambda a: a.car.box[2],
    "car_y1": lambda a: a.car.box[3],
    "width": lambda a: a.image.width,
    "height": lambda a: a.image.height,
    "whole": lambda a: a.quality.whole,
    "cut": lambda a: " ".join(a.quality.cut),
    "framing": lambda a: a.quality.framing,
    "car_share": lambda a: a.quality.car_share,
    "sharpness": lambda a: a.quality.sharpness,
    "brightness": lambda a: a.quality.brightness,
    "blown": lambda a: a.quality.blown,
    "cars": lambda a: a.quality.cars,
    "parts": lambda a: " ".join(part.label for part in a.parts),
    "warnings": lambda a: " ".join(warning.code for warning in a.warnings),
}
"""As on the page, where `name` stands before and `error` and `engine` behind them."""


class _Csv:
    def __init__(self) -> None:
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        self._csv.writerow(["name", *COLUMNS, "error", "engine"])

    def add(self, seen: Seen) -> None:
        answer = seen.answer
        cells = [of(answer) if answer else None for of in COLUMNS.values()]
        code = seen.problem["code"] if seen.problem else None
        row = [seen.name, *cells, code, answer.engine if answer else None]
        self._csv.writerow([_cell(value) for value in row])
        sys.stdout.flush()

    def end(self) -> None:
        pass


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    # A spreadsheet would take a file's name for a formula.
    starts = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if starts else value
