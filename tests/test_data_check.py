"""Annotations that training would trip over or learn wrongly are found; splits do not leak."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.parts import PARTS, mirrored
from tests.drawings import draw_car_parts
from tests.servers import ROOT
from training.check import RIGHT_OF, check, contact_sheet, side_contradictions, table
from training.dataset import main
from training.errors import TrainingError
from training.photos import load_photos
from training.split import groups, leak_free_split, leaks, read_split, select, write_split

SPLIT = "trainingset"


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return draw_car_parts(tmp_path, photos=4)


def change(root: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = root / SPLIT / "annotations.json"
    coco = json.loads(path.read_text())
    edit(coco)
    path.write_text(json.dumps(coco))


def polygon(*points: float) -> Callable[[dict[str, Any]], object]:
    return lambda coco: coco["annotations"][0].update(segmentation=[list(points)])


@pytest.mark.parametrize(
    ("edit", "severity", "kind"),
    [
        (lambda c: c["images"][0].update(file_name="gone.jpg"), "error", "missing"),
        (lambda c: c["images"][0].update(width=100), "error", "size"),
        (lambda c: c["images"].append(c["images"][0]), "error", "duplicate-id"),
        (lambda c: c["annotations"].append(c["annotations"][0]), "error", "duplicate-id"),
        (lambda c: c["annotations"][0].update(image_id=99), "error", "no-image"),
        (lambda c: c["categories"][6].update(name="spoiler"), "error", "unknown-class"),
        (polygon(1, 1, 9, 9), "error", "polygon"),
        (polygon(1, 1, 9, 1, 9, 9, 1), "error", "polygon"),
        (polygon(1, 1, float("nan"), 1, 9, 9), "error", "polygon"),
        (polygon(1, 1, 9, 1, 5, 1), "error", "polygon"),
        (polygon(1, 1, 30, 30, 30, 1, 1, 20), "warning", "self-intersecting"),
        (polygon(1, 1, 900, 1, 900, 50, 1, 50), "error", "outside"),
        (lambda c: c["annotations"][0].update(bbox=[0, 0, 90, 70]), "warning", "bbox"),
        (lambda c: c["annotations"][0].update(segmentation={"counts": "x"}), "error", "no-polygon"),
    ],
)
def test_what_is_wrong_is_found(
    drawn: Path, edit: Callable[[dict[str, Any]], object], severity: str, kind: str
) -> None:
    assert check(drawn, SPLIT, PARTS) == []
    change(drawn, edit)
    found = check(drawn, SPLIT, PARTS)
    assert (severity, kind) in {(finding.severity, finding.kind) for finding in found}
    assert kind in table(found)


def test_a_file_that_is_no_picture_and_one_that_lies_on_its_side(drawn: Path) -> None:
    folder = drawn / SPLIT / "JPEGImages"
    (folder / "car1.jpg").write_text("no picture")
    turned = cv2.rotate(cv2.imread(str(folder / "car2.jpg")), cv2.ROTATE_90_CLOCKWISE)
    cv2.imwrite(str(folder / "car2.jpg"), turned)
    kinds = {finding.photo: finding.kind for finding in check(drawn, SPLIT, PARTS)}
    assert kinds == {"car1.jpg": "unreadable", "car2.jpg": "size"}


def test_swapped_lights_contradict_the_picture(drawn: Path) -> None:
    names = {"front_left_light": "front_right_light", "front_right_light": "front_left_light"}
    for category in json.loads((drawn / SPLIT / "annotations.json").read_text())["categories"]:
        assert category["name"] in PARTS

    def swap(coco: dict[str, Any]) -> None:
        for category in coco["categories"]:
            category["name"] = names.get(category["name"], category["name"])

    change(drawn, swap)
    found = check(drawn, SPLIT, PARTS)
    assert [finding.kind for finding in found] == ["side"] * 4
    assert "the front lights" in found[0].text


@given(st.integers(0, len(RIGHT_OF) - 1), st.floats(0, 300), st.floats(31, 300))
def test_a_mirrored_contradiction_is_none(rule: int, x: float, apart: float) -> None:
    right, left, _ = RIGHT_OF[rule]
    wrong = {right: (x, 0.0, x + 30, 9.0), left: (x + apart, 0.0, x + apart + 30, 9.0)}
    assert side_contradictions(wrong)
    mirror = {mirrored(n): (700 - b[2], b[1], 700 - b[0], b[3]) for n, b in wrong.items()}
    assert side_contradictions(mirror), "a wrong label stays wrong in the mirror"
    moved = {left: wrong[right], right: wrong[left]}
    assert not side_contradictions(moved)


def test_the_contact_sheet_shows_photos_with_findings_first(drawn: Path, tmp_path: Path) -> None:
    change(drawn, lambda c: c["images"][2].update(width=100))
    sheet = tmp_path / "sheet.png"
    contact_sheet(drawn, SPLIT, check(drawn, SPLIT, PARTS), sheet)
    picture = cv2.imread(str(sheet))
    assert picture.shape == (300, 1600, 3)
    assert (picture[275:, :400, 2] > picture[275:, :400, 0]).any(), "its name is red"
    assert not (picture[275:, 400:, 2] > picture[275:, 400:, 0]).any()


@pytest.mark.slow
def test_the_real_annotations_have_the_known_errors(data: Path) -> None:
    found = check(data, SPLIT, PARTS)
    sides = {finding.photo for finding in found if finding.kind == "side"}
    assert {"train383.jpg", "train304.jpg"} <= sides
    assert len(sides) < 8, "of 400: most contradictions are real"


def test_another_class_list_is_learnt_when_it_is_named(drawn: Path) -> None:
    change(drawn, lambda c: c["categories"][PARTS.index("hood")].update(name="bonnet"))
    with pytest.raises(TrainingError, match=r"'bonnet' is not one of .* `classes`"):
        load_photos(drawn, SPLIT, "car_parts")
    classes = ["bonnet", *(part for part in PARTS if part != "hood")]
    photos = load_photos(drawn, SPLIT, "car_parts", classes=classes)
    assert all(0 in {i.label for i in photo.instances} for photo in photos)


@pytest.fixture
def with_copies(data: Path, tmp_path: Path) -> Path:
    """Twelve real photos; the first four again: re-encoded, smaller, cropped a little, mirrored."""
    coco = json.loads((data / "testset" / "annotations.json").read_text())
    folder = tmp_path / SPLIT / "JPEGImages"
    folder.mkdir(parents=True)
    images = coco["images"][:12]
    copies = []
    for number, image in enumerate(images):
        picture = cv2.imread(str(data / "testset" / "JPEGImages" / image["file_name"]))
        cv2.imwrite(str(folder / image["file_name"]), picture)
        height, width = picture.shape[:2]
        other = [
            lambda p: p,
            lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
            lambda p, h=height, w=width: p[h // 60 : h - h // 60, w // 60 : w - w // 60],
            lambda p: p[:, ::-1],
        ]
        if number < len(other):
            copy = {**image, "id": 10_000 + number, "file_name": f"copy{number}.jpg"}
            cv2.imwrite(
                str(folder / copy["file_name"]),
                other[number](picture),
                [cv2.IMWRITE_JPEG_QUALITY, 40],
            )
            copies.append(copy)
    ids = {image["id"]: image["id"] for image in images}
    annotations = [a for a in coco["annotations"] if a["image_id"] in ids]
    annotations += [
        {**a, "image_id": 10_000 + n, "id": a["id"] + 100_000}
        for n in range(4)
        for a in annotations
        if a["image_id"] == images[n]["id"]
    ]
    coco = {**coco, "images": images + copies, "annotations": annotations}
    (tmp_path / SPLIT / "annotations.json").write_text(json.dumps(coco))
    return tmp_path


def test_near_duplicates_are_one_group_and_strangers_are_not(with_copies: Path) -> None:
    photos = load_photos(with_copies, SPLIT, "car_parts")
    number = dict(zip([p.path.name for p in photos], groups(photos), strict=True))
    assert [number[f"copy{n}.jpg"] for n in range(4)] == [number[p.path.name] for p in photos[:4]]
    assert len(set(number.values())) == 12


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_both_sides_of_a_split(with_copies: Path, seed: int) -> None:
    photos = load_photos(with_copies, SPLIT, "car_parts")
    train, validation = leak_free_split(photos, 0.3, seed)
    assert len(train) + len(validation) == 16
    assert 5 <= len(validation) <= 8
    assert leaks(train, validation) == []
    again = leak_free_split(photos, 0.3, seed)
    assert [p.path for p in again[1]] == [p.path for p in validation]


@pytest.mark.slow
def test_every_part_of_the_real_data_is_validated(data: Path) -> None:
    photos = load_photos(data, SPLIT, "car_parts")
    _, validation = leak_free_split(photos, 0.1, seed=1)
    assert 40 <= len(validation) <= 42
    assert {i.label for p in validation for i in p.instances} == set(range(len(PARTS)))


def test_a_split_is_written_and_read_and_must_fit_the_data(drawn: Path, tmp_path: Path) -> None:
    photos = load_photos(drawn, SPLIT, "car_parts")
    file = tmp_path / "split.json"
    write_split(file, photos[:3], photos[3:])
    names = read_split(file)
    assert select(photos, names["validation"]) == photos[3:]
    with pytest.raises(TrainingError, match=r"1 photos of the split .* other\.jpg"):
        select(photos, ["other.jpg"])
    for wrong in ({"train": []}, {"train": ["a"], "validation": ["a"]}):
        file.write_text(json.dumps(wrong))
        with pytest.raises(TrainingError, match=r"split\.json"):
            read_split(file)


def written(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


@pytest.mark.parametrize(
    ("spoil", "action", "message"),
    [
        (lambda path: path.unlink(), "show", "training.dataset download"),
        (lambda path: path.unlink(), "check", "training.dataset download"),
        (lambda path: path.unlink(), "split", "training.dataset download"),
        (written("{"), "show", "is not JSON"),
        (written("[]"), "check", "dictionary"),
        (written('{"images": [], "categories": []}'), "split", "annotations: Field required"),
        (
            written('{"images": [{"id": 1}], "categories": [], "annotations": []}'),
            "check",
            "images.0.file_name: Field required",
        ),
        (
            written('{"images": [], "categories": [], "annotations": []}'),
            "split",
            "nothing to split",
        ),
    ],
)
def test_bad_input_ends_in_one_line(
    drawn: Path,
    spoil: Callable[[Path], object],
    action: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(drawn / SPLIT / "annotations.json")
    assert main([action, "--data", str(drawn)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    "segmentation", [[["a", "b", 1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]], [[[1, 2], [3, 4]]], 7]
)
def test_a_polygon_that_is_none_is_named_by_every_action(
    drawn: Path, segmentation: object, capsys: pytest.CaptureFixture[str]
) -> None:
    change(drawn, lambda c: c["annotations"][0].update(segmentation=segmentation))
    assert main(["check", "--data", str(drawn), "--out", str(drawn / "out")]) == 1
    assert "polygon" in capsys.readouterr().out
    if not isinstance(segmentation, list) or len(segmentation[0]) >= 6:
        assert main(["split", "--data", str(drawn)]) == 2
        assert "annotation 1 " in capsys.readouterr().err


def test_a_missing_picture_ends_a_split_in_one_line(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drawn / SPLIT / "JPEGImages" / "car1.jpg").unlink()
    assert main(["split", "--data", str(drawn)]) == 2
    assert "car1.jpg" in capsys.readouterr().err


@pytest.mark.slow
def test_the_contact_sheet_is_the_same_in_every_process(drawn: Path, tmp_path: Path) -> None:
    sheets = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        subprocess.run(
            [
                sys.executable,
                "-m",
                "training.dataset",
                "check",
                "--data",
                str(drawn),
                "--out",
                str(out),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        sheets.append((out / "contact_sheet.png").read_bytes())
    assert sheets[0] == sheets[1]
