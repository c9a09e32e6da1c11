"""serve_config.small.yaml, served without Ray's dashboard: one replica, which is all there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import ROOT, Server, processes, running, server_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "serve_config.small.yaml").read_text())
    environment = server_environment(RAY_DASHBOARD_ADDRESS="none")
    with running(config, tmp_path_factory.mktemp("small"), environment) as server:
        yield server


def test_one_process_answers_all_there_is_to_ask(small: Server, photos: list[Path]) -> None:
    answers = [
        httpx.post(f"{small.url}/v1/pose", content=photo.read_bytes(), timeout=60)
        for photo in photos[:4]
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[0].json()["pose"]["viewpoint"]
    models = httpx.get(f"{small.url}/v1/models", timeout=60).json()
    assert {len(model["replicas"]) for model in models.values()} == {1}
    assert len(processes(small, "ray::ServeReplica")) == 1
    assert not processes(small, "ray.dashboard.subprocesses")
    problem = httpx.post(
        f"{small.url}/v1/pose?engine=rekognition", content=photos[0].read_bytes(), timeout=60
    )
    assert problem.status_code == 503
