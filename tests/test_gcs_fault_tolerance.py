"""The head of the cluster dies under load and comes back, its state kept in a real Redis."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from tests.nodes import Nodes, cluster
from tests.servers import ROOT
from tests.test_http import jpeg

NO_REDIS = shutil.which("redis-server") is None
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NO_REDIS, reason="no redis-server on this machine"),
]
TIMEOUT_S = 120


def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.5)


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with cluster() as nodes:
        yield nodes


def test_replicas_answer_while_the_head_is_gone_and_the_application_comes_back(
    nodes: Nodes,
) -> None:
    nodes.start("head")
    until(lambda: nodes.serve("status").returncode == 0, nodes.log)
    nodes.start("worker")
    nodes.deploy(yaml.safe_load((ROOT / "serve_config.yaml").read_text()))
    until(lambda: nodes.is_ready("worker"), nodes.log)
    replicas = nodes.processes("worker", "ServeReplica:carpose")
    assert len(replicas) == 5

    stop, answers = threading.Event(), list[tuple[float, int]]()

    def keep_asking() -> None:
        while not stop.is_set():
            files = {"image": jpeg()}
            response = httpx.post(f"{nodes.url('worker')}/v1/pose", files=files, timeout=TIMEOUT_S)
            answers.append((time.monotonic(), response.status_code))

    with ThreadPoolExecutor(2) as clients:
        asking = [clients.submit(keep_asking) for _ in range(2)]
        try:
            until(lambda: len(answers) >= 4, nodes.log)
            nodes.kill("head")
            killed, before = time.monotonic(), len(answers)
            until(lambda: len(answers) >= before + 20, nodes.log)
            assert not nodes.processes("head")
            nodes.start("head")
            until(
                lambda: nodes.application().get("status") == "RUNNING",
                nodes.log,
            )
            after = len(answers)
            until(lambda: len(answers) >= after + 4, nodes.log)
        finally:
            stop.set()
    for client in asking:
        client.result()
    # A grey picture has no car: an answer of the whole graph.
    assert {status for _, status in answers} == {422}
    assert any(at > killed for at, _ in answers)
    assert nodes.processes("worker", "ServeReplica:carpose") == replicas, "none was replaced"
    assert nodes.application()["deployments"].keys() == {
        "Ingress", "MainCarSegmenter", "CarPartDetector", "PosePostprocessor", "RekognitionClient"
    }  # fmt: skip
