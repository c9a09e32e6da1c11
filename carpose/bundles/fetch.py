"""Files from afar, by https or from S3: within a limit, and never half of one."""

import http.client
import io
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import BinaryIO, Protocol

from carpose.errors import BadBundle

MAX_FILE_BYTES = 2 << 30
TIMEOUT_S = 30


class Readable(Protocol):
    """A stream of bytes: an HTTP response or an S3 body."""

    def read(self, amount: int, /) -> bytes:
        """At most `amount` bytes; none at the end."""
        ...


def fetch_file(source: str, target: Path, limit: int = MAX_FILE_BYTES) -> None:
    """Write an s3:// or https:// file of at most `limit` bytes to `target`.

    Raises: BadBundle saying what went wrong.
    """
    with target.open("wb") as file:
        _receive(source, file, limit)


def fetch(source: str, limit: int) -> bytes:
    """The content of an s3:// or https:// file of at most `limit` bytes. Raises: as fetch_file."""
    buffer = io.BytesIO()
    _receive(source, buffer, limit)
    return buffer.getvalue()


def _receive(source: str, target: BinaryIO, limit: int) -> None:
    url = urllib.parse.urlsplit(source)
    if url.scheme == "s3":
        _from_s3(source, url.netloc, url.path.lstrip("/"), target, limit)
    # Plain HTTP only from this machine.
    elif url.scheme == "https" or (url.scheme == "http" and url.hostname in ("127.0.0.1", "::1")):
        _from_web(source, target, limit)
    else:
        raise BadBundle(f"{source}: a bundle is embedded:NAME, a folder, s3:// or https://")


def _from_web(source: str, target: BinaryIO, limit: int) -> None:
    try:
        with urllib.request.urlopen(source, timeout=TIMEOUT_S) as response:
            received = _copy(response, target, source, limit)
            announced = response.headers["Content-Length"]
    except (OSError, http.client.HTTPException) as error:
        raise BadBundle(f"{source}: {error}") from error
    # Python's client takes a connection that breaks for the end of the body.
    if announced is not None and received != int(announced):
        raise BadBundle(f"{source}: cut off after {received} of {announced} bytes")


def _from_s3(source: str, bucket: str, key: str, target: BinaryIO, limit: int) -> None:
    # Only who keeps bundles in S3 pays for importing boto3.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        _copy(body, target, source, limit)
    except (BotoCoreError, ClientError) as error:
        raise BadBundle(f"{source}: {error}") from error


def _copy(source: Readable, target: BinaryIO, name: str, limit: int) -> int:
    """Bytes copied."""
    received = 0
    while chunk := source.read(1 << 20):
        received += len(chunk)
        if received > limit:
            raise BadBundle(f"{name} is larger than {limit} bytes")
        target.write(chunk)
    return received
