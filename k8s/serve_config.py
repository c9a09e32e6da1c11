"""serveConfigV2 of the overlays, made from the Serve configurations at the top: one truth.

    python -m k8s.serve_config              write every overlay's patch
    python -m k8s.serve_config show cpu     print what an overlay serves, for `training.promote`

Over the configuration at the top an overlay lays two files of its own: `scale.yaml`, how many
replicas of what size, and `bundles.yaml`, which bundles they serve. The tests fail while an
overlay's patch differs from the three.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
OVERLAYS = ROOT / "k8s" / "overlays"
SOURCES = {"cpu": "serve_config.yaml", "gpu": "serve_config.gpu.yaml"}
TASKS = {"car_parts": "CarPartDetector", "main_car": "MainCarSegmenter"}
"""The deployment that serves a task; its key under args is the task."""
HEADER = (
    "# Made by `python -m k8s.serve_config` from {source}, scale.yaml and bundles.yaml; "
    "change those.\n"
)

Config = dict[str, Any]


class _Block(str):
    """Text that YAML shows line by line."""


def _as_block(dumper: yaml.SafeDumper, text: _Block) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


class _Dumper(yaml.SafeDumper):
    """SafeDumper that knows `_Block` and writes out what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """True: a reader, and a line of a diff, need no other line."""
        return True


_Dumper.add_representer(_Block, _as_block)


def as_yaml(config: Config) -> str:
    """A Serve configuration as text."""
    return yaml.dump(config, Dumper=_Dumper, sort_keys=False)


def served(overlay: str, root: Path = ROOT) -> Config:
    """A Serve configuration as an overlay's pods need it: reached from other pods, not from this
    one alone, at the overlay's scale, with the bundles that git says are served."""
    folder = root / "k8s" / "overlays" / overlay
    config: Config = yaml.safe_load((root / SOURCES[overlay]).read_text())
    config["http_options"]["host"] = "0.0.0.0"
    (application,) = config["applications"]
    scale = yaml.safe_load((folder / "scale.yaml").read_text())
    application["args"] = _laid_over(application.get("args", {}), scale.get("args", {}))
    entries = {entry["name"]: entry for entry in application.get("deployments", [])}
    for entry in scale.get("deployments", []):
        name = entry["name"]
        entries[name] = _laid_over(entries.get(name, {}), entry)
    for name, uri in bundles(overlay, root).items():
        entry = entries.setdefault(name, {"name": name})
        entry["user_config"] = {**(entry.get("user_config") or {}), "bundle": uri}
    application["deployments"] = list(entries.values())
    return config


def bundles(overlay: str, root: Path = ROOT) -> dict[str, str]:
    """Bundle by deployment, where it is not the one that the configuration at the top names."""
    path = root / "k8s" / "overlays" / overlay / "bundles.yaml"
    return yaml.safe_load(path.read_text()) or {}


def served_bundle(overlay: str, task: str, root: Path = ROOT) -> str:
    """URI of the bundle that an overlay serves for a task: its own, or the configuration's."""
    (application,) = served(overlay, root)["applications"]
    for entry in application["deployments"]:
        tuned = (entry.get("user_config") or {}).get("bundle")
        if entry["name"] == TASKS[task] and tuned:
            return str(tuned)
    return str(application["args"][task]["bundle"])


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Config:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged


def patch(overlay: str, root: Path = ROOT) -> str:
    """The strategic merge patch with what the overlay serves as serveConfigV2."""
    text = as_yaml(served(overlay, root))
    body = {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "carpose"},
        "spec": {"serveConfigV2": _Block(text)},
    }
    dumped = yaml.dump(body, Dumper=_Dumper, sort_keys=False)
    return HEADER.format(source=SOURCES[overlay]) + dumped


def write(overlay: str, root: Path = ROOT) -> Path:
    """Write an overlay's patch; returns its path."""
    path = root / "k8s" / "overlays" / overlay / "serve-config.yaml"
    path.write_text(patch(overlay, root))
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action")
    show = actions.add_parser("show", help="print what an overlay serves")
    show.add_argument("overlay", choices=SOURCES)
    args = parser.parse_args()
    if args.action == "show":
        print(as_yaml(served(args.overlay)), end="")
        return
    for overlay in SOURCES:
        print(f"{write(overlay).relative_to(ROOT)} <- {SOURCES[overlay]}")


if __name__ == "__main__":
    main()
