"""The deployment that finds cars and their pixels."""

from ray import serve

from deployments.detector import Detector


@serve.deployment
class MainCarSegmenter(Detector):
    """Cars (with COCO models also trucks and buses) with masks."""
