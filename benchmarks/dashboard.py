"""The panels of k8s/monitoring/dashboard.json over what a server really exported, as a picture.

Grafana is not in reach of the project's checks (its licence, AGPL, keeps it out of the registries
that they use). Debian's Prometheus is: it scrapes a server under load (`benchmarks.soak
--dashboard`), each panel's own expressions are asked of it, and each panel is drawn with its title,
unit and legend where the dashboard puts it. What is Grafana's alone (colours, tooltips, variables)
is not seen.
"""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.servers import ROOT, Server, free_port

DASHBOARD: Final = ROOT / "k8s" / "monitoring" / "dashboard.json"
SCRAPE_S: Final = 5
UNITS: Final = {
    "s": "seconds",
    "ops": "a second",
    "percentunit": "share",
    "currencyUSD": "USD",
    "short": "",
}


@contextmanager
def scraping(server: Server, folder: Path) -> Iterator[str]:
    """Prometheus, which scrapes a server's every port that Ray names; its address."""
    found = next(
        Path(server.environment["RAY_TMPDIR"]).rglob("prom_metrics_service_discovery.json")
    )
    config = {
        "global": {"scrape_interval": f"{SCRAPE_S}s"},
        "scrape_configs": [{"job_name": "ray", "file_sd_configs": [{"files": [str(found)]}]}],
    }
    path, port = folder / "prometheus.yaml", free_port()
    path.write_text(yaml.safe_dump(config))
    command = [
        "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def series(
    prometheus: str, expression: str, began: float, ended: float
) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
    """Labels and (minutes, value) of each series of an expression."""
    expression = expression.replace("$__rate_interval", f"{4 * SCRAPE_S}s")
    asked: dict[str, Any] = {
        "query": expression, "start": began, "end": ended, "step": SCRAPE_S,
    }  # fmt: skip
    response = httpx.get(f"{prometheus}/api/v1/query_range", params=asked, timeout=60)
    response.raise_for_status()
    return [
        (one["metric"], [((t - began) / 60, float(value)) for t, value in one["values"]])
        for one in response.json()["data"]["result"]
    ]


def draw(prometheus: str, began: float, ended: float, path: Path) -> None:
    """Writes the picture; prints the panels without a single value."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # What was last scraped is to be in it.
    time.sleep(SCRAPE_S)
    panels = json.loads(DASHBOARD.read_text())["panels"]
    height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels)
    figure = plt.figure(figsize=(15, 0.42 * height), layout="constrained")
    grid = figure.add_gridspec(height, 24)
    for panel in panels:
        at = panel["gridPos"]
        axis = figure.add_subplot(grid[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]])
        found = 0
        for target in panel["targets"]:
            for labels, points in series(prometheus, target["expr"], began, ended):
                found += 1
                legend = re.sub(
                    r"{{\s*(\w+)\s*}}",
                    lambda m, labels=labels: labels.get(m[1], ""),  # type: ignore[misc]
                    target.get("legendFormat", ""),
                )
                axis.plot(*zip(*points, strict=True), label=legend, linewidth=1.2)
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
        axis.set_title(panel["title"], fontsize=10, loc="left")
        axis.set_ylabel(UNITS.get(unit, unit), fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
        axis.set_ylim(bottom=0)
        if found:
            axis.legend(fontsize=6, loc="upper left", framealpha=0.6, ncols=1 + found // 6)
        else:
            print(f"no data: {panel['title']}")
    figure.savefig(path, dpi=90)
