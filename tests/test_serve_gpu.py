"""`make serve-gpu`, as far as it goes without a GPU: it asks for one before it installs anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT

FILES = ("Makefile", "pyproject.toml", "constraints.txt", "requirements-gpu.txt")


@pytest.mark.parametrize(
    ("driver", "answer", "goes_on"),
    [
        (None, "no NVIDIA GPU here", False),
        ("", "no NVIDIA GPU here", False),
        ("535.129.03", "580 or newer is needed", False),
        ("580.65.06", "", True),
    ],
    ids=["no-nvidia-smi", "no-gpu", "old-driver", "a-gpu"],
)
def test_gigabytes_are_installed_only_where_they_run(
    tmp_path: Path, driver: str | None, answer: str, goes_on: bool
) -> None:
    for name in (*FILES, "serve_config.gpu.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("nvidia-smi", "python"):
        (tools / tool).write_text(f'#!/bin/sh\necho "{tool}" "$@" >> {tmp_path}/ran\nexit 1\n')
    if driver is not None:
        (tools / "nvidia-smi").write_text(f"#!/bin/sh\necho {driver}\n")
    for path in tools.iterdir():
        path.chmod(0o755)
    done = subprocess.run(
        ["make", "serve-gpu", f"PYTHON={tools}/python"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert answer in done.stdout
    ran = tmp_path / "ran"
    assert (ran.exists() and "python" in ran.read_text()) == goes_on
    assert not (tmp_path / ".venv").exists()


def test_torch_is_installed_before_what_is_built_with_it() -> None:
    done = subprocess.run(
        ["make", "-n", "-B", ".venv/serve-gpu"], cwd=ROOT, capture_output=True, text=True
    )
    installs = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert all("-c constraints.txt" in line for line in installs)
    assert ["detectron2" in line and "grep -v" in line for line in installs] == [True, False, False]
    assert ["--no-build-isolation" in line for line in installs] == [False, True, False]
