"""What the training sees: wheels one by one, whole cars, and a flip that knows left from right."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cv2", reason="training needs: pip install 'carpose[evaluate]'")

from carpose.parts import PARTS
from training.augment import flip, flip_indices
from training.config import load_config
from training.download import download
from training.errors import TrainingError
from training.photos import (
    Instance,
    load_photos,
    raster,
    repeat_factors,
    split_wheels,
    whole_car,
)

CONFIGS = Path(__file__).parent.parent / "training" / "configs"


def square(x: float, y: float, size: float = 10) -> np.ndarray:
    return np.array([[x, y], [x + size, y], [x + size, y + size], [x, y + size]], np.float32)


@pytest.mark.parametrize(
    ("polygons", "wheels"),
    [
        ([square(0, 0)], 1),
        ([square(0, 0), square(50, 0)], 2),
        ([square(0, 0), square(5, 5)], 1),
        ([square(0, 0), square(10, 0)], 1),
        ([square(0, 0), square(50, 0), square(55, 5), square(0, 50)], 3),
    ],
    ids=["one", "two", "overlapping", "touching", "four-polygons-three-wheels"],
)
def test_polygons_that_touch_are_one_wheel(polygons: list[np.ndarray], wheels: int) -> None:
    groups = split_wheels(polygons, 100, 100)
    assert len(groups) == wheels
    assert sum(len(group) for group in groups) == len(polygons)


def test_a_whole_car_fills_what_lies_between_its_parts() -> None:
    bumper, door = square(20, 50, 30), square(56, 50, 30)
    mask = raster(whole_car([bumper, door], 120, 100), 120, 100)
    assert mask[65, 53], "the gap between them is car"
    assert not mask[65, 100], "the road beside it is not"
    assert whole_car([], 120, 100) == ()


@given(st.integers(0, len(PARTS) - 1), st.integers(0, 80), st.integers(0, 50))
def test_flipping_twice_is_the_identity_and_once_swaps_sides(label: int, x: int, y: int) -> None:
    picture = np.arange(60 * 100 * 3, dtype=np.uint8).reshape(60, 100, 3)
    before = (Instance(label, (square(x, y),)),)
    once_picture, once = flip(picture, before, flip_indices(PARTS))
    twice_picture, twice = flip(once_picture, once, flip_indices(PARTS))
    assert (twice_picture == picture).all()
    assert twice[0].label == label
    assert np.allclose(twice[0].polygons[0], before[0].polygons[0])
    name, other = PARTS[label], PARTS[once[0].label]
    assert ("left" in name) == ("right" in other)
    assert (name == other) == ("left" not in name and "right" not in name)


def test_the_data_is_what_its_readme_says(data: Path) -> None:
    for split, photos, parts in (("trainingset", 400, 3272), ("testset", 100, None)):
        found = load_photos(data, split, "car_parts")  # type: ignore[arg-type]
        assert len(found) == photos
        assert parts is None or sum(len(p.instances) for p in found) == parts
    cars = load_photos(data, "testset", "main_car")
    assert all(len(photo.instances) == 1 for photo in cars)


def test_rare_parts_come_up_more_often(data: Path) -> None:
    photos = load_photos(data, "trainingset", "car_parts")
    factors = repeat_factors(photos, 0.3)
    rare = [
        f
        for f, p in zip(factors, photos, strict=True)
        if any(i.label == PARTS.index("trunk") for i in p.instances)
    ]
    assert factors.min() == 1
    assert min(rare) > 1


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_configurations_are_valid(path: Path) -> None:
    assert load_config(path).optimizer.epochs > 0


def test_an_archive_with_other_annotations_is_not_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("repo-1/testset/annotations.json", "{}")
    with pytest.raises(TrainingError, match="not the known one"):
        download(tmp_path / "out", archive.as_uri())
    assert not (tmp_path / "out").exists()


def test_the_known_archive_is_unpacked(data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for name in ("trainingset/annotations.json", "testset/annotations.json"):
            content.write(data / name, f"repo-1/{name}")
        content.writestr("repo-1/testset/../../evil", "x")
    download(tmp_path / "out", archive.as_uri())
    assert (tmp_path / "out/testset/annotations.json").is_file()
    assert not (tmp_path / "evil").exists()
