"""What this machine's processor can do."""

import re
from pathlib import Path
from typing import Final

CPUINFO: Final = Path("/proc/cpuinfo")

VNNI: Final = frozenset(("avx512_vnni", "avx_vnni"))
"""Linux's names of what adds up products of bytes in 32 bits."""


def multiplies_bytes(cpuinfo: Path = CPUINFO) -> bool:
    """Whether networks in bytes are faster here, and right.

    Other x86 processors add such products in pairs of 16 bits, which overflow unnoticed (ONNX
    Runtime's documentation, "Quantize ONNX models"); on those of other makers, and where nothing
    says what the processor can do, nobody has measured.
    """
    try:
        flags = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    except OSError:
        return False
    return flags is not None and not VNNI.isdisjoint(flags[1].split())
