"""A bundle is used only when it is exactly what its manifest says."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from carpose.bundles import MANIFEST, open_bundle, sha256_of
from carpose.bundles.model_zoo import ZooModel, zoo_bundle
from carpose.errors import BadBundle


def write_bundle(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    weights = b"weights"
    (folder / "model.onnx").write_bytes(weights)
    manifest = {
        "format": 1,
        "name": "tiny",
        "task": "car_parts",
        "framework": "onnx",
        "classes": ["wheel"],
        "input": {"size": 64, "channels": "RGB"},
        "score_threshold": 0.5,
        "weights": {"path": "model.onnx", "sha256": hashlib.sha256(weights).hexdigest()},
        **changes,
    }
    (folder / MANIFEST).write_text(yaml.safe_dump(manifest))
    return folder


class Web(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; while one named `cut` is there, only half of what is announced."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        cut = (Path(self.directory) / "cut").exists()
        outputfile.write(content[: len(content) // 2] if cut else content)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A bundle folder behind a real HTTP server on loopback."""
    handler = partial(Web, directory=tmp_path / "www")
    (tmp_path / "www").mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["car_parts", "main_car"])
def test_embedded_bundles_are_whole(name: str) -> None:
    bundle = open_bundle(f"embedded:{name}")
    assert bundle.manifest.task == name
    assert bundle.identity.startswith("mobilenetv2-fpn@sha256:")


def test_embedded_model_files_fit_in_45_mb_and_in_13_in_bytes() -> None:
    bundles = [open_bundle(f"embedded:{n}") for n in ("car_parts", "main_car")]
    assert sum(bundle.weights.stat().st_size for bundle in bundles) <= 45e6
    in_bytes = [bundle.int8 for bundle in bundles if bundle.int8]
    assert len(in_bytes) == len(bundles)
    assert sum(file.stat().st_size for file in in_bytes) <= 13e6


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"weights": {"path": "model.onnx", "sha256": "0" * 64}}, "does not have the sha256"),
        ({"weights": {"path": "gone.onnx", "sha256": "0" * 64}}, "gone.onnx is missing"),
        ({"weights": {"path": "../model.onnx", "sha256": "0" * 64}}, "weights.path"),
        ({"int8": {"path": "model.onnx", "sha256": "0" * 64}}, "does not have the sha256"),
        ({"classes": []}, "classes"),
        ({"score_threshold": 2}, "score_threshold"),
        ({"format": 2}, "format"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=[
        *("checksum", "missing", "path-traversal", "int8-checksum", "classes", "threshold"),
        *("format", "unknown-key"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_by_name(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    folder = write_bundle(tmp_path / "b", **changes)
    with pytest.raises(BadBundle, match=complaint):
        open_bundle(str(folder))


@pytest.mark.parametrize(
    "uri",
    ["/nowhere", "embedded:nothing", "ftp://host/bundle", "http://example.com/b", "s3://b/k#md5=1"],
)
def test_an_unusable_uri_is_a_bad_bundle(uri: str, tmp_path: Path) -> None:
    with pytest.raises(BadBundle):
        open_bundle(uri, cache=tmp_path)


def test_a_remote_bundle_is_fetched_once(web: str, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "www" / "tiny")
    pin = sha256_of(folder / MANIFEST)
    first = open_bundle(f"{web}/tiny#sha256={pin}", cache=tmp_path / "cache")
    (folder / "model.onnx").unlink()
    again = open_bundle(f"{web}/tiny#sha256={pin}", cache=tmp_path / "cache")
    assert first == again
    assert again.weights.read_bytes() == b"weights"


def test_a_remote_bundle_that_changed_after_pinning_is_refused(web: str, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "www" / "tiny")
    pin = sha256_of(folder / MANIFEST)
    write_bundle(folder, name="other")
    with pytest.raises(BadBundle, match="has sha256"):
        open_bundle(f"{web}/tiny#sha256={pin}", cache=tmp_path / "cache")


def test_a_remote_file_that_was_tampered_with_leaves_nothing_in_the_cache(
    web: str, tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "www" / "tiny")
    (folder / "model.onnx").write_bytes(b"evil")
    with pytest.raises(BadBundle, match="sha256"):
        open_bundle(f"{web}/tiny", cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_remote_checkpoint_is_only_read_when_pinned(web: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "www" / "torch", framework="detectron2")
    with pytest.raises(BadBundle, match="#sha256="):
        open_bundle(f"{web}/torch", cache=tmp_path / "cache")


def test_a_download_that_is_cut_off_says_so(web: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "www" / "tiny")
    (tmp_path / "www" / "cut").touch()
    with pytest.raises(BadBundle, match=r"tiny/model.yaml: cut off after \d+ of \d+ bytes"):
        open_bundle(f"{web}/tiny", cache=tmp_path / "cache")


CHECKPOINT = b"arrays " * 1000


def zoo(web: str, digits: str) -> ZooModel:
    return ZooModel("COCO/tiny.yaml", f"{web}/model_final_{digits}.pkl", "{}", ("car",), "BGR")


def test_a_model_of_the_zoo_is_never_half_of_one(web: str, tmp_path: Path) -> None:
    model = zoo(web, hashlib.md5(CHECKPOINT).hexdigest()[:6])
    checkpoint = tmp_path / "www" / model.url.rpartition("/")[2]
    checkpoint.write_bytes(CHECKPOINT)
    cut = tmp_path / "www" / "cut"
    cut.touch()
    cache = tmp_path / "cache"
    with pytest.raises(BadBundle, match="cut off after"):
        zoo_bundle(model, cache)
    assert list((cache / "model_zoo").iterdir()) == []
    cut.unlink()
    bundle = zoo_bundle(model, cache)
    assert bundle.weights.read_bytes() == CHECKPOINT
    assert bundle.identity.startswith("tiny@sha256:")
    checkpoint.unlink()
    assert zoo_bundle(model, cache) == bundle
    bundle.weights.write_bytes(CHECKPOINT[:100])
    with pytest.raises(BadBundle, match="does not have the sha256"):
        zoo_bundle(model, cache)


def test_a_model_of_the_zoo_that_is_not_the_one_of_its_name_is_refused(
    web: str, tmp_path: Path
) -> None:
    model = zoo(web, "abcdef")
    (tmp_path / "www" / "model_final_abcdef.pkl").write_bytes(CHECKPOINT)
    with pytest.raises(BadBundle, match="has MD5"):
        zoo_bundle(model, tmp_path / "cache")
    assert list((tmp_path / "cache" / "model_zoo").iterdir()) == []
