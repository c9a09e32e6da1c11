"""Start, stop and look at a Custom Labels model, which costs money by the hour while it runs."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from carpose.errors import BadParameter, UpstreamError

ARN = re.compile(
    r"^arn:[a-z\d-]+:rekognition:(?P<region>[a-z\d-]+):\d{12}"
    r":project/(?P<project>[\w.-]{1,255})/version/(?P<version>[\w.-]{1,255})/\d+$"
)
MOVING = {"STARTING": "RUNNING", "STOPPING": "STOPPED"}
"""States that end by themselves, and in what."""

DOWN = ("STOPPED", "TRAINING_COMPLETED")
"""States of a model that costs nothing: stopped, or never started."""


@dataclass(frozen=True)
class ModelVersion:
    """A project version ARN, taken apart."""

    arn: str
    region: str
    project: str
    version: str


def parse_arn(arn: str) -> ModelVersion:
    """Raises: BadParameter showing what a project version ARN looks like."""
    match = ARN.match(arn)
    if match is None:
        raise BadParameter(
            f"{arn!r} is no project version ARN: "
            "arn:aws:rekognition:REGION:ACCOUNT:project/NAME/version/VERSION/NUMBER"
        )
    return ModelVersion(arn, match["region"], match["project"], match["version"])


def status(client: Any, model: ModelVersion) -> tuple[str, str]:
    """State and message of the model, as the service names them.

    Raises: BadParameter when the account has no such model.
    """
    projects = client.describe_projects(ProjectNames=[model.project])["ProjectDescriptions"]
    for project in projects:
        found = client.describe_project_versions(
            ProjectArn=project["ProjectArn"], VersionNames=[model.version]
        )["ProjectVersionDescriptions"]
        for version in found:
            if version["ProjectVersionArn"] == model.arn:
                return version["Status"], version.get("StatusMessage", "")
    raise BadParameter(f"this account has no model {model.arn}")


def start(client: Any, model: ModelVersion, units: int) -> None:
    """Ask for the model to be started with `units` inference units, unless it is up."""
    if status(client, model)[0] not in ("RUNNING", "STARTING"):
        client.start_project_version(ProjectVersionArn=model.arn, MinInferenceUnits=units)


def stop(client: Any, model: ModelVersion) -> None:
    """Ask for the model to be stopped, unless it is down."""
    if status(client, model)[0] in ("RUNNING", "STARTING"):
        client.stop_project_version(ProjectVersionArn=model.arn)


def settled(
    client: Any,
    model: ModelVersion,
    wanted: str,
    on_wait: Callable[[str, float], None],
    poll_s: float,
    most_s: float,
) -> None:
    """Wait until the model is in the state `wanted`; `on_wait(state, seconds)` at each look.

    Raises: UpstreamError when it ends in another state; TimeoutError after `most_s` seconds.
    """
    began = time.monotonic()
    while True:
        state, message = status(client, model)
        waited = time.monotonic() - began
        on_wait(state, waited)
        if state in DOWN if wanted == "STOPPED" else state == wanted:
            return
        # Just asked for, the model may still be in its old state.
        old = {"RUNNING": DOWN, "STOPPED": ("RUNNING",)}[wanted]
        if MOVING.get(state) != wanted and state not in old:
            raise UpstreamError(f"the model is {state}, not {wanted}: {message or 'no message'}")
        if waited >= most_s:
            raise TimeoutError(f"the model is still {state} after {waited:.0f} s")
        time.sleep(poll_s)
