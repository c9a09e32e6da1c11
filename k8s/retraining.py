"""Submit the retraining job and wait for its end, whichever it is.

    python -m k8s.retraining --set DATA=s3://bucket/car-parts --set RUN=... --set BUNDLE=... \\
        --set CONFIG=training/configs/car_parts_r50.yaml --timeout-min 330

Renders `k8s/training`, puts the settings into its ConfigMap, removes the job that went before,
applies all of it by kubectl and asks until the job is complete or failed. Credentials are refreshed
before every call (k8s.credentials); a call that fails is made again.

Exit code: 0 succeeded, 1 failed, was removed, or took too long.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from k8s.credentials import refresh
from k8s.serve_config import ROOT

NAMESPACE = "carpose"
JOB = "carpose-retrain"
RESOURCE = f"/apis/ray.io/v1/namespaces/{NAMESPACE}/rayjobs/{JOB}"
SETTINGS = ROOT / "k8s" / "training" / "settings.yaml"
ENDS = {"Complete", "Failed", "ValidationFailed"}
"""Of `jobDeploymentStatus` in KubeRay 1.7. The job's FAILED is none: another try may follow."""
REMOVAL_S = 600.0
ATTEMPTS = 5
"""Calls in a row that may fail: an API server is upgraded, a token just ran out."""


class KubectlError(Exception):
    """kubectl failed; the message is its own."""


class NotFound(KubectlError):
    """There is no such resource."""


@dataclass(frozen=True)
class Status:
    """How a RayJob goes, in KubeRay's words."""

    deployment: str
    job: str
    reason: str
    message: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.deployment in ENDS

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.deployment == "Complete" and self.job == "SUCCEEDED"

    def __str__(self) -> str:
        words = (self.deployment or "new", self.job, self.reason, self.message)
        return " ".join(word for word in words if word)


def status_of(resource: Mapping[str, Any]) -> Status:
    """The status in a RayJob resource."""
    status = resource.get("status", {})
    keys = ("jobDeploymentStatus", "jobStatus", "reason", "message")
    return Status(*(str(status.get(key, "")) for key in keys))


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """What kubectl prints.

    Raises: NotFound; KubectlError.
    """
    refresh()
    done = subprocess.run(["kubectl", *arguments], input=stdin, capture_output=True, text=True)
    if done.returncode:
        kind = NotFound if "NotFound" in done.stderr else KubectlError
        raise kind(done.stderr.strip())
    return done.stdout


def patiently(call: Callable[[], str], pause_s: float) -> str:
    """The call's result, made again after a pause where it fails.

    Raises: NotFound at once; KubectlError after ATTEMPTS.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except NotFound:
            raise
        except (KubectlError, OSError) as error:
            if attempt == ATTEMPTS:
                raise
            print(f"once more in {pause_s:.0f} s: {error}", file=sys.stderr)
            time.sleep(pause_s)
    raise AssertionError("unreachable")


def manifests(values: Mapping[str, str], settings: Path = SETTINGS) -> str:
    """What is applied: the training's manifests, and its settings with these values.

    Raises: ValueError naming a key that the settings do not have.
    """
    config = yaml.safe_load(settings.read_text())
    unknown = set(values) - set(config["data"])
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: one of {', '.join(config['data'])}")
    config["data"] |= values
    rendered = kubectl("kustomize", str(ROOT / "k8s" / "training"))
    return f"{yaml.safe_dump(config)}---\n{rendered}"


def remove(timeout_s: float, pause_s: float) -> None:
    """Remove the job that went before, if there is one, and wait: KubeRay takes its cluster down.

    Raises: TimeoutError; KubectlError.
    """
    end = time.monotonic() + timeout_s
    try:
        patiently(lambda: kubectl("delete", "--raw", RESOURCE), pause_s)
        while time.monotonic() < end:
            patiently(lambda: kubectl("get", "--raw", RESOURCE), pause_s)
            time.sleep(pause_s)
    except NotFound:
        return
    raise TimeoutError(f"the job before is not gone after {timeout_s / 60:.0f} minutes")


def submit(values: Mapping[str, str], pause_s: float) -> None:
    """Apply the job with these settings, in place of the one before.

    Raises: ValueError naming an unknown setting; TimeoutError; KubectlError.
    """
    text = manifests(values)
    remove(REMOVAL_S, pause_s)
    patiently(lambda: kubectl("apply", "--server-side", "--filename", "-", stdin=text), pause_s)


def wait(timeout_s: float, pause_s: float) -> Status:
    """The job's status once it ended.

    Raises: NotFound when somebody removed it; TimeoutError; KubectlError.
    """
    end, last = time.monotonic() + timeout_s, None
    while True:
        status = status_of(
            json.loads(patiently(lambda: kubectl("get", "--raw", RESOURCE), pause_s))
        )
        if status != last:
            print(status, flush=True)
            last = status
        if status.ended:
            return status
        if time.monotonic() > end:
            raise TimeoutError(f"not at an end after {timeout_s / 60:.0f} minutes: {status}")
        time.sleep(pause_s)


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="values")
    parser.add_argument("--timeout-min", type=float, default=330)
    parser.add_argument("--pause-s", type=float, default=30, help="between two questions")
    args = parser.parse_args()
    try:
        submit(dict(entry.split("=", 1) for entry in args.values), args.pause_s)
        status = wait(args.timeout_min * 60, args.pause_s)
    except (KubectlError, TimeoutError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if status.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
