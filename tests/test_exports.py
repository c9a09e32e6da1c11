"""Answers in the words of other tools, and back into training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pycocotools import mask as coco
from scipy.ndimage import binary_fill_holes
from shapely import Polygon, contains_xy

import carpose
from carpose.detections import Detections
from carpose.engines import Engine, Found
from carpose.exports.coco import to_coco
from carpose.exports.outlines import area_of, outlines, runs_of
from carpose.images import Picture
from carpose.parts import PARTS
from tests.support import encoded
from training.check import check
from training.photos import load_photos, raster


def encoded_mask(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], str]:
    rle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return mask.shape, rle["counts"].decode()


Window = tuple[int, int, int, int]


def drawn(*boxes: Window, less: Window = (0, 0, 0, 0)) -> NDArray[np.bool_]:
    mask = np.zeros((40, 60), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    mask[less[1] : less[3], less[0] : less[2]] = False
    return mask


@pytest.mark.parametrize(
    ("mask", "corners"),
    [
        (drawn(), []),
        (drawn((0, 0, 60, 40)), [4]),
        (drawn((3, 5, 20, 30)), [4]),
        (drawn((3, 5, 20, 30), less=(3, 5, 10, 10)), [6]),
        (drawn((3, 5, 20, 30), less=(8, 9, 12, 15)), [4]),
        (drawn((0, 0, 5, 5), (10, 0, 30, 20)), [4, 4]),
        (drawn((0, 0, 5, 5), (5, 5, 20, 20)), [4, 4]),
        (drawn((0, 0, 1, 40), (0, 39, 60, 40)), [6]),
    ],
    ids=["nothing", "all", "box", "notch", "hole", "two", "two-that-touch", "across-the-columns"],
)  # fmt: skip
def test_an_outline_has_the_corners_of_its_mask(
    mask: NDArray[np.bool_], corners: list[int]
) -> None:
    assert [len(outline) for outline in outlines(*encoded_mask(mask), 0)] == corners


@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_outlines_hold_the_pixels_of_the_mask_and_of_its_holes(mask: NDArray[np.bool_]) -> None:
    size, counts = encoded_mask(mask)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, np.bool_)
    for outline in outlines(size, counts, 0):
        inside |= contains_xy(Polygon(outline).buffer(0), x, y)
    # Pixels that touch by a corner are apart, so what lies behind the corner is no hole.
    assert (inside == binary_fill_holes(mask, np.ones((3, 3)))).all()
    assert area_of(counts) == mask.sum()
    assert sum(runs_of(counts)) == mask.size


ENGINE = Engine("drawn", longest_px=4096)


def find(picture: Picture) -> Found:
    """A car with a hood, a wheel and a light too small to have pixels, in every picture."""
    width, height = picture.size
    boxes = np.array([[0.2, 0.3, 0.7, 0.6], [0.2, 0.6, 0.4, 0.8], [0.5, 0.5, 0.502, 0.502]])
    cells = np.stack([_ellipse(), _ellipse(), np.zeros((28, 28), np.uint8)])
    parts = Detections(
        (boxes * [width, height, width, height]).astype(np.float32),
        np.array([0.9, 0.8, 0.7]),
        np.array(["hood", "wheel", "front_left_light"]),
        cells,
        size=picture.size,
    )
    box = np.array([[0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height]])
    full = np.full((1, 28, 28), 255, np.uint8)
    car = Detections(box, np.ones(1), np.array(["car"]), full, size=picture.size)
    return Found(car, parts, {"drawn": "drawn@1"})


def _ellipse() -> NDArray[np.uint8]:
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).ellipse((1, 1, 26, 26), fill=255)
    return np.asarray(image)


@pytest.fixture
def estimator() -> carpose.Estimator:
    return carpose.Estimator(find, ENGINE)


PHOTO = encoded(Image.new("RGB", (640, 480), "grey"))


def test_the_library_and_a_client_make_the_same_of_an_answer(estimator: carpose.Estimator) -> None:
    answer = estimator.answer(PHOTO, include=["masks"])
    sent = type(answer.response()).model_validate_json(answer.response().model_dump_json())
    assert (
        answer.to_coco("a.jpg") == sent.to_coco("a.jpg") == estimator.answer(PHOTO).to_coco("a.jpg")
    )
    assert json.loads(json.dumps(answer.to_coco())) == answer.to_coco()


def test_a_polygon_is_its_mask(estimator: carpose.Estimator) -> None:
    answer = estimator.answer(PHOTO)
    found = answer.to_coco()
    names = {category["id"]: category["name"] for category in found["categories"]}
    assert list(names.values()) == list(PARTS)
    by_name = {names[a["category_id"]]: a for a in found["annotations"]}
    for k, label in enumerate(answer.car.parts.labels):
        polygons = [np.reshape(p, (-1, 2)) for p in by_name[label]["segmentation"]]
        mask = answer.car.part_masks[k].to_numpy()
        drawn = raster(polygons, 640, 480).astype(bool)
        if mask.any():
            assert (mask & drawn).sum() / (mask | drawn).sum() > 0.97, label
            assert by_name[label]["area"] == mask.sum()
    assert by_name["front_left_light"]["segmentation"], "its box, where it has no pixels"


@pytest.mark.parametrize(
    ("include", "car", "labels", "polygons"),
    [
        ([], False, ["hood", "wheel", "front_left_light"], 0),
        (["masks"], False, ["hood", "wheel", "front_left_light"], 1),
        (["masks"], True, ["car", "hood", "wheel", "front_left_light"], 1),
    ],
)
def test_what_is_annotated(
    estimator: carpose.Estimator, include: list[str], car: bool, labels: list[str], polygons: int
) -> None:
    found = estimator.answer(PHOTO, include=include).response().to_coco("a.jpg", car)
    names = {category["id"]: category["name"] for category in found["categories"]}
    assert [names[a["category_id"]] for a in found["annotations"]] == labels
    assert {len(a["segmentation"]) for a in found["annotations"]} == {polygons}
    assert [image["file_name"] for image in found["images"]] == ["a.jpg"]


def test_training_reads_what_is_exported(estimator: carpose.Estimator, tmp_path: Path) -> None:
    pictures = tmp_path / "own" / "images"
    pictures.mkdir(parents=True)
    answers = []
    for name, size in {"a.jpg": (640, 480), "b.jpg": (1500, 1100)}.items():
        photo = encoded(Image.effect_noise(size, 60).convert("RGB"))
        (pictures / name).write_bytes(photo)
        answers.append((name, estimator.answer(photo, include=["masks"]).response()))
    _write(tmp_path / "own", to_coco(answers))
    assert check(tmp_path, "own", PARTS) == []
    photos = load_photos(tmp_path, "own", "car_parts")
    assert [[PARTS[i.label] for i in p.instances] for p in photos] == 2 * [
        ["hood", "wheel", "front_left_light"]
    ]


def _write(folder: Path, content: dict[str, Any]) -> None:
    (folder / "annotations.json").write_text(json.dumps(content))


def test_supervision_takes_an_answer(estimator: carpose.Estimator) -> None:
    answer = estimator.answer(PHOTO)
    detections = answer.to_supervision()
    assert list(detections["class_name"]) == ["hood", "wheel", "front_left_light"]
    assert [PARTS[k] for k in detections.class_id] == list(detections["class_name"])
    masks = [mask.to_numpy() for mask in answer.car.part_masks]
    assert (np.asarray(detections.mask) == masks).all()
    boxes = answer.response().to_supervision(car=True)
    assert len(boxes) == 4
    assert boxes.mask is None
    assert boxes.area[0] == 0.64 * 640 * 480
