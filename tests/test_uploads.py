"""Photos that come as text."""

import base64

import pytest

from carpose.errors import BadImage
from deployments.uploads import from_base64


@pytest.mark.parametrize("wrap", ["{}", "data:image/png;base64,{}", " {}\n"])
def test_base64_and_data_urls_are_read(wrap: str) -> None:
    assert from_base64(wrap.format(base64.b64encode(b"abc").decode())) == b"abc"


@pytest.mark.parametrize(
    "text", ["", "@@@", "data:image/png,abc", "data:image/png;base64", "abc", "é"]
)
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(BadImage):
        from_base64(text)
