"""Bulk from S3 to S3; moto's server stands in for it. In `make test-train`, which has it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import boto3
import duckdb
import pandas
import pytest

pytest.importorskip("moto.server", reason="needs: make test-train")

from carpose.places import Place
from deployments.bulk.alone import alone
from deployments.bulk.command import main
from deployments.bulk.errors import BulkError
from deployments.bulk.hold import Hold
from deployments.bulk.output import Output
from tests.conftest import BUCKET
from tests.scripted_server import Told, scripted
from tests.servers import ROOT

EXAMPLE = (ROOT / "deployments" / "web" / "example.jpg").read_bytes()
PHOTOS = {
    "photos/front/a.jpg": EXAMPLE,
    "photos/front/again.jpg": EXAMPLE,
    "photos/cut.jpg": EXAMPLE[:3000],
    "photos/notes.txt": b"no photo",
}


@pytest.fixture
def photos(s3: str) -> str:
    for key, content in PHOTOS.items():
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    return f"{s3}/photos"


@pytest.mark.slow
def test_from_a_bucket_to_a_bucket(
    s3: str, photos: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--input", photos, "--output", f"{s3}/poses/", "--expect", "front"]
    done = subprocess.run(
        [sys.executable, "-m", "deployments.bulk", *command], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "3 photos, 1 of them scored with another one" in done.stdout
    output = Output.at(f"{s3}/poses")
    keys = [o["Key"] for o in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    # Arrow marks a folder from which it removed something, as the run does after its try to write.
    keys = [key for key in keys if not key.endswith("/")]
    aside = {k for k in keys if k.startswith("poses/_carpose/")}
    assert aside == {f"poses/_carpose/{name}" for name in ("lock", "manifest.json", "report.html")}
    names = output.parts()
    assert {f"poses/{name}" for name in names} | aside == {
        k for k in keys if k.startswith("poses/")
    }
    rows = pandas.concat([output.read(name)[0].to_pandas() for name in names])
    assert sorted(rows["uri"]) == [
        f"{photos}/{n}" for n in ("cut.jpg", "front/a.jpg", "front/again.jpg")
    ]
    counted = duckdb.sql(
        "SELECT error, count(*) FROM rows GROUP BY error ORDER BY error"
    ).fetchall()
    assert counted == [("bad-image", 1), (None, 2)]

    assert main(command) == 0
    assert "now: 0 photos" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--input", "s3://no-such-bucket/photos"], "no-such-bucket"),
        (["--input", "{s3}/nothing/here"], "{s3}/nothing/here"),
        (["--input", "{s3}/none.parquet"], "none.parquet"),
        (["--output", "s3://no-such-bucket/poses"], "cannot be written"),
    ],
)
def test_what_is_not_there_is_one_line_and_exit_code_2(
    s3: str, photos: str, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--input": photos, "--output": f"{s3}/poses"}
    given[arguments[0]] = arguments[1].format(s3=s3)
    assert main([word for pair in given.items() for word in pair]) == 2
    error = capsys.readouterr().err
    assert complaint.format(s3=s3) in error
    assert len(error.strip().splitlines()) == 1


@pytest.fixture
def guarded(s3: str, photos: str) -> Iterator[None]:
    """S3 with a look at who asks."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth"

    def calls_without_a_look(count: str) -> None:
        request = urllib.request.Request(url, count.encode(), {"Content-Type": "text/plain"})
        urllib.request.urlopen(request).close()

    calls_without_a_look("0")
    yield
    calls_without_a_look("inf")


def test_a_wrong_key_is_one_line_and_exit_code_2(
    guarded: None, s3: str, photos: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--input", photos, "--output", f"{s3}/poses"]) == 2
    error = capsys.readouterr().err
    assert "ACCESS_DENIED" in error or "InvalidAccessKeyId" in error
    assert len(error.strip().splitlines()) == 1


BEAT_S, STALE_S = 0.2, 2.0


def test_only_one_run_at_a_time_writes_to_a_bucket(
    s3: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output.at(f"{s3}/held")
    with alone(output, BEAT_S, STALE_S):
        for _ in range(2):
            with (
                pytest.raises(BulkError, match=f"another run writes to it .process {os.getpid()}"),
                alone(output, BEAT_S, STALE_S),
            ):
                pass
    assert "or was killed: waiting" in capsys.readouterr().err
    with alone(output, BEAT_S, STALE_S):
        pass
    assert not capsys.readouterr().err, "who ended well left it free"


def test_a_bucket_is_free_some_time_after_its_run_was_killed(s3: str) -> None:
    output = Output.at(f"{s3}/left")
    code = "import os, sys; from deployments.bulk.alone import alone; from deployments.bulk.output import Output\n"
    code += "with alone(Output.at(sys.argv[1])): os._exit(9)"
    done = subprocess.run([sys.executable, "-c", code, output.place.uri], cwd=ROOT)
    assert done.returncode == 9
    with alone(output, BEAT_S, STALE_S):
        pass


def checked(hold: Hold) -> None:
    """As a run does, now and then."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        hold.check()
        time.sleep(0.05)


def test_a_run_whose_output_was_taken_stops(s3: str) -> None:
    output = Output.at(f"{s3}/taken")
    with alone(output, BEAT_S, STALE_S) as hold:
        hold.check()
        key = "taken/_carpose/lock"
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"another's")
        with pytest.raises(BulkError, match="another run has taken it"):
            checked(hold)
    there = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert there == b"another's", "it is not ours to free"


@pytest.mark.parametrize("told", [Told(200, b"", {"ETag": '"1"'}), Told(501)])
def test_a_store_that_knows_no_conditions_knows_no_locks(
    s3: str, told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted() as store:
        store.script = [told]
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        with alone(Output(Place.at("s3://bucket/poses")), BEAT_S, STALE_S) as hold:
            hold.check()
    assert "knows no locks" in capsys.readouterr().err
