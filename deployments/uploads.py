"""What a request brings: photos, and parameters beside them; as form, JSON, text or the bare file.

The body itself says which it is: clients name media types that are missing, general or wrong.
"""

import asyncio
import codecs
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from carpose.errors import BadImage, BadParameter, TooLarge
from carpose.images import Limits
from carpose.picture_files.signatures import format_of
from deployments.body import read_body
from deployments.multipart import MAX_PARTS, Part, boundary_of, parts_of, text
from deployments.text_photo import from_text, unescaped

BASE64_GROWTH = 4 / 3
FORM_OVERHEAD = 16 << 10
MAX_VALUES: Final = 1000
"""Of JSON; as many photos as a set has, and some parameters, are far fewer."""

PHOTO: Final = ("image",)
PHOTOS: Final = ("image", "images")
"""Names that a photo, and several, come under."""

_FORM_START = re.compile(rb"[\w.%\[\]-]{1,64}=")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Field = tuple[str, bytes | str]
"""A name, and what was sent under it: bytes of a form's part, or a text of JSON."""


@dataclass(frozen=True)
class Upload:
    """What came in.

    photos: encoded; at least one.
    said: names and values of parameters, as often as they were said.
    way: in which they came, for words: `form`, `JSON` or `body`.
    """

    photos: Sequence[bytes]
    said: Sequence[tuple[str, str]] = ()
    way: str = "body"


async def read_upload(
    request: Request, limits: Limits, names: Collection[str] = PHOTO, photos: int = 1
) -> Upload:
    """What a request brings, where photos come under `names`, `photos` of them at most.

    Raises: TooLarge before the body is read to its end; UnsupportedType for a Content-Encoding that
        is not unpacked; BadImage when a photo is missing, empty or not valid base64; BadParameter
        for values that are none.
    """
    content_type = request.headers.get("content-type", "")
    most = photos * limits.max_bytes
    if not content_type.strip().lower().startswith("image/"):
        most = int(most * BASE64_GROWTH) + FORM_OVERHEAD
    each = f"{limits.max_bytes / 1e6:g} MB"
    refusal = TooLarge(
        f"the upload has more than {each}" + (f" for each of {photos} photos" if photos > 1 else "")
    )
    body = await read_body(request, most, refusal)
    # Text of a large photo takes its time.
    upload = await asyncio.to_thread(upload_of, content_type, body, names)
    if any(len(photo) > limits.max_bytes for photo in upload.photos):
        raise TooLarge(f"the photo has more than {each}")
    return upload


def upload_of(content_type: str, body: bytes, names: Collection[str] = PHOTO) -> Upload:
    """What a body brings; `content_type` is believed where the body does not say better.

    Raises: as `read_upload`.
    """
    if not body:
        raise BadImage("the upload is empty")
    kind = content_type.partition(";")[0].strip().lower()
    if format_of(body):
        return Upload((body,))
    body = _as_utf8(body)
    start = body[:64].lstrip()
    if _is_json(kind) or start.startswith((b"{", b'"')):
        return _of_fields(_json(body), names, "JSON")
    if kind.startswith("multipart/") or start.startswith(b"--"):
        return _of_fields(_form(content_type, body), names, "form")
    if kind == "application/x-www-form-urlencoded" and _FORM_START.match(start):
        return _of_fields(_urlencoded(body), names, "form")
    return Upload((_photo(body),))


def _as_utf8(body: bytes) -> bytes:
    """Text that starts with a byte order mark as UTF-8 without one."""
    for mark, coding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            try:
                return body.decode(coding).encode()
            except UnicodeDecodeError:
                break
    return body


def _is_json(kind: str) -> bool:
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def _of_fields(fields: Sequence[Field], names: Collection[str], way: str) -> Upload:
    given: list[bytes | str] = []
    said: list[tuple[str, str]] = []
    for name, value in fields:
        if plain_name(name) in names:
            given.append(value)
        else:
            said.append((name, text(value) if isinstance(value, bytes) else value))
    # An input for files that was left empty says nothing beside one that was not.
    photos = [_photo(value) for value in [value for value in given if value] or given]
    if not photos:
        came = ", ".join(name[:40] or "a part without a name" for name, _ in fields[:20])
        hint = {
            "form": "curl -F image=@photo.jpg",
            "JSON": '{"image": "<base64 or data URL>"}',
        }[way]
        raise BadImage(f"the {way} has no {next(iter(names))}, it has {came or 'nothing'}: {hint}")
    return Upload(photos, said, way)


def plain_name(name: str) -> str:
    """The name without the brackets that some clients put behind those of lists."""
    name = name.strip()
    start, bracket, index = name.removesuffix("]").rpartition("[")
    is_list = bracket and name.endswith("]") and (not index or index.isdecimal())
    return start if is_list else name


def _photo(value: bytes | str) -> bytes:
    """The encoded photo, of a file or of its text."""
    if isinstance(value, bytes):
        if not value:
            raise BadImage("the upload is empty")
        if format_of(value):
            return value
        if not value.isascii():
            # The decoder says that it is no picture.
            return value
    return from_text(value if isinstance(value, str) else value.decode("ascii"))


def _form(content_type: str, body: bytes) -> list[Field]:
    boundary = boundary_of(content_type, body)
    if boundary is None:
        raise BadImage("the form cannot be read: its Content-Type names no boundary")
    return [field for part in parts_of(body, boundary) for field in _fields(part)]


def _fields(part: Part) -> list[Field]:
    """What a part says; one that is JSON may say several values."""
    if _is_json(part.media_type) and not format_of(part.content):
        try:
            given = _parsed(part.content)
        except (ValueError, RecursionError):
            pass  # many a client calls plain text so
        else:
            return [(part.name, value) for value in _values(part.name, given)]
    return [(part.name, part.content)]


def _urlencoded(body: bytes) -> list[Field]:
    if body.count(b"&") >= MAX_PARTS:
        raise BadImage(f"the form has more than {MAX_PARTS} fields")
    fields: list[Field] = []
    for pair in filter(None, body.split(b"&")):
        said, _, value = (unescaped(word.replace(b"+", b" ")) for word in pair.partition(b"="))
        name = text(said)
        # A client that forgot to escape the + of base64 meant one.
        is_text = plain_name(name) in PHOTOS and not format_of(value)
        fields.append((name, value.replace(b" ", b"+") if is_text else value))
    return fields


class _Members(list[tuple[str, Any]]):
    """Of a JSON object, also those that are said twice."""


def _json(body: bytes) -> list[Field]:
    try:
        content = _parsed(body)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadImage(f"the body is not JSON: it goes wrong at {where}") from error
    except (ValueError, RecursionError) as error:
        raise BadImage("the body is not JSON that can be read") from error
    if isinstance(content, str):
        return [("image", content)]
    if not isinstance(content, _Members):
        raise BadImage('the JSON is no object: {"image": "<base64 or data URL>"}')
    return [(name, value) for name, given in content for value in _values(name, given)]


def _parsed(content: bytes) -> Any:
    """The value that JSON says. Raises: BadImage for more values than anybody means, each of which
    takes a hundred times its own memory; ValueError and RecursionError where it is none."""
    if content.count(b",") > MAX_VALUES:
        raise BadImage(f"the JSON has more than {MAX_VALUES} values")
    return json.loads(content, object_pairs_hook=_Members, parse_constant=_no_number)


def _no_number(_: str) -> None:
    raise ValueError


def _values(name: str, given: Any) -> list[str]:
    if given is None:
        return []
    if isinstance(given, _Members):
        raise BadParameter(f"{name[:40]}: an object is no value")
    if isinstance(given, list):
        if any(isinstance(one, list) for one in given):
            raise BadParameter(f"{name[:40]}: a list in a list is no value")
        return [value for one in given for value in _values(name, one)]
    return [given if isinstance(given, str) else json.dumps(given)]
