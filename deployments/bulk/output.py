"""The output: Parquet files that are there whole or not at all, and what they say is done."""

import io
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType

from carpose.places import TEMPORARY, Place
from deployments.bulk.errors import BulkError
from deployments.bulk.photos import first_line
from deployments.bulk.schema import VERSION, Row, table

ASIDE: Final = "_carpose"
"""Folder of everything that is no row; readers of Parquet leave out what begins so."""

MANIFEST: Final = f"{ASIDE}/manifest.json"
REPORT: Final = f"{ASIDE}/report.html"

PART: Final = "part-"
READERS = 16


@dataclass(frozen=True)
class Footer:
    """What a part says of itself.

    rules: `Asked.identity` of its verdicts.
    masks: whether its rows have them, where they were asked for.
    """

    rules: str
    masks: bool

    @classmethod
    def of(cls, schema: pa.Schema, where: str) -> Self:
        """Raises: BulkError for a file that is not of this output, or of a later schema."""
        about = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
        if "carpose.schema" not in about:
            raise BulkError(f"{where} is not of carpose's bulk: choose another --output")
        if int(about["carpose.schema"]) > VERSION:
            raise BulkError(f"{where} is of schema {about['carpose.schema']}: update carpose")
        return cls(about["carpose.rules"], about["carpose.masks"] == "true")

    def metadata(self) -> dict[str, str]:
        """For `of`."""
        return {"carpose.rules": self.rules, "carpose.masks": str(self.masks).lower()}


@dataclass(frozen=True)
class Output:
    """Where the parts lie."""

    place: Place

    @classmethod
    def at(cls, uri: str) -> Self:
        """The output at a folder or s3:// URI, which must take files.

        Raises: BulkError; BadParameter for a scheme that is none.
        """
        place = Place.at(uri)
        probe = f"{ASIDE}/probe"
        try:
            place.put(probe, b"")
            place.remove(probe)
        except OSError as error:
            raise BulkError(f"output {uri} cannot be written: {first_line(error)}") from error
        return cls(place)

    def clear(self) -> None:
        """Remove what a killed run left unfinished. Raises: OSError."""
        if self.place.local:
            for left in Path(self.place.path).rglob(f"{TEMPORARY}*"):
                left.unlink(missing_ok=True)

    def parts(self) -> list[str]:
        """Names of the parts, sorted."""
        found = self.place.system.get_file_info(FileSelector(self.place.path, allow_not_found=True))
        names = [i.base_name for i in found if i.type == FileType.File]
        return sorted(n for n in names if n.startswith(PART) and n.endswith(".parquet"))

    def read(self, part: str, columns: Sequence[str] | None = None) -> tuple[pa.Table, Footer]:
        """A part's rows. Raises: BulkError."""
        path = self.place.file(part)
        try:
            names = None if columns is None else list(columns)
            rows = pq.ParquetFile(path, filesystem=self.place.system).read(names)
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise BulkError(f"output {path}: {first_line(error)}") from error
        return rows, Footer.of(rows.schema, path)

    def read_all(
        self, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[str, pa.Table, Footer]]:
        """Every part, a few at a time. Raises: BulkError."""
        names = self.parts()
        with ThreadPoolExecutor(READERS) as readers:
            for start in range(0, len(names), READERS):
                some = names[start : start + READERS]
                rows = readers.map(lambda name: self.read(name, columns), some)
                for name, (one, footer) in zip(some, rows, strict=True):
                    yield name, one, footer

    def write(self, rows: Sequence[Row], footer: Footer, part: str | None = None) -> str:
        """Commit rows as a part, in place of `part` where it is named; its name.

        A new part is named by its photos: written twice it is one file.

        Raises: OSError.
        """
        if part is None:
            digest = sha256("\n".join(row["uri"] for row in rows).encode()).hexdigest()
            part = f"{PART}{digest[:16]}.parquet"
        buffer = io.BytesIO()
        pq.write_table(table(list(rows), footer.metadata()), buffer, compression="zstd")
        self.place.put(part, buffer.getvalue())
        return part

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Say what is done. Raises: OSError."""
        self.place.put(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
