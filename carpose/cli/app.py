"""The verbs put together; `carpose photo.jpg` is `carpose look photo.jpg`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from carpose.cli.doctor import doctor
from carpose.cli.export import export
from carpose.cli.look import look
from carpose.cli.models import models
from carpose.cli.watch import watch

VERBS: tuple[Callable[..., Any], ...] = (look, watch, models, doctor, export)


class Verbs(TyperGroup):
    """A first word that is no verb is what to look at."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts `look` before what has no verb."""
        own = {name for option in self.get_params(ctx) for name in option.opts}
        if args and args[0] not in self.commands and args[0].partition("=")[0] not in own:
            args = ["look", *args]
        return super().parse_args(ctx, args)


def make(more: Mapping[str, Callable[..., Any]]) -> typer.Typer:
    """The command, with verbs of packages that stand above this one."""
    app = typer.Typer(
        cls=Verbs,
        no_args_is_help=True,
        help="Which side of a car a photo shows, at which angle, with which parts and pixels.",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(_carpose)
    for verb in VERBS:
        app.command()(verb)
    for name, verb in more.items():
        app.command(name)(verb)
    return app


def main(
    arguments: Sequence[str] | None = None, more: Mapping[str, Callable[..., Any]] | None = None
) -> int:
    """Command line; returns the exit code (see `carpose.cli.exits`)."""
    try:
        make(more or {})(sys.argv[1:] if arguments is None else list(arguments), "carpose")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"carpose {version('carpose')}")
        raise typer.Exit


def _carpose(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="And no more.")
    ] = False,
) -> None:
    pass
