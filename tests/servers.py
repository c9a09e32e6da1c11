"""Real servers, started as `make serve` does, each with a Ray, ports and a token of its own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
START_S = 300


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running server; `config` is the file it was started from, `environment` what it and the
    commands to it are to see."""

    url: str
    config: Path
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def deploy(self, user_config: Mapping[str, object]) -> None:
        """`serve deploy` with other tuning of the part detector."""
        config = yaml.safe_load(self.config.read_text())
        config["applications"][0]["deployments"] = [
            {"name": "CarPartDetector", "user_config": dict(user_config)}
        ]
        self.apply(config)

    def apply(self, config: Mapping[str, object]) -> None:
        """`serve deploy` of another configuration."""
        path = self.config.with_name("changed.yaml")
        path.write_text(yaml.safe_dump(dict(config)))
        serve = Path(sys.executable).with_name("serve")
        subprocess.run([serve, "deploy", str(path)], check=True, env=self.environment)


def processes(server: Server, what: str) -> list[int]:
    """Process ids of a server whose command line holds `what`."""
    out = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    found = [int(line.split()[0]) for line in out.stdout.splitlines() if what in line]
    session = server.environment["RAY_TMPDIR"]
    return [pid for pid in found if session in _environment_of(pid)]


def _environment_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text("latin1")
    except OSError:
        return ""


def server_environment(**more: str) -> dict[str, str]:
    """What a server of ours sees: this project, and a dashboard that no other server has."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{free_port()}",
        # Ray's sockets have paths of at most 107 characters.
        "RAY_TMPDIR": tempfile.mkdtemp(prefix="carpose-", dir="/tmp"),
        "RAY_USAGE_STATS_ENABLED": "0",
        **more,
    }


@contextmanager
def running(config: dict[str, Any], folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """A server of `config` on a free port, once every application in it is ready."""
    port = free_port()
    config = {**config, "http_options": {**config["http_options"], "port": port}}
    path, log = folder / "serve_config.yaml", folder / "serve.log"
    path.write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.start", str(path)],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            for application in config["applications"]:
                prefix = application["route_prefix"].rstrip("/")
                _wait_until_ready(f"{url}{prefix}/healthz", process, log)
            _wait_until_ready(f"{url}/readyz", process, log)
            yield Server(url, path, log, environment, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"{url} did not come up:\n{log.read_text()[-4000:]}")
