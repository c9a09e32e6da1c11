"""Memory of a server while many clients send the largest photos that it takes.

    python -m benchmarks.memory --clients 32 [--config serve_config.yaml]

Starts the server, sends it a PNG of 50 megapixels that is a few hundred kilobytes long, from every
client at once, and prints the proportional set size (PSS) of all its processes, Ray's own included,
before and at its highest.
"""

import argparse
import collections
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from PIL import Image

SIZE = 8660, 5773
"""49,994,180 pixels."""


def largest_png() -> bytes:
    """A photo of 50 megapixels that costs its sender next to nothing."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(SIZE).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    below = collections.defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        below[int(fields[1])].append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += below[one]
    return found


def pss_of(pid: int) -> float:
    """Proportional set size of a process, in megabytes; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    lines = (line for line in text.splitlines() if line.startswith("Pss:"))
    return next((int(line.split()[1]) for line in lines), 0) / 1024


def pss_mb(pid: int) -> float:
    """The same of a process and all below it; shared memory is counted once."""
    return sum(map(pss_of, descendants(pid)))


def ask(url: str, photo: bytes | None = None) -> int:
    """The status of an answer."""
    request = urllib.request.Request(url, photo, {"Content-Type": "image/png"} if photo else {})
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def start(config: Path, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The server, on a free port, and its address."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, dashboard = one.getsockname()[1], other.getsockname()[1]
    changed = yaml.safe_load(config.read_text())
    changed["http_options"]["port"] = port
    path = folder / config.name
    path.write_text(yaml.safe_dump(changed))
    environment = {
        **os.environ,
        "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{dashboard}",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.start", str(path)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    while ask(f"{url}/readyz") != 200:
        if process.poll() is not None:
            raise SystemExit((folder / "log").read_text()[-2000:])
        time.sleep(1)
    return process, url


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=Path("serve_config.yaml"))
    parser.add_argument("--clients", type=int, default=32)
    args = parser.parse_args()
    photo = largest_png()
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(args.config, Path(folder))
        try:
            before, highest, stop = pss_mb(process.pid), 0.0, threading.Event()

            def watch() -> None:
                nonlocal highest
                while not stop.is_set():
                    highest = max(highest, pss_mb(process.pid))
                    stop.wait(0.2)

            watcher = threading.Thread(target=watch)
            watcher.start()
            began = time.perf_counter()
            with ThreadPoolExecutor(args.clients) as clients:
                asked = clients.map(lambda _: ask(f"{url}/v1/pose", photo), range(args.clients))
                statuses = collections.Counter(asked)
            seconds = time.perf_counter() - began
            stop.set()
            watcher.join()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)
    print(f"{args.clients} clients, {SIZE[0]} x {SIZE[1]} px in {len(photo) / 1e6:.2f} MB each")
    print(f"PSS before {before / 1024:.2f} GiB, at its highest {highest / 1024:.2f} GiB")
    print(f"answers by status: {dict(statuses)} in {seconds:.0f} s")


if __name__ == "__main__":
    main()
