"""The graph: `serve run serve_config.yaml` calls `build` with the file's `args`."""

from collections.abc import Sequence

from ray.serve import Application

from deployments.beside import Beside
from deployments.config import Args
from deployments.engines import ServedEngine
from deployments.ingress import Ingress
from deployments.own_models import OWN_MODELS
from deployments.pose_postprocessor import PosePostprocessor
from deployments.rekognition_client import AMAZON
from deployments.replicas import deployment

ENGINES: tuple[ServedEngine, ...] = (OWN_MODELS, AMAZON)
"""A line for each engine; the first one is the default, and must run for the server to be ready."""


def build(args: Args) -> Application:
    """The application: ingress, engines and postprocessor."""
    return graph(args, ENGINES)


def graph(args: Args, engines: Sequence[ServedEngine]) -> Application:
    """The same with other engines."""
    handles = [(served.engine, served.handle(args)) for served in engines]
    ingress = deployment(Ingress, args.ingress)
    if args.together:
        # Without a user_config Ray Serve would not ask the replica to make what lives in it.
        beside = Beside("PosePostprocessor", PosePostprocessor)
        return ingress.options(user_config={}).bind(args.ingress, handles, beside)
    postprocessor = deployment(PosePostprocessor, args.postprocessor)
    return ingress.bind(args.ingress, handles, postprocessor.bind())
