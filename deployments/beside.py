"""A deployment that lives in the process of who asks it: no hop, no copy of a picture, no replica
of its own."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from deployments.stand_back import stand_back


@dataclass
class Beside:
    """Stands where a handle stands, as far as `deployments.remote` asks handles.

    kind, arguments: the deployment's class, and what it is made with. It is made by `tune`, in the
        process that is to ask, on the event loop on which it is asked.
    """

    name: str
    kind: type[Any]
    arguments: Sequence[Any] = ()
    _made: Any = field(default=None, init=False)
    _threads: ThreadPoolExecutor | None = field(default=None, init=False)

    async def tune(self, user_config: Mapping[str, Any]) -> None:
        """Makes it, the first time; tells it `user_config` where it listens."""
        if self._made is None:
            self._threads = ThreadPoolExecutor(2, self.name, stand_back)
            # In a thread of its own, which may stand back: this one shall not.
            with ThreadPoolExecutor(1) as maker:
                loop = asyncio.get_running_loop()
                made = await loop.run_in_executor(maker, self.kind, *self.arguments)
        else:
            made = self._made
        if hasattr(made, "reconfigure"):
            await made.reconfigure(dict(user_config))
        self._made = made

    def __reduce__(self) -> tuple[Any, ...]:
        # Ray Serve pickles what a replica was made with, also once it runs.
        return Beside, (self.name, self.kind, self.arguments)

    def __getattr__(self, name: str) -> "Method":
        if name.startswith("_"):
            raise AttributeError(name)
        return Method(self, name)

    def broadcast(self, method: str) -> "_All":
        """What all that there are of it answer: one."""
        return _All(Method(self, method))


@dataclass(frozen=True)
class Method:
    """One of its methods, as one of a handle."""

    of: Beside
    name: str

    def remote(self, *arguments: Any) -> asyncio.Future[Any]:
        """The answer, which can be awaited and cancelled; what blocks runs in a thread."""
        if self.of._made is None:
            raise RuntimeError(f"{self.of.name} is not made yet")
        method: Callable[..., Any] = getattr(self.of._made, self.name)
        if inspect.iscoroutinefunction(method):
            task: asyncio.Future[Any] = asyncio.ensure_future(method(*arguments))
            return task
        answer: asyncio.Future[Any] = asyncio.get_running_loop().run_in_executor(
            self.of._threads, method, *arguments
        )
        return answer


@dataclass(frozen=True)
class _All:
    method: Method

    async def results_async(self, return_exceptions: bool = False) -> list[Any]:
        """The answers in a list, or what was raised in place of one."""
        waiting = asyncio.gather(self.method.remote(), return_exceptions=return_exceptions)
        return list(await waiting)
