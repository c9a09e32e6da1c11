"""What is left of the throughput when many more photos come than can be answered.

    python -m benchmarks.overload --photos DIR [--url http://127.0.0.1:8000]

Needs a running server (`make serve`). As many clients as there are places set the peak; then 2, 8
and 32 times as many come, each of which waits half a second after a refusal. Prints the answers per
second of each round over the peak, how long refusals took, and the speed of every second once the
crowd has gone.

The crowd needs the machine, too, and stands back (`--nice`), so that what it waits for is also its
own turn: a few clients more, in a process that does not, say how long the server takes to refuse.
"""

import asyncio
import math
import os
import statistics
import time
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from typing import Any
from urllib.parse import urlsplit

from benchmarks.arguments import about_photos

PLACES = 32
PAUSE_S = 0.5


@dataclass
class Seen:
    """What clients got: when answers came, and the seconds that refusals took."""

    answered: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    other: dict[int, int] = field(default_factory=dict)

    def rate(self, since: float, until: float) -> float:
        """Answers per second."""
        return sum(since <= at < until for at in self.answered) / (until - since)


class Crowd:
    """Clients, each a connection that sends one photo after the other."""

    def __init__(self, url: str, photos: list[bytes]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._requests = [
            (
                f"POST /v1/pose HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: image/jpeg\r\n"
                f"Content-Length: {len(photo)}\r\n\r\n"
            ).encode()
            + photo
            for photo in photos
        ]
        self._next = count()

    async def come(self, clients: int, seconds: float) -> tuple[Seen, float, float]:
        """What so many got in so many seconds, and when they began and ended."""
        seen = Seen()
        # Each from an address of its own: one address alone has a share of the places only.
        addresses = (f"127.1.{k // 250}.{k % 250 + 1}" for k in range(clients))
        tasks = [asyncio.create_task(self._client(seen, a)) for a in addresses]
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        ended = time.perf_counter()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return seen, began, ended

    async def ask_once(self, seen: Seen, address: str) -> None:
        """One photo, by a connection of its own."""
        reader, writer = await asyncio.open_connection(
            self._host, self._port, local_addr=(address, 0)
        )
        try:
            await self._photo(seen, reader, writer, 0.0)
        finally:
            writer.close()

    async def _client(self, seen: Seen, address: str) -> None:
        while True:
            reader, writer = await asyncio.open_connection(
                self._host, self._port, local_addr=(address, 0)
            )
            try:
                while not reader.at_eof():
                    await self._photo(seen, reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                seen.other[0] = seen.other.get(0, 0) + 1
            finally:
                writer.close()

    async def _photo(
        self,
        seen: Seen,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pause_s: float = PAUSE_S,
    ) -> None:
        began = time.perf_counter()
        writer.write(self._requests[next(self._next) % len(self._requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"content-length:")
        await reader.readexactly(int(rest.split(b"\r\n")[0]))
        status, now = int(head.split(b" ")[1]), time.perf_counter()
        if status == 200:
            seen.answered.append(now)
        elif status in (429, 503):
            seen.refused_s.append(now - began)
            await asyncio.sleep(pause_s)
        else:
            seen.other[status] = seen.other.get(status, 0) + 1


class Probes:
    """A few clients in a process of their own; when each was refused, and after how long."""

    CLIENTS = 8
    PAUSE_S = 0.1
    PATIENCE_S = 5.0
    """A photo that is taken waits for its turn: who waits longer gives its place back."""

    def __init__(self, url: str, photo: bytes) -> None:
        context = get_context("spawn")
        self._end, self._seen = context.Event(), context.Queue()
        self._process = context.Process(
            target=_probes, args=(url, photo, self._end, self._seen), daemon=True
        )

    def __enter__(self) -> "Probes":
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def refused(self) -> list[tuple[float, float]]:
        """Ends them; (when, seconds) of each refusal, infinity for no answer at all."""
        self._end.set()
        return list(self._seen.get(timeout=120))


def _probes(url: str, photo: bytes, end: Any, seen: Any) -> None:
    crowd = Crowd(url, [photo])
    refused: list[tuple[float, float]] = []

    async def client(address: str) -> None:
        while not end.is_set():
            one, began = Seen(), time.perf_counter()
            try:
                async with asyncio.timeout(Probes.PATIENCE_S):
                    await crowd.ask_once(one, address)
            except TimeoutError:
                one.refused_s.append(math.inf)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            refused.extend((began, s) for s in one.refused_s)
            await asyncio.sleep(Probes.PAUSE_S)

    async def clients() -> None:
        await asyncio.gather(*(client(f"127.2.0.{k + 1}") for k in range(Probes.CLIENTS)))

    asyncio.run(clients())
    seen.put(refused)


def said(refused_s: list[float]) -> str:
    """Of refusals."""
    told = sorted(s for s in refused_s if s < math.inf)
    if not told:
        return "no refusals"
    p50, p95 = statistics.median(told), told[int(0.95 * len(told))]
    words = f"{len(told)} refusals, p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms"
    silent = len(refused_s) - len(told)
    return words + (f"; {silent} taken, or not told within {Probes.PATIENCE_S:g} s" * bool(silent))


async def measure(crowd: Crowd, seconds: float, probes: Probes) -> None:
    """Prints the rounds."""
    await crowd.come(8, seconds / 4)
    peak, rounds = 0.0, []
    for times in (1, 2, 8, 32, 1):
        seen, began, ended = await crowd.come(times * PLACES, seconds)
        # Until the first answers of the round are there.
        rate = seen.rate(began + min(3.0, seconds / 4), ended)
        peak = max(peak, rate) if times == 1 else peak
        rounds.append((times, began, ended))
        line = f"{times:2d} x {PLACES} clients: {rate:5.1f} photos/s, {rate / peak:.2f} of the peak"
        line += f"; {said(seen.refused_s)}"
        print(line + (f"; others {seen.other}" if seen.other else ""), flush=True)
    print("after the crowd, second by second, of the peak:", end=" ")
    print(", ".join(f"{seen.rate(began + s, began + s + 1) / peak:.2f}" for s in range(6)))
    refused = probes.refused()
    for times, began, ended in rounds:
        within = [s for at, s in refused if began <= at < ended]
        print(f"{times:2d} x {PLACES}, told to who does not stand back: {said(within)}")


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--seconds", type=float, default=20, help="of each round")
    parser.add_argument("--nice", type=int, default=15, help="how far the crowd stands back")
    args = parser.parse_args()
    photos = [path.read_bytes() for path in sorted(args.photos.glob("*.jpg"))[:20]]
    with Probes(args.url, photos[0]) as probes:
        os.nice(args.nice)
        asyncio.run(measure(Crowd(args.url, photos), args.seconds, probes))


if __name__ == "__main__":
    main()
