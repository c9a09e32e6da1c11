"""Headers that keep a browser from doing what nobody meant, on every answer, below a prefix too."""

import pytest

from tests.edge import answered, edge

PATHS = [
    "/",
    "/docs",
    "/openapi.json",
    "/healthz",
    "/v1/limits",
    "/nothing",
    "/web/app.js",
    "/docs/swagger-ui.css",
]


@pytest.mark.parametrize("prefix", ["", "/cars"])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_them(prefix: str, path: str) -> None:
    (response,) = answered(edge(), ("GET", prefix + path, {}), root_path=prefix)
    assert response.status_code == (404 if path == "/nothing" else 200)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    scripts = policy.get("script-src", policy["default-src"])
    # Swagger UI starts from a script in its page; nothing of a request is in that page.
    assert ("'unsafe-inline'" in scripts) == path.startswith("/docs")
    assert "unsafe-eval" not in scripts
