"""The graph: `serve run serve_config.yaml` calls `build` with the file's `args`."""

from ray import serve
from ray.serve import Application, Deployment

from deployments.config import Args, ReplicaArgs
from deployments.detector import Detector
from deployments.ingress import Ingress
from deployments.pose_postprocessor import PosePostprocessor
from deployments.rekognition_client import RekognitionClient


def build(args: Args) -> Application:
    """The application: ingress, two detectors that run at the same time, postprocessor, and
    Rekognition's client where it is configured."""
    cars = _deployment(Detector, args.main_car, "MainCarSegmenter")
    parts = _deployment(Detector, args.car_parts, "CarPartDetector")
    paid = args.rekognition
    return _deployment(Ingress, args.ingress).bind(
        args.ingress,
        cars.bind("main_car", args.main_car),
        parts.bind("car_parts", args.car_parts),
        _deployment(PosePostprocessor, args.postprocessor).bind(),
        _deployment(RekognitionClient, paid).bind(paid) if paid else None,
        paid.price_usd if paid else 0.0,
    )


def _deployment(kind: type, args: ReplicaArgs, name: str = "") -> Deployment:
    return serve.deployment(name=name or kind.__name__, **args.options())(kind)
