"""/docs: Swagger UI from this server, with a way back to the page.

Every address in it is relative: a proxy may serve it below a prefix that nobody here knows.
"""

from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html

from deployments.web_assets import WebAssets

_FOLDER: Final = Path(fastapi_offline.__file__).parent / "static"
_SCRIPT, _STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
_WAY_BACK: Final = (
    '<nav style="max-width: 1460px; margin: 1rem auto 0; padding: 0 20px; font: 16px sans-serif">'
    '<a href="./">Back to the page</a></nav>'
)


def docs_page(title: str) -> WebAssets:
    """Every route of /openapi.json, to read and to try; its files are in `docs`."""
    swagger = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=title,
        swagger_js_url=f"docs/{_SCRIPT}",
        swagger_css_url=f"docs/{_STYLE}",
        swagger_favicon_url="web/favicon.svg",
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},
    )
    page = bytes(swagger.body).decode().replace("<body>", f"<body>{_WAY_BACK}", 1)
    return WebAssets(
        page, {name: (_FOLDER / name).read_bytes() for name in (_SCRIPT, _STYLE)}, "docs"
    )
