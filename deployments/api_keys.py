"""API keys: how one is made, and a file of their hashes, read again when it changes."""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from deployments.problems import Overloaded

logger = logging.getLogger("ray.serve")

KEY: Final = re.compile(r"carpose_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
"""A key: its id, by which its hash is found, and 256 random bits."""

HASH: Final = re.compile(r"scrypt\$(\d{4,7})\$(\d{1,2})\$(\d{1,2})\$([0-9a-f]{32})\$([0-9a-f]{64})")
"""Cost, block size and parallelism of scrypt (RFC 7914), salt and hash."""

COST: Final = (2**14, 8, 5)
"""16 MB and about 0.2 s: one of OWASP's equals of 2**17, 8, 1, in the least memory."""
MOST_MEMORY: Final = 256 << 20
REMEMBERED: Final = 4096
LOOK_S: Final = 1.0
"""Seconds between two looks at whether the file has changed."""
MOST_WAITING: Final = 8
"""Keys that wait to be hashed, one at a time."""


class ApiKey(BaseModel):
    """A line of the file: whose key it is, its hash, and what it may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    """In logs and metrics, and what limits are counted by: two keys may share a name, as an old one
    and its successor do."""
    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    hash: str
    requests_per_minute: int | None = Field(None, ge=1)
    """Beyond it 429."""
    max_in_flight: int | None = Field(None, ge=1)
    """Photos that an ingress replica works on for it at a time; beyond it 429."""
    rekognition_calls_per_day: int | None = Field(None, ge=0)
    """Beyond it 429, for engine=rekognition alone."""

    @field_validator("hash")
    @classmethod
    def _is_one_of_ours(cls, text: str) -> str:
        if not HASH.fullmatch(text):
            raise ValueError("not a hash that `python -m deployments.new_key` makes")
        return text

    def line(self) -> str:
        """As it stands in the file."""
        content = self.model_dump(exclude_none=True)
        return "- " + yaml.safe_dump(content, default_flow_style=True, width=1000, sort_keys=False)

    def fits(self, presented: str) -> bool:
        """Whether it is this key, by its slow hash, compared in constant time."""
        found = HASH.fullmatch(self.hash)
        assert found
        cost = int(found[1]), int(found[2]), int(found[3])
        return hmac.compare_digest(_hashed(presented, bytes.fromhex(found[4]), cost), self.hash)

    @classmethod
    def made(cls, name: str, limits: Mapping[str, int | None] = {}) -> tuple[str, Self]:
        """A new key, which is kept nowhere, and its line."""
        key_id = secrets.token_hex(6)
        key = f"carpose_{key_id}_{secrets.token_urlsafe(32)}"
        hashed = _hashed(key, secrets.token_bytes(16), COST)
        return key, cls.model_validate({"name": name, "id": key_id, "hash": hashed, **limits})


class KeysUnreadable(Exception):
    """The file of keys is missing, or not what it should be; the message says which and where."""


_LINES: Final = TypeAdapter(list[ApiKey])


def read_keys(path: Path) -> dict[str, ApiKey]:
    """The keys of a file, by id. Raises: KeysUnreadable."""
    try:
        keys = _LINES.validate_python(yaml.safe_load(path.read_text()) or [])
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnreadable(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        # Its words would quote the line.
        raise KeysUnreadable(f"{path}: this is no YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise KeysUnreadable(f"{path}: key {where}: {first['msg']}") from error
    found = {key.id: key for key in keys}
    if len(found) < len(keys):
        raise KeysUnreadable(f"{path}: an id stands there twice")
    return found


class KeyRing:
    """The keys of a file, and who presented which. For use on one event loop.

    The slow hash of a key is made once: after that its verdict is known by a fast hash, keyed by a
    secret of this process. An id that is not in the file costs no hash.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises: KeysUnreadable: a server that should ask for keys does not start without."""
        self._path, self._clock = path, clock
        self._stamp = self._stamped()
        self._keys = read_keys(path)
        self._next_look = clock() + LOOK_S
        self._secret = secrets.token_bytes(32)
        self._verdicts: OrderedDict[bytes, bool] = OrderedDict()
        self._hashing, self._waiting = asyncio.Lock(), 0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keys")

    async def key_of(self, presented: str) -> ApiKey | None:
        """The key that this is; None where it is none of them.

        Raises: Overloaded where too many wait to have theirs hashed.
        """
        await self._look()
        form = KEY.fullmatch(presented)
        key = self._keys.get(form[1]) if form else None
        if key is None:
            return None
        # Of the hash too: what was found holds for as long as the line stands.
        asked = f"{presented} {key.hash}".encode()
        mark = hashlib.blake2b(asked, key=self._secret, digest_size=32).digest()
        if mark not in self._verdicts:
            await self._judge(mark, key, presented)
        self._verdicts.move_to_end(mark)
        return key if self._verdicts[mark] else None

    async def _judge(self, mark: bytes, key: ApiKey, presented: str) -> None:
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many keys are being looked at")
        self._waiting += 1
        try:
            async with self._hashing:
                if mark in self._verdicts:
                    return
                loop = asyncio.get_running_loop()
                fits = await loop.run_in_executor(self._executor, key.fits, presented)
                self._verdicts[mark] = fits
                if len(self._verdicts) > REMEMBERED:
                    self._verdicts.popitem(last=False)
        finally:
            self._waiting -= 1

    async def _look(self) -> None:
        if self._clock() < self._next_look:
            return
        self._next_look = self._clock() + LOOK_S
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            keys = await asyncio.to_thread(read_keys, self._path)
        except KeysUnreadable as error:
            logger.error("keys are not read again, those of before stay: %s", error)
            return
        logger.info("keys were read again: %s", ", ".join(sorted({k.name for k in keys.values()})))
        self._keys = keys

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        # A mounted secret is swapped by a link to another file.
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _hashed(key: str, salt: bytes, cost: tuple[int, int, int]) -> str:
    n, r, p = cost
    hashed = hashlib.scrypt(key.encode(), salt=salt, n=n, r=r, p=p, maxmem=MOST_MEMORY, dklen=32)
    return f"scrypt${n}${r}${p}${salt.hex()}${hashed.hex()}"
