"""`serve run` on a Ray of its own, whose dashboard is where RAY_DASHBOARD_ADDRESS says.

    python -m deployments.start serve_config.yaml

`serve run` alone takes the next free port for the dashboard, or joins a cluster that `ray start`
made on this machine; `serve deploy` then reaches the wrong server. Both commands read the variable.
"""

import argparse
import os
import sys
from urllib.parse import urlsplit

import ray
from ray.serve.scripts import run

DASHBOARD = "http://127.0.0.1:8265"
"""Where `serve deploy` looks when nobody says where."""


def main(arguments: list[str] | None = None) -> None:
    """Command line; blocks until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a Serve configuration")
    args = parser.parse_args(arguments)
    dashboard = urlsplit(os.environ.get("RAY_DASHBOARD_ADDRESS") or DASHBOARD)
    try:
        ray.init(
            address="local",
            namespace="serve",
            dashboard_host=dashboard.hostname or "127.0.0.1",
            dashboard_port=dashboard.port,
        )
    except ValueError as error:
        # Ray says that the port is taken.
        sys.exit(f"{error}\nAnother server runs there: PORT=8001 make serve, or another address")
    # `serve run` uses the Ray that is there.
    run.main([args.config], prog_name="serve run")


if __name__ == "__main__":
    main()
