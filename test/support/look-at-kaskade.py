"""Runs kaskade without a terminal, opens the value of its first record and waits for a text: look-at-kaskade.py TEXT ARGUMENT…

Prints the screen. Exits 0 when the text stands on it.
"""

import sys
import time

from kaskade.consumer import KaskadeConsumer
from kaskade.main import cli
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import TabbedContent

WITHIN_S = 60
wanted = sys.argv[1]
seen = ""


def screen(app: App) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def look(pilot: Pilot) -> None:
    global seen
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline and wanted not in seen:
        await pilot.pause(0.2)
        if len(pilot.app.screen_stack) == 1:
            await pilot.press("enter")
        else:
            pilot.app.screen.query_one(TabbedContent).active = "value"
        seen = screen(pilot.app)
    pilot.app.exit()


KaskadeConsumer.run = lambda self: App.run(self, headless=True, size=(160, 48), auto_pilot=look)
cli(sys.argv[2:], standalone_mode=False)
print(seen)
sys.exit(0 if wanted in seen else 1)
