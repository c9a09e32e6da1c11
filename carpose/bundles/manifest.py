"""What a bundle says of itself in `model.yaml`, and whether its files are what that says."""

import hashlib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from carpose.bundles.network import Network
from carpose.errors import BadBundle

MANIFEST = "model.yaml"

Task = Literal["car_parts", "main_car"]
"""What a model finds: the parts of cars, or whole cars."""


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
    task: Task
    framework: Literal["onnx", "detectron2"]
    classes: tuple[str, ...] = Field(min_length=1)
    input: ModelInput
    score_threshold: float = Field(ge=0, le=1)
    """Where the served answer starts, unless the configuration says otherwise."""
    weights: ModelFile
    int8: ModelFile | None = None
    """The same network in bytes (training.quantize), for CPUs that multiply them; ONNX only."""
    config: ModelFile | None = None
    """Detectron2's configuration; ONNX needs none."""
    network: Network | None = None
    """What an ONNX bundle is in Detectron2, which runs it on GPUs; None: on CPUs alone."""
    openvino_precision: Literal["f32", "bf16"] = "f32"
    """bf16, OpenVINO's default on some CPUs, only where training.export saw no AP lost."""
    metrics: dict[str, float] = {}
    provenance: dict[str, str] = {}

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """What lies beside the manifest."""
        return tuple(file for file in (self.weights, self.int8, self.config) if file)


class Bundle(_Strict):
    """A bundle on this machine whose files are what the manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def weights(self) -> Path:
        """The weights' file."""
        return self.folder / self.manifest.weights.path

    @property
    def int8(self) -> Path | None:
        """The file of the same network in bytes."""
        return self.folder / self.manifest.int8.path if self.manifest.int8 else None

    @property
    def identity(self) -> str:
        """Name and hash of the weights, as answers give it."""
        return f"{self.manifest.name}@sha256:{self.manifest.weights.sha256[:12]}"


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


def checked(folder: Path, where: str) -> Bundle:
    """The bundle in `folder`, whose place errors call `where`.

    Raises: BadBundle when a file is missing or is not what the manifest says.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BadBundle(f"{where}: no {MANIFEST} in {folder}")
    manifest = read_manifest(path.read_bytes(), where)
    for file in manifest.files:
        if not (folder / file.path).is_file():
            raise BadBundle(f"{where}: {file.path} is missing")
        if sha256_of(folder / file.path) != file.sha256:
            raise BadBundle(
                f"{where}: {file.path} does not have the sha256 that {MANIFEST} in {folder} names"
            )
    return Bundle(folder=folder, manifest=manifest)
