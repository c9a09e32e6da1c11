"""Deployments in the process of who asks them: asked as handles are, and a server of them alone."""

import asyncio
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

import carpose
from carpose.engines import DETECTRON2
from carpose.errors import NoCar
from deployments.beside import Beside
from deployments.config import Args, IngressArgs
from deployments.ingress import Ingress
from deployments.own_models import OWN_MODELS
from deployments.pose_postprocessor import PosePostprocessor
from deployments.remote import ask, ask_all
from tests.edge import answered


class Greeter:
    """A deployment with one method that blocks, one that waits, and one that raises."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.cancelled = False

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        self.word = user_config.get("word", self.word)

    def greet(self, name: str) -> tuple[str, bool]:
        return f"{self.word} {name}", threading.current_thread() is threading.main_thread()

    async def wait(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def refuse(self) -> None:
        raise NoCar("there is none")

    async def info(self) -> str:
        return self.word


def test_it_is_asked_as_a_handle_is_and_tuned_without_being_made_again() -> None:
    greeter: Any = Beside("Greeter", Greeter, ("Hello",))

    async def talk() -> None:
        with pytest.raises(RuntimeError, match="Greeter is not made yet"):
            await ask(greeter.greet, "Ray")
        await greeter.tune({})
        made = greeter._made
        assert await ask(greeter.greet, "Ray") == ("Hello Ray", False)
        await greeter.tune({"word": "Bye"})
        assert greeter._made is made
        assert await ask_all(greeter, "info") == ["Bye"]
        with pytest.raises(NoCar):
            await ask(greeter.refuse)
        (error,) = await ask_all(greeter, "refuse")
        assert isinstance(error, NoCar)
        # As Ray Serve does with what a replica was made with, once it runs.
        other = pickle.loads(pickle.dumps(greeter))
        await other.tune({})
        assert await ask_all(other, "info") == ["Hello"]

    asyncio.run(talk())


def test_who_gives_up_waiting_ends_the_work() -> None:
    greeter: Any = Beside("Greeter", Greeter, ("Hello",))

    async def give_up() -> None:
        await greeter.tune({})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(greeter.wait)
        await asyncio.sleep(0)

    asyncio.run(give_up())
    assert greeter._made.cancelled


def test_together_they_answer_as_the_library_does(photos: list[Path]) -> None:
    content = photos[0].read_bytes()
    ingress: Any = Ingress.__mro__[1]  # below Ray Serve's wrapper, which wants a cluster
    handle = OWN_MODELS.handle(Args(together=True))
    postprocessor = Beside("PosePostprocessor", PosePostprocessor)
    one = ingress(IngressArgs(), [(DETECTRON2, handle)], postprocessor)
    asyncio.run(one.reconfigure({"CarPartDetector": {"score_threshold": 0.5}}))
    call = "POST", "/v1/pose?include=masks", {"content": content}
    (response,) = answered(one.__serve_build_asgi_app__(), call)
    assert response.status_code == 200, response.text
    own = carpose.Estimator.load().answer(content, include="masks").response()
    expected = own.model_dump(mode="json")
    assert {**response.json(), "timings_ms": None} == {**expected, "timings_ms": None}


@pytest.mark.parametrize(
    "detector",
    [
        {"device": "cuda", "num_gpus": 1},
        {"num_replicas": 2},
        {"autoscaling": {"max_replicas": 2}},
    ],
    ids=["a GPU", "replicas", "replicas by load"],
)
def test_what_only_a_process_of_its_own_can_have_is_refused_together(
    detector: dict[str, Any],
) -> None:
    car = {"bundle": "embedded:main_car", **detector}
    assert Args.model_validate({"main_car": car})
    with pytest.raises(ValueError, match="together: "):
        Args.model_validate({"together": True, "main_car": car})
