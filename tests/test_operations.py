"""What an operator does to a running server, and what may happen to it."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from carpose.bundles import MANIFEST, open_bundle
from carpose.client import CarPose
from tests.conftest import Serving
from tests.servers import Server, processes

TIMEOUT = 120


def replica_processes(serving: Serving, deployment: str) -> list[int]:
    """Process ids of a deployment's replicas in the application `carpose` of this server."""
    return processes(serving, f"ServeReplica:carpose:{deployment}")


@pytest.mark.parametrize(
    "deployment", ["CarPartDetector", "MainCarSegmenter", "PosePostprocessor", "Ingress"]
)
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


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a process's elsewhere")
def test_who_answers_comes_before_the_networks(serving: Serving) -> None:
    def niceness(pid: int) -> set[int]:
        threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
        return {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}

    (proxy,) = processes(serving, "ray::ProxyActor")
    usual = niceness(proxy)
    assert len(usual) == 1
    for deployment in ("CarPartDetector", "MainCarSegmenter", "PosePostprocessor", "Ingress"):
        (pid,) = replica_processes(serving, deployment)
        assert niceness(pid) > usual, "some stand back, Ray's own do not"


def test_a_replica_that_hangs_is_replaced(serving: Serving, photos: list[Path]) -> None:
    (hung,) = replica_processes(serving, "MainCarSegmenter")
    os.kill(hung, signal.SIGSTOP)
    until(lambda: hung not in replica_processes(serving, "MainCarSegmenter"))
    with CarPose(serving.url, timeout_s=TIMEOUT) as client:
        assert client.look(photos[0]).pose.viewpoint


def described(serving: Server) -> dict[str, Any]:
    with CarPose(serving.url) as client:
        return dict(client.models()["car_parts"])


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)


def test_a_threshold_changes_without_a_restart(serving: Serving, photos: list[Path]) -> None:
    def parts() -> int:
        with CarPose(serving.url) as client:
            return len(client.look(photos[0]).parts)

    default = described(serving)["score_threshold"]
    before, processes = parts(), replica_processes(serving, "CarPartDetector")
    assert before > 0
    try:
        serving.deploy({"score_threshold": 0.9})
        until(lambda: described(serving)["score_threshold"] == 0.9)
        assert 0 < parts() < before
    finally:
        serving.deploy({})
        until(lambda: described(serving)["score_threshold"] == default)
    assert parts() == before
    assert replica_processes(serving, "CarPartDetector") == processes


def test_a_bundle_is_swapped_without_a_restart_or_a_lost_request(
    serving: Serving, photos: list[Path], tmp_path: Path
) -> None:
    old = described(serving)["bundle"]
    folder = tmp_path / "bundle"
    shutil.copytree(open_bundle("embedded:car_parts").folder, folder)
    manifest = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(manifest.replace("name: mobilenetv2-fpn", "name: newer"))
    new = old.replace("mobilenetv2-fpn", "newer")
    processes = replica_processes(serving, "CarPartDetector")
    photo, stop = photos[0].read_bytes(), threading.Event()
    answers: list[tuple[int, str]] = []

    def keep_asking() -> None:
        while not stop.is_set():
            response = httpx.post(f"{serving.url}/v1/pose", files={"image": photo}, timeout=TIMEOUT)
            answers.append((response.status_code, response.text))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(keep_asking)
        try:
            until(lambda: len(answers) >= 4)
            serving.deploy({"bundle": str(folder)})
            until(lambda: described(serving)["bundle"] == new)
            after = len(answers)
            until(lambda: len(answers) >= after + 8)
            serving.deploy({"bundle": "embedded:main_car"})
            until(lambda: "bundle_error" in described(serving))
            assert "main_car bundle, not car_parts" in described(serving)["bundle_error"]
            assert described(serving)["bundle"] == new, "a bundle of another task is not taken"
        finally:
            serving.deploy({})
            until(lambda: described(serving)["bundle"] == old)
            stop.set()
    assert {status for status, _ in answers} == {200}
    assert old in answers[0][1]
    assert new in answers[after + 7][1]
    assert "bundle_error" not in described(serving)
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
