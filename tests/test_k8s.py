"""The manifests: rendered as a cluster would get them, and held against every schema at hand."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from ray.serve.schema import ServeDeploySchema

from deployments.config import Args
from k8s.serve_config import SOURCES, patch, served
from tests.conftest import ROOT

kubernetes_validate = pytest.importorskip("kubernetes_validate")
jsonschema = pytest.importorskip("jsonschema")

SCHEMAS = ROOT.parent / "shared" / "kuberay"
FOLDERS = ("overlays/cpu", "overlays/gpu", "training")
OVERLAYS = ("overlays/cpu", "overlays/gpu")
KUBERNETES = "1.31"

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")

Manifest = dict[str, Any]


@cache
def rendered(folder: str) -> tuple[Manifest, ...]:
    """What `kubectl apply -k` would send; `training` with the settings applied before it."""
    command = ["kubectl", "kustomize", str(ROOT / "k8s" / folder)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if folder == "training":
        out += "\n---\n" + (ROOT / "k8s/training/settings.yaml").read_text()
    return tuple(m for m in yaml.safe_load_all(out) if m)


def of_kind(folder: str, kind: str) -> Manifest:
    (found,) = [m for m in rendered(folder) if m["kind"] == kind]
    return found


def cluster(folder: str) -> Manifest:
    """The Ray cluster of a RayService or RayJob."""
    if folder == "training":
        return dict(of_kind(folder, "RayJob")["spec"]["rayClusterSpec"])
    return dict(of_kind(folder, "RayService")["spec"]["rayClusterConfig"])


def pods(folder: str) -> Iterator[tuple[str, Manifest]]:
    """Name and spec of every pod: Ray's groups, the job's submitter, Redis."""
    ray = cluster(folder)
    yield "head", ray["headGroupSpec"]["template"]["spec"]
    for group in ray["workerGroupSpecs"]:
        yield group["groupName"], group["template"]["spec"]
    for manifest in rendered(folder):
        if manifest["kind"] == "Deployment":
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]
        if manifest["kind"] == "RayJob":
            yield "submitter", manifest["spec"]["submitterPodTemplate"]["spec"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_ray_s_resources_fit_their_schema(folder: str) -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("no KubeRay schemas beside the project")
    seen = 0
    for manifest in rendered(folder):
        if manifest["apiVersion"].startswith("ray.io/"):
            schema = json.loads(
                (SCHEMAS / f"{manifest['kind'].lower()}-v1.schema.json").read_text()
            )
            jsonschema.validate(manifest, schema)
            seen += 1
    assert seen == 1


def test_the_schema_refuses_a_misspelt_key() -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("no KubeRay schemas beside the project")
    schema = json.loads((SCHEMAS / "rayservice-v1.schema.json").read_text())
    manifest = json.loads(json.dumps(of_kind("overlays/gpu", "RayService")))
    manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][1]["minReplica"] = 0
    with pytest.raises(jsonschema.ValidationError, match="minReplica"):
        jsonschema.validate(manifest, schema)


@pytest.mark.parametrize("folder", FOLDERS)
def test_plain_resources_fit_kubernetes(folder: str) -> None:
    plain = [
        m
        for m in rendered(folder)
        if "." not in m["apiVersion"].split("/")[0] or "k8s.io" in m["apiVersion"]
    ]
    versions = {kubernetes_validate.validate(m, KUBERNETES, strict=True) for m in plain}
    assert versions == {KUBERNETES}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pod_template_is_a_pod_to_kubernetes(folder: str) -> None:
    for name, spec in pods(folder):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        assert kubernetes_validate.validate(pod, KUBERNETES, strict=True) == KUBERNETES, name


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pod_is_restricted(folder: str) -> None:
    for name, spec in pods(folder):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert ":" in container["image"], "pinned"
            assert not container["image"].endswith(":latest")
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_whatever_a_pod_refers_to_exists(folder: str) -> None:
    names: dict[str, set[str]] = {}
    for manifest in rendered(folder):
        names.setdefault(manifest["kind"], set()).add(manifest["metadata"]["name"])
    for name, spec in pods(folder):
        if "serviceAccountName" in spec:
            assert spec["serviceAccountName"] in names["ServiceAccount"], name
        volumes = {volume["name"] for volume in spec["volumes"]}
        for volume in spec["volumes"]:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            assert claim is None or claim in names["PersistentVolumeClaim"]
        for container in spec["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes, name
            for source in container.get("envFrom", []):
                assert source["configMapRef"]["name"] in names["ConfigMap"], name


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_secret_lies_in_a_manifest(folder: str) -> None:
    assert not [m for m in rendered(folder) if m["kind"] == "Secret"]
    text = json.dumps(rendered(folder))
    for word in ("AWS_SECRET_ACCESS_KEY", "AKIA", "BEGIN PRIVATE"):
        assert word not in text
    for entry in pods(folder):
        for container in entry[1]["containers"]:
            for variable in container.get("env", []):
                assert "PASSWORD" not in variable["name"] or "valueFrom" in variable


@pytest.mark.parametrize("folder", OVERLAYS)
def test_ray_s_head_works_on_nothing_and_outlives_itself(folder: str) -> None:
    ray = cluster(folder)
    assert ray["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert ray["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"]["secretKeyRef"]
    assert ray["autoscalerOptions"]["version"] == "v2"
    assert of_kind(folder, "RayService")["spec"]["upgradeStrategy"]["type"] == "NewCluster"
    for name, spec in pods(folder):
        if name != "redis":
            assert spec["terminationGracePeriodSeconds"] > 30, "Ray drains for 30 s"


def test_metrics_are_scraped_from_a_port_that_the_pods_have() -> None:
    (endpoint,) = of_kind("overlays/gpu", "PodMonitor")["spec"]["podMetricsEndpoints"]
    for name, spec in pods("overlays/gpu"):
        ports = {port["name"]: port for port in spec["containers"][0].get("ports", [])}
        assert name == "redis" or endpoint["port"] in ports
    ray = cluster("overlays/gpu")
    for group in (ray["headGroupSpec"], *ray["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        port = next(p for p in container["ports"] if p["name"] == endpoint["port"])
        assert group["rayStartParams"]["metrics-export-port"] == str(port["containerPort"])


def test_a_gpu_pod_is_on_a_gpu_node_and_no_other_is() -> None:
    groups = {g["groupName"]: g for g in cluster("overlays/gpu")["workerGroupSpecs"]}
    assert groups["gpu"]["minReplicas"] == 0
    specs = dict(pods("overlays/gpu"))
    (gpu,) = specs["gpu"]["containers"]
    assert gpu["resources"]["requests"]["nvidia.com/gpu"] == "1"
    assert gpu["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert specs["gpu"]["tolerations"]
    assert specs["gpu"]["nodeSelector"]
    for name in ("head", "cpu"):
        assert "nvidia.com/gpu" not in json.dumps(specs[name])


def test_the_nodes_hold_the_replicas_that_serve_may_ask_for() -> None:
    args = Args.model_validate(application("gpu")["args"])
    groups = {g["groupName"]: g for g in cluster("overlays/gpu")["workerGroupSpecs"]}
    (container,) = dict(pods("overlays/gpu"))["gpu"]["containers"]
    gpus = cpus = 0.0
    for detector in (args.car, args.parts):
        assert detector.autoscaling is not None
        gpus += detector.autoscaling.max_replicas * detector.num_gpus
        cpus += detector.autoscaling.max_replicas * detector.num_cpus
        idle = groups["gpu"]["idleTimeoutSeconds"]
        assert detector.autoscaling.downscale_delay_s > idle, "replicas go before their node does"
    most = groups["gpu"]["maxReplicas"]
    assert gpus <= most * int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert cpus <= most * float(container["resources"]["limits"]["cpu"])


def application(overlay: str) -> Manifest:
    (found,) = served(SOURCES[overlay])["applications"]
    return dict(found)


@pytest.mark.parametrize("overlay", SOURCES)
def test_what_is_served_is_the_configuration_at_the_top(overlay: str) -> None:
    source = SOURCES[overlay]
    path = ROOT / "k8s" / "overlays" / overlay / "serve-config.yaml"
    assert path.read_text() == patch(source), "run: python -m k8s.serve_config"
    spec = of_kind(f"overlays/{overlay}", "RayService")["spec"]
    assert yaml.safe_load(spec["serveConfigV2"]) == served(source)


@pytest.mark.parametrize("overlay", SOURCES)
def test_what_is_served_has_no_key_that_ray_would_ignore(overlay: str) -> None:
    config = served(SOURCES[overlay])
    schema = ServeDeploySchema.model_validate(config)
    for application in config["applications"]:
        Args.model_validate(application["args"])
    kept = schema.model_dump(exclude_unset=True)
    assert _unknown(config, kept) == []
    broken = json.loads(json.dumps(config))
    broken["applications"][0]["deployments"][0]["num_replica"] = 2
    kept = ServeDeploySchema.model_validate(broken).model_dump(exclude_unset=True)
    assert _unknown(broken, kept) == ["applications.0.deployments.0.num_replica"]


def _unknown(given: Any, kept: Any, path: str = "") -> list[str]:
    """Keys of `given` that are not in `kept`."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [
            entry
            for key, value in given.items()
            for entry in (
                _unknown(value, kept[key], f"{path}{key}.") if key in kept else [f"{path}{key}"]
            )
        ]
    if isinstance(given, list) and isinstance(kept, list):
        pairs = enumerate(zip(given, kept, strict=True))
        return [entry for k, (a, b) in pairs for entry in _unknown(a, b, f"{path}{k}.")]
    return []


def test_the_gpu_image_installs_what_the_extra_names() -> None:
    import tomllib

    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {r.name: r for r in map(Requirement, extra["optional-dependencies"]["detectron2"])}
    lines = (ROOT / "requirements-gpu.txt").read_text().splitlines()
    pins = {r.name: r for r in (Requirement(x) for x in lines if x and not x.startswith("#"))}
    assert pins.keys() == named.keys()
    assert pins["detectron2"].url == named["detectron2"].url
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    for name in ("torch", "torchvision"):
        (pin,) = pins[name].specifier
        assert pin.operator == "=="
        assert named[name].specifier.contains(pin.version)
        assert f"{name}=={pin.version}" in constraints


def test_images_ray_and_constraints_are_of_one_version() -> None:
    (pin,) = [
        c for c in (ROOT / "constraints.txt").read_text().splitlines() if c.startswith("ray==")
    ]
    version = pin.partition("==")[2]
    for folder in FOLDERS:
        assert cluster(folder)["rayVersion"] == version
    assert f"rayproject/ray:{version}-" in (ROOT / "Dockerfile.gpu").read_text()


def test_the_build_context_holds_what_the_images_copy() -> None:
    kept = (ROOT / ".dockerignore").read_text().split()
    for name in ("Dockerfile", "Dockerfile.gpu"):
        for line in (ROOT / name).read_text().splitlines():
            if line.startswith("COPY "):
                *sources, _ = [w for w in line.split()[1:] if not w.startswith("--")]
                for source in sources:
                    assert f"!{source}" in kept, source
                    assert (ROOT / source).exists()
    assert Path(ROOT / ".dockerignore").read_text().startswith("*\n")
