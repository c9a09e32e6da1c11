"""Detectron2's model zoo as bundles: `model_zoo:COCO-InstanceSegmentation/NAME.yaml`."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from carpose.bundles.fetch import fetch_file
from carpose.bundles.manifest import MANIFEST, Bundle, Manifest, ModelFile, ModelInput, sha256_of
from carpose.bundles.staging import filled_once
from carpose.errors import BadBundle, MissingDependency

SIZE = 1024
"""Longest side in pixels; the zoo's models were trained at 1333 and cars are large."""

ZOO = "https://dl.fbaipublicfiles.com/detectron2/"
MIRROR = "CARPOSE_MODEL_ZOO"

HOW_TO_INSTALL = "install them as requirements-gpu.txt says; make serve-gpu does"

MD5_PREFIX = re.compile(r"_([0-9a-f]{6})\.pkl$")
"""The zoo's only checksum: the first digits of a checkpoint's MD5 end its file name."""


@dataclass(frozen=True)
class ZooModel:
    """A model of the zoo: its name there, where its checkpoint is, Detectron2's configuration as
    YAML, the classes in the order of its scores, and the order of its input's channels."""

    name: str
    url: str
    config: str
    classes: tuple[str, ...]
    channels: Literal["RGB", "BGR"]


def find_model(name: str) -> ZooModel:
    """What Detectron2 knows of a zoo model; nothing is fetched. Its checkpoint is at the address
    that the environment names in `CARPOSE_MODEL_ZOO`, or at Detectron2's own.

    Raises: MissingDependency without Detectron2; BadBundle for an unknown name.
    """
    try:
        from detectron2 import model_zoo
        from detectron2.data import MetadataCatalog
    except ImportError as error:
        raise MissingDependency(
            f"model_zoo:{name} needs detectron2 ({error}): {HOW_TO_INSTALL}"
        ) from error
    try:
        cfg, url = model_zoo.get_config(name), model_zoo.get_checkpoint_url(name)
    except RuntimeError as error:
        raise BadBundle(f"model_zoo:{name}: {error}") from error
    if mirror := os.environ.get(MIRROR):
        url = f"{mirror.rstrip('/')}/{url.removeprefix(ZOO)}"
    # Scores below a fifth are never served.
    cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.2
    return ZooModel(
        name=name,
        url=url,
        config=cfg.dump(),
        classes=tuple(MetadataCatalog.get("coco_2017_val").thing_classes),
        channels=cfg.INPUT.FORMAT,
    )


def zoo_bundle(model: ZooModel, cache: Path) -> Bundle:
    """The bundle of a zoo model, fetched into `cache` on first use.

    Its checkpoint is a pickle, which `Detectron2Segmenter` reads without running code from it:
    arrays only.

    Raises: BadBundle when the checkpoint cannot be had whole.
    """
    checkpoint = model.url.rpartition("/")[2]
    digits = MD5_PREFIX.search(checkpoint)
    if digits is None:
        raise BadBundle(f"model_zoo:{model.name}: no checksum in the name of {model.url}")
    stem = Path(model.name).stem

    def fill(folder: Path) -> None:
        weights, config = folder / "model.pkl", folder / "detectron2.yaml"
        fetch_file(model.url, weights)
        with weights.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if not md5.startswith(digits[1]):
            raise BadBundle(f"{model.url} has MD5 {md5}, not the one in its name")
        config.write_text(model.config)
        manifest = Manifest(
            format=1,
            name=stem,
            task="main_car",
            framework="detectron2",
            classes=model.classes,
            input=ModelInput(size=SIZE, channels=model.channels),
            score_threshold=0.5,
            weights=ModelFile(path=weights.name, sha256=sha256_of(weights)),
            config=ModelFile(path=config.name, sha256=sha256_of(config)),
            provenance={"source": model.url, "licence": "Apache-2.0 (Detectron2 model zoo)"},
        )
        (folder / MANIFEST).write_text(yaml.safe_dump(manifest.model_dump(mode="json")))

    # By the checkpoint's own name: what was kept unchecked under the model's is not taken.
    folder = cache / "model_zoo" / f"{stem}_{digits[1]}"
    return filled_once(folder, f"model_zoo:{model.name}", fill)
