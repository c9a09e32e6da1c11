"""Answers as Label Studio's pre-annotations: a team mends them and exports COCO to learn from."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from carpose.exports.answered import Answered
from carpose.exports.coco import labelled, polygons_of
from carpose.parts import PARTS, VIEWPOINTS

LOCAL_FILES: Final = "/data/local-files/?d="
"""What Label Studio serves of the folder that LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT names."""


def task(url: str, answer: Answered | None) -> dict[str, Any]:
    """A photo with what was found in it, as polygons of its upright picture; of none it is bare.

    The answer's masks are what polygons are made of (`include=masks`).
    """
    if answer is None:
        return {"data": {"image": url}}
    prediction = {
        "model_version": ", ".join(answer.models.values()),
        "score": answer.pose.viewpoint_score or 0.0,
        "result": list(_regions(answer)),
    }
    return {"data": {"image": url}, "predictions": [prediction]}


def _regions(answer: Answered) -> Iterator[dict[str, Any]]:
    width, height = answer.image.width, answer.image.height
    number = 0
    for name, found in labelled(answer):
        for polygon in polygons_of(found, max(width, height)):
            number += 1
            # In per cent of the picture.
            points = [[round(100 * x / width, 4), round(100 * y / height, 4)] for x, y in polygon]
            yield {
                "id": f"r{number}",
                "type": "polygonlabels",
                "from_name": "part",
                "to_name": "image",
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "score": found.score,
                "value": {"points": points, "closed": True, "polygonlabels": [name]},
            }
    if answer.pose.viewpoint is not None:
        yield {
            "id": "viewpoint",
            "type": "choices",
            "from_name": "viewpoint",
            "to_name": "image",
            "score": answer.pose.viewpoint_score,
            "value": {"choices": [answer.pose.viewpoint]},
        }


def labelling_interface(labels: Iterable[str] = PARTS) -> str:
    """The project's labelling configuration."""
    parts = "\n".join(f'    <Label value="{label}"/>' for label in labels)
    views = "\n".join(f'    <Choice value="{viewpoint}"/>' for viewpoint in VIEWPOINTS)
    return f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <PolygonLabels name="part" toName="image" opacity="0.4" strokeWidth="2">
{parts}
  </PolygonLabels>
  <Choices name="viewpoint" toName="image" choice="single-radio">
{views}
  </Choices>
</View>
"""
