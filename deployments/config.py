"""`args` of serve_config.yaml: one typed object, validated before anything starts."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from carpose.errors import BadParameter
from carpose.rekognition.projects import parse_arn


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AutoscalingArgs(_Strict):
    """Replicas by load: as many as photos in work, divided by the target, within the limits."""

    min_replicas: int = Field(1, ge=0)
    """0 gives the last GPU back; the next photo then waits for a node, or its deadline."""
    max_replicas: int = Field(1, ge=1)
    target_ongoing_requests: float = Field(4.0, gt=0)
    upscale_delay_s: float = Field(10.0, ge=0)
    downscale_delay_s: float = Field(600.0, ge=0)
    """Longer than the cluster's idle time-out: a GPU node is dearer to get than to keep."""

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> "AutoscalingArgs":
        if self.max_replicas < self.min_replicas:
            raise ValueError("max_replicas must be at least min_replicas")
        return self


class DetectorArgs(_Strict):
    """A detector: what it runs, where, and how many of it."""

    bundle: str
    """embedded:NAME, model_zoo:NAME, a folder, s3:// or https:// (see carpose.bundles)."""
    device: Literal["cpu", "cuda"] = "cpu"
    runtime: Literal["onnxruntime", "openvino"] = "onnxruntime"
    threads: int = Field(1, ge=1)
    num_replicas: int = Field(1, ge=1)
    autoscaling: AutoscalingArgs | None = None
    """In place of num_replicas."""
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


class LabelArgs(_Strict):
    """What Rekognition calls a car and a wheel, and how sure it must be of an instance, 0 to 1."""

    car: tuple[str, ...] = Field(("Car",), min_length=1)
    wheel: tuple[str, ...] = Field(("Wheel",), min_length=1)
    car_threshold: float = Field(0.6, ge=0, le=1)
    wheel_threshold: float = Field(0.6, ge=0, le=1)


def _checked_arn(arn: str) -> str:
    try:
        return parse_arn(arn).arn
    except BadParameter as error:
        raise ValueError(error.detail) from error


ProjectVersionArn = Annotated[str, AfterValidator(_checked_arn)]


class RekognitionArgs(_Strict):
    """Amazon Rekognition. Credentials come from AWS's default chain, never from here."""

    region: str | None = Field(None, pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")
    """None takes AWS_REGION, or the profile's."""
    labels: LabelArgs = LabelArgs()
    project_version_arn: ProjectVersionArn | None = None
    """A Custom Labels model to ask in place of the general labels."""
    custom_labels: LabelArgs = LabelArgs(car=("vehicle",), wheel=("vehicle_wheel",))
    """Names in that model."""
    general_labels_when_stopped: bool = False
    """Whether general labels answer while that model is stopped."""
    connect_timeout_s: float = Field(2.0, gt=0)
    read_timeout_s: float = Field(5.0, gt=0)
    attempts: int = Field(8, ge=1)
    """Calls per photo while the service throttles or fails, boto3's adaptive retries."""
    deadline_s: float = Field(20.0, gt=0)
    """For all attempts of a photo together."""
    cache_entries: int = Field(1000, ge=0)
    """Answers kept per replica, so that a photo sent again is not paid again."""
    max_calls_per_minute: int | None = Field(None, ge=1)
    """Budget per replica; beyond it 503 with Retry-After."""
    price_usd: float = Field(0.001, ge=0)
    """Of one call, for the estimate of costs."""
    num_replicas: int = Field(1, ge=1)
    num_cpus: float = Field(0.1, ge=0)
    max_ongoing_requests: int = Field(16, ge=1)
    """Photos, and threads, at a time."""
    max_queued_requests: int = Field(64, ge=1)


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
    rekognition: RekognitionArgs | None = None
    """engine=rekognition and engine=compare; None answers them 503."""
    ingress: IngressArgs = IngressArgs()


class DetectorTuning(_Strict):
    """`user_config` of a detector: changes without a restart."""

    bundle: str | None = None
    """Served in place of the one in `args`; None takes that one back."""
    score_threshold: float | None = Field(None, ge=0, le=1)
    """Lowest score served; None takes the bundle's own."""
    max_batch_size: int = Field(4, ge=1)
    batch_wait_ms: float = Field(0.0, ge=0)
