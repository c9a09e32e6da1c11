"""The commands of the workflows, the RayJob and k8s/README.md are ours, with options that they have."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.servers import ROOT

SOURCES = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ROOT / "k8s" / "training" / "rayjob.yaml",
    ROOT / "k8s" / "README.md",
]
COMMAND = re.compile(r"python -m ((?:k8s|training|carpose)[\w.]*)((?:[^\n;|`&)]|\\\n)*)")

CALLS_AWS = re.compile(r"\baws (?:eks|s3)\b|\bkubectl |\btraining\.storage\b|\bk8s\.promotion\b")


def commands(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Module and options of every command of ours in a file."""
    text = path.read_text()
    if path.name == "rayjob.yaml":
        job, _ = yaml.safe_load_all(text)
        text = job["spec"]["entrypoint"]
    return [
        (module, tuple(re.findall(r"(?<!\S)(--[\w-]+)", rest)))
        for module, rest in COMMAND.findall(text)
    ]


ALL = sorted({command for path in SOURCES for command in commands(path)})


@cache
def usage(module: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if "ModuleNotFoundError" in done.stderr and f"'{module}'" not in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])  # torch or Detectron2, which not every test has
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("module", "options"), ALL, ids=[" ".join((m, *o)) for m, o in ALL])
def test_the_command_exists_and_knows_its_options(module: str, options: tuple[str, ...]) -> None:
    assert importlib.util.find_spec(module), module
    for option in options:
        assert option in usage(module), f"{module} {option}"


@pytest.mark.parametrize("path", SOURCES[:-2], ids=lambda path: path.name)
def test_a_workflow_is_one(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert {"name", "permissions", "jobs"} <= set(workflow)
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] < 360
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            # What a person typed reaches a shell by its environment, never as its text.
            assert "${{ inputs" not in step.get("run", "")


def test_every_action_is_pinned_by_its_hash() -> None:
    uses = [
        line.split("uses:")[1].strip()
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert uses
    assert [one for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v[\d.]+", one)] == []


def test_every_credential_is_fresh_when_it_is_used() -> None:
    """GitHub's token lives for minutes: each step that calls AWS gets its own first."""
    for name in ("retrain.yml", "rollout.yml"):
        workflow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
        (job,) = workflow["jobs"].values()
        for step in job["steps"]:
            run = step.get("run", "")
            call = CALLS_AWS.search(run)
            assert not call or "k8s.credentials" in run[: call.start()], step["name"]


RECORDER = """#!/bin/sh
printf '%s\\n' "$#" "$@" >> "$RECORDED"
"""


@pytest.mark.parametrize("framework", ["", "onnx"])
def test_the_job_s_entrypoint_survives_every_shell_on_its_way(
    tmp_path: Path, framework: str
) -> None:
    """KubeRay writes it into the submitter's shell, `ray job submit` joins its words by shlex, and the
    head's shell runs that; the settings are in the head's environment alone."""
    job, _ = yaml.safe_load_all((ROOT / "k8s/training/rayjob.yaml").read_text())
    settings = yaml.safe_load((ROOT / "k8s/training/settings.yaml").read_text())["data"]
    submitted = shlex.join(shlex.split(job["spec"]["entrypoint"].strip()))
    (tmp_path / "python").write_text(RECORDER)
    (tmp_path / "python").chmod(0o755)
    environment = settings | {
        "FRAMEWORK": framework,
        "DATA": "s3://a bucket/photos",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "RECORDED": str(tmp_path / "recorded"),
    }
    done = subprocess.run(
        ["sh", "-c", submitted.replace("cd /app", f"cd {tmp_path}")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    words = (tmp_path / "recorded").read_text().splitlines()
    ran = []
    while words:
        count = int(words.pop(0))
        ran.append([words.pop(0) for _ in range(count)])
    assert [command[1] for command in ran] == [
        "training.train",
        "training.storage",
        "training.export",
        "training.storage",
    ]
    train, download, export, upload = ran
    assert train[train.index("--data") + 1] == "s3://a bucket/photos"
    assert train[train.index("--config") + 1] == settings["CONFIG"]
    assert download[2:] == ["download", "s3://a bucket/photos", "/tmp/data"]
    assert export[-2:] == (["--framework", "onnx"] if framework else ["--data", "/tmp/data"])
    assert upload[-1] == settings["BUNDLE"]


def test_the_configurations_that_are_named_exist() -> None:
    for path in SOURCES:
        for name in re.findall(r"training/configs/\w+\.yaml", path.read_text()):
            assert (ROOT / name).is_file(), name
