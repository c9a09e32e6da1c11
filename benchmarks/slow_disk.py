"""A folder on a disk that can be made slow, for `benchmarks.faults`: a file system in user space
over another folder. Needs root, fuse (Debian's package) and `pip install fusepy`.

    python -m benchmarks.slow_disk FOLDER MOUNTPOINT SWITCH

While the file SWITCH exists, each write, and whatever else reaches the disk, takes the seconds that
it says.
"""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

WAITS = {"create", "flush", "fsync", "mkdir", "open", "read", "rename", "unlink", "write"}


def _mount(folder: str, point: str, switch: str) -> None:
    import fuse

    class Disk(fuse.Operations):  # type: ignore[misc]
        """Hands everything on to `folder`."""

        def __call__(self, op: str, path: str, *args: Any) -> Any:
            if op in WAITS:
                with suppress(OSError, ValueError):
                    time.sleep(float(Path(switch).read_text()))
            try:
                return getattr(self, op)(folder + path, *args)
            except AttributeError:
                raise fuse.FuseOSError(errno.ENOSYS) from None

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            stat = os.lstat(path)
            names = ("atime", "ctime", "gid", "mode", "mtime", "nlink", "size", "uid")
            return {f"st_{name}": getattr(stat, f"st_{name}") for name in names}

        def access(self, path: str, mode: int) -> None:
            if not os.access(path, mode):
                raise fuse.FuseOSError(errno.EACCES)

        def readdir(self, path: str, fh: int) -> list[str]:
            return [".", "..", *os.listdir(path)]

        def create(self, path: str, mode: int, fi: Any = None) -> int:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

        def open(self, path: str, flags: int) -> int:
            # What is appended comes with its place in the file.
            return os.open(path, flags & ~os.O_APPEND)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return os.pread(fh, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            return os.pwrite(fh, data, offset)

        def truncate(self, path: str, length: int, fh: int | None = None) -> None:
            os.truncate(path, length)

        def flush(self, path: str, fh: int) -> None:
            pass

        def fsync(self, path: str, datasync: int, fh: int) -> None:
            os.fsync(fh)

        def release(self, path: str, fh: int) -> None:
            os.close(fh)

        def rename(self, old: str, new: str) -> None:
            os.rename(old, folder + new)

        def symlink(self, target: str, source: str) -> None:
            os.symlink(source, target)

        def link(self, target: str, source: str) -> None:
            os.link(folder + source, target)

        def utimens(self, path: str, times: tuple[float, float] | None = None) -> None:
            os.utime(path, times)

        def statfs(self, path: str) -> dict[str, int]:
            stat = os.statvfs(path)
            fields = ("bavail", "bfree", "blocks", "bsize", "favail", "ffree", "files", "frsize")
            return {f"f_{name}": getattr(stat, f"f_{name}") for name in (*fields, "namemax")}

        chmod, chown, mkdir, mknod = os.chmod, os.chown, os.mkdir, os.mknod
        readlink, rmdir, unlink = os.readlink, os.rmdir, os.unlink

    fuse.FUSE(Disk(), point, foreground=True, allow_other=True, big_writes=True)


@contextmanager
def slow_disk(point: Path, switch: Path) -> Iterator[None]:
    """`point`, an empty folder, lies on such a disk until the block ends."""
    below = point.with_name(point.name + ".disk")
    below.mkdir()
    command = [sys.executable, "-m", "benchmarks.slow_disk", str(below), str(point), str(switch)]
    disk = subprocess.Popen(command)
    try:
        while not os.path.ismount(point):
            if disk.poll() is not None:
                raise SystemExit("no such disk: it takes root, fuse and `pip install fusepy`")
            time.sleep(0.1)
        yield
    finally:
        switch.unlink(missing_ok=True)
        subprocess.run(["umount", "--lazy", point], check=False)
        disk.terminate()
        disk.wait()


if __name__ == "__main__":
    _mount(*sys.argv[1:])
