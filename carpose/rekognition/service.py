"""The calls to Amazon Rekognition, by boto3: timeouts, retries, a deadline, errors as ours."""

import os
import threading
import time
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.parsers import ResponseParserError

from carpose.detections import Detections
from carpose.engines import Found
from carpose.errors import EngineBusy, EngineUnavailable, UpstreamError
from carpose.images import Picture
from carpose.rekognition.answers import from_custom_labels, from_labels, sees_without_place
from carpose.rekognition.photo import CUSTOM_LABELS_BYTES, LABELS_BYTES, within_limits
from carpose.rekognition.settings import Settings

CREDENTIALS_HINT = (
    "give this server AWS credentials by the default chain (AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role) that allow rekognition:DetectLabels"
)
REGION_HINT = "set AWS_REGION, or region under args.rekognition in serve_config.yaml"

THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "SubscriptionRequiredException",
    "UnrecognizedClientException",
}


class NotReady(EngineUnavailable):
    """The Custom Labels model is stopped."""


class DeadlinePassed(TimeoutError):
    """The time for a photo is over; no further attempt is made."""


class Rekognition:
    """A client that is safe to share between threads. Credentials come from boto3's chain; the
    endpoint is AWS's own, or that of AWS_ENDPOINT_URL_REKOGNITION. `connections` is the number of
    photos that may be asked about at a time.

    Raises: EngineUnavailable when no region is set.
    """

    def __init__(self, settings: Settings, connections: int = 16) -> None:
        self.settings = settings
        self._until = threading.local()
        config = Config(
            connect_timeout=settings.connect_timeout_s,
            read_timeout=settings.read_timeout_s,
            # Adaptive slows down when the service throttles, standard gives up sooner.
            retries={"total_max_attempts": settings.attempts, "mode": "adaptive"},
            max_pool_connections=connections,
        )
        try:
            # boto3 alone reads AWS_DEFAULT_REGION only; every other SDK, and EKS, say AWS_REGION.
            region = settings.region or os.environ.get("AWS_REGION") or None
            session = boto3.session.Session(region_name=region)
            self._client = session.client("rekognition", config=config)
        except NoRegionError as error:
            raise EngineUnavailable(f"Amazon Rekognition has no region: {REGION_HINT}") from error
        except (BotoCoreError, ValueError) as error:
            raise EngineUnavailable(f"Amazon Rekognition is misconfigured: {error}") from error
        self._client.meta.events.register_first("before-send.rekognition", self._check_deadline)

    def detect(self, picture: Picture) -> Found:
        """Cars and wheels in a picture, by general labels; blocks up to the deadline.

        Raises: BadImage; EngineUnavailable; EngineBusy; UpstreamError; TimeoutError.
        """
        content = within_limits(picture, LABELS_BYTES)
        names = sorted(self.settings.labels.car | self.settings.labels.wheel)
        answer = self._call(
            "detect_labels",
            Image={"Bytes": content},
            MinConfidence=100 * self.settings.labels.threshold,
            Settings={"GeneralLabels": {"LabelInclusionFilters": names}},
            Features=["GENERAL_LABELS"],
        )
        labels = self.settings.labels
        found = _found(from_labels(answer, labels, picture.size))
        return replace(found, unplaced=sees_without_place(answer, labels))

    def detect_custom(self, picture: Picture) -> Found:
        """The same by the Custom Labels model of the settings.

        Raises: as `detect`; NotReady while the model is stopped.
        """
        arn, labels = self.settings.project_version_arn, self.settings.custom_labels
        assert arn is not None
        answer = self._call(
            "detect_custom_labels",
            ProjectVersionArn=arn,
            Image={"Bytes": within_limits(picture, CUSTOM_LABELS_BYTES)},
            MinConfidence=100 * labels.threshold,
        )
        model = "rekognition-custom-labels@" + arn.split("/version/")[1].split("/")[0]
        return _found(from_custom_labels(answer, labels, picture.size, model))

    def _call(self, operation: str, **arguments: Any) -> Any:
        self._until.at = time.monotonic() + self.settings.deadline_s
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            raise _of_service(error) from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise TimeoutError("Rekognition did not answer in time") from error
        except PartialCredentialsError as error:
            raise EngineUnavailable(f"half of the AWS credentials: {CREDENTIALS_HINT}") from error
        except UnreachableError as error:
            raise UpstreamError("Rekognition cannot be reached") from error
        except (ResponseParserError, HTTPClientError) as error:
            raise UpstreamError("Rekognition's answer cannot be read") from error
        except BotoCoreError as error:
            # What is left are credentials that are missing or cannot be had.
            reason = type(error).__name__
            raise EngineUnavailable(f"Amazon Rekognition ({reason}): {CREDENTIALS_HINT}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # botocore's own parser on JSON of another shape.
            raise UpstreamError("Rekognition's answer has another shape") from error

    def _check_deadline(self, **_: Any) -> None:
        if time.monotonic() >= self._until.at:
            raise DeadlinePassed("the deadline passed while Rekognition was asked")


def _found(found: Detections) -> Found:
    cars, wheels = (found[found.labels == kind] for kind in ("car", "wheel"))
    return Found(cars, wheels, {"rekognition": found.model})


def _of_service(error: ClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "ResourceNotReadyException":
        return NotReady(
            "the Custom Labels model is stopped: python -m carpose.rekognition start ARN"
        )
    if code == "ResourceNotFoundException":
        return EngineUnavailable(
            "Rekognition does not know the Custom Labels model: check project_version_arn"
        )
    if code in THROTTLED:
        return EngineBusy("Amazon Rekognition is throttling this account; try again shortly")
    if code in REFUSED:
        # The service's own words name users and keys: they stay here.
        return EngineUnavailable(f"Amazon Rekognition refused ({code}): {CREDENTIALS_HINT}")
    return UpstreamError(f"Amazon Rekognition answered {code or 'an error without a code'}")
