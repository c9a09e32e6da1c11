"""Questions to another deployment: to one replica, asked again when it died with it; to all."""

import asyncio
from typing import Any

from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.beside import Beside, Method
from deployments.problems import Overloaded, is_lost_replica

RETRY_PAUSE_S = 0.2
TRIES = 10
"""To find a replica that runs."""


async def ask(method: DeploymentHandle[Any] | Method, *arguments: Any) -> Any:
    """A deployment's answer. A photo changes nothing, so asking twice is right; whoever asks
    sets the deadline that ends it.

    Raises: Overloaded when the deployment's queue is full; what the deployment raises.
    """
    while True:
        response: Any = method.remote(*arguments)
        try:
            return await response
        except BackPressureError as error:
            # Ray Serve would answer it itself, in plain text.
            raise Overloaded("a queue is full") from error
        except asyncio.CancelledError:
            response.cancel()
            raise
        except Exception as error:
            if not is_lost_replica(error):
                raise
            await asyncio.sleep(RETRY_PAUSE_S)


async def ask_all(deployment: DeploymentHandle[Any] | Beside, method: str) -> list[Any]:
    """What every running replica of a deployment answers to a call without arguments; an exception
    in place of the answer where there was none.

    Raises: what Ray Serve raises where no replica runs.
    """
    tries_left = TRIES
    while True:
        try:
            answers: Any = deployment.broadcast(method)
            return list(await answers.results_async(return_exceptions=True))
        except DeploymentUnavailableError:
            # As long as the only replica is told of another bundle, none counts as running.
            tries_left -= 1
            if not tries_left:
                raise
        await asyncio.sleep(RETRY_PAUSE_S)
