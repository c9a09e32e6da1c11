"""A Mask R-CNN learns, becomes a bundle that finds the same, and goes on learning from it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("detectron2", reason="Detectron2 is not on PyPI: see training/README.md")
pytest.importorskip("ray.train.torch", reason="needs: make test-train")

import torch
import yaml
from detectron2.structures import Boxes, pairwise_iou
from detectron2.utils.events import EventStorage, get_event_storage

from carpose.agreement import alike
from carpose.bundles import open_bundle
from carpose.errors import BadBundle
from carpose.model import load_segmenter
from tests.drawings import draw_car_parts
from tests.tiny_task import SIZE
from training.config import TrainConfig, load_config
from training.errors import TrainingError
from training.examples import Example, Photos
from training.export import export, load_run
from training.heads import NEAR
from training.loop import fit
from training.mask_rcnn import MaskRcnnTask
from training.mask_rcnn import detect as detect_with_network
from training.network import build, training_input
from training.parity import SAME_IOU, compare
from training.photos import load_photos
from training.predictions import detect
from training.runs import Run
from training.sessions import LocalSession
from training.tasks import make_task
from training.train import main

ROOT = Path(__file__).parent.parent
CONFIGS = ROOT / "training" / "configs"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_car_parts(tmp_path_factory.mktemp("drawn"), photos=8)


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    return TrainConfig.model_validate(
        {
            "task": "car_parts",
            "init": "scratch",
            "size": SIZE,
            "loader_workers": 0,
            "model": {
                "backbone": "mobilenet_v2",
                "fpn_channels": 16,
                "fc_channels": 32,
                "mask_channels": 16,
                "mask_convs": 1,
                "mask_pooling": 7,
                "anchor_sizes": [8, 16, 32, 48, 64],
                "train_proposals": 30,
                "test_proposals": 20,
                "rois_per_image": 16,
            },
            "augment": {"mosaic": 0.2, "plain_background": 0.2},
            "optimizer": {"epochs": 2, "batch": 4, "warmup_steps": 2, "bf16": False},
        }
    )


@pytest.fixture(scope="module")
def run(config: TrainConfig, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    photos = load_photos(drawn, "trainingset", "car_parts")
    Run.at(str(folder)).keep_config(config)
    task = MaskRcnnTask(config, Photos(photos[:6]), Photos(photos[6:]))
    fit(task, config, LocalSession(folder, "cpu"))
    return folder


def test_a_run_is_exported_to_a_bundle_that_finds_the_same(
    run: Path, drawn: Path, tmp_path: Path
) -> None:
    config, model = load_run(Run.at(str(run)))
    bundle = export(config, model, tmp_path / "bundle", "onnx", {"licence": "none"})
    photos = load_photos(drawn, "trainingset", "car_parts")
    segmenter = load_segmenter(open_bundle(str(tmp_path / "bundle")))
    with_network = detect_with_network(model, photos, config)
    with_bundle = detect(segmenter, photos, 0.02)
    assert sum(map(len, with_network)) > 10, "an untrained network finds much"
    parity = compare(photos, with_network, with_bundle, config.labels)
    # The two resize by code of their own: a value that lies half-way is rounded by either.
    assert parity.same >= 0.99 * parity.total
    assert parity.holds
    assert bundle.manifest.input.size == SIZE


def test_the_graph_leaves_out_what_scores_less_than_its_threshold(
    run: Path, drawn: Path, tmp_path: Path
) -> None:
    import onnxruntime

    config, model = load_run(Run.at(str(run)))
    bundle = export(config, model, tmp_path / "bundle", "onnx", {})
    session = onnxruntime.InferenceSession(str(bundle.weights), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(1).uniform(0, 255, (3, 48, SIZE)).astype(np.float32)

    def scores(**threshold: np.ndarray) -> np.ndarray:
        return session.run(["scores"], {"image": image, **threshold})[0]

    by_default, low = scores(), scores(score_threshold=np.array([0.001], np.float32))
    assert by_default.size == 0 or by_default.min() > 0.05
    high = scores(score_threshold=np.array([float(np.median(low))], np.float32))
    assert 0 < len(high) < len(low)
    assert np.allclose(high, low[: len(high)])


@pytest.mark.parametrize("name", ["car_parts", "main_car"])
def test_the_release_starts_from_the_embedded_bundles(name: str) -> None:
    config = load_config(CONFIGS / f"{name}_release.yaml")
    fresh, started = build(config, "scratch"), build(config, f"embedded:{name}")
    before = fresh.state_dict()
    same = {
        n
        for n, tensor in started.state_dict().items()
        if tensor.numel() > 1 and tensor.std() > 0 and torch.equal(tensor, before[n])
    }
    # What has another number of classes starts fresh; all else is the bundle's.
    assert {n for n in same if "pixel_" not in n and "anchor" not in n} <= {
        "roi_heads.box_predictor.cls_score.weight"
    }


@pytest.mark.parametrize("task", ["car_parts", "main_car"])
def test_a_bundle_goes_back_into_the_network_that_it_came_from(
    task: str, config: TrainConfig, drawn: Path, tmp_path: Path
) -> None:
    light = config.model.model_copy(
        update={"separable_rpn": True, "separable_fpn": (2, 3), "mask_level": 2}
    )
    config = config.model_copy(update={"task": task, "model": light, "seed": 5})
    model = build(config).eval()
    photos = load_photos(drawn, "trainingset", config.task)[:3]
    bundle = export(config, model, tmp_path / "bundle", "onnx", {})
    again = build(config.model_copy(update={"seed": 6}), str(bundle.folder)).eval()
    before, after = (detect_with_network(m, photos, config, 0.02) for m in (model, again))
    assert sum(map(len, before)) > 3, "an untrained network finds much"
    for ours, theirs in zip(after, before, strict=True):
        assert alike(ours, theirs, SAME_IOU) == len(ours) == len(theirs)


def test_a_full_network_starts_a_separable_one_with_nearly_its_filters(
    config: TrainConfig, tmp_path: Path
) -> None:
    full = build(config)
    torch.save(full.state_dict(), tmp_path / "full.pth")
    light = config.model.model_copy(update={"separable_fpn": (2,)})
    started = build(config.model_copy(update={"model": light}), tmp_path / "full.pth")
    x = torch.randn(1, 16, 20, 20, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted, got = (m.backbone.fpn_output2(x) for m in (full, started))
        other = build(config.model_copy(update={"model": light})).backbone.fpn_output2(x)
    # Random filters are the hardest: two of nine singular values hold 40 % of the energy.
    assert (got - wanted).square().mean() < 0.7 * wanted.square().mean()
    assert (other - wanted).square().mean() > (got - wanted).square().mean()


def test_what_nobody_boxed_teaches_nothing(config: TrainConfig) -> None:
    config = config.model_copy(update={"task": "main_car"})
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    box = np.array([[4, 4, 28, 28]], np.float32)
    boxed = Example(picture, np.zeros(0, np.int64), np.zeros((0, SIZE, SIZE), np.uint8), box)
    car = replace(boxed, box_labels=np.zeros(1, np.int64), partial=True)
    model = build(config).train()
    images = model.preprocess_image([training_input(car, bgr=False)])
    features = list(model.backbone(images.tensor).values())[: len(config.model.anchor_sizes)]
    anchors = model.proposal_generator.anchor_generator(features)
    everywhere = Boxes.cat(anchors)

    def background(example: Example) -> torch.Tensor:
        torch.manual_seed(1)
        target = training_input(example, bgr=False)["instances"]
        labels, _ = model.proposal_generator.label_and_sample_anchors(anchors, [target])
        return everywhere.tensor[labels[0] == 0]

    def far(boxes: torch.Tensor) -> torch.Tensor:
        return pairwise_iou(Boxes(boxes), Boxes(torch.from_numpy(box)))[:, 0] < NEAR

    assert far(background(replace(car, partial=False))).any(), "a whole picture's rest is no car"
    assert len(background(car)) > 0
    assert not far(background(car)).any()
    # A motorcycle is known to be none: nothing of it is an object, and it is background.
    none = replace(car, box_labels=np.full(1, len(config.labels)))
    target = training_input(none, bgr=False)["instances"]
    labels, _ = model.proposal_generator.label_and_sample_anchors(anchors, [target])
    assert not (labels[0] == 1).any()
    assert (labels[0] == 0).any()


def test_a_box_without_a_mask_teaches_no_mask(config: TrainConfig) -> None:
    config = config.model_copy(update={"task": "main_car"})
    picture = np.random.default_rng(2).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    box = np.array([[4, 4, 40, 40]], np.float32)
    nothing = np.zeros((0, SIZE, SIZE), np.uint8)
    boxed = Example(picture, np.zeros(0, np.int64), nothing, box, np.zeros(1, np.int64), True)
    model = build(config).train()
    with EventStorage():
        losses = model([training_input(boxed, bgr=False)])
    assert losses["loss_mask"] == 0
    assert losses["loss_cls"] > 0
    sum(losses.values()).backward()
    gone = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert gone == [], "every worker has a gradient for every tensor, whatever its pictures"


def test_a_bundle_of_another_architecture_is_no_start(config: TrainConfig) -> None:
    resnet = config.model_copy(
        update={"model": config.model.model_copy(update={"backbone": "resnet50"})}
    )
    with pytest.raises(BadBundle, match="another backbone"):
        build(resnet, "embedded:car_parts")


def test_weights_that_fit_nowhere_are_refused(config: TrainConfig, tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(TrainingError, match="no tensor of"):
        build(config, str(tmp_path / "x.pth"))


def test_event_storages_are_closed_again(config: TrainConfig, drawn: Path) -> None:
    photos = load_photos(drawn, "trainingset", "car_parts")
    task = MaskRcnnTask(config, Photos(photos), Photos(()))
    losses = task.network("cpu").train()(next(iter(task.batches(0, 1, 0))))
    assert {"loss_cls", "loss_box_reg", "loss_mask", "loss_rpn_cls", "loss_rpn_loc"} == set(losses)
    with pytest.raises(AssertionError):
        get_event_storage()


def test_runs_to_be_averaged_keep_the_same_photos_aside(config: TrainConfig, drawn: Path) -> None:
    def aside(**changes: int | float) -> set[str]:
        task = make_task(config.model_copy(update=changes), str(drawn), None, None)
        assert isinstance(task, MaskRcnnTask)
        return {photo.path.name for photo in task.validation.cars}

    kept = [aside(validation_share=0.3, seed=seed, split_seed=3) for seed in (3, 4, 5)]
    assert kept[0] == kept[1] == kept[2] == aside(validation_share=0.3, seed=3)
    assert len({frozenset(aside(validation_share=0.3, seed=seed)) for seed in range(4)}) > 1


def test_a_storage_with_a_run_of_another_configuration_is_left_alone(
    run: Path, drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", str(CONFIGS / "main_car_mobilenet.yaml"), "--local"]
    assert main([*arguments, "--data", str(drawn), "--storage", str(run)]) == 2
    assert "another configuration" in capsys.readouterr().err


def test_a_local_run_has_no_remote_storage(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--config", str(CONFIGS / "main_car_mobilenet.yaml"), "--local"]
    monkeypatch.setattr("sys.argv", [*arguments, "--data", str(drawn), "--storage", "s3://b/run"])
    with pytest.raises(SystemExit):
        main()
    assert "--local keeps its run in a folder" in capsys.readouterr().err


def test_the_command_trains_on_two_ray_workers(
    config: TrainConfig, drawn: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    command = [sys.executable, "-m", "training.train", "--config", str(file), "--workers", "2"]
    command += ["--data", str(drawn), "--storage", str(tmp_path / "run"), "--cpus-per-worker", "1"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert load_run(Run.at(str(tmp_path / "run")))[0] == config
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == 2
    assert all("box_ap" in row for row in rows)
