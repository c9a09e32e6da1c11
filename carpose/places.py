"""A folder or s3://bucket/prefix, through pyarrow's file systems.

Credentials and region come from the usual places (environment, ~/.aws, the machine's role), another
endpoint from AWS_ENDPOINT_URL.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pyarrow.fs import FileSystem, FileType, LocalFileSystem, S3FileSystem

from carpose.errors import BadParameter

TEMPORARY = ".unfinished-"
"""How the name of a file begins that is being written in a folder."""


def filesystem(uri: str) -> tuple[FileSystem, str]:
    """The file system of `uri`, a folder or s3://bucket/prefix, and the path in it.

    Raises: BadParameter for any other scheme.
    """
    scheme, mark, path = uri.partition("://")
    if not mark:
        return LocalFileSystem(), str(Path(uri).resolve())
    if scheme != "s3":
        raise BadParameter(f"{uri}: a place is a folder or s3://bucket/prefix")
    # Arrow reads neither of these two variables, which boto3 and the AWS command line do.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    options = {}
    if endpoint:
        options["scheme"], _, options["endpoint_override"] = endpoint.partition("://")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        options["region"] = region
    return S3FileSystem(**options), path.strip("/")


@dataclass(frozen=True)
class Place:
    """Where files lie, each there whole or not at all.

    uri: as it was named.
    path: in the file system, without an end slash.
    """

    uri: str
    system: FileSystem
    path: str

    @classmethod
    def at(cls, uri: str) -> Self:
        """Raises: BadParameter."""
        return cls(uri, *filesystem(uri))

    @property
    def local(self) -> bool:
        """Whether it is a folder of this machine."""
        return isinstance(self.system, LocalFileSystem)

    def file(self, name: str) -> str:
        """The path of a file in it."""
        return f"{self.path}/{name}"

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none.

        Raises: OSError.
        """
        if self.system.get_file_info(self.file(name)).type == FileType.NotFound:
            return None
        with self.system.open_input_stream(self.file(name)) as stream:
            return bytes(stream.read())

    def put(self, name: str, content: bytes) -> None:
        """Write a file, in place of the one of that name; who reads sees the one or the other,
        whatever kills this process.

        Raises: OSError.
        """
        if not self.local:
            # An object is there once its upload is complete.
            with self.system.open_output_stream(self.file(name)) as stream:
                stream.write(content)
            return
        final = Path(self.file(name))
        final.parent.mkdir(parents=True, exist_ok=True)
        unfinished = final.with_name(f"{TEMPORARY}{os.getpid()}-{final.name}")
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, final)

    def remove(self, name: str) -> None:
        """Remove a file. Raises: OSError."""
        self.system.delete_file(self.file(name))
