"""`carpose watch`: photos are answered as they arrive, whole ones only."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from carpose.cli import arrivals as arrivals_
from carpose.cli.arrivals import Arrivals, is_open_for_writing
from carpose.cli.watch import arriving
from tests.servers import ROOT
from tests.test_http import jpeg


@pytest.mark.parametrize(
    ("writes", "ready_at"),
    [
        ({0.0: b"whole"}, 1.0),
        ({0.0: b"ha", 0.5: b"half", 1.2: b"half and half"}, 2.25),
        ({0.0: b""}, None),
        ({0.0: b"", 2.0: b"late"}, 3.0),
    ],
)
def test_a_file_is_whole_once_it_has_not_changed_for_a_second(
    tmp_path: Path, writes: dict[float, bytes], ready_at: float | None
) -> None:
    file, arrivals, ready = tmp_path / "a.jpg", Arrivals(), None
    for tick in range(20):
        now = tick / 4
        due = {at: content for at, content in writes.items() if now - 0.25 < at <= now}
        for content in due.values():
            file.write_bytes(content)
            arrivals.came([file], now)
        if arrivals.whole(now):
            assert ready is None, "once"
            ready = now
    assert ready == ready_at


def test_a_file_that_is_open_to_be_written_is_not_read(tmp_path: Path) -> None:
    file, arrivals = tmp_path / "a.jpg", Arrivals()
    with file.open("wb") as writing:
        writing.write(b"half")
        writing.flush()
        arrivals.came([file], 0)
        assert is_open_for_writing(file)
        assert arrivals.whole(60) == []
    with file.open("rb"):
        assert not is_open_for_writing(file)
        assert arrivals.whole(61) == [file]
    arrivals.came([file], 62)
    assert arrivals.whole(70) == [], "it has not changed since"


def test_what_cannot_be_read_is_waited_for_a_little(tmp_path: Path) -> None:
    file, arrivals = tmp_path / "a.jpg", Arrivals()
    file.write_bytes(b"half")
    arrivals.came([file], 0)
    assert arrivals.whole(1) == [file]
    assert arrivals.comes_slowly(file, 1)
    assert arrivals.whole(2) == [file]
    assert not arrivals.comes_slowly(file, 1 + arrivals_.PATIENCE_S)
    assert arrivals.whole(60) == []
    file.unlink()
    arrivals.came([file], 61)
    assert not arrivals.waiting


@pytest.mark.parametrize("poll", [False, True], ids=["listen", "poll"])
def test_photos_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poll: bool) -> None:
    monkeypatch.setattr(arrivals_, "STILL_S", 0.0)
    old, stop = tmp_path / "old.jpg", threading.Event()
    old.write_bytes(b"x")
    (tmp_path / "while-loading.jpg").write_bytes(b"x")
    came: list[str] = []
    timer = threading.Timer(60, stop.set)
    timer.start()
    for path in arriving(tmp_path, {old}, poll, Arrivals(), stop):
        came.append(path.name)
        if path.name == "while-loading.jpg":
            (tmp_path / "below").mkdir()
            (tmp_path / "part").write_bytes(b"x")
            (tmp_path / ".temporary.jpg").write_bytes(b"x")
            (tmp_path / "part").rename(tmp_path / "renamed.jpg")
        else:
            break
    timer.cancel()
    stop.set()
    assert came == ["while-loading.jpg", "renamed.jpg"]


def test_a_folder_is_watched(photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "old.jpg").write_bytes(jpeg())
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.command", "watch", str(tmp_path), "--expect", "back"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    try:
        assert "watching" in process.stderr.readline()
        content = photos[0].read_bytes()
        with (tmp_path / "new.jpg").open("wb") as new:
            new.write(content[: len(content) // 2])
            new.flush()
            (tmp_path / "blank.jpg").write_bytes(jpeg())
            assert json.loads(process.stdout.readline())["problem"]["code"] == "no-car"
            new.write(content[len(content) // 2 :])
        answer = json.loads(process.stdout.readline())
        assert answer["file"].endswith("new.jpg")
        assert answer["compliance"]
    finally:
        process.send_signal(2)
        assert process.wait(60) == 0
