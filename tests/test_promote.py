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
from carpose.parts import PARTS, mirrored
from tests.conftest import Serving
from tests.drawings import draw_car_parts
from tests.servers import ROOT
from tests.test_operations import TIMEOUT, described, replica_processes, until
from training.errors import TrainingError
from training.gate import changes
from training.intervals import Estimate, estimate
from training.measure import Result
from training.promote import REFUSED, compare, main, promoted, served_bundle

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


def promote(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def drawn(value: float, spread: float, seed: int) -> Estimate:
    rng = np.random.default_rng(seed)
    return estimate(np.array([value, *(value + spread * rng.standard_normal(200))]))


def shifted(one: Estimate, by: float) -> Estimate:
    """The same draws, better or worse by a constant: what paired intervals see at once."""
    return estimate(one.samples + by)


def result(name: str, one: Estimate) -> Result:
    """With a figure, or with that of a class, "figure:class"."""
    metric, _, label = name.partition(":")
    return Result({}, {metric: {label: one}}) if label else Result({metric: one})


@pytest.mark.parametrize(
    ("name", "by", "noise", "falls"),
    [
        ("box_ap", -0.01, 0.0, True),
        ("box_ap:wheel", -0.01, 0.0, True),
        ("mask_ap:wheel", -0.01, 0.0, True),
        ("car_box_ap", -0.01, 0.0, True),
        ("car_mask_ap", -0.01, 0.0, True),
        ("viewpoint_accuracy", 0.01, 0.0, False),
        ("side_accuracy", 0.0, 0.0, False),
        ("box_ap", -0.01, 0.05, False),
        ("angle_median", -0.5, 0.0, False),
        ("angle_median", 0.5, 0.0, True),
        ("no_car_answered", 0.02, 0.0, True),
        ("no_car_answered", -0.02, 0.0, False),
        ("calibration_error", 0.02, 0.0, True),
        ("car_worst_iou", -0.5, 0.0, None),
    ],
)
def test_a_figure_falls_when_its_change_is_for_the_worse_beyond_doubt(
    name: str, by: float, noise: float, falls: bool | None
) -> None:
    before = drawn(0.6, 0.03, seed=1)
    after = estimate(shifted(before, by).samples + drawn(0.0, noise, seed=2).samples)
    found = changes(result(name, before), result(name, after))
    assert [change.falls for change in found] == ([] if falls is None else [falls])


def test_equal_bundles_are_rarely_told_apart_however_many_figures_there_are() -> None:
    refused = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        names = [f"part{k}" for k in range(50)]
        pairs = []
        for _ in names:
            value = 0.02 * rng.standard_normal()
            pairs.append((drawn(0.6, 0.0, 1), estimate(drawn(0.6 + value, 0.02, seed).samples)))
        both = [
            Result({}, {"box_ap": dict(zip(names, side, strict=True))})
            for side in zip(*pairs, strict=True)
        ]
        refused += any(change.falls for change in changes(*both))
    assert refused <= 4, "of 40; with an interval for each figure alone it would be 29"


def test_a_part_that_no_photo_shows_is_not_judged() -> None:
    missing = result("box_ap:trunk", estimate(np.full(201, np.nan)))
    assert changes(missing, missing) == []


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


@pytest.mark.slow
def test_a_worse_bundle_is_refused_and_a_better_one_promoted(
    data: Path,
    worse: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, patch = tmp_path / "next.yaml", tmp_path / "patch.json"
    common = ("--data", data, "--config", ROOT / "serve_config.yaml", "--limit", 12, "--out", out)
    assert promote(*common, "--candidate", worse) == REFUSED
    assert "side_accuracy" in capsys.readouterr().out.partition("refused:")[2]
    assert not out.exists()
    better = ("--served", worse, "--candidate", "embedded:car_parts", "--rayservice", patch)
    assert promote(*common, *better) == 0
    assert served_bundle(yaml.safe_load(out.read_text()), "car_parts") == "embedded:car_parts"
    spec = json.loads(patch.read_text())["spec"]
    assert yaml.safe_load(spec["serveConfigV2"]) == yaml.safe_load(out.read_text())


def test_bundles_of_two_tasks_are_not_compared(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--served", "embedded:main_car", "--candidate", "embedded:car_parts")
    config = ("--config", ROOT / "serve_config.yaml", "--out", tmp_path / "next.yaml")
    assert promote("--data", data, *config, *arguments) == 2
    assert "is a car_parts bundle" in capsys.readouterr().err


def test_bundles_of_two_class_lists_are_not_compared(data: Path, tmp_path: Path) -> None:
    other = variant(tmp_path / "other", lambda names: ["bonnet", *names[1:]])
    with pytest.raises(TrainingError, match=r"only one has .*bonnet"):
        compare("embedded:car_parts", str(other), data, "testset", 1, 0)


@pytest.mark.slow
def test_bundles_of_another_class_list_are_compared(tmp_path: Path) -> None:
    root = draw_car_parts(tmp_path / "data", photos=2, split="testset")
    path = root / "testset" / "annotations.json"
    path.write_text(path.read_text().replace('"hood"', '"bonnet"'))
    names = ["bonnet" if name == "hood" else name for name in PARTS]
    one = variant(tmp_path / "one", lambda _: names)
    found = compare(str(one), str(one), root, "testset", None, 0)
    assert not any(change.falls for change in found)
    assert "box_ap_bonnet" in {change.name for change in found}


@pytest.mark.slow
def test_a_bundle_that_sees_cars_in_cups_is_refused(
    data: Path, photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cars stand for the cups: the candidate sees them, the served bundle sees nothing."""
    blind = variant(tmp_path / "blind", list)
    manifest = yaml.safe_load((blind / MANIFEST).read_text()) | {"score_threshold": 1.0}
    (blind / MANIFEST).write_text(yaml.safe_dump(manifest))
    cups = tmp_path / "cups"
    cups.mkdir()
    for n, path in enumerate(photos[:4]):
        shutil.copy(path, cups / f"cup-{n}.jpg")
    common = (
        "--data",
        data,
        "--config",
        ROOT / "serve_config.yaml",
        "--limit",
        4,
        "--no-car",
        cups,
    )
    arguments = ("--served", blind, "--candidate", "embedded:car_parts")
    assert promote(*common, *arguments, "--out", tmp_path / "next.yaml") == REFUSED
    assert "no_car_answered" in capsys.readouterr().out.partition("refused:")[2]


def test_a_served_application_takes_the_promoted_bundle_without_a_failed_request(
    serving: Serving,
    data: Path,
    photos: list[Path],
    tmp_path: Path,
) -> None:
    new = variant(tmp_path / "new", list, name="newer")
    out = tmp_path / "next.yaml"
    common = ("--data", data, "--config", serving.config, "--out", out, "--limit", 6)
    assert promote(*common, "--candidate", new) == 0
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
