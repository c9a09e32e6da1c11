"""Which photos are to be answered: those below a folder or prefix, or those that a table names."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileSystem, FileType

from carpose.errors import BadParameter
from carpose.photo_names import SUFFIXES, is_photo_name
from carpose.places import Place, filesystem
from deployments.bulk.asked import viewpoints
from deployments.bulk.errors import BulkError

SCHEMA: Final = pa.schema(
    [
        ("uri", pa.string()),
        ("bytes", pa.int64()),
        ("category", pa.string()),
        ("expect", pa.list_(pa.string())),
    ]
)
"""Of a list of photos: `bytes`, the file's size, where listing tells."""


def list_photos(source: str) -> pa.Table:
    """The photos of a folder, an s3:// prefix, or of a .parquet file, each once, as SCHEMA.

    A folder's have the name of the first folder below it as their category. A table has a column
    `uri`, addresses or paths (from the table's own folder), and may have `category` and `expect`.

    Raises: BulkError saying what is wrong; BadParameter for a scheme that is none.
    """
    place = Place.at(source)
    try:
        if source.endswith(".parquet"):
            listed = _of_table(place)
        else:
            listed = pa.Table.from_pylist(list(_of_folder(place)), SCHEMA)
    except FileNotFoundError as error:
        raise BulkError(f"input {source}: there is none") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise BulkError(f"input {source}: {first_line(error)}") from error
    if not listed.num_rows:
        raise BulkError(f"input {source}: no photos ({', '.join(SUFFIXES)})")
    return listed


def _of_folder(place: Place) -> Iterator[dict[str, object]]:
    root = place.system.get_file_info(place.path)
    if place.local and root.type != FileType.Directory:
        raise BulkError(f"input {place.uri}: no such folder")
    for info in place.system.get_file_info(FileSelector(place.path, recursive=True)):
        name = info.path.removeprefix(place.path).lstrip("/")
        if info.type != FileType.File or not is_photo_name(name):
            continue
        folder, slash, _ = name.partition("/")
        uri = info.path if place.local else f"s3://{info.path}"
        category = folder if slash else None
        yield {"uri": uri, "bytes": info.size, "category": category, "expect": None}


def _of_table(place: Place) -> pa.Table:
    table = pq.read_table(place.path, filesystem=place.system)
    if "uri" not in table.column_names:
        raise BulkError(f"input {place.uri}: no column uri; it has {', '.join(table.column_names)}")
    folder = (place.path if place.local else f"s3://{place.path}").rpartition("/")[0]
    uris = [_absolute(uri, folder) for uri in table["uri"].cast(pa.string()).to_pylist() if uri]
    if len(uris) < table.num_rows:
        raise BulkError(f"input {place.uri}: {table.num_rows - len(uris)} rows have no uri")
    columns: dict[str, list[Any]] = {"uri": uris, "bytes": [None] * len(uris)}
    for name in ("category", "expect"):
        there = name in table.column_names
        columns[name] = table[name].to_pylist() if there else [None] * len(uris)
    try:
        columns["expect"] = [viewpoints(words) for words in columns["expect"]]
    except BadParameter as error:
        raise BulkError(f"input {place.uri}: column {error}") from error
    columns["category"] = [None if c is None else str(c) for c in columns["category"]]
    listed = pa.table(columns, SCHEMA)
    if len(set(uris)) == len(uris):
        return listed
    # The first row of a photo that is named twice.
    first: dict[str, int] = {}
    for k, uri in enumerate(uris):
        first.setdefault(uri, k)
    return listed.take(list(first.values()))


def _absolute(uri: str, folder: str) -> str:
    if "://" in uri:
        if not uri.startswith("s3://"):
            raise BulkError(f"{uri}: a photo is a path or s3://bucket/key")
        return uri
    return f"{folder}/{uri}" if folder.startswith("s3://") else os.path.join(folder, uri)


def read(uri: str, most: int) -> bytes:
    """The first `most` bytes of a photo's file. Raises: OSError."""
    if not uri.startswith("s3://"):
        with Path(uri).open("rb") as file:
            return file.read(most)
    with _s3().open_input_stream(uri.removeprefix("s3://")) as stream:
        return bytes(stream.read(most))


@cache
def _s3() -> FileSystem:
    # One a process: it keeps connections.
    return filesystem("s3://")[0]


def first_line(error: BaseException) -> str:
    """An error's words, short enough for one line."""
    lines = str(error).strip().splitlines()
    return lines[0].removesuffix(".") if lines else type(error).__name__
