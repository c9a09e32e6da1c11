"""Rows become parts here, in one process: what it has not committed is not done, and a row that
comes twice is taken once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from deployments.bulk.asked import Asked
from deployments.bulk.done import Plan
from deployments.bulk.output import Footer, Output
from deployments.bulk.schema import Row, empty, shared


@dataclass
class Gather:
    """Takes the rows of a plan's photos and writes them.

    rows_per_part: of new photos.
    """

    output: Output
    asked: Asked
    masks: bool
    plan: Plan
    models: dict[str, str]
    rows_per_part: int
    _outstanding: dict[str, tuple[str | None, list[str] | None, int | None]] = field(init=False)
    _expected: dict[str, int] = field(init=False)
    _rewrites: dict[str, list[Row]] = field(init=False)
    _new: list[Row] = field(init=False, default_factory=list)
    _followers: list[Row] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        todo = self.plan.todo
        columns = (todo[name].to_pylist() for name in ("category", "expect", "bytes"))
        self._outstanding = dict(
            zip(todo["uri"].to_pylist(), zip(*columns, strict=True), strict=True)
        )
        self._rewrites, self._expected = defaultdict(list), defaultdict(int)
        for part in self.plan.homes.values():
            self._expected[part] += 1

    @property
    def footer(self) -> Footer:
        """Of new parts."""
        return Footer(self.asked.identity, self.masks)

    def judge_anew(self) -> None:
        """Verdicts of rows that are done, where other rules are asked for now. Raises: OSError."""
        for part in self.plan.judge:
            if part not in self._expected:
                self._rewrite(part, [])

    def add(self, rows: Iterable[Row]) -> int:
        """Take rows, in any order; how many were not there before. Raises: OSError."""
        taken = 0
        for row in rows:
            if self._outstanding.pop(row["uri"], None) is None:
                continue
            taken += 1
            if row["scored_as"] is None:
                self._place(row)
                continue
            # Its answer may lie anywhere, or not be there yet.
            self._followers.append(row)
            self._expect_less(self.plan.homes.get(row["uri"]))
        return taken

    def keep(self) -> None:
        """Commit the answers that are here, and nothing else. Raises: OSError."""
        self._flush()

    def finish(self) -> int:
        """Commit the rest; how many photos came back from nowhere, and have a row that says so.

        Raises: OSError.
        """
        lost = [
            empty(uri)
            | {"category": category, "expect": expect, "bytes": size, "models": self.models}
            | {"error": "lost", "error_detail": "the process that worked on it died each time"}
            for uri, (category, expect, size) in self._outstanding.items()
        ]
        self._outstanding.clear()
        for row in lost:
            self._place(row)
        self._flush()
        self._settle()
        self._flush()
        return len(lost)

    def _place(self, row: Row) -> None:
        row |= self.asked.verdicts(row)
        home = self.plan.homes.get(row["uri"])
        if home is None:
            self._new.append(row)
            if len(self._new) >= self.rows_per_part:
                self._write_new()
            return
        self._rewrites[home].append(row)
        self._expect_less(home)

    def _expect_less(self, home: str | None) -> None:
        if home is None:
            return
        self._expected[home] -= 1
        if self._expected[home] == 0 and self._rewrites[home]:
            self._rewrite(home, self._rewrites.pop(home))

    def _flush(self) -> None:
        self._write_new()
        for part in list(self._rewrites):
            if rows := self._rewrites.pop(part):
                self._rewrite(part, rows)

    def _write_new(self) -> None:
        if not self._new:
            return
        part = self.output.write(self._new, self.footer)
        self.plan.parts[part] = len(self._new)
        self.plan.where.update((row["uri"], part) for row in self._new)
        self._new = []

    def _rewrite(self, part: str, rows: list[Row]) -> None:
        """A part with some of its rows replaced, and all of them judged."""
        wishes = self.plan.judge.get(part, {})
        before, footer = self.output.read(part)
        new = {row["uri"]: row for row in rows}
        kept = []
        for old in before.to_pylist():
            row = new.get(old["uri"], old)
            if row is old and old["uri"] in wishes:
                row["category"], row["expect"] = wishes[old["uri"]]
            kept.append(row | self.asked.verdicts(row))
        masks = (footer.masks or len(new) == len(kept)) and (self.masks or not new)
        self.output.write(kept, Footer(self.asked.identity, masks), part)

    def _settle(self) -> None:
        """The rows of photos that show what others do, whose answers are all there now."""
        by_part: dict[str, list[Row]] = defaultdict(list)
        for row in self._followers:
            by_part[self.plan.where.get(row["scored_as"], "")].append(row)
        self._followers = []
        for part, followers in sorted(by_part.items()):
            wanted = {row["scored_as"] for row in followers}
            answers = {}
            if part:
                rows = self.output.read(part)[0].to_pylist()
                answers = {row["uri"]: row for row in rows if row["uri"] in wanted}
            for own in followers:
                answer = answers.get(own["scored_as"])
                if answer is None:
                    answer = own | {"error": "lost", "error_detail": "its double has no answer"}
                self._place(shared(answer, own))
