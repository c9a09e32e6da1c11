"""COCO's annotation files, as far as they are read here."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.errors import TrainingError

JSON = "annotations.json"
Model = TypeVar("Model", bound=BaseModel)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True)


class CocoImage(_Read):
    """A photo; its size in pixels."""

    id: int
    file_name: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class CocoCategory(_Read):
    """A class."""

    id: int
    name: str


class CocoAnnotation(_Read):
    """An object. What its mask and box should be, `training.check` says of what they are."""

    id: int | None = None
    image_id: int
    category_id: int
    segmentation: Any = None
    bbox: Any = None


class Coco(_Read):
    """A file's content."""

    images: tuple[CocoImage, ...]
    categories: tuple[CocoCategory, ...]
    annotations: tuple[CocoAnnotation, ...]

    @property
    def names(self) -> dict[int, str]:
        """Of the categories, by id."""
        return {category.id: category.name for category in self.categories}


def read_coco(path: Path) -> Coco:
    """The annotations of a file. Raises: TrainingError."""
    return read_json(path, Coco)


def read_json(path: Path, model: type[Model]) -> Model:
    """A JSON file of a known form.

    Raises: TrainingError saying how to get a missing file, or what in it is wrong and where.
    """
    if not path.is_file():
        raise TrainingError(f"{path} is missing: get it by `python -m training.dataset download`")
    try:
        return model.model_validate(json.loads(path.read_text()))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TrainingError(f"{path}: {place}: {first['msg']}") from error
