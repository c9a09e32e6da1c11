"""Which side of a car a photo shows, at which angle, with which parts and pixels.

>>> estimator = carpose.Estimator.load()
>>> answer = estimator.answer(Path("photo.jpg").read_bytes(), expect=["front-left"])
>>> answer.pose.viewpoint, answer.car.mask.to_numpy(), answer.annotated().save("out.jpg")

Names are imported when they are first used (PEP 562): `carpose.client` needs neither numpy nor
ONNX Runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carpose.answer import Answer
    from carpose.cars import Car
    from carpose.detections import Detections
    from carpose.engines import Engine, Found
    from carpose.errors import CarposeError
    from carpose.estimator import Estimator, OwnModels
    from carpose.masks import MaskWindow
    from carpose.model import Model, load_model
    from carpose.pose import Pose

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Car",
    "CarposeError",
    "Detections",
    "Engine",
    "Estimator",
    "Found",
    "MaskWindow",
    "Model",
    "OwnModels",
    "Pose",
    "load_model",
]

_MODULES = {
    "Answer": "answer",
    "Car": "cars",
    "CarposeError": "errors",
    "Detections": "detections",
    "Engine": "engines",
    "Estimator": "estimator",
    "Found": "engines",
    "MaskWindow": "masks",
    "Model": "model",
    "OwnModels": "estimator",
    "Pose": "pose",
    "load_model": "model",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
