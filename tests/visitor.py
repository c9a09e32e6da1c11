"""A visitor on the page, in a real browser."""

import io
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
ANSWER_MS = 30_000
VIEWPOINT = re.compile(r"^(front|back)(-left|-right)?$|^left$|^right$")

File = dict[str, Any]


class Visit:
    """A visitor on the page, who remembers what it asked for and what went wrong on it."""

    def __init__(self, browser: Browser, server: str, **context: Any) -> None:
        self.server = server
        self.origin = "/".join(server.split("/")[:3])
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.allowed: list[str] = []
        self.page: Page = browser.new_context(**context).new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._log)
        # Listening makes Playwright catch file choosers; begun only when a key is pressed, it may
        # come after the key.
        self.page.on("filechooser", lambda _: None)

    def _log(self, message: Any) -> None:
        # The browser logs every refused photo as a failed load; the page puts it into words.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def __enter__(self) -> "Visit":
        self.page.goto(f"{self.server}/")
        return self

    def __exit__(self, *failure: object) -> None:
        self.page.context.close()
        if failure[0] is None:
            own = (f"{self.server}/", f"blob:{self.origin}/", "data:", *self.allowed)
            assert [url for url in self.requests if not url.startswith(own)] == []
            assert not self.errors, self.errors

    def pick(self, *files: Path | File) -> None:
        # Playwright takes paths or contents, not both at once.
        contents = [f if isinstance(f, dict) else jpeg(f) for f in files]
        self.page.locator("#pick").set_input_files(contents)  # type: ignore[arg-type]

    def answered(self) -> None:
        """The chosen photo has its answer."""
        expect(self.page.locator("#bar:not([data-tone=busy])")).to_be_visible(timeout=ANSWER_MS)
        expect(self.page.locator("#facts")).to_be_visible(timeout=ANSWER_MS)
        expect(self.page.locator("#stage")).to_be_visible()

    def all_done(self, count: int) -> None:
        """So many photos are on the page, and none is waited for any longer."""
        expect(self.page.locator("#list")).to_have_attribute("aria-rowcount", str(count + 1))
        waiting = self.page.locator("#filters button", has_text="Waiting")
        expect(waiting).to_be_hidden(timeout=4 * ANSWER_MS)

    def row(self, name: str) -> Locator:
        """A photo's row in the list."""
        return self.page.locator(f'#list .photo[title="{name}"]')

    def posts(self) -> list[str]:
        """The addresses that photos were sent to."""
        return [url for url in self.requests if "/v1/pose" in url]

    def refused(self) -> Locator:
        problem = self.page.locator("#problem")
        expect(problem).to_be_visible(timeout=ANSWER_MS)
        return problem

    def expected(self, viewpoint: str) -> Locator:
        return self.page.get_by_role("button", name=viewpoint, exact=True)

    def drawing(self) -> str:
        return str(self.page.evaluate("document.getElementById('overlay').toDataURL()"))

    def focus(self) -> str:
        return str(
            self.page.evaluate(
                "(e => e.id || e.value || e.getAttribute('aria-label') || e.textContent.trim())"
                "(document.activeElement)"
            )
        )

    def tab_to(self, name: str) -> None:
        reached = []
        for _ in range(60):
            self.page.keyboard.press("Tab")
            reached.append(self.focus())
            if reached[-1] == name:
                return
        pytest.fail(f"Tab does not reach {name}: {reached}")


def jpeg(path: Path) -> File:
    return {"name": path.name, "mimeType": "image/jpeg", "buffer": path.read_bytes()}


def blank(name: str = "wall.png", size: tuple[int, int] = (320, 240)) -> File:
    """A picture without a car."""
    buffer = io.BytesIO()
    Image.new("RGB", size, "lightgrey").save(buffer, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": buffer.getvalue()}
