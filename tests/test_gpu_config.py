"""serve_config.gpu.yaml, the file itself, answers photos with nothing trained: where there is no GPU
on the CPU, and with the model zoo on loopback."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("detectron2", reason="detectron2 is not on PyPI: see requirements-gpu.txt")

import detectron2
import ray
import torch
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.schema import ServeDeploySchema

from carpose.bundles import open_bundle
from carpose.bundles.model_zoo import MIRROR, find_model
from carpose.engines import DETECTRON2
from carpose.images import Limits, Look, decode
from deployments.config import Args
from deployments.detector import Detector
from deployments.served_model import ServedModel
from tests.servers import ROOT, free_port
from tests.test_gpu_placement import application, until
from tests.zoo import NAME, checkpoint, on_loopback

pytestmark = pytest.mark.slow
GPUS = torch.cuda.device_count()
ZOO = f"model_zoo:{NAME}"


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The zoo's file, where a folder on loopback has it."""
    folder = tmp_path_factory.mktemp("zoo")
    with on_loopback(folder) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv(MIRROR, url)
        address = find_model(NAME).url
        assert address.startswith(url)
        path = folder / address.removeprefix(url + "/")
        path.parent.mkdir(parents=True)
        path.write_bytes(checkpoint(path.stem.rpartition("_")[2]))
        yield path


@pytest.fixture(autouse=True)
def nothing_fetched_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without fetched bundles."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def config() -> dict[str, Any]:
    """The file, on a free port."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "serve_config.gpu.yaml").read_text())
    config["http_options"]["port"] = free_port()
    if not GPUS:
        for key in ("main_car", "car_parts"):
            config["applications"][0]["args"][key]["device"] = "cpu"
    return config


@pytest.fixture
def cluster(mirrored: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray of the smallest machine that the file is for; the GPU is Ray's word where there is none."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{Path(detectron2.__file__).parent.parent}")
    monkeypatch.chdir(ROOT)
    ray.init(num_cpus=4, num_gpus=GPUS or 1, include_dashboard=False, log_to_driver=False)
    yield
    serve.shutdown()
    ray.shutdown()


def deploy(config: dict[str, Any]) -> None:
    _get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))


@pytest.mark.slow
def test_the_main_car_s_detector_with_the_zoo_gone_cut_and_there(
    mirrored: Path, config: dict[str, Any], photos: list[Path]
) -> None:
    """By the file's arguments, and without Ray around it."""
    (entry,) = config["applications"]
    args = Args.model_validate(entry["args"]).main_car
    picture = decode(photos[0].read_bytes(), Limits(), Look(DETECTRON2.longest_px))
    cut = next(p for p in mirrored.parents if p.name.startswith("zoo")) / "cut"
    gone = mirrored.rename(mirrored.with_suffix(".gone"))

    async def replica() -> None:
        detector = Detector("main_car", args)
        await detector.reconfigure({})
        served = detector._served
        assert served.stands_in
        assert "404" in str(served.error)
        assert (await detector.detect(picture)).model.endswith(" (fallback)")

        gone.rename(mirrored)
        cut.touch()
        await detector.reconfigure({"batch_wait_ms": 1})
        await settled(served)
        assert served.stands_in
        assert "cut off after" in str(served.error)

        cut.unlink()
        await detector.reconfigure({"batch_wait_ms": 2})
        await settled(served)
        assert not served.stands_in
        assert served.error is None
        found = await detector.detect(picture)
        assert found.model.startswith("mask_rcnn_R_50_FPN_3x@sha256:")
        assert found.boxes == pytest.approx(np.array([[0, 0, *picture.size]]), abs=2)
        await detector.check_health()

    # As in a replica, whose detector stands back with its own thread.
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, replica()).result()


async def settled(served: ServedModel) -> None:
    """Returns when the other bundle was taken, or could not be."""
    assert served._swap is not None
    await served._swap


def test_the_file_answers_photos_with_and_without_the_model_zoo(
    mirrored: Path, cluster: None, config: dict[str, Any], photos: list[Path]
) -> None:
    url = f"http://127.0.0.1:{config['http_options']['port']}"
    http = {key: config["http_options"][key] for key in ("host", "port")}
    serve.start(http_options=http, proxy_location="HeadOnly")
    gone = mirrored.rename(mirrored.with_suffix(".gone"))
    deploy(config)
    until(lambda: application().status == "RUNNING")
    main_car = asked(f"{url}/v1/models")["main_car"]
    embedded = open_bundle("embedded:main_car").identity
    assert main_car["fallback"] == "embedded:main_car"
    assert main_car["bundle"] == embedded
    assert ZOO in main_car["bundle_error"]
    answer = asked(f"{url}/v1/pose", photos[0])
    assert answer["models"]["main_car"] == f"{embedded} (fallback)"
    assert answer["models"]["car_parts"] == open_bundle("embedded:car_parts").identity
    assert answer["pose"]["viewpoint"]
    assert len(answer["parts"]) > 3

    gone.rename(mirrored)
    # Any change of a user_config has the replicas try again.
    tuned = config["applications"][0]["deployments"][0]["user_config"]
    tuned["batch_wait_ms"] = 1
    deploy(config)
    until(lambda: "fallback" not in asked(f"{url}/v1/models").get("main_car", {"fallback"}))
    answer = asked(f"{url}/v1/pose", photos[0])
    assert answer["models"]["main_car"].startswith("mask_rcnn_R_50_FPN_3x@sha256:")
    assert answer["pose"]["viewpoint"]
    size = answer["image"]["width"], answer["image"]["height"]
    assert answer["car"]["box"] == pytest.approx([0, 0, *size], abs=2), "this checkpoint's only car"


def asked(url: str, photo: Path | None = None) -> Any:
    request = urllib.request.Request(url)
    if photo is not None:
        request.data = photo.read_bytes()
        request.add_header("Content-Type", "image/jpeg")
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code} {error.read().decode()}") from error
