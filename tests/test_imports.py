"""Imports point one way, and never in a circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW = {
    "carpose": ["deployments", "training", "benchmarks", "k8s", "tests", "ray", "fastapi", "starlette"],
    "deployments": ["training", "benchmarks", "k8s", "tests"],
    "training": ["deployments", "benchmarks", "k8s", "tests"],
}  # fmt: skip
COMMANDS = {
    f"training.{name}" for name in ("dataset", "evaluate", "export", "promote", "storage", "train")
}


def modules(package: str) -> dict[str, Path]:
    files = (ROOT / package).rglob("*.py")
    names = {".".join(f.relative_to(ROOT).with_suffix("").parts): f for f in files}
    return {name.removesuffix(".__init__"): file for name, file in names.items()}


def imports(file: Path) -> set[str]:
    """What a module imports, also within functions: modules, or names of a module."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", BELOW)
def test_nothing_is_imported_from_above(package: str) -> None:
    for name, file in modules(package).items():
        above = [i for i in imports(file) if i.split(".")[0] in BELOW[package]]
        assert not above, name


@pytest.mark.parametrize("package", BELOW)
def test_no_imports_go_round_in_a_circle(package: str) -> None:
    known = modules(package)
    edges = {
        name: {i if i in known else i.rpartition(".")[0] for i in imports(file)} & set(known)
        for name, file in known.items()
    }
    while leaves := [name for name, to in edges.items() if not to & set(edges)]:
        for leaf in leaves:
            del edges[leaf]
    assert not edges, "each of these imports another of them"


def test_commands_of_the_training_lie_above_its_libraries() -> None:
    known = modules("training")
    assert set(known) > COMMANDS
    for name, file in known.items():
        used = {i if i in known else i.rpartition(".")[0] for i in imports(file)}
        assert not used & COMMANDS, name
