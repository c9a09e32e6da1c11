"""Networks in bytes only where the processor adds up products of bytes without overflow."""

from pathlib import Path

import pytest

from carpose.processor import multiplies_bytes

X86 = "processor\t: 0\nmodel name\t: some\nflags\t\t: fpu sse2 avx2 {}\nbugs\t\t: avx512_vnni_bug\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n"


@pytest.mark.parametrize(
    ("cpuinfo", "does"),
    [
        (X86.format("avx512f avx512_vnni"), True),
        (X86.format("avx_vnni"), True),
        (X86.format("avx512f avx512bw"), False),
        (X86.format(""), False),
        (ARM, False),
        ("", False),
        (None, False),
    ],
    ids=["avx512-vnni", "avx-vnni", "avx512", "avx2", "arm", "says-nothing", "no-such-file"],
)
def test_only_a_processor_that_says_so_multiplies_bytes(
    cpuinfo: str | None, does: bool, tmp_path: Path
) -> None:
    path = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        path.write_text(cpuinfo)
    assert multiplies_bytes(path) is does
