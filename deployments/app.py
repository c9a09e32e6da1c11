"""The graph: `serve run serve_config.yaml` calls `build` with the file's `args`."""

from typing import Any

from ray.serve import Application

from deployments.car_part_detector import CarPartDetector
from deployments.config import Args, DetectorArgs, RekognitionArgs
from deployments.ingress import Ingress
from deployments.main_car_segmenter import MainCarSegmenter
from deployments.pose_postprocessor import PosePostprocessor
from deployments.rekognition_client import RekognitionClient

INGRESS_QUEUE = 256


def build(args: Args) -> Application:
    """The application: ingress, two detectors that run at the same time, postprocessor, and
    Rekognition's client where it is configured."""
    car = MainCarSegmenter.options(**_detector_options(args.car)).bind(args.car)
    parts = CarPartDetector.options(**_detector_options(args.parts)).bind(args.parts)
    post = args.postprocessor
    postprocessor = PosePostprocessor.options(
        num_replicas=post.num_replicas,
        max_ongoing_requests=post.max_ongoing_requests,
        max_queued_requests=post.max_queued_requests,
        ray_actor_options={"num_cpus": post.num_cpus},
    ).bind()
    edge = args.ingress
    ingress = Ingress.options(
        num_replicas=edge.num_replicas,
        # Beyond max_in_flight the ingress itself answers 503, as problem+json; it must get to
        # see the request, and health checks must pass while photos wait.
        max_ongoing_requests=edge.max_in_flight + INGRESS_QUEUE,
        ray_actor_options={"num_cpus": edge.num_cpus},
    )
    client = _rekognition(args.rekognition) if args.rekognition else None
    price = args.rekognition.price_usd if args.rekognition else 0.0
    return ingress.bind(  # type: ignore[no-any-return]
        edge, car, parts, postprocessor, client, price
    )


def _rekognition(args: RekognitionArgs) -> Application:
    return RekognitionClient.options(  # type: ignore[no-any-return]
        num_replicas=args.num_replicas,
        max_ongoing_requests=args.max_ongoing_requests,
        max_queued_requests=args.max_queued_requests,
        ray_actor_options={"num_cpus": args.num_cpus},
    ).bind(args)


def _detector_options(args: DetectorArgs) -> dict[str, Any]:
    replicas: dict[str, Any] = {"num_replicas": args.num_replicas}
    if args.autoscaling:
        replicas = {"autoscaling_config": args.autoscaling.model_dump()}
    return {
        **replicas,
        "max_ongoing_requests": args.max_ongoing_requests,
        "max_queued_requests": args.max_queued_requests,
        "user_config": {},
        "ray_actor_options": {"num_cpus": args.num_cpus, "num_gpus": args.num_gpus},
    }
