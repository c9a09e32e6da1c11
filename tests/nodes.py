"""Clusters of several nodes on this machine: a head without work and workers with a proxy each, as
KubeRay starts them, and the head's state in a real Redis."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from deployments.start import ENVIRONMENT
from tests.servers import ROOT, free_port

BIN = Path(sys.executable).parent
HEAD = "head"
STARTS = 3
"""Tries to start a node, as a kubelet starts a pod again: Ray gives up when its head is busy."""


@dataclass
class Nodes:
    """`ray start` for each; photos go to the workers' proxies."""

    folder: Path
    environment: dict[str, str]
    gcs: int = field(default_factory=free_port)
    dashboard: int = field(default_factory=free_port)
    http: dict[str, int] = field(default_factory=lambda: defaultdict(free_port))
    """Port of each node's proxy."""

    def url(self, name: str) -> str:
        """Of a worker's proxy."""
        return f"http://127.0.0.1:{self.http[name]}"

    def start(self, name: str) -> None:
        """Start the head, or a worker of any other name, and wait until it is up; a node's processes
        carry its name. Two at once would take each other's ports."""
        common = ["--node-ip-address=127.0.0.1", "--block"]
        if name == HEAD:
            head = [f"--port={self.gcs}", f"--dashboard-port={self.dashboard}", "--num-cpus=0"]
            command = ["--head", *head, f"--temp-dir={self.folder}"]
            command += [f"--redis-password={self.environment['REDIS_PASSWORD']}"]
            # A new machine does not know of the one before it.
            (self.folder / "ray_current_cluster").unlink(missing_ok=True)
        else:
            command = [f"--address=127.0.0.1:{self.gcs}", "--num-cpus=4"]
        for _ in range(STARTS):
            if self._is_up(name, [*common, *command]):
                return
            self.kill(name)
        raise AssertionError(self.log())

    def _is_up(self, name: str, options: list[str]) -> bool:
        path = self.folder / f"{name}.log"
        with path.open("w") as log:
            process = subprocess.Popen(
                [BIN / "ray", "start", *options],
                env={
                    **self.environment,
                    "CARPOSE_NODE": name,
                    "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(self.http[name]),
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if name == HEAD:
            # Elsewhere it has a machine of its own, and gives up where it waits for 30 s.
            with suppress(OSError):
                Path(f"/proc/{process.pid}/autogroup").write_text("-15")
        while "block forever" not in path.read_text():
            if process.poll() is not None:
                return False
            time.sleep(0.2)
        return True

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

    def tell(self, name: str, what: signal.Signals) -> None:
        """A signal to all processes of a node."""
        for pid in self.processes(name):
            with suppress(ProcessLookupError):
                os.kill(pid, what)

    def kill(self, name: str) -> None:
        """What a lost machine is: all of its processes gone at once."""
        while self.processes(name):
            self.tell(name, signal.SIGKILL)
            time.sleep(0.1)

    def serve(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of Ray Serve's, to the head."""
        return subprocess.run(
            [BIN / "serve", *command, "--address", f"http://127.0.0.1:{self.dashboard}"],
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def deploy(self, config: dict[str, Any]) -> None:
        """`serve deploy` of a configuration, on ports of this machine alone."""
        options = {"host": "127.0.0.1", "port": self.http[HEAD]}
        path = self.folder / "serve_config.yaml"
        path.write_text(yaml.safe_dump({**config, "http_options": options}))
        done = self.serve("deploy", str(path))
        assert done.returncode == 0, done.stderr

    def application(self) -> dict[str, Any]:
        """What `serve status` says of it."""
        out = self.serve("status").stdout
        status = yaml.safe_load(out[out.find("proxies:") :]) or {}
        return dict(status.get("applications", {}).get("carpose", {}))

    def log(self) -> str:
        """The end of every log."""
        said = [self.serve("status").stdout[-500:], self.serve("status").stderr[-500:]]
        return "\n".join(
            said + [log.read_text()[-1500:] for log in sorted(self.folder.glob("*.log"))]
        )

    def is_ready(self, name: str) -> bool:
        """Whether a worker's proxy says so."""
        try:
            return httpx.get(f"{self.url(name)}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def cluster() -> Iterator[Nodes]:
    """Without a node yet, but with a Redis; all that was started ends with the block."""
    # Ray's sockets have paths of at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="carpose-", dir="/tmp"))
    port, password = free_port(), secrets.token_hex(8)
    redis = subprocess.Popen(
        [
            *("redis-server", "--port", str(port), "--requirepass", password, "--save", ""),
            *("--bind", "127.0.0.1", "--dir", str(folder), "--logfile", "redis.log"),
        ]
    )
    # As the Dockerfiles have it: what says that one machine is all there is is not among them.
    images = {k: v for k, v in ENVIRONMENT.items() if k != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"}
    environment = {
        **os.environ,
        **images,
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
        for name in (*(name for name in nodes.http if name != HEAD), HEAD):
            nodes.kill(name)
        redis.kill()
        redis.wait()
        shutil.rmtree(folder, ignore_errors=True)
