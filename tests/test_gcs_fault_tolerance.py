"""The head of the cluster dies under load and comes back, its state kept in a real Redis."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import ROOT, free_port
from tests.test_http import jpeg

NO_REDIS = shutil.which("redis-server") is None
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NO_REDIS, reason="no redis-server on this machine"),
]
TIMEOUT_S = 120
BIN = Path(sys.executable).parent


def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.5)


@dataclass
class Nodes:
    """A head and a worker as two `ray start` on this machine; photos go to the worker's proxy."""

    folder: Path
    environment: dict[str, str]
    gcs: int = field(default_factory=free_port)
    dashboard: int = field(default_factory=free_port)
    head_http: int = field(default_factory=free_port)
    worker_http: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.worker_http}"

    def start(self, name: str) -> None:
        """Start the node `head` or `worker`; its processes carry its name."""
        common = ["--node-ip-address=127.0.0.1", "--block"]
        if name == "head":
            head = [f"--port={self.gcs}", f"--dashboard-port={self.dashboard}", "--num-cpus=0"]
            command = ["--head", *head, f"--temp-dir={self.folder}"]
            command += [f"--redis-password={self.environment['REDIS_PASSWORD']}"]
            # A new machine does not know of the one before it.
            (self.folder / "ray_current_cluster").unlink(missing_ok=True)
        else:
            command = [f"--address=127.0.0.1:{self.gcs}", "--num-cpus=4"]
        with (self.folder / f"{name}.log").open("a") as log:
            subprocess.Popen(
                [BIN / "ray", "start", *common, *command],
                env={
                    **self.environment,
                    "CARPOSE_NODE": name,
                    "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(self.worker_http),
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def processes(self, name: str, command: str = "") -> list[int]:
        """Process ids of a node whose command line holds `command`."""
        marks = (f"CARPOSE_NODE={name}", f"CARPOSE_RUN={self.environment['CARPOSE_RUN']}")
        found = []
        for entry in Path("/proc").iterdir():
            try:
                own = (entry / "environ").read_text("latin1").split("\0")
                line = (entry / "cmdline").read_text("latin1")
            except (OSError, NotADirectoryError):
                continue
            if entry.name.isdecimal() and set(marks) <= set(own) and command in line:
                found.append(int(entry.name))
        return found

    def kill(self, name: str) -> None:
        """What a lost machine is: all of its processes gone at once."""
        while found := self.processes(name):
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.1)

    def serve(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "serve", *command, "--address", f"http://127.0.0.1:{self.dashboard}"],
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def application(self) -> dict[str, Any]:
        out = self.serve("status").stdout
        status = yaml.safe_load(out[out.find("proxies:") :]) or {}
        return dict(status.get("applications", {}).get("carpose", {}))

    def log(self) -> str:
        """The end of every log, for a failed test."""
        said = [self.serve("status").stdout[-500:], self.serve("status").stderr[-500:]]
        return "\n".join(
            said + [log.read_text()[-1500:] for log in sorted(self.folder.glob("*.log"))]
        )

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    # Ray's sockets have paths of at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="carpose-", dir="/tmp"))
    port, password = free_port(), secrets.token_hex(8)
    redis = subprocess.Popen(
        [
            *("redis-server", "--port", str(port), "--requirepass", password, "--save", ""),
            *("--bind", "127.0.0.1", "--dir", str(folder), "--logfile", "redis.log"),
        ]
    )
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "disabled",
        "RAY_REDIS_ADDRESS": f"127.0.0.1:{port}",
        "REDIS_PASSWORD": password,
        "RAY_external_storage_namespace": "carpose",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
        "CARPOSE_RUN": secrets.token_hex(8),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    nodes = Nodes(folder, environment)
    try:
        yield nodes
    finally:
        for name in ("worker", "head"):
            nodes.kill(name)
        redis.kill()
        redis.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_replicas_answer_while_the_head_is_gone_and_the_application_comes_back(
    nodes: Nodes,
) -> None:
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    config["http_options"]["port"] = nodes.head_http
    path = nodes.folder / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    nodes.start("head")
    until(lambda: nodes.serve("status").returncode == 0, nodes.log)
    nodes.start("worker")
    assert nodes.serve("deploy", str(path)).returncode == 0
    until(nodes.ready, nodes.log)
    replicas = nodes.processes("worker", "ServeReplica:carpose")
    assert len(replicas) == 5

    stop, answers = threading.Event(), list[tuple[float, int]]()

    def keep_asking() -> None:
        while not stop.is_set():
            files = {"image": jpeg()}
            response = httpx.post(f"{nodes.url}/v1/pose", files=files, timeout=TIMEOUT_S)
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
