"""The manifests as a cluster would get them, and what is in them."""

import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from tests.servers import ROOT

BULK = ("bulk/cpu", "bulk/gpu")
FOLDERS = ("overlays/cpu", "overlays/gpu", "training", *BULK)
OVERLAYS = ("overlays/cpu", "overlays/gpu")
BESIDE = ("monitoring", "ingress")
"""What is applied beside an overlay, where its controller runs."""

Manifest = dict[str, Any]


@cache
def rendered(folder: str) -> tuple[Manifest, ...]:
    """What `kubectl apply -k` would send; `training` with the settings applied before it."""
    command = ["kubectl", "kustomize", str(ROOT / "k8s" / folder)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if folder == "training":
        out += "\n---\n" + (ROOT / "k8s/training/settings.yaml").read_text()
    return tuple(m for m in yaml.safe_load_all(out) if m)


def all_of_kind(folder: str, kind: str) -> list[Manifest]:
    """Every resource of a kind."""
    return [m for m in rendered(folder) if m["kind"] == kind]


def of_kind(folder: str, kind: str) -> Manifest:
    """The one resource of a kind."""
    (found,) = all_of_kind(folder, kind)
    return found


def cluster(folder: str) -> Manifest:
    """The Ray cluster of a RayService or RayJob."""
    if all_of_kind(folder, "RayJob"):
        return dict(of_kind(folder, "RayJob")["spec"]["rayClusterSpec"])
    return dict(of_kind(folder, "RayService")["spec"]["rayClusterConfig"])


def groups(folder: str) -> Iterator[tuple[str, Manifest]]:
    """Name and specification of a Ray cluster's head and worker groups."""
    ray = cluster(folder)
    yield "head", ray["headGroupSpec"]
    for group in ray["workerGroupSpecs"]:
        yield group["groupName"], group


def templates(folder: str) -> Iterator[tuple[str, Manifest]]:
    """Name and template of every pod: Ray's groups, the job's submitter, Redis."""
    for name, group in groups(folder):
        yield name, group["template"]
    for manifest in rendered(folder):
        if manifest["kind"] == "Deployment":
            yield manifest["metadata"]["name"], manifest["spec"]["template"]
        if manifest["kind"] == "RayJob":
            yield "submitter", manifest["spec"]["submitterPodTemplate"]


def pods(folder: str) -> Iterator[tuple[str, Manifest]]:
    """Name and spec of every pod."""
    for name, template in templates(folder):
        yield name, template["spec"]


def memory(quantity: str) -> int:
    """Bytes of a quantity in binary units, as the manifests write them."""
    units = {"Ki": 10, "Mi": 20, "Gi": 30}
    return int(quantity[:-2]) << units[quantity[-2:]]
