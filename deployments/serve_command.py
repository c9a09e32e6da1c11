"""`carpose serve`: what `make serve` does, of an installed package."""

import os
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import typer

CONFIG: Final = "serve_config.yaml"
"""What comes with the package: the file of this name at the top of the repository."""

DASHBOARD_ABOVE: Final = 265
"""Ports between the server's and its Ray dashboard's: 8265 beside 8000."""


def serve(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A Serve configuration; else our own.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="In place of its own.")] = None,
    host: Annotated[str | None, typer.Option(help="In place of its own.")] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print it, to edit, and no more.")
    ] = False,
) -> None:
    """Start the server, on this machine's CPUs; Ctrl-C stops it.

    Its page, its API and its documentation are at the address that is printed.
    """
    # Ray, and what reads YAML, only now: other verbs are of the same command.
    import yaml

    try:
        content = config.read_text() if config else packaged()
    except OSError as error:
        typer.echo(f"carpose: {error}", err=True)
        raise typer.Exit(2) from error
    if print_config:
        typer.echo(content, nl=False)
        return
    asked = changed(yaml.safe_load(content), port, host)
    os.environ.update(environment(asked["http_options"]["port"], os.environ))
    from deployments.start import main

    with tempfile.TemporaryDirectory(prefix="carpose-") as folder:
        path = Path(folder) / CONFIG
        path.write_text(yaml.safe_dump(asked))
        options = asked["http_options"]
        typer.echo(
            f"Starting; in about 20 seconds the page is at http://{options['host']}:{options['port']}/"
            " (Ctrl-C stops it)"
        )
        typer.echo(f"Ray's dashboard, for `serve deploy`: {os.environ['RAY_DASHBOARD_ADDRESS']}")
        main([str(path)])


def packaged() -> str:
    """The configuration that comes with the package."""
    return (files("deployments") / CONFIG).read_text()


def changed(config: dict[str, Any], port: int | None, host: str | None) -> dict[str, Any]:
    """The configuration on another port or host."""
    options = {"host": "127.0.0.1", "port": 8000, **config.get("http_options", {})}
    options |= {"port": port} if port else {}
    options |= {"host": host} if host else {}
    return {**config, "http_options": options}


def environment(port: int, given: Any) -> dict[str, str]:
    """What the Makefile sets, where it is not set already."""
    ours = {
        "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{port + DASHBOARD_ABOVE}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
    }
    return {name: value for name, value in ours.items() if name not in given}
