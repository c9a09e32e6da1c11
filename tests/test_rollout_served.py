"""A roll-out is judged by what a running server says and does; a good one: test_cpu_placement.py."""

import json
from pathlib import Path

import httpx
import pytest

from k8s import rollout
from tests.conftest import Serving
from tests.test_operations import described, until

TIMES, PAUSE_S, PATIENCE_S = 4, 0.1, 300


def expected() -> dict[str, rollout.Wanted]:
    """Of the CPU overlay, at the size of this server."""
    return {
        task: rollout.Wanted(want.bundle, replicas=1)
        for task, want in rollout.expected("cpu").items()
    }


def test_what_serves_as_wanted_passes(serving: Serving, photos: list[Path]) -> None:
    rollout.wait_for_bundles(serving.url, expected(), timeout_s=PATIENCE_S, pause_s=PAUSE_S)
    seen = rollout.watch(serving.url, photos, expected(), TIMES, PAUSE_S)
    assert (seen.asked, seen.failed) == (TIMES, 0), seen.last_failure


def test_answers_that_come_too_late_are_errors(serving: Serving, photos: list[Path]) -> None:
    """The strict application has 20 ms for a photo, and the right bundles."""
    seen = rollout.watch(serving.strict, photos, expected(), TIMES, PAUSE_S)
    assert seen.failed > 0
    assert "504" in seen.last_failure
    with pytest.raises(rollout.BadRollout, match="errors among the photos sent"):
        rollout.judge([("the photos sent", seen.error_rate)], 0.01)


def test_a_bundle_that_no_replica_could_load_ends_the_wait(serving: Serving) -> None:
    try:
        serving.deploy({"bundle": "/nowhere/bundle"})
        until(lambda: "bundle_error" in described(serving))
        with pytest.raises(rollout.BadRollout, match="car_parts: /nowhere/bundle"):
            rollout.wait_for_bundles(serving.url, expected(), timeout_s=PATIENCE_S, pause_s=PAUSE_S)
    finally:
        serving.deploy({})
        until(lambda: "bundle_error" not in described(serving))


def test_replicas_that_stay_with_the_old_bundle_are_seen(
    serving: Serving, photos: list[Path]
) -> None:
    newer = {"car_parts": rollout.Wanted("newer@sha256:000000000000", replicas=1)}
    with pytest.raises(rollout.BadRollout, match="car_parts by 1 replicas: mobilenetv2"):
        rollout.wait_for_bundles(serving.url, newer, timeout_s=5, pause_s=PAUSE_S)
    problem = rollout.ask(serving.url, photos[0].read_bytes(), newer)
    assert problem
    assert "answered by" in problem


def test_ray_exports_the_counter_under_the_name_that_is_asked_for(
    serving: Serving, photos: list[Path]
) -> None:
    assert rollout.ask(serving.url, photos[0].read_bytes(), expected()) is None
    session = Path(serving.environment["RAY_TMPDIR"]) / "ray" / "session_latest"
    listed = session / "prom_metrics_service_discovery.json"

    def exported() -> bool:
        if not listed.exists():
            return False
        targets = [t for group in json.loads(listed.read_text()) for t in group["targets"]]
        texts = [
            httpx.get(f"http://{target}/metrics", timeout=PATIENCE_S).text for target in targets
        ]
        return any("ray_carpose_answers_total{" in text for text in texts)

    until(exported)
