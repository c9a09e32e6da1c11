"""Pictures to learn from: cars transformed, pasted, turned, among other things and in traffic."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("cv2", reason="training needs: pip install 'carpose[evaluate]'")
pytest.importorskip("torch", reason="needs: make test-train")

from carpose.bundles import Task
from carpose.parts import CAR_CLASSES, PARTS, mirrored
from tests.drawings import draw_car_parts
from training.augment import car_photo, flip_indices, warp
from training.composites import composite
from training.config import AugmentConfig, TrainConfig
from training.errors import TrainingError
from training.examples import Example, Examples, Photos, traffic_example, turned
from training.other_photos import kind_of, no_car_photos, split_kinds, traffic
from training.photos import Photo, load_photos, raster, whole_car

SIZE = 128


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    root = draw_car_parts(tmp_path_factory.mktemp("drawn"), photos=6)
    return load_photos(root, "trainingset", "car_parts")


def outline(photo: Photo) -> tuple[np.ndarray, ...]:
    return whole_car((p for i in photo.instances for p in i.polygons), photo.width, photo.height)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of three kinds of things, and one of traffic, laid out as the downloaded ones."""
    root = tmp_path_factory.mktemp("other")
    rng = np.random.default_rng(4)
    (root / "no-car").mkdir()
    for kind in ("caltech-cup", "caltech-sea-horse", "scooter"):
        for number in range(4):
            plain = np.full((60, 90, 3), rng.integers(60, 200), np.uint8)
            cv2.imwrite(str(root / "no-car" / f"{kind}-{number:04}.jpg"), plain)
    (root / "vehicles").mkdir()
    cv2.imwrite(str(root / "vehicles" / "a.jpg"), np.full((100, 100, 3), 90, np.uint8))
    boxes = [(1, [10, 20, 50, 30]), (2, [60, 60, 20, 30])]
    coco = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 100, "height": 100},
            {"id": 2, "file_name": "none.jpg", "width": 100, "height": 100},
        ],
        "categories": [{"id": 1, "name": "truck"}, {"id": 2, "name": "motorcycle"}],
        "annotations": [{"image_id": 1, "category_id": c, "bbox": b} for c, b in boxes],
    }
    (root / "vehicles" / "annotations.json").write_text(json.dumps(coco))
    return root


def colour(label: int) -> np.ndarray:
    """BGR of a drawn part (tests.drawings)."""
    return np.array([37, 91, 151]) * (label + 1) % 256


def away(seen: np.ndarray, drawn: np.ndarray) -> float:
    """How far two colours differ, their brightness aside."""
    return float(np.abs(seen / max(1, seen.max()) - drawn / max(1, drawn.max())).max())


def config(task: str, **augment: object) -> TrainConfig:
    return TrainConfig.model_validate(
        {
            "task": task,
            "size": SIZE,
            "model": {"backbone": "mobilenet_v2"},
            "augment": augment,
            "optimizer": {"epochs": 1},
        }
    )


def test_what_gets_smaller_is_averaged_as_the_served_pictures_are() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    served = cv2.resize(noise, (128, 128), interpolation=cv2.INTER_AREA)
    learnt = warp(noise, np.array([[0.25, 0, 0], [0, 0.25, 0]]), 128)
    assert learnt.std() < 1.2 * served.std()
    assert learnt.std() > 0.8 * served.std()


@pytest.mark.parametrize("scale", [0.3, 1.7], ids=["smaller", "larger"])
def test_a_warped_picture_stays_on_its_mask(scale: float) -> None:
    polygon = np.array([[30, 40], [110, 30], [90, 100]], np.float32)
    picture = np.dstack([raster([polygon], 150, 120) * np.uint8(255)] * 3)
    matrix = np.array([[scale, 0.1, 3], [-0.1, scale, 9]])
    moved = raster([polygon @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2]], 200, 200) > 0
    seen = warp(picture, matrix, 200)[..., 0] > 127
    assert np.count_nonzero(moved & seen) > 0.85 * np.count_nonzero(moved | seen)


def test_composites_have_exact_masks_and_keep_their_sides(cars: list[Photo], other: Path) -> None:
    names = [PARTS.index(n) for n in ("front_left_light", "front_right_light")]
    several = 0
    for seed in range(12):
        picture, labels, masks = composite(
            cars,
            [outline(photo) for photo in cars],
            no_car_photos(other),
            256,
            (0.3, 0.6),
            flip_indices(PARTS),
            np.random.default_rng(seed),
        )
        assert picture.shape == (256, 256, 3)
        assert len(labels) == len(masks)
        several += np.count_nonzero(labels == PARTS.index("hood")) > 1
        claimed = np.sum(masks, axis=0) if len(masks) else np.zeros((256, 256))
        centres = {}
        for label, mask in zip(labels, masks, strict=True):
            assert mask.any()
            # Drawn parts have one colour each; a flipped one has that of the other side.
            mine = picture[(cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0) & (claimed == 1)]
            if len(mine) > 20:
                seen = np.median(mine, axis=0)[::-1]
                sides = (PARTS[label], mirrored(PARTS[label]))
                assert min(away(seen, colour(PARTS.index(side))) for side in sides) < 0.25
            centres.setdefault(int(label), []).append(np.argwhere(mask).mean(axis=0)[1])
        left, right = (centres.get(name, []) for name in names)
        if len(left) == len(right) == 1:
            assert right[0] < left[0], "the car's right light is on the picture's left, flipped too"
    assert several >= 3


def test_what_a_thing_hides_has_no_mask(cars: list[Photo], other: Path) -> None:
    for seed in range(30):
        _, _, masks = composite(
            cars,
            [outline(photo) for photo in cars],
            no_car_photos(other),
            128,
            (0.5, 0.7),
            flip_indices(PARTS),
            np.random.default_rng(seed),
        )
        # Parts of one drawn car touch each other at most at their borders.
        assert len(masks) == 0 or np.sum(masks, axis=0).mean() <= 1.0


def test_an_example_has_a_mask_for_every_label(cars: list[Photo]) -> None:
    augment = AugmentConfig(plain_background=0.6, mosaic=0.3, degrade=1)
    outlines = [outline(car) for car in cars]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        picture, labels, masks = car_photo(
            cars, outlines, seed % len(cars), SIZE, augment, flip_indices(PARTS), rng
        )
        assert picture.shape == (SIZE, SIZE, 3)
        assert len(masks) == len(labels)
        assert all(mask.any() for mask in masks)
        assert (labels >= 0).all(), "the outline that travelled with the parts is gone"


def test_a_turned_car_says_how_far_it_must_be_turned_back() -> None:
    mask = np.zeros((1, SIZE, SIZE), np.uint8)
    mask[0, 10:30, 40:100] = 1
    picture = np.dstack([mask[0] * 255] * 3)
    boxes = np.array([[40, 10, 100, 30], [5, 5, 9, 9]], np.float32)
    background = len(CAR_CLASSES)
    upright = Example(picture, np.zeros(1, np.int64), mask, boxes, np.array([0, background]))
    for quarters in (1, 2, 3):
        lying = turned(upright, quarters, background)
        name = CAR_CLASSES[lying.labels[0]]
        assert name == f"car-turned-{90 * quarters}"
        back = np.rot90(lying.picture, -int(name.rpartition("-")[2]) // 90)
        assert (back == picture).all(), "clockwise by that many degrees it stands again"
        assert (lying.masks[0] * 255 == lying.picture[..., 0]).all()
        assert lying.box_labels.tolist() == [quarters, background]
        x0, y0, x1, y1 = lying.boxes[0].astype(int)
        assert lying.masks[0, y0:y1, x0:x1].all()
        assert lying.masks[0].sum() == (y1 - y0) * (x1 - x0)


def test_traffic_has_boxes_and_says_that_it_is_labelled_in_part(other: Path) -> None:
    (photo,) = traffic(other)
    assert photo.is_car.tolist() == [True, False]
    seen = [traffic_example(photo, SIZE, 4, np.random.default_rng(seed)) for seed in range(40)]
    kept = [example for example in seen if example is not None]
    assert len(kept) > 30
    for example in kept:
        assert example.partial
        assert len(example.boxes) == len(example.box_labels) > 0
        assert set(example.box_labels.tolist()) <= {0, 4}
        assert (example.boxes[:, :2] < example.boxes[:, 2:]).all()


def test_a_partial_picture_without_a_label_is_none() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="teaches nothing"):
        Example(picture, np.zeros(0, np.int64), np.zeros((0, 8, 8), np.uint8), partial=True)


def test_kinds_are_held_aside_whole(other: Path) -> None:
    photos = no_car_photos(other)
    learn, aside = split_kinds(photos, seed=3, share=0.34)
    assert sorted(learn + aside) == photos
    assert len({kind_of(p) for p in aside}) == 1
    assert not {kind_of(p) for p in learn} & {kind_of(p) for p in aside}
    assert split_kinds(photos, seed=3, share=0.34) == (learn, aside)
    assert {kind_of(p) for p in photos} == {"caltech-cup", "caltech-sea-horse", "scooter"}


def test_photos_in_which_a_car_was_seen_are_left_out(other: Path, tmp_path: Path) -> None:
    folder = tmp_path / "no-car"
    folder.mkdir()
    for name in ("caltech-ferry-0002", "caltech-ferry-0003", "scooter-2634", "scooter-2635"):
        (folder / f"{name}.jpg").touch()
    names = [photo.stem for photo in no_car_photos(tmp_path)]
    assert names == ["caltech-ferry-0003", "scooter-2635"]
    with pytest.raises(TrainingError, match=r"training\.dataset download"):
        no_car_photos(tmp_path / "nowhere")


@pytest.mark.parametrize("task", ["car_parts", "main_car"])
def test_every_source_comes_up_as_often_as_configured(
    cars: list[Photo], other: Path, task: Task
) -> None:
    shares = {"other_photos": 0.3, "composite": 0.3, "degrade": 0.0, "mosaic": 0.0}
    shares |= {"vehicles": 0.2, "turned": 0.3} if task == "main_car" else {}
    annotated = load_photos(cars[0].path.parents[2], "trainingset", task)
    photos = Photos(annotated, no_car_photos(other), traffic(other))
    stream = iter(Examples(photos, config(task, **shares)))
    examples = [next(stream) for _ in range(200)]
    empty = sum(not len(e.labels) + len(e.boxes) for e in examples)
    boxed = sum(e.partial for e in examples)
    assert 35 <= empty <= 90, "0.3 of them, some composites besides"
    assert boxed == 0 if task == "car_parts" else 20 <= boxed <= 65
    labels = {int(label) for e in examples for label in (*e.labels, *e.box_labels)}
    assert labels <= set(range(len(PARTS))) if task == "car_parts" else labels == {0, 1, 2, 3, 4}
    assert {e.picture.shape for e in examples} == {(SIZE, SIZE, 3)}


def test_parts_are_not_learnt_from_what_has_no_parts() -> None:
    with pytest.raises(ValueError, match="are for main_car"):
        config("car_parts", turned=0.3)
