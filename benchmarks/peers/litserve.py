"""Our library behind LitServe: two worker processes of one thread.

    python -m benchmarks.peers.litserve --port 8100

Needs `pip install litserve`, which carpose does not. LitServe takes a photo in a form.
"""

from typing import Any

import litserve
from fastapi import Request, Response

from benchmarks.peers.library import estimator
from benchmarks.peers.server import arguments


class Pose(litserve.LitAPI):  # type: ignore[misc]
    """See LitServe."""

    def setup(self, device: str) -> None:
        """Once in each worker."""
        self._estimator = estimator(parts_threads=1)

    def decode_request(self, request: Request) -> bytes:
        """The photo of a form."""
        form: Any = request
        content: bytes = form["image"].file.read()
        return content

    def predict(self, content: bytes) -> str:
        """The answer as JSON."""
        return self._estimator.answer(content).response().model_dump_json()

    def encode_response(self, told: str) -> Response:
        """As it is."""
        return Response(told, media_type="application/json")


def main() -> None:
    """Command line."""
    args = arguments(__doc__).parse_args()
    server = litserve.LitServer(
        Pose(api_path="/v1/pose"),
        accelerator="cpu",
        workers_per_device=2,
        healthcheck_path="/readyz",
    )
    server.run(port=args.port, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
