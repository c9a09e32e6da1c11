"""The photos that were named."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from carpose.photo_names import is_photo_name

STDIN: Final = "-"


@dataclass(frozen=True)
class Named:
    """A photo: its name for people, and the path of its file; None of standard input."""

    name: str
    path: Path | None

    def read(self) -> bytes:
        """Its bytes. Raises: OSError."""
        return sys.stdin.buffer.read() if self.path is None else self.path.read_bytes()

    @property
    def stem(self) -> str:
        """What files made of it are called."""
        return "stdin" if self.path is None else self.path.stem


def named(words: Iterable[str]) -> list[Named]:
    """Every photo of files, folders and `-`; a folder's in the order of their names."""
    return [photo for word in words for photo in _named(word)]


def _named(word: str) -> Iterator[Named]:
    if word == STDIN:
        yield Named("standard input", None)
    elif (folder := Path(word)).is_dir():
        files = (path for path in folder.rglob("*") if is_photo_name(path.name) and path.is_file())
        yield from (Named(str(path), path) for path in sorted(files))
    else:
        yield Named(word, Path(word))
