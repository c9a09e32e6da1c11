# syntax=docker/dockerfile:1
# carpose on CPUs: embedded models, ONNX Runtime, no torch. Also the head and CPU workers of KubeRay.
FROM python:3.11.14-slim-bookworm

LABEL org.opencontainers.image.title="carpose" \
      org.opencontainers.image.description="The side, angle, parts and pixels of the car in a photo" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

# KubeRay's probes run bash and wget in the container.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home carpose

WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=deployments.http_protocol:proxy_http \
    RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S=2 \
    RAY_worker_niceness=0 \
    RAY_USAGE_STATS_ENABLED=0

COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY carpose carpose
COPY deployments deployments
COPY training training
# deployments/serve_config.yaml, for `carpose serve`, is a link to it.
COPY serve_config.yaml ./
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --constraint constraints.txt '.[bulk]'

# In a container the address is the container's own.
RUN sed -i 's/host: 127.0.0.1/host: 0.0.0.0/' serve_config.yaml

USER 1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/readyz"]
CMD ["serve", "run", "serve_config.yaml"]
