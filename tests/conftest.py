"""Real photos and a real server for every test that wants them."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from tests.rekognition_emulator import Emulator, Script
from tests.visitor import ARGUMENTS, CHROMIUM, Visit

# No test asserts on time, and machines are busy.
settings.register_profile("carpose", deadline=None)
settings.load_profile("carpose")

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("CARPOSE_DATA", ROOT.parent / "shared" / "car-parts"))
START_S = 90
AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}


@pytest.fixture(scope="session")
def data() -> Path:
    """The car-parts data; tests that need its photos are skipped where it is absent."""
    if not (DATA / "testset" / "annotations.json").is_file():
        pytest.skip("no car-parts data: set CARPOSE_DATA")
    return DATA


@pytest.fixture(scope="session")
def photos(data: Path) -> list[Path]:
    """The test photos."""
    return sorted((data / "testset" / "JPEGImages").glob("*.jpg"))


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass(frozen=True)
class Serving:
    """A running `serve run`; `url` is the application of serve_config.yaml, `strict` its twin
    with tight limits, `config` the file it was started from."""

    url: str
    strict: str
    config: Path
    log: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The Amazon Rekognition that `serving` calls."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def script(emulator: Emulator) -> Iterator[Script]:
    """What the emulator does for the server, fresh for each test."""
    emulator.script = Script()
    yield emulator.script
    emulator.script = Script()


@pytest.fixture
def aws(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Script:
    """What the emulator does, fresh for each test; boto3 in this process finds it by the
    environment, and nothing else there."""
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", emulator.url)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    emulator.script = Script()
    return emulator.script


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator) -> Iterator[Serving]:
    """`serve run` on serve_config.yaml, as a user starts it, on a free port.

    A second application with tight limits runs beside it, for what the limits refuse.
    """
    folder = tmp_path_factory.mktemp("serving")
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    port = free_port()
    config["http_options"]["port"] = port
    strict = {
        "name": "strict",
        "route_prefix": "/strict",
        "import_path": "deployments.app:build",
        "args": {
            "ingress": {
                "max_in_flight": 1,
                "deadline_s": 0.02,
                "max_upload_mb": 0.2,
                "max_megapixels": 1,
                "allow_origins": ["https://shop.example"],
            }
        },
    }
    config["applications"].append(strict)
    toy = {"name": "toy", "route_prefix": "/toy", "import_path": "tests.toy_engine:build"}
    config["applications"].append(toy)
    # A service that throttles to the end is to end soon.
    config["applications"][0]["args"]["rekognition"]["attempts"] = 2
    path = folder / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    environment = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "PYTHONPATH": str(ROOT),
        **AWS_ENVIRONMENT,
        "AWS_ENDPOINT_URL_REKOGNITION": emulator.url,
        "AWS_REGION": "eu-west-1",
        "RAY_TMPDIR": str(Path("/tmp") / f"carpose-{os.getpid()}"),
    }
    log = folder / "serve.log"
    serve = shutil.which("serve", path=str(Path(sys.executable).parent)) or "serve"
    with log.open("w") as out:
        process = subprocess.Popen(
            [serve, "run", str(path)],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for address in (url, f"{url}/strict"):
                _wait_until_ready(f"{address}/healthz", process, log)
            _wait_until_ready(f"{url}/readyz", process, log)
            yield Serving(url, f"{url}/strict", path, log, environment)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def server(serving: Serving) -> str:
    """Address of the real application."""
    return serving.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests that need it are skipped where it is absent."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    # Not for the whole session: Playwright's event loop would be in the way of asyncio.run.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Visit]:
    """A visitor on the page."""
    with Visit(browser, server) as visit:
        yield visit


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"{url} did not come up:\n{log.read_text()[-4000:]}")
