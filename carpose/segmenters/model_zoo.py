"""Detectron2's model zoo as bundles: `model_zoo:COCO-InstanceSegmentation/NAME.yaml`."""

from pathlib import Path

import yaml

from carpose.bundle import MANIFEST, Bundle, Manifest, ModelFile, ModelInput, fetch_file, sha256_of
from carpose.errors import BadBundle, MissingDependency

SIZE = 1024
"""Longest side in pixels; the zoo's models were trained at 1333 and cars are large."""


def model_zoo_bundle(name: str, cache: Path) -> Bundle:
    """The bundle of a zoo model, fetched over https into `cache` on first use.

    Its checkpoint is a pickle, which `carpose.segmenters.detectron2.read_arrays` reads without
    running code from it: arrays only.

    Raises: MissingDependency without Detectron2; BadBundle for an unknown name or a failed fetch.
    """
    try:
        from detectron2 import model_zoo
        from detectron2.data import MetadataCatalog
    except ImportError as error:
        raise MissingDependency(
            f"model_zoo:{name} needs detectron2 ({error}): pip install 'carpose[detectron2]'"
        ) from error
    folder = cache / "model_zoo" / name.removesuffix(".yaml").replace("/", "_")
    if not (folder / MANIFEST).is_file():
        try:
            cfg, url = model_zoo.get_config(name), model_zoo.get_checkpoint_url(name)
        except RuntimeError as error:
            raise BadBundle(f"model_zoo:{name}: {error}") from error
        folder.mkdir(parents=True, exist_ok=True)
        weights, config = folder / "model.pkl", folder / "detectron2.yaml"
        fetch_file(url, weights)
        # Scores below a fifth are never served.
        cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.2
        config.write_text(cfg.dump())
        manifest = Manifest(
            format=1,
            name=Path(name).stem,
            task="main_car",
            framework="detectron2",
            classes=tuple(MetadataCatalog.get("coco_2017_val").thing_classes),
            input=ModelInput(size=SIZE, channels=cfg.INPUT.FORMAT),
            score_threshold=0.5,
            weights=ModelFile(path=weights.name, sha256=sha256_of(weights)),
            config=ModelFile(path=config.name, sha256=sha256_of(config)),
            provenance={"source": url, "licence": "Apache-2.0 (Detectron2 model zoo)"},
        )
        (folder / MANIFEST).write_text(yaml.safe_dump(manifest.model_dump(mode="json")))
    return Bundle(
        folder=folder, manifest=Manifest(**yaml.safe_load((folder / MANIFEST).read_text()))
    )
