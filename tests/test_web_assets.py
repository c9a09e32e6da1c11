"""The page's files as a browser gets them."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from deployments.docs_page import docs_page
from deployments.http_app import WEB
from deployments.web_assets import WebAssets

GZIP, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}


def browser(folder: Path) -> TestClient:
    app, assets = FastAPI(), WebAssets.of(folder)
    app.add_api_route("/", assets.page)
    for path in ("/web/{name}", "/web/{version}/{name}"):
        app.add_api_route(path, assets.file)
    return TestClient(app)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text('<head><script src="web/a.js"></script></head>')
    (tmp_path / "a.js").write_text('import "./b.js";\n' * 100)
    (tmp_path / "b.js").write_text("// short")
    return tmp_path


def address(client: TestClient) -> str:
    found = re.search(r'src="(web/[0-9a-f]{12}/a\.js)"', client.get("/").text)
    assert found
    return found[1]


def test_files_are_kept_and_the_page_is_asked_for_again(folder: Path) -> None:
    client = browser(folder)
    page = client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    script = client.get(address(client))
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")


def test_files_are_compressed_for_who_takes_it_and_where_it_gains(folder: Path) -> None:
    client = browser(folder)
    script = address(client)
    small, whole = (client.get(script, headers=headers) for headers in (GZIP, PLAIN))
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < int(whole.headers["content-length"]) / 5
    assert "content-encoding" not in whole.headers
    assert small.text == whole.text == (folder / "a.js").read_text()
    assert "content-encoding" not in client.get("/web/b.js", headers=GZIP).headers


def test_every_module_is_announced(folder: Path) -> None:
    page = browser(folder).get("/").text
    assert len(re.findall(r'rel="modulepreload" href="web/[0-9a-f]{12}/[ab]\.js"', page)) == 2


def test_a_change_of_one_file_changes_the_addresses_of_all(folder: Path) -> None:
    before = address(browser(folder))
    (folder / "b.js").write_text("// other")
    after = browser(folder)
    assert address(after) != before
    old = after.get(before)
    assert old.status_code == 200
    assert "immutable" not in old.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/web/nothing.js", "/web/index.html", "/web/..%2Fhttp_app.py", "/web/x/..%2Fa.js"]
)
def test_nothing_else_is_there(folder: Path, path: str) -> None:
    assert browser(folder).get(path).status_code == 404


def test_the_documents_are_kept_too_and_name_no_place_of_their_own() -> None:
    app, docs = FastAPI(docs_url=None), docs_page("API")
    app.add_api_route("/docs", docs.page)
    app.add_api_route("/docs/{version}/{name}", docs.file)
    client = TestClient(app)
    page = client.get("/docs").text
    places = re.findall(r"""(?:href|src)="([^"]+)"|url: '([^']+)'""", page)
    named = {place for found in places for place in found if place}
    assert not [place for place in named if place.startswith(("/", "http"))]
    files = [place for place in named if place.startswith("docs/")]
    assert len(files) == 2
    for file in files:
        response = client.get(file, headers=GZIP)
        assert "immutable" in response.headers["cache-control"]
        assert int(response.headers["content-length"]) < len(response.content) / 3


def test_the_page_needs_nothing_from_elsewhere_and_all_that_it_names_is_there() -> None:
    client = browser(WEB)
    page = client.get("/").text
    for name in re.findall(r'(?:href|src)="(web/[^"]+)"', page):
        assert client.get(name).status_code == 200
    for module in WEB.glob("*.js"):
        for name in re.findall(r'from "\./([\w.]+)"', module.read_text()):
            assert (WEB / name).is_file(), f"{module.name} imports {name}"
