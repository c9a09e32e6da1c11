"""/docs: Swagger UI from this server, with a way back to the page."""

from fastapi import Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

STATIC = "/static-offline-docs"
"""Where fastapi-offline serves Swagger UI's files."""
WAY_BACK = (
    '<nav style="max-width: 1460px; margin: 1rem auto 0; padding: 0 20px; font: 16px sans-serif">'
    '<a href="./">Back to the page</a></nav>'
)


async def docs_page(request: Request) -> HTMLResponse:
    """Every route, to read and to try."""
    root = request.scope.get("root_path", "")
    swagger = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="carpose: API",
        swagger_js_url=f"{root}{STATIC}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{STATIC}/swagger-ui.css",
        swagger_favicon_url=f"{root}/web/favicon.svg",
    )
    content = bytes(swagger.body).decode()
    return HTMLResponse(content.replace("<body>", f"<body>{WAY_BACK}", 1))
