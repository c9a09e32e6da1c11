"""Which side of a car a photo shows, at which angle, with which parts and pixels.

>>> estimator = carpose.Estimator.load()
>>> answer = estimator.answer(Path("photo.jpg").read_bytes(), expect=["front-left"])
>>> answer.pose.viewpoint, answer.car.mask.to_numpy(), answer.annotated().save("out.jpg")
"""

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
