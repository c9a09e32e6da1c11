"""h11's patterns, each of which reads its line in one pass."""

import re

import h11._readers as readers
from h11 import _abnf as abnf


def read_in_one_pass() -> None:
    """Makes h11, in this process, read any line in the time that its length takes.

    It divides blanks between what stands before a value and what stands behind it, and where the
    line is none it tries every division: 64 kB of blanks are half a minute of a proxy, which
    answers nobody else meanwhile. What it takes for a line stays, but for a bare CR in a chunk's
    extension.
    """
    header = abnf.header_field.replace(r":[ \t]*", r":[ \t]*+", 1)
    chunk = abnf.chunk_header.replace(";.*", r";[^\r\n]*+", 1)
    readers.header_field_re = re.compile(header.encode())
    readers.chunk_header_re = re.compile(chunk.encode())
