"""Fetch the car-parts data from its public source, checked against known hashes."""

import hashlib
import shutil
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from training.errors import TrainingError

SOURCE = "https://github.com/dsmlr/Car-Parts-Segmentation/archive/e970560.zip"
SHA256 = {
    "trainingset/annotations.json": "f52dcaafd485adb9120e077a002d8764"
    "9b15e8bad405d05ff41119a37720b935",
    "testset/annotations.json": "4e151f28864d7a4d5712963e996f1ef4cd9e895b683419c657d14120bf8ec463",
}
MAX_BYTES = 1 << 30


@contextmanager
def archive(source: str) -> Iterator[zipfile.ZipFile]:
    """The ZIP archive at a URL, fetched with a progress bar, gone afterwards.

    Raises: TrainingError when it cannot be fetched, is larger than MAX_BYTES or no ZIP archive.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.zip"
        try:
            _fetch(source, path)
            content = zipfile.ZipFile(path)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise TrainingError(
                f"{source}: {error}\nfetch it where there is a network, and name the mirror or "
                "file:// URL"
            ) from error
        with content:
            yield content


def _fetch(source: str, target: Path) -> None:
    with urllib.request.urlopen(source, timeout=60) as response, target.open("wb") as file:
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc="download") as bar:
            while chunk := response.read(1 << 20):
                bar.update(len(chunk))
                if bar.n > MAX_BYTES:
                    raise OSError(f"larger than {MAX_BYTES} bytes")
                file.write(chunk)


def inside(content: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The archive's files by their path below its top folder, which carries the commit's name."""
    entries = (entry for entry in content.infolist() if not entry.is_dir())
    found = {entry.filename.partition("/")[2]: entry for entry in entries}
    return {name: entry for name, entry in found.items() if ".." not in name.split("/")}


def unpack(content: zipfile.ZipFile, root: Path) -> None:
    """Put `trainingset/` and `testset/` of the archive into `root`.

    Raises: TrainingError when the annotations are not the known ones; then nothing is written.
    """
    wanted = {
        name: entry
        for name, entry in inside(content).items()
        if name.split("/")[0] in ("trainingset", "testset")
    }
    for name, expected in SHA256.items():
        found = hashlib.sha256(content.read(wanted[name])).hexdigest() if name in wanted else ""
        if found != expected:
            raise TrainingError(f"{name} is not the known one: has the source changed?")
    for name, entry in wanted.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with content.open(entry) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def download(root: Path, source: str = SOURCE) -> None:
    """Fetch and unpack the data into `root`. Raises: TrainingError."""
    with archive(source) as content:
        unpack(content, root)
