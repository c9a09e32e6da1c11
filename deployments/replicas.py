"""A class as a deployment, with the options that its arguments say."""

from ray import serve
from ray.serve import Deployment

from deployments.config import ReplicaArgs


def deployment(kind: type, args: ReplicaArgs, name: str = "") -> Deployment:
    """The deployment of a class, by default under the class's own name."""
    return serve.deployment(name=name or kind.__name__, **args.options())(kind)
