"""The arguments of the graph: what the files at the top say, and what is refused by name."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from deployments.app import build
from deployments.config import Args
from tests.servers import ROOT

FILES = ("serve_config.yaml", "serve_config.small.yaml", "serve_config.gpu.yaml")


def serve_args(file: str) -> dict[str, Any]:
    """`args` of a Serve configuration at the top."""
    (application,) = yaml.safe_load((ROOT / file).read_text())["applications"]
    args: dict[str, Any] = application["args"]
    return args


def test_the_gpu_configuration_is_valid_and_pins_both_detectors() -> None:
    args = Args.model_validate(serve_args("serve_config.gpu.yaml"))
    assert args.main_car.device == args.car_parts.device == "cuda"
    assert args.main_car.bundle.startswith("model_zoo:COCO-InstanceSegmentation/")
    assert args.main_car.num_gpus + args.car_parts.num_gpus <= 1


@pytest.mark.parametrize(("file", "cpus"), [("serve_config.yaml", 2), ("serve_config.gpu.yaml", 4)])
def test_everything_has_a_place_on_the_smallest_machine_it_is_for(file: str, cpus: int) -> None:
    """Ray leaves without a word what does not fit. Four CPUs: g4dn.xlarge and g5.xlarge."""
    args = Args.model_validate(serve_args(file))
    assert args.rekognition
    replicas = (args.main_car, args.car_parts, args.postprocessor, args.rekognition, args.ingress)
    assert sum(one.num_replicas * one.num_cpus for one in replicas) <= cpus


@pytest.mark.parametrize("file", FILES)
def test_a_configuration_names_only_deployments_that_exist(file: str) -> None:
    (application,) = yaml.safe_load((ROOT / file).read_text())["applications"]
    assert build(Args.model_validate(application["args"]))
    named = {d["name"] for d in application["deployments"]}
    detectors = {"MainCarSegmenter", "CarPartDetector"}
    if not application["args"].get("together"):
        assert named <= detectors
        return
    (ingress,) = application["deployments"]
    assert ingress["name"] == "Ingress"
    assert set(ingress["user_config"]) <= detectors


def test_a_deployment_gets_the_replicas_that_its_arguments_name() -> None:
    fixed = Args.model_validate(serve_args("serve_config.yaml"))
    scaled = Args.model_validate(serve_args("serve_config.gpu.yaml"))
    assert fixed.car_parts.options()["num_replicas"] == 1
    assert fixed.car_parts.options()["ray_actor_options"] == {"num_cpus": 0.3, "num_gpus": 0.0}
    options = scaled.car_parts.options()
    assert "num_replicas" not in options
    assert options["autoscaling_config"]["max_replicas"] == 4
    assert options["ray_actor_options"] == {"num_cpus": 1.0, "num_gpus": 0.5}
    assert scaled.postprocessor.options()["num_replicas"] == 2
    # What comes beyond max_in_flight is still let in, to be refused with a reason.
    assert scaled.ingress.options()["max_ongoing_requests"] > scaled.ingress.max_in_flight


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ({"car_parts": {"bundle": "b", "device": "cuda"}}, "num_gpus"),
        ({"car_parts": {"bundle": "b", "device": "tpu"}}, "'cpu' or 'cuda'"),
        ({"car_parts": {"bundle": "b", "threads": 0}}, "greater than or equal to 1"),
        ({"detector": {}}, "detector"),
        ({"parts": {"bundle": "b"}}, "parts"),
        ({"rekognition": {"region": "Ireland"}}, "rekognition.region"),
        ({"rekognition": {"labels": {"car": []}}}, "rekognition.labels.car"),
        ({"rekognition": {"project_version_arn": "cars"}}, "no project version ARN"),
        ({"ingress": {"deadline_s": 0}}, "deadline_s"),
    ],
    ids=[
        *("cuda-without-gpu", "device", "threads", "unknown-key", "former-key", "region"),
        *("no-label", "arn", "deadline"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(
    args: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Args.model_validate(args)
