"""A small Amazon Rekognition for tests: its JSON 1.1 protocol over real HTTP.

    python -m tests.rekognition_emulator --port 9123
    AWS_ENDPOINT_URL_REKOGNITION=http://127.0.0.1:9123 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x \\
        make serve

It checks what the service checks of a request, but sees nothing: every photo gets the same answer,
one that was recorded of a car photo, unless a test scripts another.
"""

import argparse
import base64
import io
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

JSON_1_1 = "application/x-amz-json-1.1"


def box(left: float, top: float, width: float, height: float) -> dict[str, float]:
    """A BoundingBox."""
    return {"Left": left, "Top": top, "Width": width, "Height": height}


def label(name: str, *instances: tuple[dict[str, float], float]) -> dict[str, Any]:
    """A label with its instances, each a BoundingBox and a confidence."""
    found = [{"BoundingBox": b, "Confidence": c} for b, c in instances]
    return {"Name": name, "Confidence": 99.4, "Instances": found, "Parents": []}


RECORDED = {
    # Of a photo of one car from the side, recorded from model version 3.0.
    "Labels": [
        label("Car", (box(0.102, 0.248, 0.784, 0.501), 99.57)),
        label(
            "Wheel",
            (box(0.3415, 0.5042, 0.1268, 0.2369), 99.38),
            (box(0.7668, 0.4681, 0.0942, 0.1979), 98.93),
        ),
        label("Sedan"),
        label("Tire"),
        label("Alloy Wheel"),
        label("Car Wheel"),
        label("Spoke"),
        label("Vehicle"),
    ],
    "LabelModelVersion": "3.0",
}
CUSTOM = {
    "CustomLabels": [
        {
            "Name": "vehicle",
            "Confidence": 97.2,
            "Geometry": {"BoundingBox": box(0.1, 0.25, 0.78, 0.5)},
        },
        {
            "Name": "vehicle_wheel",
            "Confidence": 88.4,
            "Geometry": {"BoundingBox": box(0.34, 0.5, 0.13, 0.24)},
        },
        {
            "Name": "vehicle_wheel",
            "Confidence": 85.1,
            "Geometry": {"BoundingBox": box(0.76, 0.47, 0.1, 0.2)},
        },
        {"Name": "studio", "Confidence": 71.0},
    ]
}
ARN = (
    "arn:aws:rekognition:eu-west-1:123456789012:project/cars/version/cars.2026-11-01/1700000000000"
)


@dataclass(frozen=True)
class Reply:
    """What goes back: with `cut`, half of the body and a closed connection."""

    status: int = 200
    body: bytes = b"{}"
    media_type: str = JSON_1_1
    after_s: float = 0.0
    cut: bool = False


def answer(value: Any, after_s: float = 0.0) -> Reply:
    """A good answer."""
    return Reply(body=json.dumps(value).encode(), after_s=after_s)


def error(code: str, message: str = "no", status: int = 400) -> Reply:
    """A modelled exception."""
    return Reply(status, json.dumps({"__type": code, "message": message}).encode())


@dataclass
class Script:
    """What the emulator does, and what it was asked: operations with their arguments."""

    next: deque[Reply] = field(default_factory=deque)
    """Replies to the next requests, whatever they ask."""
    default: Callable[[str, dict[str, Any]], Reply] | None = None
    """In place of the emulator's own answers."""
    per_second: float | None = None
    """Requests per second beyond which the service throttles; as many may come at once."""
    states: deque[str] = field(default_factory=lambda: deque(["RUNNING"]))
    """Of the Custom Labels model at each look; the last one stays."""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    throttled: int = 0


class Emulator(ThreadingHTTPServer):
    """`with Emulator() as emulator:` listens on emulator.url until the end of the block."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = Script()
        self.lock = threading.Lock()
        self._tokens, self._filled = 0.0, 0.0

    @property
    def url(self) -> str:
        """Address for AWS_ENDPOINT_URL_REKOGNITION."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Emulator":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def reply(self, operation: str, arguments: dict[str, Any]) -> Reply:
        """The reply to one request."""
        with self.lock:
            script = self.script
            script.asked.append((operation, arguments))
            if script.next:
                return script.next.popleft()
            if not self._token(script.per_second):
                script.throttled += 1
                return error("ThrottlingException", "Rate exceeded")
        if script.default:
            return script.default(operation, arguments)
        return _own_answer(operation, arguments, script)

    def _token(self, per_second: float | None) -> bool:
        if per_second is None:
            return True
        now = time.monotonic()
        self._tokens = min(per_second, self._tokens + (now - self._filled) * per_second)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _own_answer(operation: str, arguments: dict[str, Any], script: Script) -> Reply:
    if operation in ("DetectLabels", "DetectCustomLabels"):
        custom = operation == "DetectCustomLabels"
        refused = _refused(arguments, (4 if custom else 5) * 2**20)
        if refused or not custom:
            return refused or answer(RECORDED)
        if script.states[0] != "RUNNING":
            return error("ResourceNotReadyException", "the model is not running")
        return answer(CUSTOM)
    if operation == "DescribeProjects":
        named = [{"ProjectArn": ARN.partition("/version/")[0] + "/1600000000000"}]
        return answer({"ProjectDescriptions": named})
    if operation == "DescribeProjectVersions":
        state = script.states.popleft() if len(script.states) > 1 else script.states[0]
        version = {"ProjectVersionArn": ARN, "Status": state, "StatusMessage": ""}
        return answer({"ProjectVersionDescriptions": [version]})
    moving = {"StartProjectVersion": "STARTING", "StopProjectVersion": "STOPPING"}
    if operation in moving:
        return answer({"Status": moving[operation]})
    return error("UnknownOperationException")


def _refused(arguments: dict[str, Any], most_bytes: int) -> Reply | None:
    content = base64.b64decode(arguments["Image"]["Bytes"])
    if len(content) > most_bytes:
        return error("ImageTooLargeException")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            image.load()
            fits = min(image.size) >= 80 and max(image.size) <= 10_000
    except (OSError, SyntaxError):
        return error("InvalidImageFormatException")
    return None if fits else error("InvalidParameterException", "image dimensions")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Emulator

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").removeprefix("RekognitionService.")
        signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")
        if signed:
            reply = self.server.reply(operation, json.loads(body))
        else:
            reply = error("MissingAuthenticationTokenException")
        time.sleep(reply.after_s)
        try:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.media_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        except OSError:
            return  # the client gave up
        self.close_connection = reply.cut

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=9123)
    parser.add_argument("--per-second", type=float, help="throttle beyond so many requests")
    args = parser.parse_args()
    with Emulator(args.port) as emulator:
        emulator.script.per_second = args.per_second
        print(f"AWS_ENDPOINT_URL_REKOGNITION={emulator.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
