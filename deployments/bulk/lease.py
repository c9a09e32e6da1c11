"""A lock in a bucket: an object that its run writes anew every few seconds, each time on the
condition that nobody else has (If-Match). One that was not written for a while is a dead run's, by
the bucket's own clock.
"""

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from email.utils import parsedate_to_datetime
from http.client import NOT_IMPLEMENTED
from typing import Any, Final, NamedTuple, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from carpose.places import Place
from deployments.bulk.errors import BulkError
from deployments.bulk.hold import LOCK, Hold, taken, unlocked, who
from deployments.bulk.photos import first_line

BEAT_S: Final = 10.0
"""Between two writes."""

STALE_S: Final = 40.0
"""Age of a dead run's."""

_NOT_OURS: Final = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")


class _Seen(NamedTuple):
    """The lock as it lies in the bucket: its version, words and age."""

    version: str
    content: bytes
    age_s: float

    @property
    def is_free(self) -> bool:
        return self.content == b"{}"


class _Object:
    """The lock's object in a bucket, written and read on conditions."""

    def __init__(self, place: Place) -> None:
        region = os.environ.get("AWS_REGION") or None
        self._client: Any = boto3.session.Session(region_name=region).client("s3")
        bucket, _, prefix = place.path.partition("/")
        self._at = {"Bucket": bucket, "Key": f"{prefix}/{LOCK}".lstrip("/")}

    def read(self) -> _Seen | None:
        try:
            got = self._client.get_object(**self._at)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        now = parsedate_to_datetime(got["ResponseMetadata"]["HTTPHeaders"]["date"])
        age_s = (now - got["LastModified"]).total_seconds()
        return _Seen(got["ETag"], got["Body"].read(), age_s)

    def write(self, content: bytes, version: str | None) -> str | None:
        """Put it in the place of a version, or of nothing; its own version, None where something
        else lies there."""
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        try:
            put = self._client.put_object(**self._at, Body=content, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_OURS:
                return None
            raise
        return str(put["ETag"])


class _Lease(Hold):
    """A lock in a bucket, written anew by a thread."""

    def __init__(self, place: Place, lock: _Object, beat_s: float, stale_s: float) -> None:
        self._place, self._lock = place, lock
        self._beat_s, self._stale_s = beat_s, stale_s
        self._who = {**who(), "run": uuid.uuid4().hex}
        self._beats, self._version = 0, ""
        self._lost, self._end = False, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def check(self) -> None:
        """See `Hold`."""
        if self._lost:
            raise BulkError(f"output {self._place.uri}: another run has taken it; this one stops")

    def take(self, version: str | None) -> bool:
        """Whether it is ours, in the place of a version of it."""
        self._beats += 1
        content = json.dumps({**self._who, "beat": self._beats}).encode()
        written = self._lock.write(content, version)
        self._version = written or self._version
        return written is not None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if not self._lost:
            # One that cannot be freed grows old.
            with suppress(ClientError, BotoCoreError):
                self._lock.write(b"{}", self._version)

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._end.wait(self._beat_s):
            try:
                self._lost = not self.take(self._version)
                last = time.monotonic()
            except (ClientError, BotoCoreError):
                # By then others may take it for a dead run's.
                self._lost = time.monotonic() - last > self._stale_s - self._beat_s
            if self._lost:
                return


@contextmanager
def leased(place: Place, beat_s: float, stale_s: float) -> Iterator[Hold]:
    """Holds a bucket for as long as the block runs; see `deployments.bulk.alone`."""
    try:
        lease = _lease(place, beat_s, stale_s)
    except (ClientError, BotoCoreError) as error:
        raise BulkError(f"output {place.uri} cannot be locked: {first_line(error)}") from error
    with lease or nullcontext(Hold()) as hold:
        yield hold


def _lease(place: Place, beat_s: float, stale_s: float) -> _Lease | None:
    """The lock, ours; None where the store knows none."""
    lock = _Object(place)
    lease = _Lease(place, lock, beat_s, stale_s)
    try:
        if not lease.take(None):
            _take_over(place, lock, lease, stale_s)
            return lease
        # Of two that put what is not there, one must fail, where conditions are read.
        if not lease.take(None):
            return lease
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != NOT_IMPLEMENTED:
            raise
    unlocked(place, "its store knows no If-None-Match")
    return None


def _take_over(place: Place, lock: _Object, lease: _Lease, stale_s: float) -> None:
    """Takes a lock that is free, or a dead run's. Raises: BulkError for a living one's."""
    first, said = lock.read(), False
    seen = first
    while True:
        if (seen is None or seen.is_free or seen.age_s > stale_s) and lease.take(
            seen.version if seen else None
        ):
            return
        if seen and first and seen.version != first.version and not seen.is_free:
            raise taken(place, seen.content)
        if seen and not said:
            said = True
            print(
                f"{taken(place, seen.content)}, or was killed: waiting at most {stale_s:.0f} s",
                file=sys.stderr,
            )
        time.sleep(min(1.0, stale_s / 10))
        seen = lock.read()
