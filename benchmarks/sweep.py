"""Threads and replicas: which of them a machine is best used by.

    python -m benchmarks.sweep --photos DIR [--seconds 8]

Starts serve_config.yaml, one after the other, with so many replicas of each detector and so many
threads for each of the two networks, apart and in one process, and prints photos per second and
latency of one client and of eight, and memory (PSS).
"""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from benchmarks.load import Client, photos_in
from benchmarks.service import ours
from tests.servers import ROOT

CLIENTS = (1, 8)


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and configuration of each."""
    for together in (False, True):
        config = "serve_config.small.yaml" if together else "serve_config.yaml"
        for replicas, parts, cars in ((1, 1, 1), (1, 2, 1), (1, 2, 2), (2, 1, 1), (2, 2, 1)):
            asked: dict[str, Any] = yaml.safe_load((ROOT / config).read_text())
            args = asked["applications"][0]["args"]
            args["car_parts"]["threads"], args["main_car"]["threads"] = parts, cars
            grows = ("ingress",) if together else ("car_parts", "main_car")
            for section in grows:
                args[section]["num_replicas"] = replicas
            where = "in one process" if together else "apart"
            yield f"{where} | {replicas} | {parts}, {cars}", asked


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of each figure")
    args = parser.parse_args()
    photos = photos_in(args.photos)
    print("| detectors | replicas | threads | clients | photos/s | p50 | p99 ms | PSS MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, config in variants():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "serve_config.yaml"
            path.write_text(yaml.safe_dump(config))
            with ours(path, {}) as server:
                client = Client(server.url, photos)
                asyncio.run(client.closed(4, photos=16))
                for clients in CLIENTS:
                    seen = asyncio.run(client.closed(clients, args.seconds))
                    memory = sum(process_tree.pss_mb(server.pid).values())
                    figures = f"{seen.rate:.1f} | {seen.ms(0.5):.0f} | {seen.ms(0.99):.0f}"
                    print(f"| {name} | {clients} | {figures} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
