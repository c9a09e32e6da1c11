"""Only a bundle that is not worse gets to serve."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml

from carpose.bundles import MANIFEST, open_bundle
from carpose.parts import mirrored
from tests.conftest import Serving
from tests.servers import ROOT
from tests.test_operations import TIMEOUT, described, replica_processes, until
from training.intervals import Figure, figure
from training.promote import REFUSED, changes, main, promoted, served_bundle

CONFIG = {
    "applications": [
        {
            "name": "carpose",
            "args": {"car_parts": {"bundle": "s3://b/old"}},
            "deployments": [
                {"name": "CarPartDetector", "user_config": {"max_batch_size": 8}},
                {"name": "MainCarSegmenter", "user_config": {"bundle": "s3://b/car"}},
            ],
        }
    ]
}


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """The embedded part detector with left for right."""
    return variant(tmp_path / "worse", lambda names: [mirrored(name) for name in names])


def variant(folder: Path, renamed: Callable[[list[str]], list[str]], name: str = "other") -> Path:
    shutil.copytree(open_bundle("embedded:car_parts").folder, folder)
    manifest = yaml.safe_load((folder / MANIFEST).read_text())
    manifest |= {"classes": renamed(manifest["classes"]), "name": name}
    (folder / MANIFEST).write_text(yaml.safe_dump(manifest))
    return folder


def promote(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["promote", *map(str, arguments)])
    return main()


def drawn(value: float, spread: float, seed: int) -> Figure:
    rng = np.random.default_rng(seed)
    return figure(np.array([value, *(value + spread * rng.standard_normal(200))]))


def shifted(one: Figure, by: float) -> Figure:
    """The same draws, better or worse by a constant: what paired intervals see at once."""
    return figure(one.samples + by)


@pytest.mark.parametrize(
    ("name", "by", "noise", "falls"),
    [
        ("box_ap", -0.01, 0.0, True),
        ("box_ap_wheel", -0.01, 0.0, True),
        ("viewpoint_accuracy", 0.01, 0.0, False),
        ("side_accuracy", 0.0, 0.0, False),
        ("box_ap", -0.01, 0.05, False),
        ("angle_median", -0.5, 0.0, None),
    ],
    ids=["sure", "a-part", "better", "same", "within-noise", "lower-is-better-is-not-judged"],
)
def test_a_figure_falls_when_its_change_is_below_zero_beyond_doubt(
    name: str, by: float, noise: float, falls: bool | None
) -> None:
    before = drawn(0.6, 0.03, seed=1)
    after = figure(shifted(before, by).samples + drawn(0.0, noise, seed=2).samples)
    found = changes({name: before}, {name: after})
    assert [change.falls for change in found] == ([] if falls is None else [falls])


def test_a_part_that_no_photo_shows_is_not_judged() -> None:
    missing = figure(np.full(201, np.nan))
    assert changes({"box_ap_trunk": missing}, {"box_ap_trunk": missing}) == []


@pytest.mark.parametrize(
    ("task", "bundle"), [("car_parts", "s3://b/old"), ("main_car", "s3://b/car")]
)
def test_the_served_bundle_is_the_tuned_one_or_the_configured_one(task: str, bundle: str) -> None:
    assert served_bundle(CONFIG, task) == bundle
    assert served_bundle({"applications": [{}]}, task) == f"embedded:{task}"


def test_promotion_changes_the_bundle_and_nothing_else() -> None:
    changed = promoted(CONFIG, "car_parts", "s3://b/new")
    tuned = changed["applications"][0]["deployments"][0]
    assert tuned["user_config"] == {"max_batch_size": 8, "bundle": "s3://b/new"}
    tuned["user_config"].pop("bundle")
    assert changed == CONFIG
    alone = promoted({"applications": [{"name": "carpose"}]}, "main_car", "s3://b/new")
    assert served_bundle(alone, "main_car") == "s3://b/new"


def test_a_worse_bundle_is_refused_and_a_better_one_promoted(
    data: Path,
    worse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, patch = tmp_path / "next.yaml", tmp_path / "patch.json"
    common = ("--data", data, "--config", ROOT / "serve_config.yaml", "--limit", 12, "--out", out)
    assert promote(monkeypatch, *common, "--candidate", worse) == REFUSED
    assert "side_accuracy" in capsys.readouterr().out.partition("refused:")[2]
    assert not out.exists()
    better = ("--served", worse, "--candidate", "embedded:car_parts", "--rayservice", patch)
    assert promote(monkeypatch, *common, *better) == 0
    assert served_bundle(yaml.safe_load(out.read_text()), "car_parts") == "embedded:car_parts"
    spec = json.loads(patch.read_text())["spec"]
    assert yaml.safe_load(spec["serveConfigV2"]) == yaml.safe_load(out.read_text())


def test_bundles_of_two_tasks_are_not_compared(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--served", "embedded:main_car", "--candidate", "embedded:car_parts")
    config = ("--config", ROOT / "serve_config.yaml", "--out", tmp_path / "next.yaml")
    with pytest.raises(SystemExit, match="is a car_parts bundle"):
        promote(monkeypatch, "--data", data, *config, *arguments)


def test_a_served_application_takes_the_promoted_bundle_without_a_failed_request(
    serving: Serving,
    data: Path,
    photos: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = variant(tmp_path / "new", list, name="newer")
    out = tmp_path / "next.yaml"
    common = ("--data", data, "--config", serving.config, "--out", out, "--limit", 6)
    assert promote(monkeypatch, *common, "--candidate", new) == 0
    old, processes = described(serving)["bundle"], replica_processes(serving, "CarPartDetector")
    stop, answers = threading.Event(), list[httpx.Response]()

    def keep_asking() -> None:
        files = {"image": photos[0].read_bytes()}
        while not stop.is_set():
            answers.append(httpx.post(f"{serving.url}/v1/pose", files=files, timeout=TIMEOUT))

    def deploy(config: Path) -> None:
        serve = Path(sys.executable).with_name("serve")
        subprocess.run([serve, "deploy", config], check=True, env=serving.environment)

    with ThreadPoolExecutor(4) as clients:
        for _ in range(4):
            clients.submit(keep_asking)
        try:
            until(lambda: len(answers) >= 4)
            deploy(out)
            until(lambda: described(serving)["bundle"].startswith("newer@"))
            after = len(answers)
            until(lambda: len(answers) >= after + 8)
        finally:
            deploy(serving.config)
            until(lambda: described(serving)["bundle"] == old)
            stop.set()
    assert {answer.status_code for answer in answers} == {200}
    served = {body["models"]["car_parts"].split("@")[0] for body in map(read, answers)}
    assert served == {"mobilenetv2-fpn", "newer"}
    assert replica_processes(serving, "CarPartDetector") == processes


def read(answer: httpx.Response) -> dict[str, Any]:
    return dict(answer.json())
