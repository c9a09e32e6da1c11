"""The CPU overlay's Serve configuration as it is, on nodes of the size that its pods have, and the
judge of a roll-out on it."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray
import yaml
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.context import _get_global_client
from ray.serve.schema import ServeDeploySchema

from k8s import rollout
from tests.manifests import groups, of_kind
from tests.servers import ROOT, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here"),
]
TIMEOUT_S = 240
DOUBLED = {"MainCarSegmenter", "CarPartDetector", "PosePostprocessor", "Ingress"}


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cluster, str]]:
    """A head without CPUs and as many worker nodes, with as many CPUs, as the overlay starts with;
    the cluster, and the address of its proxy."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    group = dict(groups("overlays/cpu"))["cpu"]
    for _ in range(group["replicas"]):
        cluster.add_node(num_cpus=cpus_of_a_worker())
    ray.init(address=cluster.address, log_to_driver=False)
    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port}, proxy_location="HeadOnly")
    yield cluster, f"http://127.0.0.1:{port}"
    serve.shutdown()
    ray.shutdown()
    cluster.shutdown()


def cpus_of_a_worker() -> int:
    """What KubeRay tells Ray: the limit."""
    (container,) = dict(groups("overlays/cpu"))["cpu"]["template"]["spec"]["containers"]
    return int(container["resources"]["limits"]["cpu"])


def deploy(text: str) -> None:
    """What the operator does with serveConfigV2, on this machine's one proxy."""
    config = yaml.safe_load(text)
    for key in ("http_options", "proxy_location", "logging_config"):
        config.pop(key)
    _get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))


def running() -> dict[str, list[str]]:
    """Node of every running replica, by deployment."""
    client = _get_global_client()
    details = ray.get(client._controller.get_serve_instance_details.remote())
    deployments: dict[str, Any] = details["applications"]["carpose"]["deployments"]
    return {
        name: [r["node_id"] for r in deployment["replicas"] if r["state"] == "RUNNING"]
        for name, deployment in deployments.items()
    }


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, (serve.status().applications, running())
        time.sleep(0.5)


def test_two_of_everything_fit_and_stand_on_two_nodes(
    workers: tuple[Cluster, str], photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster, url = workers
    deploy(of_kind("overlays/cpu", "RayService")["spec"]["serveConfigV2"])
    until(lambda: serve.status().applications["carpose"].status == "RUNNING")

    def doubled() -> bool:
        nodes = running()
        return all(len(set(nodes[name])) == len(nodes[name]) == 2 for name in DOUBLED)

    until(doubled)
    files = {"image": photos[0].read_bytes()}
    assert httpx.post(f"{url}/v1/pose", files=files, timeout=60).status_code == 200

    gone = next(n for n in cluster.worker_nodes if not n.head)
    cluster.remove_node(gone)
    cluster.add_node(num_cpus=cpus_of_a_worker())
    until(lambda: doubled() and gone.node_id not in {n for ns in running().values() for n in ns})
    assert httpx.post(f"{url}/v1/pose", files=files, timeout=60).status_code == 200

    command = ["--overlay", "cpu", "--url", url, "--photos", str(photos[0].parent)]
    command += ["--minutes", "0", "--pause-s", "0.2", "--timeout-s", str(TIMEOUT_S)]
    assert rollout.main(command) == 0
    assert "errors among the photos sent: 0.0%" in capsys.readouterr().out
    models = httpx.get(f"{url}/v1/models", timeout=60).json()
    served = [models[task]["replicas"] for task in ("main_car", "car_parts")]
    assert [len({replica["replica"] for replica in each}) for each in served] == [2, 2]
