"""The outlines of a mask in COCO's run-length encoding; plain Python, so that a client without
numpy has them."""

from collections.abc import Iterator, Sequence

Point = tuple[float, float]
"""x, y in pixels; a pixel reaches from its number to the next."""

Span = tuple[int, int]
"""First pixel of a column that is set, and the first that is not."""

Corner = tuple[int, int]


def runs_of(counts: str) -> list[int]:
    """Lengths of the runs, down the columns, the first of pixels that are not set.

    COCO's compressed encoding has six bits a letter, and differences from the third run on
    (`rleFrString` of its API).
    """
    runs: list[int] = []
    value = shift = 0
    for letter in counts:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def area_of(counts: str) -> int:
    """Pixels that are set."""
    return sum(runs_of(counts)[1::2])


def outlines(size: tuple[int, int], counts: str, tolerance: float) -> list[list[Point]]:
    """The outer borders of a mask's pieces, largest first; holes are filled.

    size: height and width, as COCO says it. tolerance: by how many pixels an outline may leave the
    border to have fewer corners; pieces that are smaller than it are left out.
    """
    loops = _loops(list(_edges(_columns(size[0], runs_of(counts)))))
    outer = sorted((loop for loop in loops if _twice_area(loop) > 0), key=_twice_area, reverse=True)
    simple = (_simplified(loop, tolerance) for loop in outer)
    return [[(float(x), float(y)) for x, y in loop] for loop in simple if _large(loop, tolerance)]


def _large(loop: Sequence[Corner], tolerance: float) -> bool:
    return len(loop) > 2 and _twice_area(loop) >= 2 * max(1.0, tolerance * tolerance)


def _columns(height: int, runs: Sequence[int]) -> dict[int, list[Span]]:
    """The spans of every column that has some."""
    columns: dict[int, list[Span]] = {}
    at = 0
    for number, run in enumerate(runs):
        end = at + run
        while number % 2 and at < end:
            x, top = divmod(at, height)
            bottom = min(height, top + end - at)
            columns.setdefault(x, []).append((top, bottom))
            at += bottom - top
        at = end
    return columns


def _edges(columns: dict[int, list[Span]]) -> Iterator[tuple[Corner, Corner]]:
    """The sides of what is set, on whose right it lies."""
    for x, spans in columns.items():
        for top, bottom in spans:
            yield (x, top), (x + 1, top)
            yield (x + 1, bottom), (x, bottom)
        for top, bottom in _without(spans, columns.get(x - 1, [])):
            yield (x, bottom), (x, top)
        for top, bottom in _without(spans, columns.get(x + 1, [])):
            yield (x + 1, top), (x + 1, bottom)


def _without(spans: Sequence[Span], others: Sequence[Span]) -> Iterator[Span]:
    """What is left of spans without others; both in order."""
    for top, bottom in spans:
        at = top
        for start, stop in others:
            if start < bottom and stop > at:
                if start > at:
                    yield at, start
                at = stop
        if at < bottom:
            yield at, bottom


def _loops(edges: Sequence[tuple[Corner, Corner]]) -> Iterator[list[Corner]]:
    """The edges put together: where two pixels touch by their corners alone, each keeps its own."""
    ahead: dict[Corner, list[Corner]] = {}
    for start, end in edges:
        ahead.setdefault(start, []).append(end)
    while ahead:
        start, ends = next(iter(ahead.items()))
        loop, before, here = [start], start, ends[0]
        _take(ahead, start, here)
        while here != start:
            loop.append(here)
            after = min(ahead[here], key=lambda end: _turn(before, here, end))
            _take(ahead, here, after)
            before, here = here, after
        yield loop


def _take(ahead: dict[Corner, list[Corner]], start: Corner, end: Corner) -> None:
    ahead[start].remove(end)
    if not ahead[start]:
        del ahead[start]


def _turn(before: Corner, here: Corner, after: Corner) -> int:
    """Less than zero to the right, which is where the mask lies."""
    across = (here[0] - before[0]) * (after[1] - here[1])
    return (here[1] - before[1]) * (after[0] - here[0]) - across


def _twice_area(loop: Sequence[Corner]) -> int:
    """More than zero where the mask lies inside."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(loop, [*loop[1:], loop[0]], strict=True))


def _simplified(loop: Sequence[Corner], tolerance: float) -> list[Corner]:
    """Ramer, Douglas and Peucker's algorithm, from two corners that are far apart."""
    x0, y0 = loop[0]
    far = max(range(len(loop)), key=lambda k: (loop[k][0] - x0) ** 2 + (loop[k][1] - y0) ** 2)
    points = [*loop, loop[0]]
    kept, open_ = {0, far}, [(0, far), (far, len(loop))]
    while open_:
        first, last = open_.pop()
        place, distance = _farthest(points, first, last)
        if distance > tolerance:
            kept.add(place)
            open_ += [(first, place), (place, last)]
    return [loop[k] for k in sorted(kept)]


def _farthest(points: Sequence[Corner], first: int, last: int) -> tuple[int, float]:
    """Of the points between two the one that is farthest from their line, in pixels."""
    (x0, y0), (x1, y1) = points[first], points[last]
    dx, dy = x1 - x0, y1 - y0
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    place, most = first, 0
    for k in range(first + 1, last):
        x, y = points[k]
        distance = abs((x - x0) * dy - (y - y0) * dx)
        if distance > most:
            place, most = k, distance
    return place, most / length
