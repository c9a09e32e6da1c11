"""Whether a photo shows what is asked for."""

from collections.abc import Sequence

from carpose.parts import Viewpoint


def check(viewpoint: Viewpoint | None, expected: Sequence[Viewpoint]) -> tuple[bool, list[str]]:
    """(accepted, reasons against it) of a viewpoint where any of `expected` will do."""
    if viewpoint in expected:
        return True, []
    wanted = " or ".join(expected)
    if viewpoint is None:
        return False, [f"the viewpoint could not be told, expected {wanted}"]
    return False, [f"viewpoint is {viewpoint}, expected {wanted}"]
