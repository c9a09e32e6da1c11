"""Bundles travel through S3 whole or not at all; moto's server stands in for S3."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

pytest.importorskip("moto.server", reason="needs: make test-train")
pytest.importorskip("pyarrow.fs", reason="needs: make test-train")

from carpose.bundles import MANIFEST, open_bundle, sha256_of
from carpose.errors import BadBundle
from carpose.places import filesystem
from tests.conftest import BUCKET
from training.transfer import download, local_copy, upload


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the embedded part detector: larger than what one request may carry."""
    folder = tmp_path / "bundle"
    shutil.copytree(open_bundle("embedded:car_parts").folder, folder)
    return folder


def test_a_bundle_goes_up_in_parts_and_is_served_from_there(
    s3: str, bundle: Path, tmp_path: Path
) -> None:
    upload(bundle, f"{s3}/parts")
    head = boto3.client("s3").head_object(Bucket=BUCKET, Key="parts/model.onnx")
    assert head["ContentLength"] == (bundle / "model.onnx").stat().st_size > 5 * 2**20
    assert "-" in head["ETag"], "the ETag of a multipart upload counts its parts"
    pinned = f"{s3}/parts#sha256={sha256_of(bundle / MANIFEST)}"
    opened = open_bundle(pinned, cache=tmp_path / "cache")
    assert opened.identity == open_bundle("embedded:car_parts").identity


def test_what_went_up_comes_down_the_same(s3: str, bundle: Path, tmp_path: Path) -> None:
    upload(bundle, f"{s3}/again/")
    download(f"{s3}/again", tmp_path / "fetched")
    assert {p.name: sha256_of(p) for p in bundle.iterdir()} == {
        p.name: sha256_of(p) for p in (tmp_path / "fetched").iterdir()
    }


def test_a_bundle_that_is_not_what_its_manifest_says_stays_here(s3: str, bundle: Path) -> None:
    with (bundle / "model.onnx").open("ab") as weights:
        weights.write(b"!")
    with pytest.raises(BadBundle, match="sha256"):
        upload(bundle, f"{s3}/broken")
    assert not boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="broken").get("Contents")


def test_a_bundle_that_was_changed_up_there_leaves_nothing_here(
    s3: str, bundle: Path, tmp_path: Path
) -> None:
    upload(bundle, f"{s3}/changed")
    boto3.client("s3").put_object(Bucket=BUCKET, Key="changed/model.onnx", Body=b"other")
    target = tmp_path / "new" / "folder"
    with pytest.raises(BadBundle, match="sha256"):
        download(f"{s3}/changed", target)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("s3://no-such-bucket/x", "(?i)bucket"),
        (f"s3://{BUCKET}/nothing/here", "(?i)not exist|no such|no files|not found"),
        ("gopher://x/y", "s3://bucket/prefix"),
    ],
)
def test_what_is_not_there_is_said_and_leaves_nothing(
    s3: str, tmp_path: Path, uri: str, complaint: str
) -> None:
    with pytest.raises(match=complaint):
        download(uri, tmp_path / "target")
    assert not list(tmp_path.iterdir())


def test_data_is_fetched_once_for_a_machine(
    s3: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    upload(bundle, f"{s3}/data")
    first = local_copy(f"{s3}/data")
    assert {p.name for p in first.iterdir()} == {p.name for p in bundle.iterdir()}
    with ThreadPoolExecutor(4) as workers:
        assert set(workers.map(local_copy, [f"{s3}/data"] * 8)) == {first}
    assert local_copy(str(bundle)) == bundle


def test_a_folder_is_a_storage_too(bundle: Path, tmp_path: Path) -> None:
    upload(bundle, str(tmp_path / "shelf" / "parts"))
    download(str(tmp_path / "shelf" / "parts"), tmp_path / "back")
    assert open_bundle(str(tmp_path / "back")).manifest.task == "car_parts"
    assert filesystem(str(tmp_path))[1] == str(tmp_path.resolve())
