"""What an operator does to a running server, and what may happen to it."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml

from tests.conftest import Serving

TIMEOUT = 120


def replica_processes(serving: Serving, deployment: str) -> list[int]:
    """Process ids of a deployment's replicas in the application `carpose` of this server."""
    out = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    name = f"ServeReplica:carpose:{deployment}"
    found = [int(line.split()[0]) for line in out.stdout.splitlines() if name in line]
    session = serving.environment["RAY_TMPDIR"]
    return [pid for pid in found if session in Path(f"/proc/{pid}/environ").read_text("latin1")]


@pytest.mark.parametrize("deployment", ["CarPartDetector", "MainCarSegmenter", "PosePostprocessor"])
def test_no_request_is_lost_when_a_replica_dies(
    serving: Serving, photos: list[Path], deployment: str
) -> None:
    photo = photos[0].read_bytes()
    stop = threading.Event()
    statuses: list[int] = []

    def keep_asking() -> None:
        while not stop.is_set():
            response = httpx.post(f"{serving.url}/v1/pose", files={"image": photo}, timeout=TIMEOUT)
            statuses.append(response.status_code)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(keep_asking) for _ in range(4)]
        while len(statuses) < 4:
            time.sleep(0.05)
        victims = replica_processes(serving, deployment)
        assert victims
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        after = len(statuses)
        while len(statuses) < after + 8 and not any(c.done() for c in clients):
            time.sleep(0.05)
        stop.set()
        for client in clients:
            client.result()
    assert set(statuses) == {200}
    assert not set(victims) & set(replica_processes(serving, deployment))


def test_a_threshold_changes_without_a_restart(serving: Serving, photos: list[Path]) -> None:
    def deploy(threshold: float | None) -> None:
        config = yaml.safe_load(serving.config.read_text())
        config["applications"][0]["deployments"] = [
            {"name": "CarPartDetector", "user_config": {"score_threshold": threshold}}
        ]
        path = serving.config.with_name("tuned.yaml")
        path.write_text(yaml.safe_dump(config))
        serve = Path(sys.executable).with_name("serve")
        subprocess.run([serve, "deploy", str(path)], check=True, env=serving.environment)
        wait_for_threshold(threshold)

    def served() -> float:
        models = httpx.get(f"{serving.url}/v1/models", timeout=TIMEOUT).json()
        return float(models["car_parts"]["score_threshold"])

    def wait_for_threshold(threshold: float | None) -> None:
        wanted = default if threshold is None else threshold
        end = time.monotonic() + TIMEOUT
        while served() != wanted:
            assert time.monotonic() < end, f"still {served()}"
            time.sleep(0.2)

    def parts() -> int:
        files = {"image": photos[0].read_bytes()}
        response = httpx.post(f"{serving.url}/v1/pose", files=files, timeout=TIMEOUT)
        return len(response.raise_for_status().json()["parts"])

    default = served()
    before, processes = parts(), replica_processes(serving, "CarPartDetector")
    assert before > 0
    try:
        deploy(0.95)
        assert 0 < parts() < before
    finally:
        deploy(None)
    assert parts() == before
    assert replica_processes(serving, "CarPartDetector") == processes


def test_logs_are_json_with_the_request_id(serving: Serving) -> None:
    httpx.post(
        f"{serving.url}/v1/pose",
        content=b"x",
        headers={"content-type": "image/png", "X-Request-ID": "find-me-again"},
    )
    logs = Path(serving.environment["RAY_TMPDIR"]).glob("ray/session_latest/logs/serve/*Ingress*")
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        lines = [
            line
            for log in logs
            for line in log.read_text().splitlines()
            if "find-me-again" in line and "outcome=bad-image" in line
        ]
        if lines:
            assert lines[0].startswith("{")
            return
        logs = Path(serving.environment["RAY_TMPDIR"]).rglob("serve/*Ingress*")
        time.sleep(0.2)
    pytest.fail("no log line with the request id")
