"""`carpose export`: answers as annotations, for a team that labels its own photos."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from carpose.cli import options as o
from carpose.cli.asking import Seen
from carpose.cli.exits import ANSWERED, BAD_INPUT, told
from carpose.cli.look import complain
from carpose.cli.photos import Named, named
from carpose.cli.progress import progress

if TYPE_CHECKING:
    from carpose.estimator import Estimator
    from carpose.schema import PoseResponse

LAYOUTS: Final = {
    "coco": ("images", "annotations.json"),
    "fiftyone": ("data", "labels.json"),
    "label-studio": ("images", "tasks.json"),
}
"""Folder of the pictures and name of the annotations; FiftyOne reads COCO in its own layout."""

KEPT: Final = frozenset((".jpg", ".jpeg", ".png", ".webp"))
"""Files that labelling tools open as they are."""

LABELS: Final = "labelling.xml"


def export(
    photos: o.Photos,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Made if need be.")],
    to: Annotated[str, typer.Option(metavar="FORM", help=f"{', '.join(LAYOUTS)}.")] = "coco",
    car: Annotated[
        bool, typer.Option("--car", help="The cars themselves too: not for our training.")
    ] = False,
    url: Annotated[
        str, typer.Option(help="Of the pictures' folder for Label Studio; by default local files.")
    ] = "",
    car_parts: o.CarParts = o.EMBEDDED_PARTS,
    main_car: o.MainCar = o.EMBEDDED_CAR,
    threads: o.Threads = 2,
) -> None:
    """Write the answers as annotations, with the pictures they are of, upright.

    coco: `training.dataset check` and the training read it, as do most tools. Every car is
    annotated; photos without one are there without annotations.
    """
    from carpose.errors import BadParameter
    from carpose.estimator import Estimator

    with told():
        if to not in LAYOUTS:
            raise BadParameter(f"to: {to!r} is not one of {', '.join(LAYOUTS)}")
        asked = named(photos)
        if not asked:
            raise FileNotFoundError(f"no photos in {', '.join(photos)}")
        folder = out / LAYOUTS[to][0]
        folder.mkdir(parents=True, exist_ok=True)
        estimator = Estimator.load(car_parts, main_car, threads=threads)
    answers: list[tuple[str, PoseResponse]] = []
    empty: dict[str, tuple[int, int]] = {}
    code = ANSWERED
    for photo, name in progress(list(zip(asked, _names(asked), strict=True))):
        seen, size = _export(estimator, photo, folder / name)
        if seen.answer is not None:
            answers.append((seen.name, seen.answer))
        elif size is not None:
            empty[seen.name] = size
        else:
            complain(seen)
            code = BAD_INPUT
    if to == "label-studio":
        _label_studio(out, answers, empty, url)
    else:
        from carpose.exports.coco import to_coco

        (out / LAYOUTS[to][1]).write_text(json.dumps(to_coco(answers, car, empty), indent=1))
    print(f"{out / LAYOUTS[to][1]}: {len(answers)} photos with a car, {len(empty)} without")
    raise typer.Exit(code)


def _export(
    estimator: "Estimator", photo: Named, path: Path
) -> tuple[Seen, tuple[int, int] | None]:
    """What was seen, under the name that its picture was written by, and the size of the picture
    of one without a car."""
    from carpose.errors import CarposeError, NoCar
    from carpose.images import Look, decode, to_jpeg

    try:
        content = photo.read()
        answer, turned, size = None, 0, None
        try:
            answer = estimator.answer(content, cars="all")
            turned = answer.turned
        except NoCar:
            size = decode(content, estimator.limits).size
        if photo.path is not None and photo.path.suffix.lower() in KEPT and not turned:
            path = path.with_suffix(photo.path.suffix)
            path.write_bytes(content)
        else:
            picture = decode(content, estimator.limits, Look(turn=turned)).in_srgb()
            path = path.with_suffix(".jpg")
            path.write_bytes(to_jpeg(picture.pixels, 95))
        return Seen(path.name, answer.response({"masks"}) if answer else None), size
    except (CarposeError, OSError) as error:
        return Seen(photo.name, error=error), None


def _names(photos: Iterable[Named]) -> list[str]:
    """A file name for each, none twice, with a suffix that another may take the place of."""
    taken: set[str] = set()
    names = []
    for photo in photos:
        stem, number = photo.stem, 1
        while stem.lower() in taken:
            number += 1
            stem = f"{photo.stem}-{number}"
        taken.add(stem.lower())
        names.append(f"{stem}.jpg")
    return names


def _label_studio(
    out: Path,
    answers: "list[tuple[str, PoseResponse]]",
    empty: Iterable[str],
    url: str,
) -> None:
    from carpose.exports.label_studio import LOCAL_FILES, labelling_interface, task

    images, tasks = LAYOUTS["label-studio"]
    before = url or f"{LOCAL_FILES}{out.name}/{images}/"
    content = [task(before + name, answer) for name, answer in answers]
    content += [task(before + name, None) for name in empty]
    (out / tasks).write_text(json.dumps(content, indent=1))
    labels = dict.fromkeys(part.label for _, answer in answers for part in answer.parts)
    from carpose.parts import PARTS

    (out / LABELS).write_text(labelling_interface(dict.fromkeys([*PARTS, *labels])))
