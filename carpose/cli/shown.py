"""Answers for people: in colours where a terminal has them."""

import sys
from collections import Counter
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from carpose.cli.asking import Seen
from carpose.schema import Compliance, PoseAnswer, PoseResponse

TONES: Final = {"accepted": "green", "review": "yellow", "refused": "red"}
"""Of verdicts."""

# Okabe and Ito's, as in the pictures: the car's left parts are blue, its right ones vermilion.
LEFT, RIGHT = "#56b4e9", "#d55e00"


class Shown:
    """Prints answers, all that is known or a line for each, and at the end how many there were."""

    def __init__(self, briefly: bool) -> None:
        self._console = Console(highlight=False)
        self._briefly = briefly
        self._counts: Counter[str] = Counter()

    def add(self, seen: Seen) -> None:
        """One more; what went wrong is said by standard error."""
        self._counts[_kind(seen)] += 1
        if seen.answer is None:
            return
        if self._briefly:
            self._print(line(seen.name, seen.answer))
        else:
            size = f"  {seen.answer.image.width} x {seen.answer.image.height}"
            self._print(Text.assemble((seen.name, "bold"), size))
            self._print(whole(seen.answer))
            self._print()

    def end(self) -> None:
        """The counts, where there were many."""
        if self._briefly and self._counts:
            total = sum(self._counts.values())
            words = Text.assemble((f"{total} photos: ", "bold"))
            words.append_text(Text(", ").join(Text(f"{n} {k}") for k, n in self._counts.items()))
            self._print(words)

    def _print(self, *words: RenderableType) -> None:
        with self._console.capture() as captured:
            self._console.print(*words, soft_wrap=not words or isinstance(words[0], Text))
        # Rich's own printing would go past the progress bar, which minds what others print.
        sys.stdout.write(captured.get())
        sys.stdout.flush()


def _kind(seen: Seen) -> str:
    if seen.problem is not None:
        return seen.problem["code"]
    assert seen.answer is not None
    compliance, pose = seen.answer.compliance, seen.answer.pose
    return compliance.verdict if compliance else pose.viewpoint or "viewpoint unknown"


def line(name: str, answer: PoseResponse) -> Text:
    """An answer in one line."""
    text = Text.assemble((name, "bold"), "  ", _viewpoint(answer.pose), "  ")
    if not answer.compliance:
        return text.append_text(_angles(answer.pose))
    text.append_text(_verdict(answer.compliance))
    return text.append("  " + "; ".join(answer.compliance.reasons))


def whole(answer: PoseResponse) -> Table:
    """All that an answer says."""
    table = Table(show_header=False, box=None, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("view", Text.assemble(_viewpoint(answer.pose), "   ", _angles(answer.pose)))
    if answer.compliance:
        table.add_row("verdict", _judged(answer.compliance))
    table.add_row("car", _car(answer))
    parts = Text(", ").join(_part(part.label, part.score) for part in answer.parts)
    table.add_row("parts", parts if answer.parts else Text("none", "dim"))
    for warning in answer.warnings:
        table.add_row("doubt", Text(warning.detail, "yellow"))
    for notice in answer.notices:
        table.add_row("note", notice.detail)
    took = ", ".join(f"{stage} {ms:.0f}" for stage, ms in answer.timings_ms.items())
    table.add_row("took", Text(f"{sum(answer.timings_ms.values()):.0f} ms ({took})", "dim"))
    return table


def _viewpoint(pose: PoseAnswer) -> Text:
    seen = pose.viewpoint or pose.view
    if seen is None:
        return Text("viewpoint unknown", "yellow")
    score = "" if pose.viewpoint_score is None else f" {pose.viewpoint_score:.0%}"
    return Text.assemble((seen, f"bold {_side(seen)}"), score)


def _angles(pose: PoseAnswer) -> Text:
    words = []
    if pose.azimuth is not None:
        words.append(f"seen from {pose.azimuth:.0f}° ± {pose.azimuth_error or 0:.0f}°")
    if pose.signed_angle is not None:
        words.append(f"tilted {pose.signed_angle:+.1f}°")
    return Text(", ".join(words))


def _verdict(compliance: Compliance) -> Text:
    words = "to review" if compliance.verdict == "review" else compliance.verdict
    return Text(words, f"bold {TONES[compliance.verdict]}")


def _judged(compliance: Compliance) -> Text:
    text = Text.assemble(_verdict(compliance))
    for reason, finding in zip(compliance.reasons, compliance.findings, strict=True):
        text.append(f"\n{reason}" if reason == finding.detail else f"\n{reason}: {finding.detail}")
    return text


def _car(answer: PoseResponse) -> Text:
    quality = answer.quality
    x0, y0, x1, y1 = (round(v) for v in answer.car.box)
    cut = f"cut by the {' and the '.join(quality.cut)} edge" if quality.cut else "whole"
    others = f", one of {quality.cars}" if quality.cars > 1 else ""
    return Text(
        f"{answer.car.score:.0%}, {x1 - x0} x {y1 - y0} at {x0}, {y0}: "
        f"{quality.car_share:.0%} of the picture, {cut}{others}\n"
        f"sharpness {quality.sharpness:.2f}, brightness {quality.brightness:.2f}"
    )


def _part(label: str, score: float) -> Text:
    return Text.assemble((label.replace("_", " "), _side(label)), (f" {score:.0%}", "dim"))


def _side(label: str) -> str:
    return LEFT if "left" in label else RIGHT if "right" in label else "default"
