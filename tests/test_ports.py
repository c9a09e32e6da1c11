"""Who can reach a server that runs on one machine: nobody from another one."""

import os
from pathlib import Path

from tests.conftest import Serving

LISTENS = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def sockets() -> dict[str, tuple[str, int]]:
    """Address, as the kernel writes it, and port of every TCP socket that listens, by its inode."""
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            address, port = words[1].split(":")
            if words[3] == LISTENS:
                found[words[9]] = (address, int(port, 16))
    return found


def listening(session: str) -> list[tuple[str, str, int]]:
    """Process with its id, address and port of what the processes of a session listen on."""
    known, found = sockets(), []
    for process in Path("/proc").iterdir():
        try:
            if session not in (process / "environ").read_text("latin1"):
                continue
            name = (process / "cmdline").read_text("latin1").replace("\0", " ")[:60]
            name += f" ({process.name})"
            links = [os.readlink(fd) for fd in (process / "fd").iterdir()]
        except (OSError, ValueError):
            continue
        inodes = [link[len("socket:[") : -1] for link in links if link.startswith("socket:[")]
        found += [(name, *known[inode]) for inode in inodes if inode in known]
    return found


def test_every_port_is_on_loopback_but_one_that_ray_serve_opens_in_each_replica(
    serving: Serving,
) -> None:
    found = listening(serving.environment["RAY_TMPDIR"])
    assert len(found) > 10, "they are Ray's, of which there are many"
    outside = [process for process, address, _ in found if address not in LOOPBACK]
    assert [process for process in outside if not process.startswith("ray::ServeReplica")] == []
    assert len(outside) == len(set(outside)), "one each, which asks for the token"
