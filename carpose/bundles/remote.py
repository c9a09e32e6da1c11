"""Bundles in an s3:// or https:// folder."""

import hashlib
from pathlib import Path

from carpose.bundles.fetch import fetch, fetch_file
from carpose.bundles.manifest import MANIFEST, Bundle, checked, read_manifest
from carpose.bundles.staging import filled_once
from carpose.errors import BadBundle

MAX_MANIFEST_BYTES = 1 << 20


def remote_bundle(uri: str, cache: Path) -> Bundle:
    """The bundle in a folder afar, kept in `cache` under its manifest's sha256.

    Raises: BadBundle when it cannot be had, is not what its manifest or its pin says, or holds a
        PyTorch checkpoint and is not pinned.
    """
    base, _, fragment = uri.partition("#")
    base = base.rstrip("/")
    pin = fragment.removeprefix("sha256=") if fragment else None
    if fragment and (not fragment.startswith("sha256=") or len(pin or "") != 64):
        raise BadBundle(f"{uri}: after # comes sha256= and 64 hex digits")
    # A pinned bundle that was fetched before needs no network.
    if pin and (cache / pin).is_dir():
        return checked(cache / pin, uri)
    content = fetch(f"{base}/{MANIFEST}", MAX_MANIFEST_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if pin and found != pin:
        raise BadBundle(f"{uri}: {MANIFEST} has sha256 {found}")
    manifest = read_manifest(content, uri)
    if manifest.framework == "detectron2" and not pin:
        raise BadBundle(
            f"{uri}: a PyTorch checkpoint from afar is only read when pinned: "
            f"append #sha256={found} once you trust it"
        )

    def fill(folder: Path) -> None:
        (folder / MANIFEST).write_bytes(content)
        for file in manifest.files:
            fetch_file(f"{base}/{file.path}", folder / file.path)

    return filled_once(cache / found, uri, fill)
