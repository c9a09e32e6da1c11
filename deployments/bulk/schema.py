"""What a row of the output is: docs/bulk.md explains the columns.

A version only grows: columns may come, none goes or changes its meaning.
"""

from typing import Any, Final

import pyarrow as pa

from carpose.schema import Mask, PoseResponse

VERSION: Final = 1

Row = dict[str, Any]

_MASK = pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])
_BOX = pa.list_(pa.float64())
_PART = pa.struct([("label", pa.string()), ("score", pa.float64()), ("box", _BOX), ("mask", _MASK)])
_QUALITY = pa.struct(
    [
        ("whole", pa.bool_()),
        ("cut", pa.list_(pa.string())),
        ("framing", pa.string()),
        ("car_share", pa.float64()),
        ("sharpness", pa.float64()),
        ("brightness", pa.float64()),
        ("blown", pa.float64()),
        ("cars", pa.int32()),
    ]
)
_VERDICT = pa.struct(
    [
        ("rules", pa.string()),
        ("verdict", pa.string()),
        ("codes", pa.list_(pa.string())),
        ("reasons", pa.list_(pa.string())),
    ]
)
_MODELS = pa.struct([("car_parts", pa.string()), ("main_car", pa.string())])

SCHEMA: Final = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        ("sha256", pa.string()),
        ("bytes", pa.int64()),
        ("phash", pa.string()),
        ("category", pa.string()),
        ("expect", pa.list_(pa.string())),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("turned", pa.int16()),
        ("view", pa.string()),
        ("viewpoint", pa.string()),
        ("score", pa.float64()),
        ("azimuth", pa.float64()),
        ("azimuth_error", pa.float64()),
        ("angle", pa.float64()),
        ("signed_angle", pa.float64()),
        ("reference_line", pa.list_(pa.float64())),
        ("car_score", pa.float64()),
        ("car_box", _BOX),
        ("car_mask", _MASK),
        ("parts", pa.list_(_PART)),
        ("quality", _QUALITY),
        ("warnings", pa.list_(pa.string())),
        ("notices", pa.list_(pa.string())),
        ("verdict", pa.string()),
        ("verdicts", pa.list_(_VERDICT)),
        ("scored_as", pa.string()),
        ("models", _MODELS),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ],
    metadata={"carpose.schema": str(VERSION)},
)

OF_THE_FILE: Final = (
    "uri", "sha256", "bytes", "phash", "category", "expect", "verdict", "verdicts", "scored_as",
)  # fmt: skip
"""Columns that are a file's own; all others are the answer, which equal photos share."""

ANSWERED_WITHOUT_A_CAR: Final = ("no-car", "multiple-cars")
"""Errors that are an answer: what is in the photo, not that it could not be looked at."""

TO_BE_TRIED_AGAIN: Final = ("unreadable", "internal", "lost")
"""Errors that say nothing about the photo: the next run asks again."""


def empty(uri: str) -> Row:
    """A row of which nothing is known but the photo's address."""
    return dict.fromkeys(SCHEMA.names) | {"uri": uri}


def table(rows: list[Row], metadata: dict[str, str] | None = None) -> pa.Table:
    """Rows as a table; `metadata` goes into the file's footer."""
    schema = SCHEMA.with_metadata({**SCHEMA.metadata, **(metadata or {})})
    return pa.Table.from_pylist(rows, schema)


def columns_of(answer: PoseResponse) -> Row:
    """The answer's columns of a row."""
    pose, car, quality = answer.pose, answer.car, answer.quality
    line = pose.reference_line
    return {
        "width": answer.image.width,
        "height": answer.image.height,
        "turned": answer.image.turned,
        "view": pose.view,
        "viewpoint": pose.viewpoint,
        "score": pose.viewpoint_score,
        "azimuth": pose.azimuth,
        "azimuth_error": pose.azimuth_error,
        "angle": pose.angle,
        "signed_angle": pose.signed_angle,
        "reference_line": [*line[0], *line[1]] if line else None,
        "car_score": car.score,
        "car_box": list(car.box),
        "car_mask": _mask(car.mask),
        "parts": [
            {"label": p.label, "score": p.score, "box": list(p.box), "mask": _mask(p.mask)}
            for p in answer.parts
        ],
        "quality": quality.model_dump(exclude={"width"}),
        "warnings": [w.code for w in answer.warnings],
        "notices": [n.code for n in answer.notices],
        "models": answer.models,
    }


def _mask(mask: Mask | None) -> Row | None:
    return None if mask is None else {"size": list(mask.size), "counts": mask.counts}


def shared(answer: Row, own: Row) -> Row:
    """The row of a photo that shows what another one does.

    answer: the other's row, whose boxes are scaled where the sizes differ.
    own: what is the photo's own: OF_THE_FILE, width, height; without these it has the other's.
    """
    row = answer | {name: own[name] for name in OF_THE_FILE}
    if (
        not answer["width"]
        or not own["width"]
        or (own["width"], own["height"]) == (answer["width"], answer["height"])
    ):
        return row
    across, down = own["width"] / answer["width"], own["height"] / answer["height"]

    def scaled(points: list[float] | None) -> list[float] | None:
        if points is None:
            return None
        pairs = zip(points, (across, down) * 2, strict=True)
        return [round(value * scale, 1) for value, scale in pairs]

    parts = answer["parts"] and [part | {"box": scaled(part["box"])} for part in answer["parts"]]
    return row | {
        "width": own["width"],
        "height": own["height"],
        "car_box": scaled(answer["car_box"]),
        "reference_line": scaled(answer["reference_line"]),
        "parts": parts,
    }
