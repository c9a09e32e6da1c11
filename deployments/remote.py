"""A question to another deployment, asked again when a replica died with it."""

import asyncio
from typing import Any

from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from deployments.problems import Overloaded, is_lost_replica

RETRY_PAUSE_S = 0.2


async def ask(method: DeploymentHandle[Any], *arguments: Any) -> Any:
    """A deployment's answer. A photo changes nothing, so asking twice is right; whoever asks
    sets the deadline that ends it.

    Raises: Overloaded when the deployment's queue is full; what the deployment raises.
    """
    while True:
        response = method.remote(*arguments)
        try:
            return await response
        except BackPressureError as error:
            # Ray Serve would answer it itself, in plain text.
            raise Overloaded("a queue is full") from error
        except asyncio.CancelledError:
            response.cancel()  # type: ignore[no-untyped-call]
            raise
        except Exception as error:
            if not is_lost_replica(error):
                raise
            await asyncio.sleep(RETRY_PAUSE_S)
