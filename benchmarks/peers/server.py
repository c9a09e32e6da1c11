"""Plain FastAPI around a function that answers a photo: what the peers have in common."""

import argparse
import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from fastapi import FastAPI, Request, Response


def application(answer: Callable[[bytes], str], photos: int) -> FastAPI:
    """`POST /v1/pose` of a bare photo, so many photos at a time, a thread each."""
    workers = ThreadPoolExecutor(photos, thread_name_prefix="photo")
    app = FastAPI()

    @app.post("/v1/pose")
    async def pose(request: Request) -> Response:
        content = await request.body()
        told = await asyncio.get_running_loop().run_in_executor(workers, answer, content)
        return Response(told, media_type="application/json")

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    return app


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """Those of every peer."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8100)
    return parser


def serve(answer: Callable[[bytes], str], port: int, photos: int) -> None:
    """Blocks."""
    uvicorn.run(application(answer, photos), port=port, log_level="warning")
