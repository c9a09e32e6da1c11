"""serve_config.gpu.yaml on a cluster of several nodes: who gets the GPU, and who does not.

No GPU is needed: Ray counts the one it is told of. The models are the embedded ones, on the CPU.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.context import _get_global_client

from deployments.app import build
from deployments.config import Args
from tests.servers import ROOT, free_port
from tests.test_config import serve_args

pytestmark = pytest.mark.slow
TIMEOUT_S = 300


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head without CPUs and one CPU node, as in k8s/: no GPU yet."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.add_node(num_cpus=4)
    ray.init(address=cluster.address, log_to_driver=False)
    http = {"host": "127.0.0.1", "port": free_port()}
    serve.start(http_options=http, proxy_location="HeadOnly")
    yield cluster
    serve.shutdown()
    ray.shutdown()
    cluster.shutdown()


def nodes_of_replicas() -> dict[str, set[str]]:
    """The nodes on which each deployment's running replicas are."""
    client = _get_global_client()
    details = ray.get(client._controller.get_serve_instance_details.remote())
    deployments = details["applications"]["carpose"]["deployments"]
    return {
        name: {r["node_id"] for r in deployment["replicas"] if r["state"] == "RUNNING"}
        for name, deployment in deployments.items()
    }


def application() -> Any:
    return serve.status().applications["carpose"]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, application()
        time.sleep(0.3)


def test_detectors_wait_for_a_gpu_node_live_on_it_and_outlive_its_loss(cluster: Cluster) -> None:
    args = serve_args("serve_config.gpu.yaml")
    for key, bundle in (("main_car", "embedded:main_car"), ("car_parts", "embedded:car_parts")):
        args[key] |= {"bundle": bundle, "device": "cpu", "runtime": "onnxruntime"}
    args["rekognition"] = {"region": "eu-west-1"}
    serve._run(build(Args.model_validate(args)), name="carpose", _blocking=False)

    def waits_for_a_gpu() -> bool:
        deployment = application().deployments.get("CarPartDetector")
        return deployment is not None and "GPU" in deployment.message

    until(waits_for_a_gpu)
    assert application().status == "DEPLOYING"
    assert nodes_of_replicas()["CarPartDetector"] == set()

    first = cluster.add_node(num_cpus=3, num_gpus=1)
    until(lambda: application().status == "RUNNING")
    assert_only_detectors_are_on(first.node_id)
    assert [d["gpus"] for d in described()] == [["0"], ["0"]]

    cluster.remove_node(first)
    second = cluster.add_node(num_cpus=3, num_gpus=1)
    until(lambda: nodes_of_replicas()["CarPartDetector"] == {second.node_id})
    until(lambda: nodes_of_replicas()["MainCarSegmenter"] == {second.node_id})
    until(lambda: application().status == "RUNNING")
    assert_only_detectors_are_on(second.node_id)
    assert [d["task"] for d in described()] == ["main_car", "car_parts"]


def assert_only_detectors_are_on(node_id: str) -> None:
    on_it = {name for name, nodes in nodes_of_replicas().items() if node_id in nodes}
    assert on_it == {"MainCarSegmenter", "CarPartDetector"}
    for name in on_it:
        assert nodes_of_replicas()[name] == {node_id}, "and nowhere else"


def described() -> list[dict[str, Any]]:
    return [
        serve.get_deployment_handle(name, "carpose").info.remote().result(timeout_s=60)
        for name in ("MainCarSegmenter", "CarPartDetector")
    ]
