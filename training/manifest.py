"""Writing what a bundle says of itself."""

from pathlib import Path

import yaml

from carpose.bundles import MANIFEST, Bundle, Manifest


def write_manifest(manifest: Manifest, out: Path) -> Bundle:
    """Write model.yaml; the bundle of the folder."""
    text = yaml.safe_dump(manifest.model_dump(mode="json", exclude_none=True), sort_keys=False)
    (out / MANIFEST).write_text(text)
    return Bundle(folder=out, manifest=manifest)
