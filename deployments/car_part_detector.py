"""The deployment that finds the parts of cars."""

from ray import serve

from deployments.detector import Detector


@serve.deployment
class CarPartDetector(Detector):
    """The 18 parts with masks."""
