"""The manifests: rendered as a cluster would get them, and held against every schema at hand."""

import json
import shlex
import shutil
import string
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from deployments.bulk.command import parse, work_of
from deployments.config import Args, DetectorArgs
from k8s.serve_config import SOURCES, patch, served
from tests.edge import edge
from tests.manifests import (
    BESIDE,
    BULK,
    FOLDERS,
    OVERLAYS,
    Manifest,
    all_of_kind,
    cluster,
    groups,
    memory,
    of_kind,
    pods,
    rendered,
)
from tests.servers import ROOT

kubernetes_validate = pytest.importorskip("kubernetes_validate")
jsonschema = pytest.importorskip("jsonschema")

SCHEMAS = ROOT.parent / "shared" / "kuberay"
KUBERNETES = "1.31"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here"),
]


def schema_of(kind: str) -> Manifest:
    if not SCHEMAS.is_dir():
        pytest.skip("no KubeRay schemas beside the project")
    return dict(json.loads((SCHEMAS / f"{kind.lower()}-v1.schema.json").read_text()))


@pytest.mark.parametrize("folder", FOLDERS)
def test_ray_s_resources_fit_their_schema(folder: str) -> None:
    (manifest,) = [m for m in rendered(folder) if m["apiVersion"].startswith("ray.io/")]
    jsonschema.validate(manifest, schema_of(manifest["kind"]))


def test_the_schema_refuses_a_misspelt_key() -> None:
    schema = schema_of("RayService")
    manifest = json.loads(json.dumps(of_kind("overlays/gpu", "RayService")))
    manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][1]["minReplica"] = 0
    with pytest.raises(jsonschema.ValidationError, match="minReplica"):
        jsonschema.validate(manifest, schema)


def is_kubernetes_own(manifest: Manifest) -> bool:
    group = manifest["apiVersion"].rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


@pytest.mark.parametrize("folder", [*FOLDERS, "ingress"])
def test_plain_resources_fit_kubernetes(folder: str) -> None:
    plain = [m for m in rendered(folder) if is_kubernetes_own(m)]
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


@pytest.mark.parametrize("folder", FOLDERS)
def test_metrics_are_exported_at_the_port_that_is_named(folder: str) -> None:
    for name, group in groups(folder):
        (container,) = group["template"]["spec"]["containers"]
        port = next(p for p in container["ports"] if p["name"] == "metrics")
        assert group["rayStartParams"]["metrics-export-port"] == str(port["containerPort"]), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_nobody_talks_to_a_ray_cluster_without_its_token(folder: str) -> None:
    assert cluster(folder)["authOptions"] == {"mode": "token"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_ray_s_objects_stay_in_memory(folder: str) -> None:
    """Ray puts its store on disk where /dev/shm is smaller; 30 % of the limit is its own choice."""
    for name, group in groups(folder):
        spec = group["template"]["spec"]
        (container,) = spec["containers"]
        (shm,) = [v["emptyDir"] for v in spec["volumes"] if v["name"] == "shm"]
        assert shm["medium"] == "Memory"
        store = int(group["rayStartParams"]["object-store-memory"])
        room = memory(shm["sizeLimit"])
        assert store < room, name
        assert room <= memory(container["resources"]["limits"]["memory"]) / 2, name


@pytest.mark.parametrize("folder", OVERLAYS)
def test_an_empty_cluster_with_kuberay_takes_the_overlay(folder: str) -> None:
    for manifest in rendered(folder):
        kind = manifest["apiVersion"]
        assert is_kubernetes_own(manifest) or kind == "ray.io/v1", "no CRD of anybody else"
    for manifest in (m for beside in BESIDE for m in rendered(beside)):
        assert manifest["metadata"]["namespace"] == "carpose"


def test_the_weights_volume_names_a_storage_class() -> None:
    (claim,) = [
        m["spec"]
        for m in all_of_kind("overlays/gpu", "PersistentVolumeClaim")
        if "ReadWriteMany" in m["spec"]["accessModes"]
    ]
    assert claim["storageClassName"], "few default classes offer ReadWriteMany"


def test_every_address_gets_through_the_ingress() -> None:
    (rule,) = of_kind("ingress", "Ingress")["spec"]["rules"]
    ways = [(way["path"], way["pathType"]) for way in rule["http"]["paths"]]
    for route in edge().routes:
        path = route.path
        assert any(
            path == way or (kind == "Prefix" and path.startswith(f"{way}/")) for way, kind in ways
        ), path
    assert not any("/-/".startswith(way) for way, kind in ways if kind == "Prefix"), "Ray's own"


def test_photos_from_outside_come_by_tls_and_fit_through() -> None:
    ingress = of_kind("ingress", "Ingress")
    (tls,) = ingress["spec"]["tls"]
    (rule,) = ingress["spec"]["rules"]
    assert tls["hosts"] == [rule["host"]]
    assert tls["secretName"]
    paths = {path["path"] for path in rule["http"]["paths"]}
    assert {"/", "/v1", "/web"} <= paths
    name = of_kind("overlays/cpu", "RayService")["metadata"]["name"]
    for path in rule["http"]["paths"]:
        service = path["backend"]["service"]
        assert service == {"name": f"{name}-serve-svc", "port": {"number": 8000}}
    args = Args.model_validate(application("cpu")["args"]).ingress
    for key in (
        "nginx.ingress.kubernetes.io/proxy-body-size",
        "nginx.org/client-max-body-size",
    ):
        size = ingress["metadata"]["annotations"][key]
        assert int(size.removesuffix("m")) > args.max_upload_mb
    for key in (
        "nginx.ingress.kubernetes.io/proxy-read-timeout",
        "nginx.org/proxy-read-timeout",
    ):
        wait = ingress["metadata"]["annotations"][key]
        assert int(wait.removesuffix("s")) > args.deadline_s


def test_upgrades_in_steps_fit_the_schema_and_kuberay_s_rules(tmp_path: Path) -> None:
    """Its rules: ray-operator/controllers/ray/utils/validation.go, ValidateClusterUpgradeOptions."""
    overlay = """
        resources: [../../overlays/cpu]
        components: [../../incremental-upgrade]
    """
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    folder = tmp_path / "k8s" / "overlays" / "stepwise"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(overlay)
    command = ["kubectl", "kustomize", str(folder)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (service,) = [m for m in yaml.safe_load_all(out) if m["kind"] == "RayService"]
    jsonschema.validate(service, schema_of("RayService"))
    strategy = service["spec"]["upgradeStrategy"]
    assert strategy["type"] == "NewClusterWithIncrementalUpgrade"
    options = strategy["clusterUpgradeOptions"]
    assert 0 < options["stepSizePercent"] <= options["maxSurgePercent"] <= 100
    assert options["intervalSeconds"] > 0
    assert options["gatewayClassName"]
    assert service["spec"]["rayClusterConfig"]["enableInTreeAutoscaling"] is True


def test_a_job_that_cannot_start_gives_its_nodes_back() -> None:
    job = of_kind("training", "RayJob")["spec"]
    assert job["preRunningDeadlineSeconds"] < job["activeDeadlineSeconds"] < 6 * 3600
    assert job["shutdownAfterJobFinishes"] is True
    settings = of_kind("training", "ConfigMap")["data"]
    assert settings["AWS_REGION"]
    for name, spec in pods("training"):
        for container in spec["containers"]:
            fixed = {variable["name"] for variable in container.get("env", [])}
            assert not fixed & set(settings), f"{name} does not read the settings"


@pytest.mark.parametrize("folder", BULK)
def test_bulk_takes_its_settings_and_outlives_its_nodes(folder: str) -> None:
    job = of_kind(folder, "RayJob")["spec"]
    assert job["preRunningDeadlineSeconds"] < job["activeDeadlineSeconds"]
    assert job["shutdownAfterJobFinishes"] is True
    assert job["backoffLimit"] > 0
    settings = of_kind(folder, "ConfigMap")["data"]
    shell = job["entrypoint"]
    words = {**settings, "INPUT": "in", "OUTPUT": "out"}
    asked = shlex.split(shlex.split(shell)[2].partition("deployments.bulk")[2])
    args = parse(string.Template(" ".join(asked)).substitute(words).split())
    assert (args.input, args.output) == ("in", "out")
    work = work_of(args)
    assert work.actors
    named = dict(groups(folder))
    workers = named["gpu" if work.gpus else "cpu"]
    (container,) = workers["template"]["spec"]["containers"]
    limits = container["resources"]["limits"]
    each = (
        int(limits["nvidia.com/gpu"]) / work.gpus if work.gpus else int(limits["cpu"]) / work.cpus
    )
    assert work.actors[1] == workers["maxReplicas"] * int(each), "as many as the workers hold"
    for name, group in named.items():
        spec = group["template"]["spec"]
        assert ("affinity" in spec) is (name == "head"), "the driver is on no spot node"
        assert ("spot" in json.dumps(spec.get("tolerations"))) is (name != "head")


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
    for detector in detectors(args):
        assert detector.autoscaling is not None
        gpus += detector.autoscaling.max_replicas * detector.num_gpus
        cpus += detector.autoscaling.max_replicas * detector.num_cpus
        idle = groups["gpu"]["idleTimeoutSeconds"]
        assert detector.autoscaling.downscale_delay_s > idle, "replicas go before their node does"
    most = groups["gpu"]["maxReplicas"]
    assert gpus <= most * int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert cpus <= most * float(container["resources"]["limits"]["cpu"])


def detectors(args: Args) -> list[DetectorArgs]:
    return [value for _, value in args if isinstance(value, DetectorArgs)]


def test_on_cpus_either_worker_may_go() -> None:
    args = Args.model_validate(application("cpu")["args"])
    for detector in detectors(args):
        assert detector.num_cpus == detector.threads, "what it uses is what it reserves"
        assert detector.autoscaling is not None
        assert 2 <= detector.autoscaling.min_replicas < detector.autoscaling.max_replicas
    entries = {entry["name"]: entry for entry in application("cpu")["deployments"]}
    doubled = {"MainCarSegmenter", "CarPartDetector", "PosePostprocessor", "Ingress"}
    assert {n for n, e in entries.items() if e.get("max_replicas_per_node") == 1} == doubled
    for name in ("PosePostprocessor", "Ingress"):
        assert entries[name]["num_replicas"] == "auto"
        assert entries[name]["autoscaling_config"]["min_replicas"] >= 2


def test_one_cpu_worker_holds_one_replica_of_everything() -> None:
    args = Args.model_validate(application("cpu")["args"])
    assert args.rekognition is not None
    edge = args.ingress.num_cpus + args.postprocessor.num_cpus + args.rekognition.num_cpus
    needed = sum(detector.num_cpus for detector in detectors(args)) + edge
    (container,) = dict(pods("overlays/cpu"))["cpu"]["containers"]
    assert container["resources"]["requests"]["cpu"] == container["resources"]["limits"]["cpu"]
    assert needed <= int(container["resources"]["limits"]["cpu"])
    group = dict(groups("overlays/cpu"))["cpu"]
    most = max(d.autoscaling.max_replicas for d in detectors(args) if d.autoscaling)
    assert group["maxReplicas"] >= most, "a node for each, as max_replicas_per_node wants"


def application(overlay: str) -> Manifest:
    (found,) = served(overlay)["applications"]
    return dict(found)


@pytest.mark.parametrize("overlay", SOURCES)
def test_what_is_served_is_the_configuration_at_the_top(overlay: str) -> None:
    path = ROOT / "k8s" / "overlays" / overlay / "serve-config.yaml"
    assert path.read_text() == patch(overlay), "run: python -m k8s.serve_config"
    spec = of_kind(f"overlays/{overlay}", "RayService")["spec"]
    assert yaml.safe_load(spec["serveConfigV2"]) == served(overlay)


@pytest.mark.parametrize("overlay", SOURCES)
def test_what_is_served_has_no_key_that_ray_would_ignore(overlay: str) -> None:
    config = served(overlay)
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


def cpus(quantity: str) -> float:
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def requested(folder: str) -> tuple[float, float]:
    """CPUs and GiB that the pods of a folder ask for at their fewest, GPU workers at one."""
    sums = [0.0, 0.0]
    counts = {name: max(1, group.get("minReplicas", 1)) for name, group in groups(folder)}
    for name, spec in pods(folder):
        for container in spec["containers"]:
            asked = container["resources"]["requests"]
            sums[0] += counts.get(name, 1) * cpus(asked["cpu"])
            sums[1] += counts.get(name, 1) * memory(asked["memory"]) / 2**30
    options = cluster(folder).get("autoscalerOptions")
    if options:
        sums[0] += cpus(options["resources"]["requests"]["cpu"])
        sums[1] += memory(options["resources"]["requests"]["memory"]) / 2**30
    return sums[0], sums[1]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_readme_says_what_a_cluster_costs(folder: str) -> None:
    name = folder.removeprefix("overlays/")
    text = (ROOT / "k8s" / "README.md").read_text()
    (row,) = [
        line for line in text.splitlines() if line.startswith(f"| `{name}` |") and "GiB" in line
    ]
    _, _, _, cpu, gib, _, _ = [cell.strip() for cell in row.split("|")]
    said = float(cpu.split()[0]), float(gib.split()[0])
    assert said == pytest.approx(requested(folder), abs=0.06)
