"""`carpose doctor`: whether all is there, and how fast it is."""

from typing import Annotated

import typer

from carpose.cli.exits import BAD_INPUT


def doctor(
    aws: Annotated[
        bool, typer.Option("--aws", help="Ask AWS who we are, as engine=rekognition would.")
    ] = False,
    server: Annotated[str, typer.Option(help="A server to look for.")] = "http://127.0.0.1:8000",
    threads: Annotated[int, typer.Option(min=1, help="Of a model.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Look at the installation: models' checksums, the speed of a photo, GPU, Ray, a server.

    Exit code 2 when something is wrong. Nothing leaves this machine but for --aws.
    """
    from carpose.cli.checkup import as_json, checks, show

    found = list(checks(server, threads, aws))
    if json:
        print(as_json(found))
    else:
        show(found)
    raise typer.Exit(BAD_INPUT if any(check.well is False for check in found) else 0)
