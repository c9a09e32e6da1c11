"""Servers beside each other on one machine: each hears its own commands, and no other's."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml

from tests.servers import ROOT, Server, free_port, running
from tests.test_operations import described, until


def test_a_deploy_reaches_its_own_server_only(serving: Server, tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    # One user, so one token: what parts the two is the address of the dashboard alone.
    environment = serving.environment | {
        "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{free_port()}",
        "RAY_TMPDIR": f"{serving.environment['RAY_TMPDIR']}-2",
    }
    default = described(serving)["score_threshold"]
    with running(config, tmp_path, environment) as other:
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
