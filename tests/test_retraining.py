"""The retraining's commands, with the real kubectl against an emulated API server."""

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from k8s.credentials import refresh
from k8s.retraining import ATTEMPTS, JOB, RESOURCE, NotFound, Status, main, remove, wait
from tests.kubernetes_api import Script, kubernetes
from tests.servers import ROOT

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")

CONFIGMAP = "/api/v1/namespaces/carpose/configmaps/carpose-retrain"
RUNNING = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}
COMPLETE = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
FAILED = {
    "jobDeploymentStatus": "Failed",
    "jobStatus": "FAILED",
    "reason": "AppFailed",
    "message": "the loss is not a number",
}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """A cluster for kubectl, empty."""
    script = Script()
    with kubernetes(script) as address:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": address}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
        yield script


def retrain(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    command = ["retraining", "--pause-s", "0.01", *arguments]
    monkeypatch.setattr(sys, "argv", command)
    return main()


def test_the_job_is_named_as_in_the_manifest() -> None:
    job, _ = yaml.safe_load_all((ROOT / "k8s/training/rayjob.yaml").read_text())
    assert job["metadata"]["name"] == JOB
    assert RESOURCE.endswith(f"/{JOB}")


@pytest.mark.parametrize(
    ("statuses", "code", "said"),
    [
        ([{}, RUNNING, RUNNING, COMPLETE], 0, "Complete SUCCEEDED"),
        ([RUNNING, FAILED], 1, "Failed FAILED AppFailed the loss is not a number"),
        ([{"jobDeploymentStatus": "Failed", "reason": "DeadlineExceeded"}], 1, "DeadlineExceeded"),
        (
            [{"jobDeploymentStatus": "Failed", "reason": "PreRunningDeadlineExceeded"}],
            1,
            "PreRunning",
        ),
        ([{"jobDeploymentStatus": "ValidationFailed"}], 1, "ValidationFailed"),
        (
            [
                RUNNING,
                {"jobDeploymentStatus": "Retrying", "jobStatus": "FAILED"},
                RUNNING,
                COMPLETE,
            ],
            0,
            "Retrying",
        ),
        ([RUNNING, None, None, COMPLETE], 0, "Complete"),
        ([{"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}], 1, "STOPPED"),
    ],
    ids=[
        "succeeds",
        "fails",
        "deadline",
        "no-node",
        "refused",
        "second-try",
        "server-hiccups",
        "stopped",
    ],
)
def test_it_waits_for_either_end(
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statuses: list[dict[str, str] | None],
    code: int,
    said: str,
) -> None:
    script.statuses = statuses
    assert (
        retrain(monkeypatch, "--set", "DATA=s3://b/data", "--set", "AWS_REGION=us-east-1") == code
    )
    assert said in capsys.readouterr().out


def test_what_is_applied_has_the_settings_and_the_job_before_is_gone(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.resources[RESOURCE] = {"kind": "RayJob", "of": "last month"}
    script.statuses = [COMPLETE]
    assert retrain(monkeypatch, "--set", "DATA=s3://b/data", "--set", "RUN=s3://b/runs/7") == 0
    assert script.calls[0] == f"DELETE {RESOURCE}"
    assert f"PATCH {RESOURCE}" in script.calls[1:]
    assert script.resources[RESOURCE]["spec"]["entrypoint"]
    settings = script.resources[CONFIGMAP]["data"]
    assert (settings["DATA"], settings["RUN"]) == ("s3://b/data", "s3://b/runs/7")
    assert settings["WORKERS"] == "2", "the others as they stand"


def test_a_setting_that_nobody_reads_is_refused(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retrain(monkeypatch, "--set", "DATE=s3://b/data") == 1
    assert "DATE" in capsys.readouterr().err
    assert script.calls == []


@pytest.mark.parametrize(
    ("statuses", "arguments", "said"),
    [
        ([RUNNING], ("--timeout-min", "0"), "not at an end"),
        ([None] * (ATTEMPTS + 1), (), "InternalError"),
    ],
    ids=["too-long", "server-gone"],
)
def test_it_does_not_wait_for_ever(
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statuses: list[dict[str, str] | None],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    script.statuses = statuses
    assert retrain(monkeypatch, *arguments) == 1
    assert said in capsys.readouterr().err


def test_a_job_that_stays_is_not_waited_for_for_ever(script: Script) -> None:
    script.finalizer = True
    script.resources[RESOURCE] = {"kind": "RayJob"}
    with pytest.raises(TimeoutError, match="not gone"):
        remove(timeout_s=0.5, pause_s=0.01)


def test_a_job_that_somebody_removed_is_an_end(script: Script) -> None:
    with pytest.raises(NotFound):
        wait(timeout_s=10, pause_s=0.01)


def test_failed_alone_is_no_end_while_another_try_is_left() -> None:
    assert not Status("Retrying", "FAILED", "", "").ended
    assert Status("Failed", "FAILED", "", "").ended


class Identity(BaseHTTPRequestHandler):
    """GitHub's identity provider: a token that says for whom it is and its number."""

    given = 0

    def do_GET(self) -> None:
        type(self).given += 1
        audience = self.path.partition("audience=")[2]
        right = self.headers["Authorization"] == "Bearer request-token"
        body = json.dumps({"value": f"{audience}-{self.given}"}).encode()
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def github(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a workflow's step."""
    server = HTTPServer(("127.0.0.1", 0), Identity)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{server.server_port}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
    }
    server.shutdown()
    server.server_close()


def test_the_token_is_fresh_each_time_and_for_nobody_else_to_read(github: dict[str, str]) -> None:
    file = Path(github["AWS_WEB_IDENTITY_TOKEN_FILE"])
    assert refresh(github)
    first = file.read_text()
    assert first.startswith("sts.amazonaws.com-")
    assert refresh(github)
    assert file.read_text() != first
    assert file.stat().st_mode & 0o077 == 0


def test_the_token_is_refreshed_while_the_job_runs(
    script: Script, github: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in github.items():
        monkeypatch.setenv(name, value)
    before = Identity.given
    script.statuses = [RUNNING, RUNNING, RUNNING, COMPLETE]
    assert retrain(monkeypatch) == 0
    assert Identity.given >= before + 4


def test_outside_of_a_workflow_there_is_nothing_to_refresh() -> None:
    assert not refresh({})


def test_a_token_that_is_not_given_is_an_error(github: dict[str, str]) -> None:
    with pytest.raises(OSError, match="401"):
        refresh(github | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "another"})
