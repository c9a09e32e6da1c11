"""Who reaches whom: the policies as rendered, against the labels that pods really carry."""

import shutil
from functools import cache
from typing import Any

import pytest
import yaml

from tests.manifests import all_of_kind, cluster, of_kind, templates
from tests.network_policy import Address, Peer, Pod, allowed, matches
from tests.servers import ROOT

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")

LABELS: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "cluster_labels.yaml").read_text())
AWS = Address("52.218.1.1")
API_SERVER = Address("10.100.0.1")
DNS_CACHE = Address("169.254.20.10")
METADATA = Address("169.254.169.254")
DASHBOARD, SERVE, GCS, METRICS, AUTOSCALER_METRICS, DASHBOARD_METRICS = (
    8265, 8000, 6379, 8080, 44217, 44227,
)  # fmt: skip
OBJECTS = 45678
"""A port as raylets, object managers and workers choose them."""


def ray_pod(folder: str, name: str, **more: str) -> Pod:
    """A pod of a Ray cluster as KubeRay makes it from the template."""
    template = dict(templates(folder))[name]
    kind = "head" if name == "head" else "worker"
    own = {"ray.io/cluster": "c-abcde", "ray.io/node-type": kind, "ray.io/group": name}
    return Pod("carpose", {**LABELS["ray"], **own, **template["metadata"]["labels"], **more})


@cache
def peers() -> dict[str, Peer]:
    found: dict[str, Peer] = {
        name: Pod(pod["namespace"], pod["labels"]) for name, pod in LABELS["pods"].items()
    }
    found["head"] = ray_pod("overlays/gpu", "head")
    found["worker"] = ray_pod("overlays/gpu", "cpu")
    found["gpu worker"] = ray_pod("overlays/gpu", "gpu")
    found["redis cleanup"] = ray_pod(
        "overlays/gpu", "head", **{"ray.io/node-type": "redis-cleanup"}
    )
    found["redis"] = Pod("carpose", dict(templates("overlays/gpu"))["redis"]["metadata"]["labels"])
    found["training head"] = ray_pod("training", "head")
    found["training worker"] = ray_pod("training", "gpu")
    found["bulk head"] = ray_pod("bulk/gpu", "head")
    found["bulk worker"] = ray_pod("bulk/gpu", "cpu")
    found["bulk gpu worker"] = ray_pod("bulk/gpu", "gpu")
    template = dict(templates("bulk/gpu"))["submitter"]["metadata"]["labels"]
    found["bulk submitter"] = Pod("carpose", {**template, **LABELS["submitter"]})
    submitter = dict(templates("training"))["submitter"].get("metadata", {}).get("labels", {})
    found["submitter"] = Pod("carpose", {**submitter, **LABELS["submitter"]})
    outside = {"aws": AWS, "API server": API_SERVER, "DNS cache": DNS_CACHE, "metadata": METADATA}
    return found | outside


NEEDED = [
    ("operator, kustomize", "head", DASHBOARD),
    ("operator, helm", "head", DASHBOARD),
    ("operator, kustomize", "head", SERVE),
    ("operator, helm", "head", SERVE),
    ("operator, kustomize", "training head", DASHBOARD),
    ("operator, helm", "training head", DASHBOARD),
    ("submitter", "training head", DASHBOARD),
    ("submitter", "cluster DNS", 53),
    ("ingress controller", "worker", SERVE),
    ("ingress controller", "gpu worker", SERVE),
    ("neighbour", "worker", SERVE),
    ("prometheus, kube-prometheus-stack", "head", METRICS),
    ("prometheus, kube-prometheus-stack", "head", AUTOSCALER_METRICS),
    ("prometheus, kube-prometheus-stack", "head", DASHBOARD_METRICS),
    ("prometheus, kube-prometheus-stack", "gpu worker", METRICS),
    ("prometheus, KubeRay's install", "worker", METRICS),
    ("prometheus, KubeRay's install", "training worker", METRICS),
    ("prometheus, KubeRay's install", "training head", DASHBOARD_METRICS),
    ("worker", "head", GCS),
    ("gpu worker", "head", GCS),
    ("head", "gpu worker", OBJECTS),
    ("gpu worker", "worker", OBJECTS),
    ("worker", "gpu worker", OBJECTS),
    ("head", "redis", GCS),
    ("redis cleanup", "redis", GCS),
    ("redis cleanup", "cluster DNS", 53),
    ("head", "API server", 443),
    ("head", "API server", 6443),
    ("worker", "cluster DNS", 53),
    ("gpu worker", "DNS cache", 53),
    ("gpu worker", "aws", 443),
    ("training worker", "training head", GCS),
    ("training head", "training worker", OBJECTS),
    ("training worker", "training worker", OBJECTS),
    ("training worker", "aws", 443),
    ("training head", "cluster DNS", 53),
    ("operator, helm", "bulk head", DASHBOARD),
    ("bulk submitter", "bulk head", DASHBOARD),
    ("bulk head", "API server", 6443),
    ("bulk head", "aws", 443),
    ("bulk worker", "bulk head", GCS),
    ("bulk worker", "bulk gpu worker", OBJECTS),
    ("bulk gpu worker", "aws", 443),
    ("prometheus, kube-prometheus-stack", "bulk gpu worker", METRICS),
]
REFUSED = [
    ("stranger", "head", DASHBOARD),
    ("stranger", "head", GCS),
    ("stranger", "worker", METRICS),
    ("stranger", "redis", GCS),
    ("neighbour", "head", DASHBOARD),
    ("neighbour", "redis", GCS),
    ("ingress controller", "head", DASHBOARD),
    ("submitter", "head", DASHBOARD),
    ("training worker", "head", DASHBOARD),
    ("training worker", "redis", GCS),
    ("training head", "worker", OBJECTS),
    ("worker", "training head", DASHBOARD),
    ("worker", "stranger", 5432),
    ("worker", "aws", 80),
    ("gpu worker", "metadata", 80),
    ("training worker", "metadata", 80),
    ("redis", "aws", 443),
    ("bulk worker", "head", DASHBOARD),
    ("training worker", "bulk head", GCS),
    ("bulk worker", "metadata", 80),
    ("prometheus, kube-prometheus-stack", "head", DASHBOARD),
    ("operator, helm", "redis", GCS),
]


def test_both_installs_of_the_operator_are_covered() -> None:
    names = {
        LABELS["pods"][f"operator, {how}"]["labels"]["app.kubernetes.io/name"]
        for how in ("kustomize", "helm")
    }
    assert len(names) == 2, "they differ: a policy by name lets only one in"


@pytest.mark.parametrize(
    ("source", "target", "port", "expected"),
    [(*flow, True) for flow in NEEDED] + [(*flow, False) for flow in REFUSED],
    ids=[
        f"{a} -> {b}:{port} {what}"
        for what, flows in (("open", NEEDED), ("shut", REFUSED))
        for a, b, port in flows
    ],
)
def test_who_reaches_whom(source: str, target: str, port: int, expected: bool) -> None:
    policies = [
        m for f in ("overlays/gpu", "training", "bulk/gpu") for m in all_of_kind(f, "NetworkPolicy")
    ]
    protocols = ("TCP", "UDP") if port == 53 else ("TCP",)
    for protocol in protocols:
        assert allowed(policies, peers()[source], peers()[target], port, protocol) is expected


@pytest.mark.parametrize("folder", ["overlays/cpu", "overlays/gpu", "training"])
def test_the_head_keeps_what_kuberay_finds_it_by(folder: str) -> None:
    head = ray_pod(folder, "head")
    assert matches({"matchLabels": LABELS["head service"]}, head.labels)
    ports = cluster(folder)["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    names = {port["name"] for port in ports}
    assert {"gcs-server", "dashboard"} <= names, "the head service has the container's ports alone"


@pytest.mark.parametrize("folder", ["overlays/cpu", "overlays/gpu"])
def test_a_node_can_be_drained_and_one_worker_stays(folder: str) -> None:
    budget = of_kind(folder, "PodDisruptionBudget")["spec"]
    worker = ray_pod(folder, "cpu")
    assert matches(budget["selector"], worker.labels)
    assert not matches(budget["selector"], ray_pod(folder, "head").labels)
    group = {g["groupName"]: g for g in cluster(folder)["workerGroupSpecs"]}["cpu"]
    assert type(budget["minAvailable"]) is int, "a RayCluster has no scale to take a share of"
    assert "maxUnavailable" not in budget
    assert 1 <= budget["minAvailable"] < group["minReplicas"] <= group["replicas"]


def test_prometheus_takes_the_monitor_and_the_monitor_the_pods() -> None:
    monitor = of_kind("monitoring", "PodMonitor")
    assert monitor["metadata"]["namespace"] == "carpose"
    assert matches({"matchLabels": LABELS["pod monitor"]}, monitor["metadata"]["labels"])
    policies = [
        m for f in ("overlays/gpu", "training", "bulk/gpu") for m in all_of_kind(f, "NetworkPolicy")
    ]
    for folder, names in (("overlays/gpu", ("head", "cpu", "gpu")), ("training", ("head", "gpu"))):
        for name in names:
            pod = ray_pod(folder, name)
            assert matches(monitor["spec"]["selector"], pod.labels), name
            ports = dict(templates(folder))[name]["spec"]["containers"][0]["ports"]
            by_name = {port["name"]: port["containerPort"] for port in ports}
            wanted = {e["port"] for e in monitor["spec"]["podMetricsEndpoints"]} & set(by_name)
            assert "metrics" in wanted
            assert name != "head" or "dash-metrics" in wanted
            for port in wanted:
                assert allowed(
                    policies, peers()["prometheus, KubeRay's install"], pod, by_name[port]
                )
    redis = peers()["redis"]
    assert isinstance(redis, Pod)
    assert not matches(monitor["spec"]["selector"], redis.labels)


@pytest.mark.parametrize(
    ("selector", "labels", "taken"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "c"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}, {"a": "b"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": "b"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": "b"}, False),
    ],
)
def test_a_selector_takes_what_it_says(
    selector: dict[str, Any], labels: dict[str, str], taken: bool
) -> None:
    assert matches(selector, labels) is taken
