"""The figures: against hand-computed cases and pycocotools; their intervals; corruption; report."""

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cv2", reason="evaluation needs: pip install 'carpose[evaluate]'")
from pycocotools.cocoeval import COCOeval

from carpose.answer import Answer, to_answer
from carpose.detections import Detections
from carpose.engines import DETECTRON2, found_by_own_models
from carpose.images import Picture, to_jpeg
from carpose.parts import PARTS
from carpose.pose import estimate_pose
from carpose.request import PoseRequest
from tests.servers import ROOT
from training.annotated import annotated_parts
from training.average_precision import (
    average_precision,
    coco_ground_truth,
    coco_results,
    precision_samples,
)
from training.calibration import calibration_error, reliability
from training.conditions import CONDITIONS
from training.errors import TrainingError
from training.intervals import draw, estimate, quantile, share
from training.measure import measure, measure_viewpoints
from training.metrics import angle_error, side_accuracy
from training.no_car import NoCarAnswer, by_score, no_car_figures
from training.photos import Instance, Photo, raster
from training.predictions import Predictions
from training.report import Report, as_json, drawn, html, table
from training.viewpoint_labels import Label, judge, read_labels

LABELS = ROOT / "training" / "labels" / "traffic_viewpoints.json"


def square(x: float, y: float, size: float = 40) -> np.ndarray:
    return np.array([[x, y], [x + size, y], [x + size, y + size], [x, y + size]], np.float32)


def photo(*parts: tuple[str, float, float], name: str = "a.jpg") -> Photo:
    instances = tuple(Instance(PARTS.index(label), (square(x, y),)) for label, x, y in parts)
    return Photo(Path(name), 200, 160, instances)


def scene(count: int, seed: int = 0) -> tuple[list[Photo], list[Detections]]:
    """Photos with some parts each, found with errors, false ones and equal scores among them."""
    rng = np.random.default_rng(seed)
    photos, found = [], []
    for n in range(count):
        labels = rng.choice(["hood", "wheel", "front_left_door", "front_right_door"], 4)
        one = photo(*((str(v), *rng.uniform(0, 110, 2)) for v in labels), name=f"{n}.jpg")
        perfect = annotated_parts(one)
        boxes = perfect.boxes + rng.normal(0, 4, perfect.boxes.shape)
        names = np.where(rng.random(4) < 0.2, "hood", perfect.labels)
        scores = np.round(rng.uniform(0.1, 1, 4), 1)
        photos.append(one)
        found.append(replace(perfect, boxes=boxes, scores=scores, labels=names))
    return photos, found


def by_pycocotools(photos: list[Photo], found: list[Detections], kind: str) -> tuple[float, float]:
    evaluation = COCOeval(
        coco_ground_truth(photos, PARTS), coco_results(photos, found, PARTS), kind
    )
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0], evaluation.stats[1]


@pytest.mark.parametrize("kind", ["box", "mask"])
def test_ap_is_pycocotools_ap(kind: str) -> None:
    photos, found = scene(12)
    ap, ap50 = by_pycocotools(photos, found, {"box": "bbox", "mask": "segm"}[kind])
    figures = average_precision(photos, found, PARTS)
    assert 0 < ap < 1
    assert figures[f"{kind}_ap"] == pytest.approx(ap, abs=1e-12)
    assert figures[f"{kind}_ap50"] == pytest.approx(ap50, abs=1e-12)


def test_a_draw_is_what_pycocotools_says_of_the_drawn_photos() -> None:
    photos, found = scene(8)
    # Equal scores across photos have no defined order.
    found = [replace(d, scores=d.scores * (1 - 0.001 * k)) for k, d in enumerate(found)]
    draws = draw(8, 5, seed=3)
    samples = precision_samples(photos, found, PARTS, draws)
    for row, counts in enumerate(draws):
        taken = np.repeat(np.arange(8), counts)
        expected, _ = by_pycocotools([photos[k] for k in taken], [found[k] for k in taken], "bbox")
        assert samples.overall["box_ap"][row] == pytest.approx(expected, abs=1e-12)


def test_ap_by_hand() -> None:
    one = photo(("hood", 0, 0), ("hood", 100, 0))
    boxes = np.array([[0, 0, 40, 40], [50, 80, 90, 120]])
    half = Detections(boxes, np.array([0.9, 0.95]), np.array(["hood", "hood"]), size=(200, 160))
    # The better score is wrong: precision 1/2 up to recall 1/2 (51 of 101 steps), then nothing.
    assert average_precision([one], [half], PARTS)["box_ap50"] == pytest.approx(0.5 * 51 / 101)
    assert average_precision([one], [Detections.none((200, 160))], PARTS)["box_ap"] == 0


def test_another_class_list() -> None:
    one = Photo(Path("a.jpg"), 200, 160, (Instance(1, (square(10, 10),)),))
    found = replace(annotated_parts(one, classes=("roof", "door")), roi_masks=None)
    once = np.ones((1, 1), np.int64)
    samples = precision_samples([one], [found], ("roof", "door"), once)
    assert samples.per_class["box_ap"]["door"][0] > 0.9
    with pytest.raises(TrainingError, match="'door' is not one of roof"):
        average_precision([one], [found], ("roof",))


def test_sides_by_hand() -> None:
    truth = annotated_parts(
        photo(("front_left_door", 0, 0), ("left_mirror", 100, 0), ("hood", 50, 90))
    )
    labels = np.array(["front_left_door", "right_mirror", "hood"])
    assert side_accuracy([truth], [replace(truth, labels=labels)]) == 0.5


@pytest.mark.parametrize(
    ("expected", "found", "error"),
    [(10, 5, 5), (89, -89, 2), (None, 5, np.nan), (5, None, np.inf)],
)
def test_lines_turn_around_at_180_degrees(expected: object, found: object, error: float) -> None:
    pose = estimate_pose(Detections.none((200, 160)))
    e, f = replace(pose, signed_angle=expected), replace(pose, signed_angle=found)
    assert angle_error(e, f) == pytest.approx(error, nan_ok=True)


def test_an_interval_holds_the_value_and_shrinks_with_more_photos() -> None:
    widths = []
    for count in (20, 2000):
        right = np.arange(count) % 4 > 0
        one = share(right, np.ones(count), draw(count, 300, 0))
        assert one.value == 0.75
        assert one.low < 0.75 < one.high
        widths.append(one.high - one.low)
    assert widths[1] < widths[0] / 5
    assert quantile([1, np.nan, 3], 0.5, draw(3, 5, 0)).value == 2
    assert np.isnan(estimate(np.array([np.nan, np.nan])).low)


@settings(max_examples=25, deadline=None)
@given(st.integers(60, 260), st.integers(60, 260), st.floats(0.1, 0.5), st.floats(0.1, 0.5))
@pytest.mark.parametrize("name", ["half size", "rotated 10°", "1/2 width"])
def test_annotations_move_with_the_pixels(
    name: str, width: int, height: int, left: float, top: float
) -> None:
    x, y = left * width, top * height
    corners = [[x, y], [x + 0.45 * width, y], [x + 0.3 * width, y + 0.4 * height]]
    one = Photo(Path("a.jpg"), width, height, (Instance(0, (np.array(corners, np.float32),)),))
    mask = raster(one.instances[0].polygons, width, height) * np.uint8(255)
    worse = CONDITIONS[name].picture(Picture(np.dstack([mask] * 3), width, height))
    moved = CONDITIONS[name].photo(one)
    assert (moved.width, moved.height) == (worse.width, worse.height)
    expected = raster(moved.instances[0].polygons, moved.width, moved.height) > 0
    pixels = worse.pixels[..., 0] > 127
    # Rounding moves an edge by a pixel: no more pixels err than the outline has, about.
    assert np.count_nonzero(expected ^ pixels) <= 1.7 * (moved.width + moved.height)
    assert np.count_nonzero(expected & pixels) > 0.6 * np.count_nonzero(expected | pixels)


@pytest.mark.parametrize("name", ["blur", "dark", "JPEG 20"])
def test_worse_pixels_keep_their_place(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    worse = CONDITIONS[name].picture(Picture(pixels, 120, 90))
    assert worse.pixels.shape == pixels.shape
    assert (worse.pixels != pixels).any()
    one = photo(("hood", 1, 2))
    assert CONDITIONS[name].photo(one) is one


class Sources(HTMLParser):
    """The tags, and what is loaded from where."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [v or "" for k, v in attrs if k in ("src", "href")]


def test_the_page_is_self_contained_and_escapes_names(tmp_path: Path) -> None:
    photos, found = scene(3)
    names = ["<script>alert(1)<b>.jpg", "1.jpg", "2.jpg"]
    photos = [replace(p, path=tmp_path / name) for p, name in zip(photos, names, strict=True)]
    for one in photos:
        one.path.write_bytes(to_jpeg(np.full((160, 200, 3), 128, np.uint8)))
    clean = [estimate_pose(annotated_parts(p)) for p in photos]
    refused: list[Answer | str] = ["no-car"] * 3
    run = Predictions(photos, photos, found, found, None, refused, clean, PARTS)
    result = measure(run, 20, 0)
    about = {"car_parts": "a@b", "main_car": "none", "photos": 3}
    turned = measure_viewpoints(run, 20, 0)
    others = [NoCarAnswer("cup.jpg", 0.9, 0.85), NoCarAnswer("bee.jpg", None, None)]
    report = Report(about, result, {"blur": result, "turned 90°": turned}, others)
    page = html(report, run)
    parser = Sources()
    parser.feed(page)
    assert parser.sources
    assert all(s.startswith("data:image/") for s in parser.sources)
    assert not {"script", "link", "iframe"} & set(parser.tags)
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert "50.00 %" in page, "one of two photos without a car is answered"
    json.dumps(as_json(report), allow_nan=False)
    assert "box_ap_wheel" in table(report)


def answered(parts: Detections, *cars: tuple[float, float, float, float]) -> Answer:
    cells = np.full((len(cars), 28, 28), 255, np.uint8)
    labels, scores = np.array(["car"] * len(cars)), np.ones(len(cars))
    found = Detections(np.array(cars), scores, labels, cells, size=(200, 160))
    grey = Picture(np.full((160, 200, 3), 128, np.uint8), 200, 160)
    engine = replace(DETECTRON2, cars_need_parts=False)
    return to_answer(grey, found_by_own_models(found, parts), engine, PoseRequest())


def test_the_report_draws_the_car_with_its_parts() -> None:
    cells = np.full((1, 28, 28), 255, np.uint8)
    box = np.array([[95, 60, 140, 100]])
    mirror = Detections(box, np.ones(1), np.array(["left_mirror"]), cells, size=(200, 160))
    answer = answered(mirror, (40, 40, 120, 120))
    picture = drawn(answer.picture, mirror, answer)
    assert (picture[95:100, 139] == 255).all(), "the white contour goes around the mirror"
    assert (picture[150, 190] < 128).all(), "what is around the car is darker"
    refused = drawn(answer.picture, mirror, "no-car")
    assert (refused[150, 190] < 128).all()


def test_a_score_is_calibrated_when_it_is_the_share_right() -> None:
    draws = draw(1000, 50, 0)
    right = np.arange(1000) % 10 < 8
    honest = calibration_error([0.8] * 1000, list(right), draws)
    assert honest.value == pytest.approx(0, abs=1e-12)
    assert honest.low < honest.high < 0.06
    boastful = calibration_error([0.95] * 1000, list(right), draws)
    assert boastful.value == pytest.approx(0.15)
    silent: list[float | None] = [0.8] * 500 + [None] * 500
    assert calibration_error(silent, list(right), draws).value == pytest.approx(0, abs=1e-12)
    (one,) = reliability(silent, list(right))
    assert (one.count, one.score, one.right) == (500, pytest.approx(0.8), pytest.approx(0.8))
    assert np.isnan(calibration_error([None], [False], draw(1, 3, 0)).value)


@pytest.mark.parametrize("seed", range(3))
def test_two_bins_that_err_oppositely_do_not_cancel(seed: int) -> None:
    scores = [0.95] * 100 + [0.55] * 100
    right = [True] * 85 + [False] * 15 + [True] * 65 + [False] * 35
    error = calibration_error(scores, right, draw(200, 20, seed))
    assert error.value == pytest.approx(0.1)


def test_photos_of_no_car_are_counted_by_score() -> None:
    answers = [
        NoCarAnswer("a", 0.9, 0.85),
        NoCarAnswer("b", 0.6, None),
        NoCarAnswer("c", None, None),
    ]
    figures = no_car_figures([*answers, answers[-1]], 50, 0)
    assert figures["no_car_answered"].value == 0.5
    assert figures["no_car_sure"].value == 0.25
    assert by_score(answers)[0] == (0.0, pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert by_score(answers)[-1] == (0.9, pytest.approx(1 / 3), 0.0)


def label(viewpoint: str, alternative: str | None = None, **other: Any) -> Label:
    fields = {"kind": "car", "flags": (), "cars": 1, "box": (40, 40, 120, 120)}
    fields |= {"viewpoint": viewpoint, "alternative": alternative}
    return Label.model_validate(fields | other)


def test_natural_photos_are_right_as_labelled_or_as_their_alternative() -> None:
    parts = annotated_parts(
        photo(("hood", 45, 45), ("front_bumper", 60, 60), ("front_glass", 70, 41))
    )
    one = answered(parts, (40, 40, 120, 120))
    assert one.pose.viewpoint == "front"
    labels = {
        "exact": label("front"),
        "near": label("front-left", "front"),
        "wrong": label("back"),
        "elsewhere": label("front", box=(0, 0, 20, 20)),
        "refused": label("front", kind="bus"),
    }
    answers: dict[str, Answer | str] = dict.fromkeys(labels, one)
    answers["refused"] = "no-car"
    found = judge(labels, answers, 20, 0)
    assert set(found) >= {"car", "bus", "all"}
    assert found["car"].photos == 4
    assert found["car"].answered.value == 0.75
    assert found["car"].exact.value == 0.25
    assert found["car"].accepted.value == 0.5
    assert found["bus"].accepted.value == 0
    score = one.pose.viewpoint_score or 0.0
    assert found["all"].error.value == pytest.approx(abs(score - 2 / 3))


def test_the_labels_that_come_with_the_project_can_be_read() -> None:
    labels = read_labels(LABELS)
    assert len(labels) > 100
    assert {one.kind for one in labels.values()} >= {"car", "bus", "truck"}


def test_labels_that_are_none_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text('{"photos": {"a.jpg": {"viewpoint": "sideways"}}}')
    with pytest.raises(TrainingError, match=r"labels\.json: photos\.a\.jpg"):
        read_labels(file)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_lying_photo_takes_its_annotations_along(degrees: int) -> None:
    one = Photo(Path("a.jpg"), 90, 60, (Instance(0, (square(10, 5, 20),)),))
    mask = raster(one.instances[0].polygons, 90, 60) * np.uint8(255)
    condition = CONDITIONS[f"turned {degrees}°"]
    lying = condition.picture(Picture(np.dstack([mask] * 3), 90, 60))
    moved = condition.photo(one)
    assert (lying.width, lying.height) == (moved.width, moved.height)
    expected = raster(moved.instances[0].polygons, moved.width, moved.height) > 0
    assert np.count_nonzero(expected ^ (lying.pixels[..., 0] > 127)) <= 90
    back = np.rot90(lying.pixels, -degrees // 90)
    assert (back[..., 0] == mask).all(), "counter-clockwise, by that much"


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training.evaluate", *args],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_embedded_bundles_on_three_photos(data: Path, tmp_path: Path) -> None:
    done = command("--data", str(data), "--limit", "3", "--resamples", "20", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "95 % interval" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["per_photo"]) == 3
    assert report["figures"]["box_ap50"]["value"] > 0.7
    assert report["figures"]["car_mean_iou"]["value"] > 0.8
    assert (tmp_path / "report.html").stat().st_size > 50_000


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--record", "--limit", "3"], "whole split"),
        (["--split-file", "s.json", "--split", "testset"], "training set"),
        (["--parts", "embedded:car_parts", "--engine", "detectron2"], "cannot run"),
        (["--parts", "embedded:main_car"], "where car_parts is wanted"),
        (["--bundle", "embedded:car_parts", "--parts", "embedded:car_parts"], "so is the other"),
        (["--bundle", "missing"], "no model.yaml"),
    ],
)
def test_what_does_not_go_together_is_said(args: list[str], message: str, tmp_path: Path) -> None:
    done = command("--data", str(tmp_path), *args)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_turned_picture_rises_to_the_right_by_10_degrees() -> None:
    level = photo(("wheel", 20, 60), ("wheel", 140, 60))
    turned = CONDITIONS["rotated 10°"].photo(level)
    assert estimate_pose(annotated_parts(turned)).signed_angle == pytest.approx(10, abs=0.5)
