"""`carpose models`: what is embedded."""

import json as json_
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carpose.cli.exits import told

if TYPE_CHECKING:
    from carpose.bundles import Bundle

EMBEDDED = ("car_parts", "main_car")


def models(
    bundle: Annotated[
        str, typer.Argument(metavar="[BUNDLE]", help="Its card: embedded:NAME, a folder, s3://...")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The models that come with carpose: what they find, how good they are, their cards."""
    from carpose.bundles import open_bundle

    names = [bundle] if bundle else list(EMBEDDED)
    with told():
        found = [open_bundle(f"embedded:{name}" if name in EMBEDDED else name) for name in names]
    if json:
        print(json_.dumps([as_object(each) for each in found], indent=1))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    card = found[0].folder / "README.md"
    if bundle and card.is_file():
        console.print(Markdown(card.read_text()))
        return
    for each in found:
        console.print(_table(each))
        console.print()
    if not bundle:
        console.print("carpose models car_parts: its card, with what it learnt from", style="dim")


def as_object(bundle: "Bundle") -> dict[str, Any]:
    """What a bundle says of itself."""
    manifest = bundle.manifest
    return {
        "task": manifest.task,
        "identity": bundle.identity,
        "framework": manifest.framework,
        "classes": list(manifest.classes),
        "input_px": manifest.input.size,
        "score_threshold": manifest.score_threshold,
        "metrics": manifest.metrics,
        "provenance": manifest.provenance,
        "megabytes": round(bundle.weights.stat().st_size / 1e6, 1),
        "folder": str(bundle.folder),
    }


def _table(bundle: "Bundle") -> Any:
    from rich.table import Table
    from rich.text import Text

    each = as_object(bundle)
    table = Table(
        title=Text.assemble((each["task"], "bold"), f"  {each['identity']}"),
        title_justify="left", title_style="", show_header=False, box=None, padding=(0, 1),
    )  # fmt: skip
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("finds", ", ".join(name.replace("_", " ") for name in each["classes"]))
    of_a_class = tuple(f"_{label}" for label in each["classes"])
    measured = (
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in each["metrics"].items()
        if not name.endswith(of_a_class)
    )
    table.add_row("measured", ", ".join(measured))
    runs = f"{each['framework']}, {each['input_px']} px, {each['megabytes']} MB"
    table.add_row("is", f"{runs}, {each['folder']}")
    for name in ("data", "licence"):
        if name in each["provenance"]:
            table.add_row(name, each["provenance"][name])
    return table
