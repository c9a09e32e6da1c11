"""A model bundle: a folder with `model.yaml` and the weights it names, checked by sha256.

embedded:car_parts                       comes with the package
model_zoo:COCO-InstanceSegmentation/...  from Detectron2's model zoo
/models/car_parts                        a folder
s3://bucket/prefix, https://host/path    fetched once into a cache; add #sha256=HEX, the hash
                                         of model.yaml, to pin what is fetched
"""

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from carpose.errors import BadBundle

MANIFEST = "model.yaml"
MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 2 << 30


class Readable(Protocol):
    """A stream of bytes: an HTTP response or an S3 body."""

    def read(self, amount: int, /) -> bytes:
        """At most `amount` bytes; none at the end."""
        ...


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFile(_Strict):
    """A file of the bundle, beside the manifest."""

    path: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ModelInput(_Strict):
    """What the network reads: float32 CHW, 0 to 255, the longest side scaled to `size` px."""

    size: int = Field(ge=32, le=4096)
    channels: Literal["RGB", "BGR"]


class Manifest(_Strict):
    """model.yaml: everything needed to run the weights, and where they come from."""

    format: Literal[1]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    task: Literal["car_parts", "main_car"]
    framework: Literal["onnx", "detectron2"]
    classes: tuple[str, ...] = Field(min_length=1)
    input: ModelInput
    score_threshold: float = Field(ge=0, le=1)
    """Where the served answer starts, unless the configuration says otherwise."""
    weights: ModelFile
    config: ModelFile | None = None
    """Detectron2's configuration; ONNX needs none."""
    openvino_precision: Literal["f32", "bf16"] = "f32"
    """bf16, OpenVINO's default on some CPUs, only where training.export saw no AP lost."""
    metrics: dict[str, float] = {}
    provenance: dict[str, str] = {}


class Bundle(_Strict):
    """A bundle on this machine whose files are what the manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def weights(self) -> Path:
        """The weights' file."""
        return self.folder / self.manifest.weights.path

    @property
    def identity(self) -> str:
        """Name and hash of the weights, as answers give it."""
        return f"{self.manifest.name}@sha256:{self.manifest.weights.sha256[:12]}"


def open_bundle(uri: str, cache: Path | None = None) -> Bundle:
    """The bundle at `uri`, fetched if it is not here yet.

    `cache` is the folder for fetched bundles, by default ~/.cache/carpose.

    Raises: BadBundle when it is missing, malformed, or a checksum does not match; also for a
        remote bundle with a PyTorch checkpoint whose manifest is not pinned by #sha256=.
    """
    if uri.startswith("embedded:"):
        folder = Path(str(files("carpose"))) / "models" / uri.removeprefix("embedded:")
        return _checked(folder, uri)
    cache = cache or Path.home() / ".cache" / "carpose"
    if uri.startswith("model_zoo:"):
        from carpose.segmenters.model_zoo import model_zoo_bundle

        return model_zoo_bundle(uri.removeprefix("model_zoo:"), cache)
    if "://" in uri:
        return _fetched(uri, cache)
    return _checked(Path(uri), uri)


def read_manifest(content: bytes, where: str) -> Manifest:
    """Parse and validate a manifest.

    Raises: BadBundle naming the key that is wrong.
    """
    try:
        return Manifest.model_validate(yaml.safe_load(content))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadBundle(f"{where}: {MANIFEST} is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadBundle(f"{where}: {MANIFEST}: {key}: {first['msg']}") from error


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(manifest: Manifest) -> list[ModelFile]:
    return [manifest.weights, *([manifest.config] if manifest.config else [])]


def _checked(folder: Path, where: str) -> Bundle:
    path = folder / MANIFEST
    if not path.is_file():
        raise BadBundle(f"{where}: no {MANIFEST} in {folder}")
    manifest = read_manifest(path.read_bytes(), where)
    for file in _files(manifest):
        if not (folder / file.path).is_file():
            raise BadBundle(f"{where}: {file.path} is missing")
        if sha256_of(folder / file.path) != file.sha256:
            raise BadBundle(f"{where}: {file.path} does not have the sha256 that {MANIFEST} names")
    return Bundle(folder=folder, manifest=manifest)


def _fetched(uri: str, cache: Path) -> Bundle:
    base, _, fragment = uri.partition("#")
    base = base.rstrip("/")
    pin = fragment.removeprefix("sha256=") if fragment else None
    if fragment and (not fragment.startswith("sha256=") or len(pin or "") != 64):
        raise BadBundle(f"{uri}: after # comes sha256= and 64 hex digits")
    # A pinned bundle that was fetched before needs no network.
    if pin and (cache / pin / MANIFEST).is_file():
        return _checked(cache / pin, uri)
    cache.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="fetch-", dir=cache))
    try:
        fetch_file(f"{base}/{MANIFEST}", staging / MANIFEST, MAX_MANIFEST_BYTES)
        found = sha256_of(staging / MANIFEST)
        if pin and found != pin:
            raise BadBundle(f"{uri}: {MANIFEST} has sha256 {found}")
        manifest = read_manifest((staging / MANIFEST).read_bytes(), uri)
        if manifest.framework == "detectron2" and not pin:
            raise BadBundle(
                f"{uri}: a PyTorch checkpoint from afar is only read when pinned: "
                f"append #sha256={found} once you trust it"
            )
        if not (cache / found / MANIFEST).is_file():
            for file in _files(manifest):
                fetch_file(f"{base}/{file.path}", staging / file.path)
            _checked(staging, uri)
            # Several replicas may fetch at once; whoever is first wins, and all are equal.
            _move_unless_there(staging, cache / found)
        return _checked(cache / found, uri)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move_unless_there(staging: Path, final: Path) -> None:
    try:
        os.rename(staging, final)
    except OSError:
        if not (final / MANIFEST).is_file():
            raise


def fetch_file(source: str, target: Path, limit: int = MAX_FILE_BYTES) -> None:
    """Fetch an s3:// or https:// file of at most `limit` bytes (http:// from this machine only).

    Raises: BadBundle saying what went wrong.
    """
    url = urllib.parse.urlsplit(source)
    if url.scheme == "s3":
        _fetch_s3(url.netloc, url.path.lstrip("/"), target, limit)
    elif url.scheme == "https" or (url.scheme == "http" and url.hostname in ("127.0.0.1", "::1")):
        try:
            with urllib.request.urlopen(source, timeout=30) as response, target.open("wb") as file:
                _copy(response, file, source, limit)
        except (urllib.error.URLError, OSError) as error:
            raise BadBundle(f"{source}: {error}") from error
    else:
        raise BadBundle(f"{source}: a bundle is embedded:NAME, a folder, s3:// or https://")


def _fetch_s3(bucket: str, key: str, target: Path, limit: int) -> None:
    # Only who keeps bundles in S3 pays for importing boto3.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    source = f"s3://{bucket}/{key}"
    try:
        body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        with target.open("wb") as file:
            _copy(body, file, source, limit)
    except (BotoCoreError, ClientError) as error:
        raise BadBundle(f"{source}: {error}") from error


def _copy(source: Readable, target: BinaryIO, name: str, limit: int) -> None:
    left = limit
    while chunk := source.read(1 << 20):
        left -= len(chunk)
        if left < 0:
            raise BadBundle(f"{name} is larger than {limit} bytes")
        target.write(chunk)
