"""A request's photo: multipart form, raw body or JSON, never more bytes than the limit."""

import base64
import binascii
import json
import re
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from carpose.errors import BadImage, TooLarge, UnsupportedType
from carpose.images import READ, Limits

BASE64_GROWTH = 4 / 3
FORM_OVERHEAD = 16 << 10
MEDIA_TYPES = frozenset(
    f"image/{name}" for name in ("jpeg", "jpg", "pjpeg", "png", "webp", "heic", "heif", "*")
)


async def read_upload(request: Request, limits: Limits) -> bytes:
    """The photo's encoded bytes.

    Raises: TooLarge before the body is read to its end; UnsupportedType for a media type that
        is no image; BadImage when the photo is missing, empty or not valid base64.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _form(_bounded(request, limits.max_bytes + FORM_OVERHEAD, limits), limits)
    if media_type == "application/json":
        most = int(limits.max_bytes * BASE64_GROWTH) + FORM_OVERHEAD
        return await _json(_bounded(request, most, limits))
    if media_type not in MEDIA_TYPES:
        given = f"{media_type!r}" if media_type else "no Content-Type"
        raise UnsupportedType(
            f"{given}: send {READ} as image/*, a multipart form with a file named image, or JSON"
        )
    return _not_empty(await _bounded(request, limits.max_bytes, limits).body())


async def read_json_upload(request: Request, limits: Limits) -> bytes:
    """The photo of a JSON body `{"image": data URL}`, whatever media type the client names."""
    most = int(limits.max_bytes * BASE64_GROWTH) + FORM_OVERHEAD
    return await _json(_bounded(request, most, limits))


def _bounded(request: Request, most: int, limits: Limits) -> Request:
    """The request, refusing to be read beyond `most` bytes."""
    refusal = TooLarge(f"the upload has more than {limits.max_bytes / 1e6:g} MB")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise refusal
    receive: Receive = request.receive
    left = most

    async def bounded_receive() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise refusal
        return message

    return Request(request.scope, bounded_receive)


async def _form(request: Request, limits: Limits) -> bytes:
    try:
        async with request.form(max_files=1, max_fields=8) as form:
            image = form.get("image")
            if not isinstance(image, UploadFile):
                raise BadImage("the form has no file named image: curl -F image=@photo.jpg")
            content = await image.read()
    except (MultiPartException, HTTPException, ClientDisconnect, KeyError, ValueError) as error:
        reason = getattr(error, "detail", None) or getattr(error, "message", None) or str(error)
        raise BadImage(f"the form cannot be read: {reason}") from error
    if len(content) > limits.max_bytes:
        raise TooLarge(f"the upload has more than {limits.max_bytes / 1e6:g} MB")
    return _not_empty(content)


async def _json(request: Request) -> bytes:
    try:
        body: Any = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise BadImage(f"the body is not JSON: {error}") from error
    image = body.get("image") if isinstance(body, dict) else None
    if not isinstance(image, str):
        raise BadImage('the JSON has no image: {"image": "<base64 or data URL>"}')
    return from_base64(image)


def from_base64(text: str) -> bytes:
    """Bytes of a base64 string or data URL; white space is ignored.

    Raises: BadImage when it is not base64, or empty.
    """
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise BadImage("the data URL is not base64: data:image/jpeg;base64,...")
    try:
        content = base64.b64decode(re.sub(r"\s+", "", text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage(f"not valid base64: {error}") from error
    return _not_empty(content)


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise BadImage("the upload is empty")
    return content
