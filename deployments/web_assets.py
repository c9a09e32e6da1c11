"""A page's files: compressed once, and kept by browsers until they change."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOREVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
LEAST_BYTES = 400
"""Below this a file and its compressed twin fit into the same packet."""


@dataclass(frozen=True)
class Asset:
    """A file as it is sent; `compressed` by gzip, None where that is no gain."""

    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, name: str) -> "Asset":
        """An asset of a file's content; its name tells the media type."""
        smaller = gzip.compress(body, mtime=0) if len(body) > LEAST_BYTES else body
        return cls(
            body=body,
            compressed=smaller if len(smaller) < 0.9 * len(body) else None,
            media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
        )

    def response(self, request: Request, cache_control: str) -> Response:
        """The answer to a GET: 304 where the browser holds this very content."""
        headers = {"Cache-Control": cache_control, "ETag": self.etag, "Vary": "Accept-Encoding"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = self.body
        if self.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = self.compressed, "gzip"
        return Response(body, headers=headers, media_type=self.media_type)


class WebAssets:
    """A page and its files. The files' addresses hold a hash of all of them, so that a browser asks
    only for the page itself again, and never mixes files of two versions."""

    def __init__(self, page: str, files: Mapping[str, bytes], at: str) -> None:
        """`page` names its files `at`/name."""
        digest = hashlib.sha256(page.encode())
        for name, body in files.items():
            digest.update(name.encode() + b"\0" + body)
        self.version = digest.hexdigest()[:12]
        page = page.replace(f'"{at}/', f'"{at}/{self.version}/')
        self._page = Asset.of(page.encode(), "index.html")
        self._assets = {name: Asset.of(body, name) for name, body in files.items()}

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The page of a folder, which has its files in `web`, with every module announced in its
        head: else a browser learns of them one after the other."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        page = files.pop("index.html").decode()
        links = [f'<link rel="modulepreload" href="web/{n}">' for n in files if n.endswith(".js")]
        return cls(page.replace("</head>", "\n".join([*links, "</head>"])), files, "web")

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return self._page.response(request, ASK_FIRST)

    async def file(self, request: Request, name: str, version: str = "") -> Response:
        """One of its files; of another version, while servers are being replaced, the present
        one, which is then not kept."""
        if name not in self._assets:
            raise HTTPException(404, "there is no such file")
        kept = FOREVER if version == self.version else ASK_FIRST
        return self._assets[name].response(request, kept)
