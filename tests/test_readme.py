"""What the README tells a newcomer to type works."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()
]


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {w for c in COMMANDS for w in re.findall(r"make (\w+)", c)}
    assert {"serve", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_curl_works_and_answers_as_shown(server: str, photos: list[Path]) -> None:
    (command,) = [c for c in COMMANDS if c.startswith("curl") and "v1/pose" in c]
    command = command.replace("http://127.0.0.1:8000", server).replace("photo.jpg", str(photos[0]))
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    (shown,) = [
        json.loads(block)
        for block in re.findall(r"```json\n(.*?)```", README, re.S)
        if "pose" in block
    ]
    assert set(answer) == set(shown)
    assert set(answer["pose"]) == set(shown["pose"])


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([\w./-]+)\)", README))
def test_the_links_lead_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
