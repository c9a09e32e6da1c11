"""Model bundles: a folder with `model.yaml` and the weights it names, checked by sha256.

embedded:car_parts                       comes with the package
model_zoo:COCO-InstanceSegmentation/...  from Detectron2's model zoo
/models/car_parts                        a folder
s3://bucket/prefix, https://host/path    fetched once into a cache; add #sha256=HEX, the hash
                                         of model.yaml, to pin what is fetched
"""

from importlib.resources import files
from pathlib import Path

from carpose.bundles.manifest import (
    MANIFEST,
    Bundle,
    Manifest,
    ModelFile,
    ModelInput,
    Task,
    checked,
    read_manifest,
    sha256_of,
)
from carpose.bundles.model_zoo import HOW_TO_INSTALL, find_model, zoo_bundle
from carpose.bundles.network import Network
from carpose.bundles.remote import remote_bundle

__all__ = [
    "HOW_TO_INSTALL",
    "MANIFEST",
    "Bundle",
    "Manifest",
    "ModelFile",
    "ModelInput",
    "Network",
    "Task",
    "open_bundle",
    "read_manifest",
    "sha256_of",
]


def open_bundle(uri: str, cache: Path | None = None) -> Bundle:
    """The bundle at `uri`, fetched if it is not here yet.

    `cache` is the folder for fetched bundles, by default ~/.cache/carpose.

    Raises: BadBundle when it is missing, malformed, or a checksum does not match; also for a
        remote bundle with a PyTorch checkpoint whose manifest is not pinned by #sha256=.
        MissingDependency for the model zoo without Detectron2.
    """
    cache = cache or Path.home() / ".cache" / "carpose"
    if uri.startswith("model_zoo:"):
        return zoo_bundle(find_model(uri.removeprefix("model_zoo:")), cache)
    if "://" in uri:
        return remote_bundle(uri, cache)
    # What is on this machine already is read where it lies.
    if uri.startswith("embedded:"):
        models = Path(str(files("carpose"))) / "models"
        return checked(models / uri.removeprefix("embedded:"), uri)
    return checked(Path(uri), uri)
