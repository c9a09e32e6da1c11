"""Load for a server of photos: closed loop, or open loop with arrivals that wait for nobody.

    python -m benchmarks.load --photos DIR --url http://127.0.0.1:8000 --clients 8
    python -m benchmarks.load --photos DIR --url http://127.0.0.1:8000 --rate 8

Prints photos per second and the latency's percentiles. In an open loop photos arrive at random
(Poisson), and a latency counts from the moment at which a photo was due: a queue is seen.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.arguments import about_photos

TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".avif": "image/avif",
}


@dataclass(frozen=True)
class Photo:
    """An encoded photo and its media type."""

    content: bytes
    media_type: str = "image/jpeg"

    @classmethod
    def read(cls, path: Path) -> "Photo":
        """From a file."""
        return cls(path.read_bytes(), TYPES[path.suffix.lower()])

    def in_form(self) -> "Photo":
        """As a browser sends it."""
        head = (
            '--boundary\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n'
            f"Content-Type: {self.media_type}\r\n\r\n"
        )
        content = b"".join([head.encode(), self.content, b"\r\n--boundary--\r\n"])
        return Photo(content, "multipart/form-data; boundary=boundary")


@dataclass
class Seen:
    """What clients got: the latency in seconds of every answer, by status what was none, and the
    seconds that the whole took."""

    latencies_s: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies_s) / self.seconds

    def ms(self, share: float) -> float:
        """Latency, in milliseconds, that `share` of the answers stayed below."""
        ordered = sorted(self.latencies_s) or [float("nan")]
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def __add__(self, other: "Seen") -> "Seen":
        """Both rounds as one."""
        return Seen(
            self.latencies_s + other.latencies_s,
            self.refused + other.refused,
            self.seconds + other.seconds,
        )

    def __str__(self) -> str:
        """For people."""
        told = f"{self.rate:5.1f} photos/s, p50 {self.ms(0.5):4.0f} ms, p95 {self.ms(0.95):4.0f}"
        told += f", p99 {self.ms(0.99):4.0f} of {len(self.latencies_s)}"
        return told + (f"; refused {dict(self.refused)}" if self.refused else "")


class Client:
    """Sends photos to a path of a server, bare or in a form, over connections that are kept."""

    def __init__(
        self, url: str, photos: Sequence[Photo], path: str = "/v1/pose", form: bool = False
    ) -> None:
        photos = [photo.in_form() for photo in photos] if form else photos
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        head = "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"
        requests = [
            head.format(path, parts.netloc, photo.media_type, len(photo.content)).encode()
            + photo.content
            for photo in photos
        ]
        self._requests: Iterator[bytes] = cycle(requests)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._addresses = count()

    async def closed(self, clients: int, seconds: float = 0.0, photos: int = 0) -> Seen:
        """So many clients, each with one photo after the other, for so long or so many photos in
        all."""
        seen, began = Seen(), time.perf_counter()
        left = count()

        async def one() -> None:
            while next(left) < photos if photos else time.perf_counter() - began < seconds:
                await self._ask(seen, time.perf_counter())

        await asyncio.gather(*(one() for _ in range(clients)))
        seen.seconds = time.perf_counter() - began
        await self._close()
        return seen

    async def open(self, rate: float, seconds: float, even: bool = False, seed: int = 0) -> Seen:
        """Photos at random, `rate` of them a second in the mean, or one `even`ly after the other,
        for so long; ends with the last answer."""
        chance, seen, began = random.Random(seed), Seen(), time.perf_counter()
        due, asked = began, []
        while (due := due + (1 / rate if even else chance.expovariate(rate))) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.append(asyncio.create_task(self._ask(seen, due)))
        await asyncio.gather(*asked)
        seen.seconds = time.perf_counter() - began
        await self._close()
        return seen

    async def _ask(self, seen: Seen, due: float) -> None:
        reader, writer = self._idle.pop() if self._idle else await self._connected()
        writer.write(next(self._requests))
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"content-length:")
        await reader.readexactly(int(rest.split(b"\r\n")[0]))
        status = int(head.split(b" ")[1])
        if status == 200:
            seen.latencies_s.append(time.perf_counter() - due)
        else:
            seen.refused[status] += 1
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._idle.append((reader, writer))

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # Each from an address of its own: one address alone has a share of the places only.
        k = next(self._addresses) % 60_000
        address = f"127.1.{k // 250}.{k % 250 + 1}"
        return await asyncio.open_connection(self._host, self._port, local_addr=(address, 0))

    async def _close(self) -> None:
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def photos_in(folder: Path, most: int = 40) -> list[Photo]:
    """The first photos of a folder by name."""
    paths = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in TYPES]
    return [Photo.read(path) for path in paths[:most]]


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--path", default="/v1/pose")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--clients", type=int, nargs="+", help="closed loop")
    how.add_argument("--rate", type=float, nargs="+", help="open loop, photos per second")
    parser.add_argument("--seconds", type=float, default=20, help="of each round")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    client = Client(args.url, photos_in(args.photos), args.path)

    async def measure() -> None:
        await client.closed(1, 3)
        for _ in range(args.rounds):
            for clients in args.clients or ():
                print(f"{clients:3d} clients: {await client.closed(clients, args.seconds)}")
            for rate in args.rate or ():
                print(f"{rate:5.1f} photos/s due: {await client.open(rate, args.seconds)}")

    asyncio.run(measure())


if __name__ == "__main__":
    main()
