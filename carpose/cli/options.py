"""Options that several verbs have."""

from pathlib import Path
from typing import Annotated

import typer

SHOULD = "What the photo should be"
OUT = "What comes out"
DRAWN = "Pictures"
HOW = "Models"

Photos = Annotated[
    list[str],
    typer.Argument(
        metavar="PHOTO", show_default=False,
        help="JPEG, PNG, WebP, HEIC or AVIF; a folder, with those below it; - reads one.",
    ),
]  # fmt: skip
Expect = Annotated[
    str, typer.Option(metavar="VIEWS", help="Viewpoints by commas.", rich_help_panel=SHOULD)
]
Rules = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE", rich_help_panel=SHOULD,
        help="A set of rules: listing-main, claim-overview, ...; or a YAML or JSON file.",
    ),
]  # fmt: skip
MinScore = Annotated[
    float | None,
    typer.Option(help="Least probability of the viewpoint; below: review.", rich_help_panel=SHOULD),
]
Whole = Annotated[bool, typer.Option("--whole", help="No edge cuts it.", rich_help_panel=SHOULD)]
Sharp = Annotated[bool, typer.Option("--sharp", help="Not blurred.", rich_help_panel=SHOULD)]
Exposure = Annotated[
    bool, typer.Option("--exposure", help="Not dark, not blown out.", rich_help_panel=SHOULD)
]
Single = Annotated[
    bool, typer.Option("--single", help="No other car in it.", rich_help_panel=SHOULD)
]
Framing = Annotated[
    str,
    typer.Option(metavar="WORDS", help="Of close-up, whole, distant.", rich_help_panel=SHOULD),
]
MinCarShare = Annotated[
    float | None, typer.Option(help="Of the picture's area, 0 to 1.", rich_help_panel=SHOULD)
]
MaxCarShare = Annotated[
    float | None, typer.Option(help="Of the picture's area, 0 to 1.", rich_help_panel=SHOULD)
]
MaxAngle = Annotated[
    float | None, typer.Option(help="Degrees to the horizontal.", rich_help_panel=SHOULD)
]
MinWidth = Annotated[
    int | None, typer.Option(help="Of the picture, in pixels.", rich_help_panel=SHOULD)
]
Text = Annotated[
    bool, typer.Option("--text", help="For people, also in a pipe.", rich_help_panel=OUT)
]
Json = Annotated[bool, typer.Option("--json", help="One document.", rich_help_panel=OUT)]
Jsonl = Annotated[
    bool,
    typer.Option("--jsonl", help="A line a photo; so it is in a pipe.", rich_help_panel=OUT),
]
Csv = Annotated[bool, typer.Option("--csv", help="A row a photo.", rich_help_panel=OUT)]
Masks = Annotated[
    bool, typer.Option("--masks", help="With masks, run-length encoded.", rich_help_panel=OUT)
]
Annotate = Annotated[
    Path | None,
    typer.Option(
        "--annotate", "--annotated", metavar="DIR", rich_help_panel=DRAWN,
        help="Parts, car and line drawn on the photo; of one photo also FILE.jpg.",
    ),
]  # fmt: skip
Upright = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Turned upright.", rich_help_panel=DRAWN)
]
Crop = Annotated[Path | None, typer.Option(metavar="DIR", help="The car.", rich_help_panel=DRAWN)]
Cutout = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The car on nothing, PNG.", rich_help_panel=DRAWN),
]
Mask = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The car white on black, PNG.", rich_help_panel=DRAWN),
]
Cars = Annotated[
    str, typer.Option(metavar="WHICH", help="main, single or all.", rich_help_panel=HOW)
]
CarParts = Annotated[
    str, typer.Option(metavar="BUNDLE", help="Finds the parts.", rich_help_panel=HOW)
]
MainCar = Annotated[
    str, typer.Option(metavar="BUNDLE", help="Finds the cars.", rich_help_panel=HOW)
]
Threads = Annotated[int, typer.Option(min=1, help="Of a model.", rich_help_panel=HOW)]

EMBEDDED_PARTS, EMBEDDED_CAR = "embedded:car_parts", "embedded:main_car"
