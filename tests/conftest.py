"""Real photos and a real server for every test that wants them."""

import os
import signal

# Ray reads it once a process, when it is imported, which much below does: it cannot be one test's.
# Clusters in this process (no other one's port is told to anybody) do without a token; servers have
# their own: tests/servers.py.
os.environ["RAY_AUTH_MODE"] = "disabled"

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import pytest
import yaml
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from deployments.api_keys import ApiKey
from tests.rekognition_emulator import Emulator, Script
from tests.servers import ROOT, Server, running, server_environment
from tests.visitor import ARGUMENTS, CHROMIUM, Visit

# Servers and commands are ended by SIGINT, which who was started in the background ignores, and so
# do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts on time, and machines are busy.
settings.register_profile("carpose", deadline=None)
settings.load_profile("carpose")

DATA = Path(os.environ.get("CARPOSE_DATA", ROOT.parent / "shared" / "car-parts"))
AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}


BUCKET = "carpose-tests"

SLOW = {"serving", "server", "visit", "browser"}
"""Fixtures that start a server or a browser."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs such a fixture; `make test-fast` leaves it out."""
    for item in items:
        if SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


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


@dataclass(frozen=True)
class Serving(Server):
    """The server of serve_config.yaml; `strict` is its twin with tight limits, `toy` one engine
    behind `keys`, a file of API keys."""

    keys: Path

    @property
    def strict(self) -> str:
        """Address of the application with tight limits."""
        return f"{self.url}/strict"

    @property
    def toy(self) -> str:
        """Address of the application that asks for keys."""
        return f"{self.url}/toy"


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


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on a real HTTP server, in the environment that boto3 and Arrow read."""
    server = pytest.importorskip("moto.server", reason="needs: make test-train").ThreadedMotoServer(
        "127.0.0.1", 0, verbose=False
    )
    server.start()
    _, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_REGION", "us-east-1")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        yield f"s3://{BUCKET}"
    server.stop()


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator) -> Iterator[Serving]:
    """serve_config.yaml, served as a user starts it, on a free port.

    A second application with tight limits runs beside it, for what the limits refuse, and a third
    one that asks for keys.
    """
    folder = tmp_path_factory.mktemp("serving")
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
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
                "max_jpeg_megapixels": 1,
                "upload_s": 2,
                "allow_origins": ["https://shop.example"],
            }
        },
    }
    config["applications"].append(strict)
    keys = folder / "keys.yaml"
    keys.touch()
    toy = {
        "name": "toy",
        "route_prefix": "/toy",
        "import_path": "tests.toy_engine:build",
        "args": {"ingress": {"keys_file": str(keys)}},
    }
    config["applications"].append(toy)
    # A service that throttles to the end is to end soon.
    config["applications"][0]["args"]["rekognition"]["attempts"] = 2
    environment = server_environment(
        **AWS_ENVIRONMENT, AWS_ENDPOINT_URL_REKOGNITION=emulator.url, AWS_REGION="eu-west-1"
    )
    with running(config, folder, environment) as server:
        yield Serving(**vars(server), keys=keys)


@pytest.fixture(scope="session")
def key(serving: Serving) -> str:
    """An API key of the application `toy`, which learned of it while it ran."""
    key, line = ApiKey.made("shop")
    with serving.keys.open("a") as file:
        file.write(line.line())
    end = time.monotonic() + 60
    url = f"{serving.toy}/v1/limits"
    while httpx.get(url, headers={"X-API-Key": key}, timeout=60).status_code == 401:
        assert time.monotonic() < end, "the new key is not known"
        time.sleep(0.2)
    return key


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
