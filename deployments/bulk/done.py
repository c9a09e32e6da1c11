"""What a run finds done: rows that need no model, and those that need another look."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from deployments.bulk.duplicates import Sight
from deployments.bulk.output import Output
from deployments.bulk.schema import TO_BE_TRIED_AGAIN, Row

COLUMNS: Final = (
    "uri", "sha256", "bytes", "phash", "width", "height", "category", "expect", "models", "error",
    "scored_as",
)  # fmt: skip

Wish = tuple[str | None, tuple[str, ...]]
"""Category and own `expect` of a photo."""


@dataclass(frozen=True)
class Key:
    """Rows with this key are as good as new ones.

    models: identities by task.
    masks: whether rows must have them.
    rules: of the verdicts; others are judged anew, which takes no model.
    """

    models: dict[str, str]
    masks: bool
    rules: str


@dataclass
class Plan:
    """What is to be done.

    todo: photos, as `deployments.bulk.photos` lists them.
    homes: of a photo that has a row already, the part that the new row goes to.
    judge: parts whose verdicts are to be made anew, with the new wishes of their photos.
    sights: photos that are done, for comparison.
    parts: rows by part.
    where: the part of each photo that has a row.
    """

    todo: pa.Table
    homes: dict[str, str] = field(default_factory=dict)
    judge: dict[str, dict[str, Wish]] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)


def plan(listed: pa.Table, output: Output, key: Key) -> Plan:
    """What of the listed photos is missing, or was answered by other models or without masks, or
    has another size than it had, or failed for a reason that is not its own.

    Raises: BulkError for an output that cannot be read.
    """
    uris = listed["uri"].to_pylist()
    at = {uri: k for k, uri in enumerate(uris)}
    sizes = listed["bytes"].to_pylist()
    wishes = list(zip(listed["category"].to_pylist(), listed["expect"].to_pylist(), strict=True))
    found, done = Plan(listed), bytearray(len(uris))
    judge: dict[str, dict[str, Wish]] = defaultdict(dict)
    for part, rows, footer in output.read_all(COLUMNS):
        found.parts[part] = rows.num_rows
        if footer.rules != key.rules:
            judge[part] = {}
        for row in rows.to_pylist():
            uri = row["uri"]
            found.where[uri] = part
            k = at.get(uri)
            good = _is_good(row, key) and (footer.masks or not key.masks)
            if good and row["sha256"] and row["scored_as"] is None and row["width"]:
                found.sights.append(_sight(row))
            if k is None:
                continue
            if good and sizes[k] in (None, row["bytes"]):
                done[k] = True
                wish = wishes[k][0], tuple(wishes[k][1] or ())
                if wish != (row["category"], tuple(row["expect"] or ())):
                    judge[part][uri] = wish
            else:
                found.homes[uri] = part
    found.judge.update(judge)
    found.todo = listed.filter(pa.array([not there for there in done], pa.bool_()))
    return found


def _is_good(row: Row, key: Key) -> bool:
    return row["models"] == key.models and row["error"] not in TO_BE_TRIED_AGAIN


def _sight(row: Row) -> Sight:
    phash = row["phash"]
    size = row["width"], row["height"]
    return Sight(row["uri"], row["sha256"], None if phash is None else int(phash, 16), size)
