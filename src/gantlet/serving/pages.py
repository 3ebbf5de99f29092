"""Gradio's pages in one web application, which loads nothing from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gantlet.errors import UsageError
from gantlet.serving.markup import asset

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["PLAIN", "application"]

PLAIN: Mapping[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "queue": False,  # each answer takes milliseconds; what waits in a queue can be lost
}
"""Arguments of an event that is answered at once."""
_HERE = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"


def application(
    verb: str, pages: Mapping[str, Callable[[], Any]], *, css: str, script: str
) -> FastAPI:
    """The web application of a verb.

    Arguments:
        verb: its name, for the error.
        pages: what builds the blocks of each page, by path; "/" last, as it stands for all.
        css, script: of all pages, after the style sheet that pages share.

    Raises UsageError where the extra `serve` is missing.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is loaded
    try:
        import gradio
        import uvicorn  # noqa: F401
        from fastapi import FastAPI, Request, Response
    except ImportError as error:
        raise UsageError(
            f"gantlet {verb}",
            expected="the packages of the extra `serve`",
            received=f"{error}",
            remedy="Install them with pip install 'gantlet[serve]'.",
        ) from error
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def stays_here(request: Request, go_on: Any) -> Response:
        """Forbid the page to load anything from elsewhere, and elsewhere to write to it."""
        origin, host = (request.headers.get(name, "") for name in ("origin", "host"))
        is_foreign = bool(origin) and origin.partition("://")[2] != host
        is_file = request.url.path.rstrip("/").endswith("/upload")
        if request.method == "POST" and (is_foreign or is_file):
            return Response(status_code=403)
        response: Response = await go_on(request)
        response.headers["Content-Security-Policy"] = _HERE
        return response

    for path in (path for path in pages if path != "/"):
        app.add_api_route(path, _towards(f"{path}/"))  # where the page itself is
    theme = gradio.themes.Base(
        primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    for path, build in pages.items():
        gradio.mount_gradio_app(
            app,
            build(),
            path=path,
            theme=theme,
            css=asset("gantlet.serving", "page.css") + css,
            head=f"<script>{script}</script>",
            footer_links=[],
            ssr_mode=False,
        )
    return app


def _towards(path: str) -> Callable[[], Any]:
    """An answer that sends the browser to a path."""
    from fastapi.responses import RedirectResponse

    return lambda: RedirectResponse(path)
