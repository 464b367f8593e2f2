"""Serves kaskade in the browser: serve-kaskade.py PORT PATH=COMMAND…, a page with a link to each command's own page.

What a browser does here is done to Kafka, so only the one that was given the link gets in: it has the token of KASKADE_TOKEN,
which becomes a cookie. Pages of other sites, and names that only lead to this machine, are refused.
"""

import asyncio
import hmac
import html
import os
import sys

from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server


class Quiet(Server):
    async def on_startup(self, app: web.Application) -> None:
        pass  # Its banner would be printed once for each command.


def guard(host: str, cookie: str, token: str):
    """The middleware that stands before every page, its files and its websocket."""

    def known(given: str | None) -> bool:
        return hmac.compare_digest((given or "").encode(), token.encode())

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host != host:
            return web.Response(status=421, text=f"This page is http://{host} only.")
        if request.headers.get("Origin", f"http://{host}") != f"http://{host}":
            return web.Response(status=403, text="Another site asked.")
        if known(request.query.get("token")):
            entered = web.Response(status=303, headers={"Location": "/"})
            entered.set_cookie(cookie, token, httponly=True, samesite="Strict")
            return entered
        if not known(request.cookies.get(cookie)):
            return web.Response(status=403, text="Open the link that make ui has printed.")
        return await handler(request)

    return refuse


async def protect(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})


async def serve(port: int, commands: dict[str, str], token: str) -> web.Application:
    root = web.Application(middlewares=[guard(f"localhost:{port}", f"kaskade-{port}", token)])
    root.on_response_prepare.append(protect)
    for path, command in commands.items():
        server = Quiet(command, host="localhost", port=port, title=path)
        server.initialize_logging()
        root.add_subapp(f"/{path}", await server._make_app())
    links = "".join(f'<li><a href="/{html.escape(path)}/">{html.escape(path)}</a></li>' for path in commands)
    page = f'<!doctype html><meta charset="utf-8"><title>Kafka UI</title><h1>Kafka UI</h1><ul>{links}</ul>'

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    root.router.add_get("/", index)
    return root


port = int(sys.argv[1])
commands = dict(argument.split("=", 1) for argument in sys.argv[2:])
# Not handed on to the commands.
token = os.environ.pop("KASKADE_TOKEN")
if len(token) < 32:
    sys.exit("KASKADE_TOKEN is too short")
web.run_app(serve(port, commands, token), host="127.0.0.1", port=port, print=lambda *_: None, loop=asyncio.new_event_loop())
