"""The photos of other things come from their sources, known ones only; a loopback mirror serves."""

import functools
import http.server
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="training needs: pip install 'carpose[evaluate]'")

from tests.servers import ROOT
from training.dataset import main
from training.other_download import KINDS, NAMES, SOURCES, Source, _numbers
from training.other_photos import no_car_photos, traffic

OTHER = Path(os.environ.get("CARPOSE_OTHER", ROOT.parent / "shared" / "other-photos"))


@pytest.fixture(scope="module")
def other() -> Path:
    """The photos as they were once fetched."""
    if not (OTHER / "vehicles" / "annotations.json").is_file():
        pytest.skip("no photos of other things: set CARPOSE_OTHER")
    return OTHER


def repository(source: Source, other: Path) -> dict[str, bytes]:
    """The source's files as they lie in its repository, and some that nobody wants."""
    wanted = json.loads(NAMES.read_text())[source.name]
    if source.name == "caltech":
        return {
            f"101_ObjectCategories/{folder}/image_{n:04}.jpg": (
                other / "no-car" / f"caltech-{folder.lower().replace('_', '-')}-{n:04}.jpg"
            ).read_bytes()
            for folder, ranges in wanted.items()
            for n in _numbers(ranges)
        } | {"101_ObjectCategories/car_side/image_0001.jpg": b"a car"}
    if source.name == "scooter":
        files = {"data/train/images/image_1_jpg.rf.0.jpg": b"not wanted"}
        for n in _numbers(wanted["numbers"]):
            name = f"data/test/images/image_{n}_jpg.rf.aa.jpg"
            files[name] = (other / "no-car" / f"scooter-{n}.jpg").read_bytes()
            files[name.replace("test", "train")] = b"the same, augmented"
        for name in wanted["files"]:
            n = name.split("image_")[1].split("_")[0]
            files[name] = (other / "no-car" / f"scooter-{n}.jpg").read_bytes()
            files[f"data/test/images/image_{n}_jpg.rf.00.jpg"] = b"another copy"
        return files
    coco = json.loads((other / "vehicles" / "annotations.json").read_text())
    files = {}
    for image in coco["images"]:
        path = f"Vehicles-OpenImages/train/images/{image['file_name'][11:-4]}_jpg.rf.x"
        files[f"{path}.jpg"] = (other / "vehicles" / image["file_name"]).read_bytes()
        lines = []
        for annotation in coco["annotations"]:
            if annotation["image_id"] == image["id"]:
                x, y, w, h = annotation["bbox"]
                shares = ((x + w / 2) / 416, (y + h / 2) / 416, w / 416, h / 416)
                lines.append(f"{annotation['category_id'] - 1} {' '.join(map(str, shares))}")
        files[f"{path.replace('/images/', '/labels/')}.txt"] = "\n".join(lines).encode()
    return files


@pytest.fixture(scope="module")
def mirror(other: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The sources' archives on this machine, over HTTP."""
    folder = tmp_path_factory.mktemp("mirror")
    for source in SOURCES:
        path = folder / source.repository / "archive" / f"{source.commit}.zip"
        path.parent.mkdir(parents=True)
        with zipfile.ZipFile(path, "w") as content:
            for name, data in repository(source, other).items():
                content.writestr(f"repository-{source.commit}/{name}", data)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


def test_they_lie_as_training_reads_them(
    mirror: tuple[str, Path], other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["download", "--data", str(tmp_path), "--only", "other", "--mirror", mirror[0]]
    assert main(arguments) == 0
    assert "CC BY 4.0" in capsys.readouterr().out
    fetched = tmp_path / "other"
    assert [p.name for p in no_car_photos(fetched)] == [p.name for p in no_car_photos(other)]
    ours = {photo.path.name: photo for photo in traffic(fetched)}
    for photo in traffic(other):
        assert abs(ours[photo.path.name].boxes - photo.boxes).max() <= 0.11
        assert (ours[photo.path.name].is_car == photo.is_car).all()
    assert len(KINDS) == 5


def test_what_is_not_the_known_photos_is_not_taken(
    mirror: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = mirror
    path = folder / SOURCES[0].repository / "archive" / f"{SOURCES[0].commit}.zip"
    before = path.read_bytes()
    try:
        with zipfile.ZipFile(path, "w") as content:
            content.writestr("repository/101_ObjectCategories/cup/image_0001.jpg", b"changed")
        arguments = ["download", "--data", str(tmp_path), "--only", "other", "--mirror", url]
        assert main(arguments) == 2
    finally:
        path.write_bytes(before)
    assert "not the known photos" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_source_that_cannot_be_reached_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["download", "--data", str(tmp_path), "--mirror", "http://127.0.0.1:9"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "dsmlr/Car-Parts-Segmentation" in error
    assert "Traceback" not in error
