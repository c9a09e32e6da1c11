"""What all rows of an output say together."""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from deployments.bulk.output import Output
from deployments.bulk.schema import ANSWERED_WITHOUT_A_CAR

COLUMNS: Final = ("uri", "viewpoint", "score", "verdict", "verdicts", "error", "scored_as")

BINS: Final = 20
SHOWN: Final = 24
"""Photos of each contact sheet."""


@dataclass
class Summary:
    """Counts of rows. `histogram`: viewpoint scores in BINS equal steps from 0 to 1; `unsure` and
    `refused`: photos for contact sheets, each picture once, the least sure first."""

    photos: int = 0
    doubles: int = 0
    viewpoints: Counter[str] = field(default_factory=Counter)
    verdicts: dict[str, Counter[str]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)
    unsure: list[tuple[float, str, str]] = field(default_factory=list)
    refused: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def broken(self) -> int:
        """Photos that could not be looked at."""
        return sum(n for code, n in self.errors.items() if code not in ANSWERED_WITHOUT_A_CAR)

    @property
    def error_share(self) -> float:
        """Of all photos."""
        return self.broken / max(self.photos, 1)

    def lines(self) -> list[str]:
        """For a terminal."""
        said = [f"{self.photos:,} photos, {self.doubles:,} of them scored with another one"]
        said.append(_line("viewpoints", self.viewpoints))
        said += [_line(f"verdict by {name}", of) for name, of in sorted(self.verdicts.items())]
        said += [_line("findings", self.codes)] if self.codes else []
        said += [_line("errors", self.errors)] if self.errors else []
        return said


def _line(what: str, counts: Counter[str]) -> str:
    return f"{what}: " + (", ".join(f"{k} {n:,}" for k, n in counts.most_common()) or "none")


def summarize(output: Output) -> Summary:
    """Of every part, one after the other. Raises: BulkError."""
    total = Summary()
    for _, rows, _ in output.read_all(COLUMNS):
        _count(total, rows.to_pylist())
    return total


def _count(total: Summary, rows: list[dict[str, object]]) -> None:
    total.photos += len(rows)
    total.doubles += sum(row["scored_as"] is not None for row in rows)
    total.viewpoints.update(str(row["viewpoint"] or "not told") for row in rows if not row["error"])
    total.errors.update(str(row["error"]) for row in rows if row["error"])
    scores = [row["score"] for row in rows if row["score"] is not None]
    bins, _ = np.histogram(np.array(scores, float), BINS, (0, 1))
    total.histogram = [a + int(b) for a, b in zip(total.histogram, bins, strict=True)]
    unsure, refused = list(total.unsure), list(total.refused)
    for row in rows:
        score = row["score"]
        place = (1.0 if score is None else float(str(score)), str(row["uri"]))
        verdicts = row["verdicts"] or []
        assert isinstance(verdicts, list)
        for one in verdicts:
            total.verdicts.setdefault(one["rules"], Counter())[one["verdict"]] += 1
        total.codes.update({code for one in verdicts for code in one["codes"]})
        if row["scored_as"] is not None:
            # The picture is there already.
            continue
        if score is not None:
            unsure.append((*place, str(row["viewpoint"])))
        if row["verdict"] == "refused":
            reasons = dict.fromkeys(reason for one in verdicts for reason in one["reasons"])
            refused.append((*place, "; ".join(reasons)))
    total.unsure, total.refused = heapq.nsmallest(SHOWN, unsure), heapq.nsmallest(SHOWN, refused)
