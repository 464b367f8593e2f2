"""Serves kaskade in the browser: serve-kaskade.py PORT PATH=COMMAND…, a page with a link to each command's own page."""

import asyncio
import html
import sys

from aiohttp import web
from textual_serve.server import Server


class Quiet(Server):
    async def on_startup(self, app: web.Application) -> None:
        pass  # Its banner would be printed once for each command.


async def serve(port: int, commands: dict[str, str]) -> web.Application:
    root = web.Application()
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
web.run_app(serve(port, commands), host="127.0.0.1", port=port, print=lambda *_: None, loop=asyncio.new_event_loop())
