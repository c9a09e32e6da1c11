"""Bulk as a user runs it, on a Ray of its own."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.bulk_kills import counts, run_killed
from carpose import Estimator
from deployments.bulk.output import Output
from deployments.bulk.schema import columns_of
from tests.rendered_car import View, render

pytestmark = pytest.mark.slow

PHOTOS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A car from all around, two of the photos broken."""
    photos = tmp_path_factory.mktemp("photos")
    for k in range(PHOTOS - 2):
        render(View(360 * k / PHOTOS), 320, 240, 1).save(photos / f"{k:02}.jpg")
    (photos / "cut.jpg").write_bytes((photos / "00.jpg").read_bytes()[:2000])
    Image.new("RGB", (64, 64)).save(photos / "nothing.png")
    return photos


def test_every_photo_is_there_once_whoever_is_killed(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "poses"
    command = [sys.executable, "-m", "deployments.bulk", "--input", str(folder)]
    command += ["--output", str(output), "--rows", "4", "--expect", "left"]
    done = run_killed(command, 2, 0, (0.0, 0.5), tmp_path / "log")
    assert done["starts"] == 1 + done.get("driver", 0)
    assert done["worker"] == 1
    rows, photos, errors = counts(str(output))
    assert rows == photos == PHOTOS
    assert errors["bad-image"] == 1
    assert not {"lost", "internal", "unreadable"} & set(errors)
    estimator = Estimator.load(threads=1)
    for _, part, _ in Output.at(str(output)).read_all():
        for row in part.to_pylist():
            if row["error"] is None and row["scored_as"] is None:
                content = Path(row["uri"]).read_bytes()
                answer = columns_of(estimator.answer(content).response())
                assert {k: row[k] for k in answer} == answer
    report = (output / "_carpose" / "report.html").read_text()
    assert f"<h1>{PHOTOS} photos</h1>" in report
