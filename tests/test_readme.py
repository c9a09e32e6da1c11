"""What the README tells a newcomer to type works."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from carpose.bundles import open_bundle
from carpose.checks import MAX_BLOWN, MIN_BRIGHTNESS, MIN_SHARPNESS
from carpose.cli.app import make
from carpose.rules import RULE_SETS
from deployments.command import VERBS
from tests.servers import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()
]


def test_the_rules_are_those_of_the_code() -> None:
    limits = (
        f"sharpness {MIN_SHARPNESS:g}, brightness {MIN_BRIGHTNESS:g}, {MAX_BLOWN:.0%} blown out"
    )
    assert limits.replace("%", " %") in README
    assert [name for name in RULE_SETS if f"`{name}`" not in README] == []


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {w for c in COMMANDS for w in re.findall(r"make (\w+)", c)}
    assert {"serve", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_python_works(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, _ = re.findall(r"```python\n(.*?)```", README, re.S)
    (tmp_path / "photo.jpg").symlink_to(photos[0])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(shown, names)
    assert (tmp_path / "out.jpg").stat().st_size > 10_000
    assert names["mask"].any()
    assert len(names["boxes"])


def test_the_client_s_python_works(
    server: str, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = re.findall(r"```python\n(.*?)```", README, re.S)
    (tmp_path / "photo.jpg").symlink_to(photos[0])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(shown.replace("http://127.0.0.1:8000", server), names)
    assert names["annotations"]["annotations"][0]["segmentation"]


SHELL = [c.partition("#")[0].split() for c in COMMANDS if c.startswith("carpose ")]


@pytest.mark.parametrize("command", SHELL, ids=" ".join)
def test_the_command_has_these_verbs_and_options(command: list[str]) -> None:
    verbs = typer.main.get_command(make(VERBS))
    assert isinstance(verbs, TyperGroup)
    verb = verbs.commands[command[1]]
    known = {name for parameter in verb.params for name in parameter.opts}
    assert {word for word in command if word.startswith("--")} <= known


def test_the_engine_of_contributing_is_the_one_that_is_tested() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
    assert blocks[0].rstrip() in re.sub(
        r"\n\ndef find.*?(?=\n\nclass)", "", (ROOT / "tests/toy_engine.py").read_text(), flags=re.S
    )


CURLS = [c for c in COMMANDS if c.startswith("curl") and "v1/pose" in c]


@pytest.mark.parametrize("command", CURLS)
def test_a_curl_works(server: str, photos: list[Path], command: str) -> None:
    answer = answer_of(command, server, photos[0])
    assert answer.get("pose") or answer["rekognition"]["answer"]["pose"]


def test_the_first_answers_as_shown(server: str, photos: list[Path]) -> None:
    answer = answer_of(CURLS[0], server, photos[0])
    (shown,) = [
        json.loads(block)
        for block in re.findall(r"```json\n(.*?)```", README, re.S)
        if "pose" in block
    ]
    assert set(answer) == set(shown)
    assert set(answer["pose"]) == set(shown["pose"])


def answer_of(command: str, server: str, photo: Path) -> dict[str, Any]:
    """What the README's command prints, on this server and photo."""
    command = command.replace("http://127.0.0.1:8000", server).replace("photo.jpg", str(photo))
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_a_newcomer_clones_no_address_that_is_made_up() -> None:
    assert not [c for c in COMMANDS if c.startswith("git clone")]


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("parts: box AP / AP50", ("box_ap", "box_ap50")),
        ("parts: mask AP / AP50", ("mask_ap", "mask_ap50")),
    ],
)
def test_the_figures_are_those_of_the_embedded_model_and_of_its_card(
    row: str, names: tuple[str, ...]
) -> None:
    bundle = open_bundle("embedded:car_parts")
    figures = [f"{bundle.manifest.metrics[name]:.3f}" for name in names]
    (shown,) = re.findall(rf"^\| {re.escape(row)} \| ([^|]*) \|", README, re.M)
    assert shown.split(" / ") == figures
    card = (bundle.folder / "README.md").read_text()
    for figure in figures:
        assert f" {figure} " in card


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([\w./-]+)\)", README))
def test_the_links_lead_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
