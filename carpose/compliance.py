"""Whether a photo shows what is asked for."""

from collections.abc import Sequence

from carpose.parts import Viewpoint
from carpose.schema import Compliance


def check(viewpoint: Viewpoint | None, expected: Sequence[Viewpoint]) -> Compliance:
    """The verdict on a viewpoint where any of `expected` will do."""
    if viewpoint in expected:
        return Compliance(accepted=True, reasons=[])
    wanted = " or ".join(expected)
    if viewpoint is None:
        reason = f"the viewpoint could not be told, expected {wanted}"
    else:
        reason = f"viewpoint is {viewpoint}, expected {wanted}"
    return Compliance(accepted=False, reasons=[reason])
