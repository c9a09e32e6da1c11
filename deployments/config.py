"""`args` of serve_config.yaml: one typed object, validated before anything starts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorArgs(_Strict):
    """A detector: what it runs, where, and how many of it."""

    bundle: str
    """embedded:NAME, model_zoo:NAME, a folder, s3:// or https:// (see carpose.bundle)."""
    device: Literal["cpu", "cuda"] = "cpu"
    runtime: Literal["onnxruntime", "openvino"] = "onnxruntime"
    threads: int = Field(1, ge=1)
    num_replicas: int = Field(1, ge=1)
    num_cpus: float = Field(0.3, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    """GPUs per replica, fractions allowed; pins each replica to a GPU."""
    max_ongoing_requests: int = Field(16, ge=1)
    max_queued_requests: int = Field(64, ge=1)

    @model_validator(mode="after")
    def _a_cuda_replica_has_a_gpu(self) -> "DetectorArgs":
        if self.device == "cuda" and self.num_gpus == 0:
            raise ValueError("device cuda needs num_gpus above 0, for example 1 or 0.5")
        return self


class PostprocessorArgs(_Strict):
    """The postprocessor: CPU only."""

    num_replicas: int = Field(1, ge=1)
    num_cpus: float = Field(0.1, ge=0)
    max_ongoing_requests: int = Field(16, ge=1)
    max_queued_requests: int = Field(128, ge=1)


class IngressArgs(_Strict):
    """The edge: limits of what comes in and how long it may take."""

    num_replicas: int = Field(1, ge=1)
    num_cpus: float = Field(0.1, ge=0)
    decode_threads: int = Field(2, ge=1)
    max_in_flight: int = Field(32, ge=1)
    """Photos that one replica works on; the next one is answered 503 with Retry-After."""
    deadline_s: float = Field(30.0, gt=0)
    max_upload_mb: float = Field(15.0, gt=0)
    max_megapixels: float = Field(50.0, gt=0)
    allow_origins: tuple[str, ...] = ()
    """Origins of web apps on other hosts that may call this server (CORS)."""


class Args(_Strict):
    """The application's arguments; every key may be left out."""

    parts: DetectorArgs = DetectorArgs(bundle="embedded:car_parts")
    car: DetectorArgs = DetectorArgs(bundle="embedded:main_car")
    postprocessor: PostprocessorArgs = PostprocessorArgs()
    ingress: IngressArgs = IngressArgs()


class DetectorTuning(_Strict):
    """`user_config` of a detector: changes without a restart."""

    bundle: str | None = None
    """Served in place of the one in `args`; None takes that one back."""
    score_threshold: float | None = Field(None, ge=0, le=1)
    """Lowest score served; None takes the bundle's own."""
    max_batch_size: int = Field(4, ge=1)
    batch_wait_ms: float = Field(0.0, ge=0)
