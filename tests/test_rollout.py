"""What a roll-out is judged by: every replica, and the share of errors."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from deployments.problems import FAILURES
from k8s import rollout

NEW, OLD = {"bundle": "new@sha256:1"}, {"bundle": "old@sha256:0"}
WANTED = {"car_parts": rollout.Wanted("new@sha256:1", 2)}


def test_a_server_that_does_not_answer_is_rolled_back() -> None:
    with pytest.raises(rollout.BadRollout, match="refused"):
        rollout.wait_for_bundles("http://127.0.0.1:9", WANTED, 0.2, 0.05)


@pytest.mark.parametrize(
    ("replicas", "behind"),
    [
        ([NEW, NEW], None),
        ([NEW, NEW, NEW], None),
        ([NEW, OLD], "car_parts by 2 replicas: new@sha256:1, old@sha256:0"),
        ([NEW], "car_parts by 1 replicas: new@sha256:1"),
        ([NEW, {"problem": "lost"}], "car_parts by 2 replicas: lost, new@sha256:1"),
    ],
    ids=["all", "more", "one-is-behind", "one-is-not-there-yet", "one-does-not-answer"],
)
def test_every_replica_counts(replicas: list[dict[str, str]], behind: str | None) -> None:
    models = {"car_parts": NEW | {"replicas": replicas}}
    assert rollout.missing(models, WANTED) == behind


def test_a_replica_that_cannot_load_it_ends_the_wait() -> None:
    failed = OLD | {"bundle_error": "s3://bucket/new: there is nothing"}
    with pytest.raises(rollout.BadRollout, match="car_parts: s3://bucket/new: there is nothing"):
        rollout.missing({"car_parts": OLD | {"replicas": [NEW, failed]}}, WANTED)


@pytest.mark.parametrize(("overlay", "tasks"), [("cpu", 2), ("gpu", 1)])
def test_what_is_expected_can_be_told_without_detectron2_or_a_network(
    overlay: str, tasks: int
) -> None:
    """Of the GPU overlay not what the model zoo has."""
    wanted = rollout.expected(overlay)
    assert len(wanted) == tasks
    assert all("@sha256:" in want.bundle for want in wanted.values())
    assert {want.replicas for want in wanted.values()} == {2 if overlay == "cpu" else 1}


def test_the_counted_errors_are_the_server_s_own() -> None:
    assert set(rollout.OURS.split("|")) == {c for c, f in FAILURES.items() if f.status >= 500}


class Starting(BaseHTTPRequestHandler):
    """An ingress whose detectors do not answer yet: what Ray Serve's own proxy says first, then what
    the ingress says."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(503 if self.asked == 1 else 200)
        self.end_headers()
        self.wfile.write(
            b"no replicas" if self.asked == 1 else b'{"detectron2": {"problem": "late"}}'
        )

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_detectors_that_do_not_answer_are_waited_for_and_then_given_up() -> None:
    server = HTTPServer(("127.0.0.1", 0), Starting)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(rollout.BadRollout, match="late"):
            rollout.wait_for_bundles(url, WANTED, timeout_s=1, pause_s=0.05)
    finally:
        server.shutdown()
        server.server_close()
    assert Starting.asked > 1


class Guarded(BaseHTTPRequestHandler):
    """A server that wants a key, or refuses the photo."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = {"known": 200, "car": 422}.get(self.headers["X-API-Key"], 401)
        self.send_response(status)
        self.end_headers()
        answer = {"models": {"car_parts": "new@sha256:1"}} if status == 200 else {}
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("key", "problem"), [("known", None), ("car", None), ("other", "401"), ("", "401")]
)
def test_a_server_that_lets_the_judge_not_in_is_not_judged_well(
    key: str, problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARPOSE_KEY", key)
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        seen = rollout.ask(f"http://127.0.0.1:{server.server_port}", b"photo", WANTED)
    assert seen is None if problem is None else (seen or "").startswith(problem)


class Prometheus(BaseHTTPRequestHandler):
    """Prometheus' answer to an instant query, and the queries it got."""

    value: ClassVar[str] = "0"
    queries: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.queries.append(self.path)
        result = [{"metric": {}, "value": [1764000000.0, self.value]}]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("value", "rate"),
    [("0", 0.0), ("0.25", 0.25), ("NaN", 0.0)],
    ids=["none", "quarter", "nobody-asked"],
)
def test_everybody_s_errors_are_judged(prometheus: str, value: str, rate: float) -> None:
    Prometheus.value = value
    assert rollout.error_rate_of_everybody(prometheus, 10) == rate
    assert "%5B10m%5D" in Prometheus.queries[-1]
    if rate:
        with pytest.raises(rollout.BadRollout, match=r"everybody's: 25\.0%, above 1\.0%"):
            rollout.judge([("the photos sent", 0.0), ("everybody's", rate)], 0.01)
