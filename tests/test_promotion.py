"""A bundle into an overlay: as a change of files, and only where its replicas can run it."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from carpose.bundles import MANIFEST, Manifest, open_bundle
from k8s import promotion
from k8s.serve_config import ROOT, served, served_bundle

PIN = "0" * 64
NEW = f"s3://bucket/bundles/7#sha256={PIN}"


def manifest(task: str = "car_parts", framework: str = "onnx") -> Manifest:
    folder = open_bundle(f"embedded:{task}").folder
    fields = yaml.safe_load((folder / MANIFEST).read_text())
    return Manifest.model_validate(fields | {"framework": framework, "network": None})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as a promotion changes."""
    for name in ("serve_config.yaml", "serve_config.gpu.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "k8s" / "overlays", tmp_path / "k8s" / "overlays")
    return tmp_path


@pytest.mark.parametrize("overlay", ["cpu", "gpu"])
def test_the_first_promotion_is_from_the_embedded_bundle(checkout: Path, overlay: str) -> None:
    framework = "onnx" if overlay == "cpu" else "detectron2"
    before = served(overlay, checkout)
    changed = promotion.promote(overlay, NEW, manifest(framework=framework), checkout)
    assert {path.name for path in changed} == {"bundles.yaml", "serve-config.yaml"}
    assert served_bundle(overlay, "car_parts", checkout) == NEW
    patch = yaml.safe_load((checkout / f"k8s/overlays/{overlay}/serve-config.yaml").read_text())
    applied = yaml.safe_load(patch["spec"]["serveConfigV2"])
    assert applied == served(overlay, checkout), "what apply -k applies is what was promoted"
    (entry,) = [
        e for e in applied["applications"][0]["deployments"] if e["name"] == "CarPartDetector"
    ]
    assert entry["user_config"].pop("bundle") == NEW
    assert applied == before, "and nothing else changed"


def test_a_second_promotion_keeps_the_other_model(checkout: Path) -> None:
    promotion.promote("cpu", NEW, manifest(), checkout)
    other = f"s3://bucket/bundles/8#sha256={PIN}"
    promotion.promote("cpu", other, manifest("main_car"), checkout)
    assert served_bundle("cpu", "car_parts", checkout) == NEW
    assert served_bundle("cpu", "main_car", checkout) == other
    text = (checkout / "k8s/overlays/cpu/bundles.yaml").read_text()
    assert text.startswith("# Bundle by deployment")


@pytest.mark.parametrize(
    ("overlay", "uri", "framework", "reason"),
    [
        ("cpu", NEW, "detectron2", "runs onnx"),
        ("gpu", NEW, "onnx", "without `network`"),
        ("cpu", "bundles/car_parts", "onnx", "no such folder"),
        ("cpu", "/models/car_parts", "onnx", "no such folder"),
        ("cpu", "s3://bucket/bundles/7", "onnx", "pin what was measured"),
    ],
    ids=["framework", "no-network", "folder", "absolute", "unpinned"],
)
def test_what_the_replicas_cannot_run_is_refused_before_anything_changes(
    checkout: Path, overlay: str, uri: str, framework: str, reason: str
) -> None:
    before = {p: p.read_text() for p in (checkout / "k8s").rglob("*.yaml")}
    with pytest.raises(promotion.CannotServe, match=reason):
        promotion.promote(overlay, uri, manifest(framework=framework), checkout)
    assert {p: p.read_text() for p in (checkout / "k8s").rglob("*.yaml")} == before


def test_the_command_says_why_it_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(open_bundle("embedded:car_parts").folder)
    arguments = ["promotion", "--overlay", "cpu", "--check", "--bundle"]
    monkeypatch.setattr(sys, "argv", [*arguments, folder])
    assert promotion.main() == promotion.REFUSED
    assert "no such folder" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*arguments, "embedded:car_parts"])
    assert promotion.main() == 0
