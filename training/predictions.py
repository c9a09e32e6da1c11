"""What the models find in annotated photos, asked as the server asks them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from carpose.answer import Answer
from carpose.bundles import Bundle, open_bundle
from carpose.cars import CAR_LABELS
from carpose.detections import Detections
from carpose.engines import DETECTRON2, Engine, Found, found_by_own_models
from carpose.errors import MultipleCars, NoCar
from carpose.estimator import Estimator
from carpose.images import Limits, Look, Picture, decode, to_png
from carpose.model import Model, load_model
from carpose.pose import Pose, estimate_pose
from carpose.segmenters import Runtime, Segmenter
from training.annotated import annotated_parts
from training.conditions import Condition
from training.errors import TrainingError
from training.photos import Photo, load_photos

AP_THRESHOLD = 0.02
"""Average precision counts all that scores this much."""

SERVED = Look(DETECTRON2.longest_px)
WHOLE_PICTURE = Engine("parts alone", DETECTRON2.longest_px)

FRAMEWORK = {"onnx": "onnx", "onnx-f32": "onnx", "openvino": "onnx", "detectron2": "detectron2"}
"""Of the bundle that an engine of the command line runs."""

RUNTIME: dict[str, Runtime] = {"onnx-f32": "onnxruntime-f32", "openvino": "openvino"}
"""Of an engine, where it is another than `load_model`'s default."""


@dataclass(frozen=True)
class Models:
    """The two models of a run; without `main_car` the whole picture is the car."""

    car_parts: Model
    main_car: Model | None

    @property
    def estimator(self) -> Estimator:
        """That answers as the server does."""
        return Estimator(_Watch(self), DETECTRON2 if self.main_car else WHOLE_PICTURE)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the part detector tells apart."""
        return self.car_parts.bundle.manifest.classes


@dataclass
class _Watch:
    """Detects as the server does, and keeps what the first look showed from AP_THRESHOLD on."""

    models: Models
    first: Found | None = None

    def __call__(self, picture: Picture) -> Found:
        parts = self.models.car_parts([picture], AP_THRESHOLD)[0]
        cars = self._cars(picture)
        if self.first is None:
            self.first = found_by_own_models(cars, parts)
        served = (_served(self.models.main_car, cars), _served(self.models.car_parts, parts))
        return found_by_own_models(*served)

    def _cars(self, picture: Picture) -> Detections:
        if self.models.main_car:
            return self.models.main_car([picture], AP_THRESHOLD)[0]
        box = np.array([[0, 0, *picture.size]], np.float32)
        return Detections(box, np.ones(1, np.float32), np.array(["car"]), size=picture.size)


def _served(model: Model | None, found: Detections) -> Detections:
    return found if model is None else found[found.scores >= threshold(model)]


def threshold(model: Model) -> float:
    """The score from which the model's detections are served."""
    return model.bundle.manifest.score_threshold


def open_model(task: str, uri: str | None, engine: str | None, threads: int) -> Model:
    """The model of a bundle, by default the embedded one, on an engine, by default its own.

    Raises: TrainingError when they do not go together; BadBundle; MissingDependency.
    """
    manifest = open_bundle(uri or f"embedded:{task}").manifest
    if manifest.task != task:
        raise TrainingError(f"{uri} is a {manifest.task} bundle where {task} is wanted")
    engine = engine or manifest.framework
    if FRAMEWORK[engine] != manifest.framework:
        if uri:
            raise TrainingError(
                f"{uri} is an {manifest.framework} bundle, which engine {engine} cannot run: "
                f"export it with --framework {FRAMEWORK[engine]}"
            )
        engine = manifest.framework
    runtime = RUNTIME.get(engine, "onnxruntime")
    return load_model(uri or f"embedded:{task}", "cpu", runtime, threads)


def read(photo: Photo) -> Picture:
    """The photo as the server decodes it."""
    return decode(photo.path.read_bytes(), Limits(), SERVED)


def photos_of(bundle: Bundle, data: Path, split: str) -> list[Photo]:
    """A split's photos, annotated with what a bundle finds: its own parts, or whole cars."""
    task, classes = bundle.manifest.task, bundle.manifest.classes
    return load_photos(data, split, task, classes if task == "car_parts" else None)


def detect(
    segmenter: Segmenter, photos: Sequence[Photo], score_threshold: float
) -> list[Detections]:
    """Detections of every photo, with a progress bar."""
    bar = tqdm(photos, unit="photo", leave=False, disable=None)
    return [segmenter([read(photo)], score_threshold)[0] for photo in bar]


def answer(estimator: Estimator, content: bytes) -> Answer | str:
    """The answer to a photo, or the code of the refusal."""
    try:
        return estimator.answer(content)
    except (NoCar, MultipleCars) as error:
        return error.code


@dataclass(frozen=True)
class Predictions:
    """P photos with what was found.

    photos: annotated with parts; outlines: with the whole car.
    everything: all parts of the first look, from AP_THRESHOLD on; served: from the bundle's own.
    seen: all cars of the first look, COCO's trucks and buses among them; None without a car model.
    answers: to each photo, or the code of the refusal.
    clean: pose of the annotations before the photos were made worse: turning the camera changes
        the angle, but not the side of the car that is seen.
    classes: of the parts' labels.
    """

    photos: list[Photo]
    outlines: list[Photo]
    everything: list[Detections]
    served: list[Detections]
    seen: list[Detections] | None
    answers: list[Answer | str]
    clean: list[Pose]
    classes: tuple[str, ...] = field(repr=False)

    @property
    def poses(self) -> list[Pose | str]:
        """Of every photo, or the code of the refusal."""
        return [one if isinstance(one, str) else one.pose for one in self.answers]


def predict(
    models: Models,
    photos: list[Photo],
    outlines: list[Photo],
    condition: Condition | None = None,
    name: str = "",
) -> Predictions:
    """What the models find in the photos, or in the photos under a condition."""
    content = _content(condition)
    clean = [estimate_pose(annotated_parts(photo, models.classes)) for photo in photos]
    first: list[Found] = []
    answers: list[Answer | str] = []
    for photo in tqdm(photos, unit="photo", leave=False, disable=None, desc=name or None):
        watch = _Watch(models)
        answers.append(answer(replace(models.estimator, detect=watch), content(photo)))
        if watch.first is None:
            raise TrainingError(f"{photo.path} was answered unseen")
        first.append(watch.first)
    if condition:
        photos, outlines = [condition.photo(p) for p in photos], [*map(condition.photo, outlines)]
    parts, cars = [found.parts for found in first], [found.cars for found in first]
    return Predictions(
        photos,
        outlines,
        parts,
        [_served(models.car_parts, found) for found in parts],
        [_as_cars(found) for found in cars] if models.main_car else None,
        answers,
        clean,
        models.classes,
    )


def _content(condition: Condition | None) -> Callable[[Photo], bytes]:
    if condition is None:
        return lambda photo: photo.path.read_bytes()
    made = condition.picture
    return lambda photo: to_png(made(decode(photo.path.read_bytes(), Limits())).pixels)


def _as_cars(found: Detections) -> Detections:
    cars = found[np.isin(found.labels, CAR_LABELS)]
    return replace(cars, labels=np.full(len(cars), "car"))
