"""Traces by OpenTelemetry, off unless Ray Serve is told to make them.

    pip install 'carpose[tracing]'
    RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH=deployments.tracing:otlp \\
        RAY_SERVE_TRACING_SAMPLING_RATIO=0.1 OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 \\
        make serve

Ray Serve makes a span for every request and every call to a deployment; those of a photo's stages
are ours. No span has more of a photo than how long it took.
"""

from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor


def otlp() -> list[SpanProcessor]:
    """Where spans go: by OTLP over HTTP, as the environment says (OTEL_EXPORTER_OTLP_*). Ray Serve
    calls this in every process."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return [BatchSpanProcessor(OTLPSpanExporter())]


def span(name: str) -> AbstractContextManager[object]:
    """A span round the block, where traces are made."""
    return trace.get_tracer("carpose").start_as_current_span(name)
