"""Runs kaskade without a terminal, opens the value of its first record and waits for a text: look-at-kaskade.py TEXT ARGUMENT…

Exits 0 when the text stands on the screen, which it prints. Otherwise the screen goes to stderr.
"""

import sys
import time

from kaskade.consumer import KaskadeConsumer
from kaskade.main import cli
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import DataTable, TabbedContent

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
            # A broker that is slow for 2.5 seconds ends the first look with no record: asks for more, as a person would.
            await pilot.press("enter" if pilot.app.screen.query_one(DataTable).row_count > 0 else "n")
        else:
            pilot.app.screen.query_one(TabbedContent).active = "value"
        seen = screen(pilot.app)
    pilot.app.exit()


KaskadeConsumer.run = lambda self: App.run(self, headless=True, size=(160, 48), auto_pilot=look)
cli(sys.argv[2:], standalone_mode=False)
found = wanted in seen
print(seen, file=sys.stdout if found else sys.stderr)
sys.exit(0 if found else 1)
