"""`args` of serve_config.yaml: one typed object, validated before anything starts."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator

from carpose.rekognition.settings import Settings
from carpose.rules import RuleSet
from carpose.segmenters import Runtime

INGRESS_QUEUE = 256

GRACE_S = 3.0
"""For the pictures of a detector that is stopped; five seconds later Ray ends it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReplicaArgs(_Strict):
    """How many replicas a deployment has, and what each of them takes."""

    num_replicas: int = Field(1, ge=1)
    num_cpus: float = Field(0.1, ge=0)
    health_check_period_s: float = Field(3.0, gt=0)
    health_check_timeout_s: float = Field(5.0, gt=0)
    """A replica that hangs is replaced after three checks without an answer: so soon that what it
    held can be asked again before its deadline."""

    def options(self) -> dict[str, Any]:
        """The deployment's options, as Ray Serve names them."""
        return {
            "num_replicas": self.num_replicas,
            "ray_actor_options": {"num_cpus": self.num_cpus},
            "health_check_period_s": self.health_check_period_s,
            "health_check_timeout_s": self.health_check_timeout_s,
        }


class QueueArgs(ReplicaArgs):
    """The same, and how many photos a replica works on, and how many may wait for it."""

    max_ongoing_requests: int = Field(16, ge=1)
    max_queued_requests: int = Field(64, ge=1)

    def options(self) -> dict[str, Any]:
        """The deployment's options, as Ray Serve names them."""
        return super().options() | {
            "max_ongoing_requests": self.max_ongoing_requests,
            "max_queued_requests": self.max_queued_requests,
        }


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


class DetectorArgs(QueueArgs):
    """A detector: what it runs, where, and how many of it."""

    bundle: str
    """embedded:NAME, model_zoo:NAME, a folder, s3:// or https:// (see carpose.bundles)."""
    fallback: str | None = None
    """Served where `bundle` cannot be had or run, as the log, /v1/models and every answer then say;
    None: the replica does not start."""
    device: Literal["cpu", "cuda"] = "cpu"
    runtime: Runtime = "onnxruntime"
    """Of ONNX bundles on a CPU; a GPU takes detectron2, which rebuilds them as its own networks.
    onnxruntime computes in bytes where the bundle and the CPU can, onnxruntime-f32 never."""
    compiled: bool = False
    """By torch.compile, which takes minutes at the start; detectron2 only."""
    threads: int = Field(1, ge=1)
    autoscaling: AutoscalingArgs | None = None
    """In place of num_replicas."""
    num_cpus: float = Field(0.3, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    """GPUs per replica, fractions allowed; pins each replica to a GPU."""

    @property
    def grows(self) -> bool:
        """Whether there may be more than one of it."""
        return self.autoscaling is not None or self.num_replicas > 1

    @model_validator(mode="after")
    def _a_cuda_replica_has_a_gpu(self) -> "DetectorArgs":
        if self.device == "cuda" and self.num_gpus == 0:
            raise ValueError("device cuda needs num_gpus above 0, for example 1 or 0.5")
        return self

    def options(self) -> dict[str, Any]:
        """The deployment's options, as Ray Serve names them."""
        options = super().options()
        options["ray_actor_options"]["num_gpus"] = self.num_gpus
        # Without a user_config Ray Serve would not ask the replica to take its model.
        options["user_config"] = {}
        # What it held is asked again: one that hangs need not be waited for.
        options["graceful_shutdown_timeout_s"] = GRACE_S
        if self.autoscaling:
            del options["num_replicas"]
            options["autoscaling_config"] = self.autoscaling.model_dump()
        return options


class PostprocessorArgs(QueueArgs):
    """The postprocessor: CPU only."""

    max_queued_requests: int = Field(128, ge=1)


class RekognitionArgs(Settings, QueueArgs):
    """Amazon Rekognition: how it is asked, and what that may cost.

    A replica asks about `max_ongoing_requests` photos at a time, a thread and a connection each.
    """

    general_labels_when_stopped: bool = False
    """Whether general labels answer while the Custom Labels model is stopped."""
    cache_entries: int = Field(1000, ge=0)
    """Answers kept per replica, so that a photo sent again is not paid again."""
    max_calls_per_day: int | None = Field(5000, ge=1)
    """Budget of all replicas in any 24 hours, about 5 USD; beyond it 503 with Retry-After. None: no
    limit. Keys may have their own."""
    max_calls_per_minute: int | None = Field(None, ge=1)
    """The same of any minute."""
    price_usd: float = Field(0.001, ge=0)
    """Of one call, for the estimate of costs."""


class IngressArgs(ReplicaArgs):
    """The edge: limits of what comes in and how long it may take."""

    decode_threads: int = Field(2, ge=1)
    max_in_flight: int = Field(32, ge=1)
    """Photos that one replica works on; the next one is answered 503 with Retry-After."""
    deadline_s: float = Field(30.0, gt=0)
    """For the answer, from when the photo is in."""
    upload_s: float = Field(120.0, gt=0)
    """For the upload, which holds one of the places in flight; past it 408."""
    max_upload_mb: float = Field(15.0, gt=0)
    max_megapixels: float = Field(50.0, gt=0)
    max_megapixels_decoded: float = Field(100.0, gt=0)
    """Of all photos that one replica decodes at a time, whatever their number; each megapixel takes
    4 to 8 MB of memory for as long."""
    max_jpeg_megapixels: float = Field(64.0, gt=0)
    """Of JPEG in place of max_megapixels: it is decoded scaled down."""
    keys_file: str | None = None
    """API keys, made by `python -m deployments.new_key`: every call but the page's files and health
    needs one. Read again when it changes. None: whoever reaches the port may ask."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Networks whose X-Forwarded-For is believed, for the fair share of an address."""
    share_of_free: float = Field(2.0, gt=0)
    """A client, by key or address, holds so many times as many places in flight as are free then;
    beyond it 429. 2: one alone takes two thirds of them, and there is always room for another."""
    rules: dict[str, RuleSet] = {}
    """Sets of rules by the name that `rules=` asks for, beside those of carpose.rules."""
    max_set_photos: int = Field(16, ge=1, le=64)
    """Photos of one car in a `POST /v1/set`."""
    allow_origins: tuple[str, ...] = ()
    """Origins of web apps on other hosts that may call this server (CORS)."""
    allow_headers: tuple[str, ...] = (
        "Authorization",
        "Content-Encoding",
        "Content-Type",
        "X-API-Key",
        "X-Request-ID",
    )
    """Headers that those apps may send; `*` for all."""

    def options(self) -> dict[str, Any]:
        """The deployment's options, as Ray Serve names them."""
        # Beyond max_in_flight the ingress itself answers 503, as problem+json; it must get to
        # see the request, and health checks must pass while photos wait.
        return super().options() | {"max_ongoing_requests": self.max_in_flight + INGRESS_QUEUE}


class Args(_Strict):
    """The application's arguments; every key may be left out."""

    together: bool = False
    """Whether both detectors and the postprocessor live in the ingress's process, for a machine of
    few cores: no photo travels, and `ingress.num_replicas` is what grows. Their tuning is then
    `user_config` of the ingress, under their names."""
    main_car: DetectorArgs = DetectorArgs(bundle="embedded:main_car")
    car_parts: DetectorArgs = DetectorArgs(bundle="embedded:car_parts")
    postprocessor: PostprocessorArgs = PostprocessorArgs()
    rekognition: RekognitionArgs | None = None
    """engine=rekognition and engine=compare; None answers them 503."""
    ingress: IngressArgs = IngressArgs()

    @model_validator(mode="after")
    def _what_lives_together_is_one(self) -> "Args":
        detectors = (self.main_car, self.car_parts)
        if self.together and any(d.device == "cuda" or d.grows for d in detectors):
            raise ValueError(
                "together: detectors have neither GPUs nor replicas of their own; "
                "ingress.num_replicas counts, or together: false"
            )
        return self


class DetectorTuning(_Strict):
    """`user_config` of a detector: changes without a restart."""

    bundle: str | None = None
    """Served in place of the one in `args`; None takes that one back."""
    score_threshold: float | None = Field(None, ge=0, le=1)
    """Lowest score served; None takes the bundle's own."""
    max_batch_size: int = Field(4, ge=1)
    batch_wait_ms: float = Field(0.0, ge=0)
