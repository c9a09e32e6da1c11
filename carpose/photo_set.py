"""Several photos of one car: which views they show, which are missing, in which order to stand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from carpose.compliance import MIN_SCORE
from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.request import PoseRequest
from carpose.schema import Doubles, PoseResponse, SetSummary

LISTING_ORDER: Final[tuple[Viewpoint, ...]] = (
    "front-left", "front-right", "front", "left", "right", "back-left", "back-right", "back",
)  # fmt: skip
"""The order in which listings show a car: the face first, then its sides, then its back."""


def of_each(asked: PoseRequest) -> PoseRequest:
    """What is asked of each photo of a set: all but a viewpoint, which is asked of the set. How
    sure one must be stays."""
    least = MIN_SCORE if asked.min_score is None and asked.expect else asked.min_score
    return replace(asked, expect=(), min_score=least)


def summary(
    answers: Mapping[int, PoseResponse], views: Sequence[Viewpoint], min_score: float | None = None
) -> SetSummary:
    """What a set of photos is.

    answers: of those that have one, by their place in the set.
    views: those that must be there; they also stand first in the order, as they are given.
    min_score: least probability of a viewpoint for a view to be there; None: MIN_SCORE.
    """
    least = MIN_SCORE if min_score is None else min_score
    shown: dict[Viewpoint, list[int]] = {}
    for place, answer in answers.items():
        if answer.pose.viewpoint is not None:
            shown.setdefault(answer.pose.viewpoint, []).append(place)
    for places in shown.values():
        places.sort(key=lambda place: _worth(answers[place]), reverse=True)
    # A photo that is refused shows a view, but nobody may put it up; of one that is not sure
    # enough nobody knows whether it shows it.
    good = {
        view
        for view, places in shown.items()
        if any(_usable(answers[place]) and _score(answers[place]) >= least for place in places)
    }
    missing = [view for view in views if view not in good]
    ranked = [*views, *(view for view in LISTING_ORDER if view not in views)]
    return SetSummary(
        complete=not missing,
        missing=missing,
        doubles=[
            Doubles(viewpoint=view, better=places[0], others=places[1:])
            for view in VIEWPOINTS
            if len(places := shown.get(view, [])) > 1
        ],
        order=[shown[view][0] for view in ranked if view in shown],
    )


def _usable(answer: PoseResponse) -> bool:
    return answer.compliance is None or answer.compliance.verdict != "refused"


def _worth(answer: PoseResponse) -> tuple[bool, bool, float]:
    """The better of two photos of a view: not refused, whole, and by how sharp and sure it is."""
    quality = answer.quality
    return _usable(answer), quality.whole, _score(answer) * quality.sharpness


def _score(answer: PoseResponse) -> float:
    return answer.pose.viewpoint_score or 0.0
