"""An OpenTelemetry collector of this process: OTLP over HTTP, as traces are sent."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Where it listens, and the spans that came."""

    def __init__(self, url: str, spans: list[Span]) -> None:
        self.url, self._spans = url, spans

    def traces(self) -> dict[bytes, list[Span]]:
        """Spans by trace."""
        traces: dict[bytes, list[Span]] = {}
        for span in list(self._spans):
            traces.setdefault(span.trace_id, []).append(span)
        return traces


@contextmanager
def collecting() -> Iterator[Collector]:
    """One on a free port of loopback."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Collector(f"http://127.0.0.1:{server.server_port}", spans)
    server.shutdown()
