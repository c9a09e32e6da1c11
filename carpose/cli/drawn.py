"""Pictures of an answer, as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from carpose.answer import Answer

OF_OUTPUTS: Final = {name: name for name in ("upright", "crop", "cutout")} | {
    "annotate": "annotated"
}
"""What `carpose.outputs` calls the picture of an option; `mask` is not among them."""


def write(answer: "Answer", option: str, path: Path, stem: str, alone: bool) -> None:
    """The picture of an option: in the folder `path`, under the photo's name; or as the file `path`
    where that has a picture's name and the photo is alone. Raises: OSError."""
    from carpose.images import to_jpeg, to_png

    if option == "mask":
        import numpy as np

        pixels = np.asarray(answer.car.mask.to_numpy(), np.uint8) * np.uint8(255)
        content, suffix = to_png(pixels), ".png"
    else:
        pixels = answer.draw(OF_OUTPUTS[option])
        flat = pixels.shape[2] == 3
        content, suffix = (to_jpeg(pixels), ".jpg") if flat else (to_png(pixels), ".png")
    if not (alone and path.suffix):
        path.mkdir(parents=True, exist_ok=True)
        path = path / f"{stem}{suffix}"
    path.write_bytes(content)
