"""serve_config.gpu.yaml on a cluster with one logical GPU: who gets it, and who does not.

No GPU is needed: Ray counts the one it is told of. The models are the embedded ones, on the CPU.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
import yaml
from pydantic import ValidationError
from ray import serve

from deployments.app import build
from deployments.config import Args
from tests.conftest import ROOT, free_port


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    ray.init(num_cpus=8, num_gpus=1, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": free_port()})
    yield
    serve.shutdown()
    ray.shutdown()


def gpu_args() -> dict[str, dict[str, object]]:
    config = yaml.safe_load((ROOT / "serve_config.gpu.yaml").read_text())
    args: dict[str, dict[str, object]] = config["applications"][0]["args"]
    return args


def test_the_gpu_configuration_is_valid_and_pins_both_detectors() -> None:
    args = Args.model_validate(gpu_args())
    assert args.car.device == args.parts.device == "cuda"
    assert args.car.bundle.startswith("model_zoo:COCO-InstanceSegmentation/")
    assert args.car.num_gpus + args.parts.num_gpus <= 1


def test_both_detectors_share_the_gpu_and_nobody_else_takes_it(one_gpu: None) -> None:
    args = gpu_args()
    for key, bundle in (("car", "embedded:main_car"), ("parts", "embedded:car_parts")):
        args[key] |= {"bundle": bundle, "device": "cpu"}
    serve.run(build(Args.model_validate(args)), name="carpose")
    found = [
        serve.get_deployment_handle(name, "carpose").describe.remote().result(timeout_s=60)
        for name in ("MainCarSegmenter", "CarPartDetector")
    ]
    assert [d["gpus"] for d in found] == [["0"], ["0"]]
    end = time.monotonic() + 30
    while ray.available_resources().get("GPU", 0.0) > 0:
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ({"parts": {"bundle": "b", "device": "cuda"}}, "num_gpus"),
        ({"parts": {"bundle": "b", "device": "tpu"}}, "'cpu' or 'cuda'"),
        ({"parts": {"bundle": "b", "threads": 0}}, "greater than or equal to 1"),
        ({"detector": {}}, "detector"),
        ({"ingress": {"deadline_s": 0}}, "deadline_s"),
    ],
    ids=["cuda-without-gpu", "device", "threads", "unknown-key", "deadline"],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(
    args: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Args.model_validate(args)


def test_the_configurations_name_only_deployments_that_exist() -> None:
    for path in (ROOT / "serve_config.yaml", ROOT / "serve_config.gpu.yaml"):
        (application,) = yaml.safe_load(Path(path).read_text())["applications"]
        Args.model_validate(application["args"])
        named = {d["name"] for d in application["deployments"]}
        assert named <= {"Ingress", "MainCarSegmenter", "CarPartDetector", "PosePostprocessor"}
