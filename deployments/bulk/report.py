"""The HTML page of an output: counts, histogram, contact sheets; one file, whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined

from carpose.errors import CarposeError
from carpose.images import Look, data_url, decode, to_jpeg
from deployments.bulk.decoding import LIMITS
from deployments.bulk.photos import read
from deployments.bulk.summary import Summary

THUMBNAIL_PX: Final = 320


@dataclass(frozen=True)
class Shown:
    """A photo of a contact sheet; `url` is empty where it cannot be read any more."""

    uri: str
    words: str
    score: float | None
    url: str


def html(summary: Summary, about: Mapping[str, object]) -> str:
    """The page; reads the photos of the contact sheets once more."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("deployments.bulk").joinpath("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        summary=summary,
        about=about,
        unsure=[_shown(uri, words, score) for score, uri, words in summary.unsure],
        refused=[_shown(uri, words, None) for _, uri, words in summary.refused],
    )


def _shown(uri: str, words: str, score: float | None) -> Shown:
    try:
        picture = decode(read(uri, LIMITS.max_bytes + 1), LIMITS, Look(THUMBNAIL_PX)).in_srgb()
        url = data_url(to_jpeg(picture.pixels, quality=75), "image/jpeg")
    except (OSError, CarposeError):
        url = ""
    return Shown(uri, words, score, url)
