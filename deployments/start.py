"""`serve run` on a Ray of its own, whose dashboard is where RAY_DASHBOARD_ADDRESS says.

    python -m deployments.start serve_config.yaml

`serve run` alone takes the next free port for the dashboard, or joins a cluster that `ray start`
made on this machine; `serve deploy` then reaches the wrong server. Both commands read the variable.
Where it says `none` there is no dashboard, which takes a quarter of a gigabyte, and no `serve
deploy` either.

SIGTERM ends the server as a supervisor wants it: photos in work are answered, new ones refused, and
the exit code is 0. Ctrl-C does not wait.
"""

import argparse
import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

DASHBOARD = "http://127.0.0.1:8265"
"""Where `serve deploy` looks when nobody says where."""


NONE = "none"


ENVIRONMENT = {
    # 0: one machine is all there is, and Ray's own ports (GCS, raylet, agents, metrics) listen on
    # loopback, as they do on Windows and macOS. Read when `ray` is first imported.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Of all that Ray starts; by its own default, 15, the proxy waits for whatever else runs. What
    # takes long stands back by itself (`deployments.stand_back`).
    "RAY_worker_niceness": "0",
    # A dead proxy is replaced after three of these.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2",
    # What Ray Serve's proxies call before they listen.
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.http_protocol:proxy_http",
}
"""Where nobody says otherwise; the Dockerfiles say the same, but for the first."""


BELOW = {
    # A call to another deployment then passes two threads less.
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    # Every process told its counts ten times a second; who collects them asks every few seconds.
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
}
"""The same for what Ray starts, and not for this process, in which no event loop runs that calls
could be made on."""


DRAIN_S = 30.0
"""Longest wait, after SIGTERM, for photos in work."""


def main(arguments: list[str] | None = None) -> None:
    """Command line; blocks until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a Serve configuration")
    args = parser.parse_args(arguments)
    # Processes that Ray starts see this process's environment.
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray
    from ray.serve.scripts import run

    # After the imports, which read them.
    for name, value in BELOW.items():
        os.environ.setdefault(name, value)
    address = os.environ.get("RAY_DASHBOARD_ADDRESS") or DASHBOARD
    if address == NONE:
        del os.environ["RAY_DASHBOARD_ADDRESS"]
        ray.init(address="local", namespace="serve", include_dashboard=False)
    else:
        _with_dashboard(urlsplit(address))
    signal.signal(signal.SIGTERM, _end)
    # `serve run` uses the Ray that is there.
    run.main([args.config], prog_name="serve run")


def _with_dashboard(address: SplitResult) -> None:
    import ray

    host, port = address.hostname or "127.0.0.1", address.port or 8265
    if _is_taken(host, port):
        sys.exit(
            f"Ray's dashboard has no place at {host}:{port}: another server runs there. "
            "PORT=8001 make serve starts one beside it"
        )
    ray.init(address="local", namespace="serve", dashboard_host=host, dashboard_port=port)


def _end(*_: Any) -> None:
    from ray import serve

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    drained = [
        serve.get_app_handle(name).broadcast("drain") for name in serve.status().applications
    ]
    for responses in drained:
        # One that has no such method, or takes too long, is ended all the same.
        with suppress(Exception):
            responses.results(timeout_s=DRAIN_S)
    raise KeyboardInterrupt


def _is_taken(host: str, port: int) -> bool:
    # Ray would log it, and go on until it gives up waiting for its dashboard.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


if __name__ == "__main__":
    main()
