"""Bundles and runs in a folder or in object storage, through pyarrow's file systems.

A bundle's checksums are checked before it is sent and after it is fetched. Its manifest is sent
last: half a bundle is never taken for a whole one. Credentials and region come from the usual
places (environment, ~/.aws, the machine's role), another endpoint from AWS_ENDPOINT_URL.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from pyarrow.fs import FileSelector, FileType, LocalFileSystem
from tqdm import tqdm

from carpose.bundles import MANIFEST, open_bundle
from carpose.places import filesystem
from training.errors import TrainingError

CHUNK = 8 * 2**20
"""Bytes per part of an upload."""


def upload(folder: Path, uri: str) -> None:
    """Send a folder's files; a bundle's only if they are what its manifest says.

    Raises: TrainingError, with the storage's own words; BadBundle.
    """
    if (folder / MANIFEST).is_file():
        open_bundle(str(folder))
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if not files:
        raise TrainingError(f"{folder} has no files")
    # What names the others comes last.
    files.sort(key=lambda path: path.name == MANIFEST)
    system, base = filesystem(uri)
    total = sum(path.stat().st_size for path in files)
    try:
        with tqdm(total=total, unit="B", unit_scale=True, desc="upload") as bar:
            for path in files:
                target = f"{base}/{path.relative_to(folder).as_posix()}"
                if isinstance(system, LocalFileSystem):
                    Path(target).parent.mkdir(parents=True, exist_ok=True)
                with path.open("rb") as source, system.open_output_stream(target) as sink:
                    while chunk := source.read(CHUNK):
                        sink.write(chunk)
                        bar.update(len(chunk))
    except OSError as error:
        raise TrainingError(f"upload to {uri}: {error}") from error


def download(uri: str, folder: Path) -> None:
    """Fetch all files below `uri` into `folder`, which must not exist yet; all or nothing.

    Raises: TrainingError, with the storage's own words; BadBundle when a bundle's checksums fail.
    """
    if folder.exists():
        raise TrainingError(f"{folder} exists: choose another folder")
    system, base = filesystem(uri)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        found = system.get_file_info(FileSelector(base, recursive=True))
        files = [info for info in found if info.type == FileType.File]
        if not files:
            raise TrainingError(f"{uri} has no files")
        total = sum(info.size for info in files)
        with tqdm(total=total, unit="B", unit_scale=True, desc="download") as bar:
            for info in files:
                target = staging / info.path.removeprefix(base).lstrip("/")
                if not target.resolve().is_relative_to(staging.resolve()):
                    raise TrainingError(f"{info.path} leads out of {folder}")
                target.parent.mkdir(parents=True, exist_ok=True)
                with system.open_input_stream(info.path) as source, target.open("wb") as sink:
                    while chunk := source.read(CHUNK):
                        sink.write(chunk)
                        bar.update(len(chunk))
        if (staging / MANIFEST).is_file():
            open_bundle(str(staging))
        staging.rename(folder)
    except OSError as error:
        raise TrainingError(f"download of {uri}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def local_copy(uri: str) -> Path:
    """The folder at `uri` on this machine, fetched once: later calls, in any process, find it.

    Raises: TrainingError, with the storage's own words.
    """
    if "://" not in uri:
        return Path(uri)
    name = f"carpose-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    if not folder.exists():
        try:
            download(uri, folder)
        except TrainingError:
            # Another worker of this node was faster.
            if not folder.exists():
                raise
    return folder
