"""serveConfigV2 of the overlays, made from the Serve configurations at the top: one truth.

    python -m k8s.serve_config

The tests fail while an overlay differs from its configuration.
"""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
SOURCES = {"cpu": "serve_config.yaml", "gpu": "serve_config.gpu.yaml"}
HEADER = "# Made by `python -m k8s.serve_config` from {source}; change that.\n"


class _Block(str):
    """Text that YAML shows line by line."""


def _as_block(dumper: yaml.SafeDumper, text: _Block) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


class _Dumper(yaml.SafeDumper):
    """SafeDumper that knows `_Block`."""


_Dumper.add_representer(_Block, _as_block)


def served(source: str) -> dict[str, Any]:
    """A Serve configuration as pods need it: reached from other pods, not from this one alone."""
    config: dict[str, Any] = yaml.safe_load((ROOT / source).read_text())
    config["http_options"]["host"] = "0.0.0.0"
    return config


def patch(source: str) -> str:
    """The strategic merge patch with `source` as serveConfigV2."""
    text = yaml.safe_dump(served(source), sort_keys=False)
    body = {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "carpose"},
        "spec": {"serveConfigV2": _Block(text)},
    }
    return HEADER.format(source=source) + yaml.dump(body, Dumper=_Dumper, sort_keys=False)


def main() -> None:
    """Write every overlay's patch."""
    for overlay, source in SOURCES.items():
        path = ROOT / "k8s" / "overlays" / overlay / "serve-config.yaml"
        path.write_text(patch(source))
        print(f"{path.relative_to(ROOT)} <- {source}")


if __name__ == "__main__":
    main()
