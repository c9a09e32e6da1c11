"""A request's photo: multipart form, raw body or JSON, never more bytes than the limit."""

import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from carpose.errors import BadImage, TooLarge
from carpose.images import Limits, check_media_type, from_base64

BASE64_GROWTH = 4 / 3
FORM_OVERHEAD = 16 << 10


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
    check_media_type(media_type)
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


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise BadImage("the upload is empty")
    return content
