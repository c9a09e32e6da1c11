"""The alerts and the dashboard ask for metrics that there are, and alerts ring when they should."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import ROOT, Server
from tests.test_operations import until

MONITORING = ROOT / "k8s" / "monitoring"
SUFFIX = re.compile(r"_(bucket|sum|count)$")
RULES = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["spec"]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}


def asked() -> set[str]:
    """Every metric that an alert or a panel reads."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    told = [target["expr"] for panel in panels for target in panel["targets"]]
    told += [rule["expr"] for rule in ALERTS.values()]
    return {SUFFIX.sub("", name) for name in re.findall(r"\bray_\w+", " ".join(told))}


def ours() -> set[str]:
    """Those that the code makes, of which some are seen only when they happen."""
    code = "".join(path.read_text() for path in (ROOT / "deployments").glob("*.py"))
    return {f"ray_{name}" for name in re.findall(r'"(carpose_\w+)"', code)}


def exported(server: Server) -> set[str]:
    """Those that a server exports."""
    folder = Path(server.environment["RAY_TMPDIR"])
    names: set[str] = set()
    for found in folder.rglob("prom_metrics_service_discovery.json"):
        for group in json.loads(found.read_text()):
            for target in group["targets"]:
                # Of parts that are not started here Ray names the ports all the same.
                with (
                    suppress(urllib.error.URLError),
                    urllib.request.urlopen(f"http://{target}/metrics", timeout=30) as response,
                ):
                    names |= set(re.findall(r"^(ray_\w+)", response.read().decode(), re.MULTILINE))
    return {SUFFIX.sub("", name) for name in names}


def test_what_is_ours_is_documented_and_asked_for_by_its_name() -> None:
    documented = (ROOT / "docs" / "observability.md").read_text()
    assert {name for name in ours() if f"`{name}`" not in documented} == set()
    assert {n for n in asked() if n.startswith("ray_carpose")} <= ours()


def test_a_server_exports_what_is_asked_for(serving: Server, photos: list[Path]) -> None:
    files = {"image": photos[0].read_bytes()}
    assert httpx.post(f"{serving.url}/v1/pose", files=files, timeout=60).status_code == 200
    rare = {"ray_carpose_refused_unread_total", "ray_carpose_rekognition_cost_usd_total"}
    until(lambda: asked() - rare <= exported(serving))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_its_runbook(name: str) -> None:
    path, _, section = ALERTS[name]["annotations"]["runbook"].partition("#")
    assert section == name.lower()
    assert f"### {name}\n" in (ROOT / path).read_text()


RINGS: dict[str, tuple[dict[str, str], str]] = {
    # alert: (series and their values, `a+bxn` is a, a+b, ... n times), labels that it rings with
    "CarposeErrors": (
        {
            'ray_carpose_answers_total{outcome="front"}': "0+60x30",
            'ray_carpose_answers_total{outcome="internal"}': "0+2x30",
        },
        "page",
    ),
    "CarposeRefuses": (
        {
            'ray_carpose_answers_total{outcome="front"}': "0+60x30",
            'ray_carpose_refused_unread_total{path="/v1/pose"}': "0+600x30",
        },
        "ticket",
    ),
    "CarposeReplicaMissing": (
        {
            'ray_serve_deployment_replica_healthy{application="carpose",deployment="Ingress"}': (
                "0x30"
            )
        },
        "page",
    ),
    "CarposeSilent": ({"up": "1x30"}, "page"),
}
QUIET = {
    'ray_carpose_answers_total{outcome="front"}': "0+60x30",
    'ray_carpose_answers_total{outcome="overloaded"}': "0+1x30",
    'ray_serve_deployment_replica_healthy{application="carpose",deployment="Ingress"}': "1x30",
}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
@pytest.mark.parametrize("name", [*RINGS, None])
def test_an_alert_rings_when_it_should_and_else_none_does(name: str | None, tmp_path: Path) -> None:
    series, severity = RINGS[name] if name else (QUIET, "")
    labels = {"severity": severity}
    if name == "CarposeReplicaMissing":
        labels |= {"application": "carpose", "deployment": "Ingress"}
    if name == "CarposeSilent":
        labels |= {"application": "carpose", "deployment": "Ingress"}
    summaries = {n: rule["annotations"] for n, rule in ALERTS.items()}

    def expected(alert: str) -> list[dict[str, Any]]:
        if alert != name:
            return []
        told = {
            k: v.replace("{{ $labels.deployment }}", "Ingress") for k, v in summaries[alert].items()
        }
        return [{"exp_labels": labels, "exp_annotations": told}]

    alerts = [name] if name else list(ALERTS)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    test = {
        "rule_files": ["rules.yaml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                "alert_rule_test": [
                    {"eval_time": "25m", "alertname": alert, "exp_alerts": expected(alert)}
                    for alert in alerts
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
