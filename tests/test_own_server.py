"""What takes a server of its own: two side by side, each of which hears its own commands and no other's;
one that makes traces; and the end of one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector import Collector, collecting
from tests.servers import ROOT, Server, free_port, running
from tests.test_operations import described, until


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def other(
    serving: Server, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Of the same user, so with the same token: what parts the two is the dashboard's address."""
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    environment = serving.environment | {
        "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{free_port()}",
        "RAY_TMPDIR": f"{serving.environment['RAY_TMPDIR']}-2",
        "RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH": "deployments.tracing:otlp",
        "RAY_SERVE_TRACING_SAMPLING_RATIO": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    with running(config, tmp_path_factory.mktemp("other"), environment) as other:
        yield other


def test_a_deploy_reaches_its_own_server_only(serving: Server, other: Server) -> None:
    default = described(serving)["score_threshold"]
    other.deploy({"score_threshold": 0.91})
    until(lambda: described(other)["score_threshold"] == 0.91)
    assert described(serving)["score_threshold"] == default
    try:
        serving.deploy({"score_threshold": 0.92})
        until(lambda: described(serving)["score_threshold"] == 0.92)
        assert described(other)["score_threshold"] == 0.91
    finally:
        serving.deploy({})
        until(lambda: described(serving)["score_threshold"] == default)


def test_a_trace_leads_through_the_graph(
    other: Server, collector: Collector, photos: list[Path]
) -> None:
    photo = photos[0]
    answer = httpx.post(f"{other.url}/v1/pose", files={"image": photo.read_bytes()}, timeout=60)
    assert answer.status_code == 200

    def of_the_photo() -> list[Span]:
        for spans in collector.traces().values():
            names = {span.name for span in spans}
            if names >= {"decode", "detect", "pose"} and any("CarPart" in n for n in names):
                return spans
        return []

    until(lambda: bool(of_the_photo()))
    told = " ".join(str(span) for span in of_the_photo())
    for deployment in ("Ingress", "MainCarSegmenter", "CarPartDetector", "PosePostprocessor"):
        assert deployment in told
    assert photo.name not in told


def test_a_server_that_is_told_to_end_answers_what_it_has(
    other: Server, photos: list[Path]
) -> None:
    photo = photos[0].read_bytes()
    # So many that some are still in work when the late ones come; all are sent before the signal.
    clients = [HTTPConnection(urlsplit(other.url).netloc, timeout=120) for _ in range(16)]
    for client in clients:
        client.request("POST", "/v1/pose", photo, {"Content-Type": "image/jpeg"})
    answers = [clients[0].getresponse().status]
    other.process.send_signal(signal.SIGTERM)
    # A second one, as of an impatient supervisor, does not cut it short.
    time.sleep(0.2)
    other.process.send_signal(signal.SIGTERM)
    late = httpx.post(f"{other.url}/v1/pose", content=b"late", timeout=60)
    ready = httpx.get(f"{other.url}/readyz", timeout=60)
    answers += [client.getresponse().status for client in clients[1:]]
    assert answers == [200] * 16
    for response in (late, ready):
        assert response.status_code == 503
        assert response.headers["connection"] == "close"
        assert response.headers["retry-after"]
    assert other.process.wait(120) == 0


def test_a_server_whose_dashboard_has_no_place_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "deployments.start", "serve_config.yaml"],
            cwd=ROOT,
            env={**os.environ, "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{port}"},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}: another server runs there" in done.stderr


def told(command: str, port: int | None = None) -> str:
    """What make would do."""
    ours = {k: v for k, v in os.environ.items() if k not in ("RAY_DASHBOARD_ADDRESS", "PORT")}
    environment = ours | ({"PORT": str(port)} if port else {})
    make = ["make", "--dry-run", "--no-print-directory", command]
    return subprocess.run(
        make, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_make_says_the_port_and_the_dashboard_once() -> None:
    assert "page is at http://127.0.0.1:8000/" in told("serve")
    assert "8265" in told("serve")
    for command in ("serve", "deploy"):
        assert "http://127.0.0.1:8266" in told(command, port=8001)
    assert "page is at http://127.0.0.1:8001/" in told("serve", port=8001)
