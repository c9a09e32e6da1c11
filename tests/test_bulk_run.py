"""Bulk as a user runs it, on a Ray of its own."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.bulk_kills import counts, run_killed
from carpose import Estimator
from deployments.bulk.output import Output
from deployments.bulk.schema import columns_of
from tests.servers import ROOT

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "deployments" / "web" / "example.jpg"
PHOTOS = 42


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A car in many places of a picture, a broken file, and one without a car."""
    photos = tmp_path_factory.mktemp("photos")
    with Image.open(EXAMPLE) as car:
        car.draft("RGB", (480, 320))
        for k in range(PHOTOS - 2):
            place = Image.new("RGB", (800, 600), "grey")
            small = car.resize((300 + 40 * (k % 4), 200 + 25 * (k % 4)))
            place.paste(small, (90 * (k % 5), 45 * (k // 5)))
            place.save(photos / f"{k:02}.jpg")
    (photos / "cut.jpg").write_bytes((photos / "00.jpg").read_bytes()[:2000])
    Image.new("RGB", (64, 64)).save(photos / "nothing.png")
    return photos


def test_every_photo_is_there_once_whoever_is_killed(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "poses"
    command = [sys.executable, "-m", "deployments.bulk", "--input", str(folder)]
    command += ["--output", str(output), "--rows", "2", "--expect", "left", "--actors", "1"]
    there = Output.at(str(output))
    log = tmp_path / "log"
    done = run_killed(command, 2, 0, (0.0, 0.2), log, lambda: len(there.parts()))
    assert done == {"starts": 2, "worker": 1, "driver": 1}
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
