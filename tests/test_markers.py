"""`make test-fast` is fast."""

from pathlib import Path

import pytest

STARTS_RAY = ("ray.init(", "= Cluster(", '"ray", "start"', 'BIN / "ray"')


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parent.glob("test_*.py")), ids=lambda p: p.stem
)
def test_what_starts_a_ray_of_its_own_is_marked_slow(path: Path) -> None:
    text = path.read_text()
    if path != Path(__file__) and any(words in text for words in STARTS_RAY):
        assert "pytest.mark.slow" in text, "pytestmark = pytest.mark.slow"
