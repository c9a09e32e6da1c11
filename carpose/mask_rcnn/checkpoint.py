"""The model zoo's checkpoints, pickles, read without running code from them."""

import io
import pickle
from typing import Any

from carpose.errors import BadBundle


class _ArraysOnly(pickle.Unpickler):
    """Reads nested dicts of numpy arrays and refuses every other class or function."""

    allowed = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy.core.multiarray", "scalar"),
            ("numpy._core.multiarray", "scalar"),
            ("collections", "OrderedDict"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise BadBundle(f"the checkpoint asks for {module}.{name}: refused")
        return super().find_class(module, name)


def read_arrays(content: bytes) -> dict[str, Any]:
    """A model zoo checkpoint, pickled dicts of numpy arrays.

    Raises: BadBundle when it holds anything else.
    """
    try:
        state = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError) as error:
        raise BadBundle(f"not a checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise BadBundle("not a checkpoint: no dict inside")
    return state.get("model", state)  # type: ignore[no-any-return]
