"""`carpose photo.jpg` without a server."""

import json
from pathlib import Path

import pytest
from PIL import Image

from carpose.cli import EXIT_ERROR, EXIT_REFUSED, main


def test_a_photo_is_answered_as_json_and_drawn(
    photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "overlay.jpg"
    assert main([str(photos[0]), "--annotated", str(out)]) == 0
    answer = json.loads(capsys.readouterr().out)
    with Image.open(photos[0]) as photo, Image.open(out) as overlay:
        assert (answer["image"]["width"], answer["image"]["height"]) == photo.size == overlay.size


def test_what_cannot_be_told_is_null_as_over_http(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_wheels = data / "testset" / "JPEGImages" / "car122.jpg"
    assert main([str(no_wheels)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["pose"]["angle"] is None
    assert answer["pose"]["reference_line"] is None
    assert "compliance" not in answer


def test_an_unexpected_view_is_exit_code_3(photos: list[Path]) -> None:
    codes = {main([str(photos[0]), "--expect", view]) for view in ("front,left", "back-left,back")}
    assert EXIT_REFUSED in codes


@pytest.mark.parametrize(
    "arguments",
    [["{}"], ["/nowhere.jpg"], ["{}", "--expect", "top"], ["{}", "--main-car", "/none"]],
)
def test_what_cannot_be_answered_is_exit_code_2_with_words(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "blank.png"
    Image.new("RGB", (64, 64)).save(photo)
    assert main([a.format(photo) for a in arguments]) == EXIT_ERROR
    assert capsys.readouterr().err
