"""Both images and what else names versions: one Python, one Ray, one Detectron2, all of them pinned."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from deployments.start import ENVIRONMENT
from tests.manifests import FOLDERS
from tests.servers import ROOT

DOCKERFILES = {"Dockerfile": "carpose", "Dockerfile.gpu": "carpose-gpu"}
"""The image that each builds."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
)


@dataclass(frozen=True)
class Step:
    """An instruction of a Dockerfile, in the stage of this name; the last one's is empty."""

    stage: str
    instruction: str
    arguments: str


def steps(name: str) -> list[Step]:
    """The instructions of a Dockerfile, continued lines joined, comments left out."""
    lines = [x for x in (ROOT / name).read_text().splitlines() if not x.lstrip().startswith("#")]
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            stage = arguments.partition(" AS ")[2]
        found.append(Step(stage, instruction, arguments.strip()))
    return found


def commands(name: str) -> Iterator[tuple[str, str]]:
    """Stage and text of every command that a RUN step runs."""
    for step in steps(name):
        if step.instruction == "RUN":
            for command in step.arguments.split("&&"):
                yield step.stage, command.strip()


def base_image() -> str:
    """What both start from."""
    (image,) = {
        step.arguments.split()[0]
        for name in DOCKERFILES
        for step in steps(name)
        if step.instruction == "FROM" and step.arguments.split()[0] not in ("base", "builder")
    }
    return image


def test_both_images_have_the_same_python_to_the_patch() -> None:
    """Ray lets no node join whose Python differs from the head's, 3.11.7 and 3.11.2 included."""
    found = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-bookworm", base_image())
    assert found
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(found[1])
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + found[1].replace(".", "")
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for version in re.findall(r'python-version: "([\d.]+)"', path.read_text()):
            assert version == found[1], path.name


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_pip_step_is_constrained(name: str) -> None:
    installs = [c for _, c in commands(name) if "pip install" in c]
    assert installs
    for command in installs:
        assert "--constraint constraints.txt" in command, command


@pytest.mark.parametrize("workflow", ["ci.yml", "retrain.yml"])
def test_every_pip_step_of_a_workflow_is_constrained(workflow: str) -> None:
    text = (ROOT / ".github" / "workflows" / workflow).read_text()
    for line in re.findall(r"pip install.*", text):
        assert "--constraint constraints.txt" in line, line


def requirements() -> list[Requirement]:
    """What pyproject.toml and requirements-gpu.txt ask for, but for parts of ourselves."""
    project = PROJECT["project"]
    lines = list(chain(project["dependencies"], *project["optional-dependencies"].values()))
    lines += (ROOT / "requirements-gpu.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [r for r in found if r.name != "carpose"]


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_what_is_required_is_pinned_in_the_constraints(requirement: Requirement) -> None:
    if requirement.url or requirement.name == "setuptools":
        return  # by commit; and pip's own
    pins = {name.lower().replace("_", "-"): version for name, version in CONSTRAINTS.items()}
    assert requirement.specifier.contains(pins[requirement.name.lower().replace("_", "-")])


def test_the_gpu_image_installs_what_the_extra_names() -> None:
    extra = PROJECT["project"]["optional-dependencies"]["detectron2"]
    named = {r.name: r for r in map(Requirement, extra)}
    lines = (ROOT / "requirements-gpu.txt").read_text().splitlines()
    pins = {r.name: r for r in (Requirement(x) for x in lines if x and not x.startswith("#"))}
    assert pins.keys() == named.keys()
    for name in ("torch", "torchvision"):
        (pin,) = pins[name].specifier
        assert (pin.operator, pin.version) == ("==", CONSTRAINTS[name])


def test_one_commit_of_detectron2_is_named_in_full() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found: dict[str, set[str]] = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".md", ".txt", ".toml", ".yml", ".yaml", ".py", ""} and path.is_file():
            for commit in re.findall(
                r"detectron2\.git@([0-9a-f]+)", path.read_text(errors="ignore")
            ):
                found.setdefault(commit, set()).add(name)
    (commit,) = found
    assert len(commit) == 40, "pip caches the wheel of a whole hash only"
    assert "requirements-gpu.txt" in found[commit]


def test_detectron2_meets_torch_and_a_compiler_in_the_builder_alone() -> None:
    ran = list(commands("Dockerfile.gpu"))
    stages = [stage for stage, command in ran if "pip install" in command or "g++" in command]
    assert set(stages) == {"builder"}
    installs = [command for _, command in ran if "pip install" in command]
    with_torch = next(k for k, c in enumerate(installs) if "requirements-torch.txt" in c)
    detectron2 = next(k for k, c in enumerate(installs) if "requirements-gpu.txt" in c)
    assert with_torch < detectron2
    assert "--no-build-isolation" in installs[detectron2]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_has_what_kuberay_s_probes_run_and_its_own_user(name: str) -> None:
    final = {"", "base"}
    assert any(
        s in final and re.search(r"apt-get install .*\bwget\b", c) for s, c in commands(name)
    )
    assert [step.arguments for step in steps(name) if step.instruction == "USER"] == ["1000"]


@pytest.mark.parametrize(
    ("name", "config"),
    [("Dockerfile", "serve_config.yaml"), ("Dockerfile.gpu", "serve_config.gpu.yaml")],
)
def test_an_image_starts_its_configuration(name: str, config: str) -> None:
    ran = steps(name)
    assert any(s.instruction == "COPY" and config in s.arguments.split() for s in ran)
    (command,) = [step.arguments for step in ran if step.instruction == "CMD"]
    assert command == f'["serve", "run", "{config}"]'


def test_the_driver_that_is_asked_for_is_that_of_torch_s_cuda() -> None:
    major = CONSTRAINTS["cuda-toolkit"].partition(".")[0]
    assert f'NVIDIA_REQUIRE_CUDA="cuda>={major}.0"' in (ROOT / "Dockerfile.gpu").read_text()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_cluster_runs_the_images_that_ci_pushes(folder: str) -> None:
    kustomization = yaml.safe_load((ROOT / "k8s" / folder / "kustomization.yaml").read_text())
    images = {image["name"]: image for image in kustomization["images"]}
    assert set(images) <= set(DOCKERFILES.values())
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    built = {m["image"]: m["file"] for m in ci["jobs"]["images"]["strategy"]["matrix"]["include"]}
    assert {file: image for image, file in built.items()} == DOCKERFILES
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "ghcr.io/${{ github.repository_owner }}/${{ matrix.image }}" in text
    for name, image in images.items():
        assert re.fullmatch(rf"ghcr\.io/[\w-]+/{name}", image["newName"])
        assert image["newTag"] == PROJECT["project"]["version"]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_is_labelled_with_the_version(name: str) -> None:
    version = PROJECT["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in (ROOT / name).read_text()


def test_clusters_say_the_version_of_ray_that_the_images_have() -> None:
    for path in (ROOT / "k8s").rglob("*.yaml"):
        for version in re.findall(r"rayVersion: (\S+)", path.read_text()):
            assert version == CONSTRAINTS["ray"], path


def test_the_build_context_holds_what_the_images_copy() -> None:
    kept = (ROOT / ".dockerignore").read_text().split()
    assert kept[0] == "*"
    for name in DOCKERFILES:
        for step in steps(name):
            if step.instruction != "COPY" or "--from=" in step.arguments:
                continue
            *sources, _ = [w for w in step.arguments.split() if not w.startswith("--")]
            for source in sources:
                assert (ROOT / source).exists()
                assert f"!{Path(source).parts[0]}" in kept, source


@pytest.mark.parametrize("name", DOCKERFILES)
def test_servers_in_images_are_told_what_those_on_a_machine_are(name: str) -> None:
    said = " ".join(s.arguments for s in steps(name) if s.instruction == "ENV" and not s.stage)
    there = dict(pair.partition("=")[::2] for pair in shlex.split(said))
    told = {k: v for k, v in ENVIRONMENT.items() if k != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"}
    assert told.items() <= there.items()
