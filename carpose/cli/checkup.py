"""What `carpose doctor` looks at."""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Final

from carpose.cli.models import EMBEDDED

LOOKS: Final = 5
"""At a photo, whose median is told."""

PHOTO: Final = "example.jpg"
"""A drawn car of 1600 x 1200 pixels, as tests/rendered_car.py makes it."""

SHOWS: Final = "front-left"


@dataclass(frozen=True)
class Check:
    """What was looked at; `well` is None where it is only said."""

    what: str
    well: bool | None
    words: str


def checks(server: str, threads: int, aws: bool) -> Iterator[Check]:
    """All of them, as they are done; AWS is asked only where that is wanted."""
    yield from _packages()
    yield from _models()
    yield from _speed(threads)
    yield from _gpu()
    yield from _ray()
    yield from _server(server)
    if aws:
        yield from _aws()


def as_json(found: Iterable[Check]) -> str:
    """A list of objects."""
    return json.dumps([asdict(check) for check in found], indent=1)


def show(found: Iterable[Check]) -> None:
    """A line for each, in colours where a terminal has them."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 1))
    for check in found:
        mark = {True: "[green]ok[/]", False: "[bold red]wrong[/]", None: "[dim]-[/]"}[check.well]
        table.add_row(mark, check.what, check.words)
    Console(highlight=False).print(table)


def _packages() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    yield Check("python", None, f"{platform.python_version()}, {platform.machine()}, {cores} cores")
    yield Check("carpose", None, _version("carpose") or "not installed, run from its folder")
    for name, module in (("onnxruntime", "onnxruntime"), ("pillow", "PIL"), ("pi-heif", "pi_heif")):
        try:
            __import__(module)
        except ImportError as error:
            yield Check(name, False, str(error))
        else:
            yield Check(name, True, _version(name) or "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _models() -> Iterator[Check]:
    from carpose.bundles import open_bundle
    from carpose.errors import BadBundle

    for name in EMBEDDED:
        try:
            bundle = open_bundle(f"embedded:{name}")
        except BadBundle as error:
            yield Check(name, False, error.detail)
        else:
            yield Check(name, True, f"{bundle.identity}: its files have the checksums they should")


def _speed(threads: int) -> Iterator[Check]:
    from carpose.errors import CarposeError
    from carpose.estimator import Estimator
    from carpose.processor import multiplies_bytes

    photo, times_ms = (files("carpose.cli") / PHOTO).read_bytes(), []
    began = time.perf_counter()
    try:
        estimator = Estimator.load(threads=threads)
        loaded_s = time.perf_counter() - began
        for _ in range(LOOKS):
            began = time.perf_counter()
            answer = estimator.answer(photo).response()
            times_ms.append(1000 * (time.perf_counter() - began))
    except CarposeError as error:
        yield Check("a photo", False, error.detail)
        return
    seen = answer.pose.viewpoint
    yield Check("a photo", seen == SHOWS, f"a car from its {seen}, drawn from its {SHOWS}")
    arithmetic = "int8" if multiplies_bytes() else "f32"
    took = f"{statistics.median(times_ms):.0f} ms by {threads} threads in {arithmetic}"
    yield Check("its speed", None, f"{took}, loaded in {loaded_s:.1f} s")


def _gpu() -> Iterator[Check]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        yield Check("GPU", None, "none: models run on the CPU")
        return
    asked = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=30)
    yield Check("GPU", done.returncode == 0, (done.stdout or done.stderr).strip())
    torch = _version("torch")
    words = f"torch {torch}" if torch else "no torch: see requirements-gpu.txt"
    yield Check("GPU's engine", None, f"{words}, detectron2 {_version('detectron2') or 'missing'}")


def _ray() -> Iterator[Check]:
    found = _version("ray")
    yield Check("ray", None, found or "not installed: no server and no bulk from here")


def _server(url: str) -> Iterator[Check]:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
            yield Check("server", response.status == 200, f"{url} is ready")
    except urllib.error.HTTPError as error:
        yield Check("server", False, f"{url}/readyz answers {error.code}")
    except (OSError, ValueError) as error:
        yield Check("server", None, f"none at {url} ({getattr(error, 'reason', error)})")


def _aws() -> Iterator[Check]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    region = os.environ.get("AWS_REGION") or None
    try:
        session = boto3.session.Session(region_name=region)
        who = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError, ValueError) as error:
        yield Check("AWS", False, str(error))
        return
    region = session.region_name
    yield Check("AWS", True, str(who["Arn"]))
    yield Check("AWS region", region is not None, region or "none: set AWS_REGION")
