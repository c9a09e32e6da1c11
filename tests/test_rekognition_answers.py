"""Amazon Rekognition's answers become detections, or are refused."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.errors import UpstreamError
from carpose.rekognition.answers import (
    from_custom_labels,
    from_labels,
    sees_without_place,
)
from carpose.rekognition.settings import CUSTOM_LABELS, Labels
from tests.rekognition_emulator import CUSTOM, RECORDED, box, label

SIZE = (1000, 500)


def test_a_recorded_answer_is_one_car_and_two_wheels() -> None:
    found = from_labels(RECORDED, Labels(), SIZE)
    assert list(found.labels) == ["car", "wheel", "wheel"]
    assert np.allclose(found.boxes[0], [102, 124, 886, 374.5], atol=0.1)
    assert found.scores == pytest.approx([0.9957, 0.9938, 0.9893])
    assert found.roi_masks is None
    assert found.model == "rekognition@3.0"


def test_a_custom_labels_answer_is_the_same_to_us() -> None:
    found = from_custom_labels(CUSTOM, CUSTOM_LABELS, SIZE, "rekognition-custom-labels@v1")
    assert list(found.labels) == ["car", "wheel", "wheel"]
    assert np.allclose(found.boxes[1], [340, 250, 470, 370], atol=0.1)
    assert found.model == "rekognition-custom-labels@v1"


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        (Labels(), ["car", "car"]),
        (Labels(car_threshold=0.9), ["car"]),
        (Labels(car_threshold=0.99), []),
        (Labels(car=frozenset({"Truck"})), ["car"]),
        (
            Labels(car=frozenset({"Car", "Truck"}), wheel_threshold=0.3),
            ["car", "car", "car", "wheel"],
        ),
    ],
    ids=["instances-below-60-go", "one-left", "none-left", "another-name", "several-names"],
)
def test_instances_count_by_their_own_confidence(labels: Labels, kept: list[str]) -> None:
    answer = {
        "Labels": [
            label("Car", (box(0, 0, 1, 1), 95), (box(0, 0, 0.5, 1), 70), (box(0, 0, 0.4, 1), 52.4)),
            label("Truck", (box(0.5, 0, 0.5, 1), 66)),
            label("Wheel", (box(0.1, 0.6, 0.1, 0.2), 40)),
        ]
    }
    assert list(from_labels(answer, labels, SIZE).labels) == kept


def test_boxes_that_reach_out_of_the_picture_are_cut_at_its_edge() -> None:
    answer = {"Labels": [label("Car", (box(-0.1, 0.2, 1.3, 0.9), 99))]}
    assert from_labels(answer, Labels(), SIZE).boxes.tolist() == [[0, 100, 1000, 500]]


def changed(path: tuple[Any, ...], value: Any) -> Any:
    """The recorded answer with one value replaced; `...` removes it."""
    root = {"answer": copy.deepcopy(RECORDED)}
    at: Any = root
    path = ("answer", *path)
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return root["answer"]


CAR = ("Labels", 0)
INSTANCE = (*CAR, "Instances", 0)
BOX = (*INSTANCE, "BoundingBox")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        ((), []),
        ((), "Car"),
        (("Labels",), ...),
        (("Labels",), None),
        (("Labels",), {}),
        (CAR, "Car"),
        ((*CAR, "Name"), None),
        ((*CAR, "Instances"), None),
        (INSTANCE, []),
        ((*INSTANCE, "Confidence"), ...),
        ((*INSTANCE, "Confidence"), "99"),
        ((*INSTANCE, "Confidence"), True),
        ((*INSTANCE, "Confidence"), -1),
        ((*INSTANCE, "Confidence"), 9957),
        (BOX, ...),
        (BOX, [0.1, 0.2, 0.3, 0.4]),
        ((*BOX, "Left"), float("nan")),
        ((*BOX, "Top"), float("inf")),
        ((*BOX, "Width"), 0),
        ((*BOX, "Height"), -0.2),
        ((*BOX, "Left"), 2),
        ((*BOX, "Left"), -0.9),
        ((*BOX, "Width"), 784),
        ((*BOX, "Width"), 10**400),
    ],
    ids=str,
)
def test_another_shape_is_a_broken_answer(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(UpstreamError):
        from_labels(changed(path, value), Labels(), SIZE)


@pytest.mark.parametrize(
    "broken",
    [
        {"BoundingBox": {"Left": 0.1}, "Confidence": 99},
        {"BoundingBox": box(0, 0, float("nan"), 1), "Confidence": 99},
        {"BoundingBox": box(5, 5, 1, 1), "Confidence": 99},
        {"Confidence": 99},
        "nonsense",
    ],
    ids=str,
)
@pytest.mark.parametrize("of", ["Car", "Wheel"])
def test_one_broken_box_is_left_out(broken: Any, of: str) -> None:
    answer = {"Labels": [label("Car", (box(0, 0, 1, 1), 95)), label("Wheel")]}
    next(one for one in answer["Labels"] if one["Name"] == of)["Instances"].insert(0, broken)
    assert list(from_labels(answer, Labels(), SIZE).labels) == ["car"]


def test_a_broken_custom_label_is_left_out() -> None:
    answer = copy.deepcopy(CUSTOM)
    answer["CustomLabels"][2]["Geometry"]["BoundingBox"]["Width"] = -1
    found = from_custom_labels(answer, CUSTOM_LABELS, SIZE, "m")
    assert list(found.labels) == ["car", "wheel"]
    answer["CustomLabels"][0]["Geometry"] = {}
    with pytest.raises(UpstreamError):
        from_custom_labels(answer, CUSTOM_LABELS, SIZE, "m")


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        ([label("Car")], True),
        ([label("Car") | {"Confidence": 20.0}], False),
        ([label("Car", (box(0, 0, 1, 1), 95))], False),
        ([label("Wheel")], False),
        ([], False),
    ],
)
def test_a_car_may_be_seen_without_a_place(labels: list[Any], seen: bool) -> None:
    assert sees_without_place({"Labels": labels}, Labels()) is seen


def test_what_is_not_asked_for_is_not_judged() -> None:
    answer = {"Labels": [{"Name": "Person", "Instances": "nonsense"}]}
    assert len(from_labels(answer, Labels(), SIZE)) == 0


KEYS = st.sampled_from(
    (
        *("Labels", "CustomLabels", "Name", "Instances", "BoundingBox", "Geometry", "Confidence"),
        *("Left", "Top", "Width", "Height", "LabelModelVersion"),
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
NUMBERS = st.floats() | st.floats(0, 1) | st.floats(0, 100) | st.integers() | JSON
BOXES = st.fixed_dictionaries(dict.fromkeys(("Left", "Top", "Width", "Height"), NUMBERS)) | JSON
NAMES = st.sampled_from(["Car", "Wheel", "Tree"]) | JSON
INSTANCES = st.fixed_dictionaries({"BoundingBox": BOXES, "Confidence": NUMBERS}) | JSON
LABELS = st.fixed_dictionaries({"Name": NAMES, "Instances": st.lists(INSTANCES) | JSON}) | JSON
CUSTOMS = (
    st.fixed_dictionaries(
        {
            "Name": NAMES,
            "Confidence": NUMBERS,
            "Geometry": st.fixed_dictionaries({"BoundingBox": BOXES}) | JSON,
        }
    )
    | JSON
)


@given(JSON | st.fixed_dictionaries({"Labels": st.lists(LABELS, max_size=3)}))
def test_any_json_is_detections_or_a_broken_answer(answer: Any) -> None:
    try:
        found = from_labels(answer, Labels(), SIZE)
    except UpstreamError:
        return
    assert (found.boxes >= 0).all()
    assert (found.boxes <= SIZE * 2).all()
    assert set(found.labels) <= {"car", "wheel"}


@given(JSON | st.fixed_dictionaries({"CustomLabels": st.lists(CUSTOMS, max_size=3)}))
def test_any_json_is_custom_detections_or_a_broken_answer(answer: Any) -> None:
    labels = Labels()
    try:
        found = from_custom_labels(answer, labels, SIZE, "m")
    except UpstreamError:
        return
    assert set(found.labels) <= {"car", "wheel"}
