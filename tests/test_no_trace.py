"""What a photo says of its owner goes no further: neither back, nor into files or logs."""

import io
import logging

import pytest
from PIL import Image

import carpose
from carpose.outputs import OUTPUTS
from tests.edge import answered, edge
from tests.support import encoded, opened
from tests.toy_engine import TOY, find

SECRET = "Ada's driveway"


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A photo that says where and by whom it was taken, in each way that JPEG has."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = SECRET
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[2] = "N", (52.0, 30.0, 1.0)
    image = Image.new("RGB", (400, 300), "grey")
    return encoded(image, exif=exif, comment=SECRET.encode(), xmp=f"<x>{SECRET}</x>".encode())


def test_pictures_that_come_back_say_nothing_of_it(photo: bytes) -> None:
    assert SECRET.encode() in photo
    answer = carpose.Estimator(find, TOY).answer(photo, include=list(OUTPUTS))
    body = answer.response()
    assert SECRET not in body.model_dump_json()
    assert body.images is not None
    assert set(body.images) == set(OUTPUTS)
    for url in body.images.values():
        picture = opened(url)
        assert dict(picture.getexif()) == {}
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}


def test_a_file_s_name_is_in_no_log_and_no_answer(
    photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"image": (f"{SECRET}.jpg", io.BytesIO(photo), "image/jpeg")}
    with caplog.at_level(logging.DEBUG):
        responses = answered(
            edge(),
            ("POST", "/v1/pose", {"files": files}),
            ("POST", "/v1/pose", {"files": {"other": files["image"]}}),
        )
    assert [r.status_code for r in responses] == [503, 400]
    assert all(SECRET not in r.text for r in responses)
    assert "outcome=bad-image" in caplog.text or "bad-image" in caplog.text
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("python_multipart")]
    assert not any("driveway" in message for message in ours)


@pytest.mark.parametrize(
    "place", ["file:///etc/hostname", "/etc/hostname", "http://127.0.0.1:1/a.jpg"]
)
def test_no_place_that_a_request_names_is_opened(place: str) -> None:
    asked = [
        ("POST", "/v1/pose", {"json": {"image": place}}),
        ("POST", "/v1/pose", {"files": {"image": place.encode()}}),
        ("POST", "/v1/pose", {"content": place.encode()}),
    ]
    for response in answered(edge(), *asked):
        assert response.status_code in (400, 503), "a path of base64's letters is bytes like others"
        assert "hostname" not in response.text.replace(place, "")
