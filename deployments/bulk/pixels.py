"""Decoded photos on their way from the tasks that decode to the actors that look."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from carpose.images import Picture
from deployments.bulk import schema
from deployments.bulk.schema import Row

KNOWN: Final = (
    "uri", "sha256", "bytes", "phash", "category", "expect", "width", "height", "scored_as",
    "error", "error_detail",
)  # fmt: skip
"""Columns of a row that are known before anybody looks at the photo."""

_ROWS: Final = pa.schema([schema.SCHEMA.field(name) for name in KNOWN])

SCHEMA: Final = pa.schema(
    [
        *_ROWS,
        ("content", pa.large_binary()),
        ("rows", pa.int32()),
        ("icc", pa.binary()),
        ("pixels", pa.large_binary()),
    ]
)
"""`content` is the file, `pixels` the picture of the first look, RGB, `rows` high; both are null
where nobody is to look."""


def table(photos: list[Row], files: list[bytes | None], pictures: list[Picture | None]) -> pa.Table:
    """Photos with their files and pictures; the pixels are copied once."""
    plain = pa.Table.from_pylist(photos, _ROWS)
    rows = [None if p is None else p.pixels.shape[0] for p in pictures]
    icc = [None if p is None else p.icc for p in pictures]
    pixels = [None if p is None else p.pixels.reshape(-1) for p in pictures]
    bytes_ = [None if f is None else np.frombuffer(f, np.uint8) for f in files]
    columns = [*plain.columns, _binary(bytes_), pa.array(rows, pa.int32())]
    return pa.Table.from_arrays(
        [*columns, pa.array(icc, pa.binary()), _binary(pixels)], schema=SCHEMA
    )


def _binary(values: list[NDArray[np.uint8] | None]) -> Any:
    """A column of bytes, of arrays that are copied into it and nowhere else."""
    some = [v for v in values if v is not None]
    data = np.concatenate(some) if some else np.zeros(0, np.uint8)
    ends = np.cumsum([0, *(0 if v is None else v.size for v in values)], dtype=np.int64)
    there = np.packbits([v is not None for v in values], bitorder="little")
    buffers = [pa.py_buffer(there), pa.py_buffer(ends), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers)


def picture_of(batch: pa.Table, k: int, width: int, height: int) -> Picture:
    """The picture of a row, without a copy."""
    pixels = np.frombuffer(batch["pixels"][k].as_buffer(), np.uint8)
    rows, icc = batch["rows"][k].as_py(), batch["icc"][k].as_py()
    return Picture(pixels.reshape(rows, -1, 3), width, height, icc=icc)
