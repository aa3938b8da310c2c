"""The panels, driven by keyboard and mouse in a real JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from conftest import Lab, LabNotebook

pytestmark = pytest.mark.needs("chromium")

SPAM = "81 84 37 fa 21 3d 64 8a 40 50"

#: The least contrast of any text in an element with what is behind it (WCAG 2.2, 1.4.3).
LEAST_CONTRAST = """root => {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = (colours) => {
        context.clearRect(0, 0, 1, 1);
        for (const colour of colours) {
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
        }
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (colours) => {
        const [r, g, b] = rgb(colours).map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        const colours = [];
        for (; node; node = node.parentElement) {
            colours.unshift(getComputedStyle(node).backgroundColor);
        }
        return ["white", ...colours];
    };
    const contrast = (node) => {
        const back = behind(node);
        const pair = [luminance(back), luminance([...back, getComputedStyle(node).color])].sort();
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    };
    const hasText = (node) => [...node.childNodes].some((child) => child.data?.trim());
    const shown = [...root.querySelectorAll("*")].filter((node) => node.checkVisibility());
    return Math.min(...shown.filter(hasText).map(contrast));
}"""

CELLS = {
    "set-up": """
import asyncio, json
from websockets.asyncio.server import broadcast, serve
from labkit.panels.client_panel import ClientPanel
from labkit.panels.frame_view import FrameView
from labkit.panels.notifications import NotificationPanel
from labkit.panels.ticker import TickerPanel
from labkit.panels.whiteboard import WhiteboardPanel
from labkit.panels.wire_view import WireView
from labkit.protocol.frames import Frame, Opcode
from labkit.transport.raw import open_raw

async def listen(handler):
    server = await serve(handler, "127.0.0.1", 0)
    return server, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

async def echo(connection):
    async for message in connection:
        await connection.send(message)

server, address = await listen(echo)
raw = await open_raw(address)
await raw.upgrade("/chat")
""",
    "frame": 'FrameView(Frame(Opcode.TEXT, b"Spam", mask=bytes.fromhex("37fa213d")), to=raw)',
    "wire": "WireView(raw.transcript)",
    "ticker": """
async def prices(connection):
    for step in range(1000):
        await connection.send(json.dumps({"price": 100 + (step * 7 % 13) - (step * 5 % 7)}))
        await asyncio.sleep(0.02)

market, market_address = await listen(prices)
TickerPanel(market_address)
""",
    "notifications": """
async def notify(connection):
    await connection.send("Your order has left the kitchen")
    await connection.send("<b id=forged>Spam</b>")
    await connection.wait_closed()

kitchen, kitchen_address = await listen(notify)
NotificationPanel(kitchen_address)
""",
    "board-ann": """
async def board(connection):
    async for message in connection:
        broadcast(drawing.connections, message)

drawing, drawing_address = await listen(board)
ann = WhiteboardPanel(drawing_address, "Ann")
ann
""",
    "board-bob": 'bob = WhiteboardPanel(drawing_address, "Bob")\nbob',
    "refused": 'TickerPanel("ws://127.0.0.1:9")',
    "client": """
options = {"subprotocols": ["chat.v2", "chat.v1"], "max_size": 1000, "origins": [None]}
strict = await serve(echo, "127.0.0.1", 0, **options)
ClientPanel(f"ws://127.0.0.1:{strict.sockets[0].getsockname()[1]}")
""",
}

#: A server, and a client that is operated in a cell that is run twice.
RERUN = {
    "set-up": """
%load_ext labkit
import asyncio
from websockets.asyncio.server import serve
from labkit import ClientPanel

async def wait(connection):
    await connection.wait_closed()

server = await serve(wait, "127.0.0.1", 0)
address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
""",
    "client": "ClientPanel(address)",
    "end": """
async with asyncio.timeout(10):
    while server.connections:
        await asyncio.sleep(0.01)
print("nobody is connected")
""",
}


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Iterator[LabNotebook]:
    """Open a notebook with every panel, and run it."""
    lab.write_notebook("panels.ipynb", CELLS)
    with lab.open_notebook("panels.ipynb") as notebook:
        notebook.run_all()
        yield notebook


def test_a_frame_edited_by_keyboard_is_sent_and_its_answer_appears_on_the_wire(
    notebook: LabNotebook,
) -> None:
    editor = notebook.output("frame")
    editor.get_by_label("Payload, text").fill("Eggs & ham")
    whole = "81 8a 37 fa 21 3d 72 9d 46 4e 17 dc 01 55 56 97"
    expect(editor.get_by_label("The whole frame, hex")).to_have_value(whole)
    editor.get_by_role("button", name="Send").press("Enter")
    expect(editor.get_by_role("status")).to_have_text("sent 16 bytes; legal")
    expect(arrows(notebook).last).to_have_text('TEXT unmasked "Eggs & ham"')


def test_the_bytes_of_a_frame_can_be_typed(notebook: LabNotebook) -> None:
    editor = notebook.output("frame")
    editor.get_by_label("The whole frame, hex").fill("89 80 00 00 00 00")
    expect(editor.get_by_role("heading")).to_have_text("PING frame, client → server")
    expect(editor.get_by_label("Opcode")).to_have_value("9")


def test_half_a_byte_is_told_of_and_changes_nothing(notebook: LabNotebook) -> None:
    editor = notebook.output("frame")
    editor.get_by_role("button", name="Reset").click()
    editor.get_by_label("Masking key, hex").fill("37 fa 21 3")
    expect(editor.get_by_role("status")).to_contain_text("half a byte at the end")
    expect(editor.get_by_label("The whole frame, hex")).to_have_value(SPAM)
    editor.get_by_label("Masking key, hex").blur()
    expect(editor.get_by_label("Masking key, hex")).to_have_value("37 fa 21 3d")


def test_an_arrow_chosen_by_keyboard_shows_its_bytes(notebook: LabNotebook) -> None:
    chart = notebook.output("wire")
    first = chart.get_by_role("button").first
    first.focus()
    first.press("ArrowDown")
    second = chart.get_by_role("button").nth(1)
    expect(second).to_be_focused()
    second.press("Enter")
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(chart.locator(".lk-bytes")).to_contain_text("Sec-WebSocket-Accept")


def test_a_key_pressed_in_a_panel_is_no_shortcut_of_the_notebook(notebook: LabNotebook) -> None:
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    count = cells.count()
    send = notebook.output("frame").get_by_role("button", name="Send")
    for key in ("b", "x", "d", "d"):
        send.press(key)
    expect(cells).to_have_count(count)
    expect(send).to_be_focused()


def test_html_in_a_message_is_shown_as_text(notebook: LabNotebook) -> None:
    log = notebook.output("notifications").get_by_role("log")
    expect(log.get_by_text("<b id=forged>Spam</b>")).to_be_visible()
    assert notebook.page.locator("#forged").count() == 0


def test_the_ticker_draws_the_last_sixty_prices(notebook: LabNotebook) -> None:
    ticker = notebook.output("ticker")
    expect(ticker.locator(".lk-reading")).to_contain_text("60 prices")
    expect(ticker.locator("polyline")).to_have_attribute("points", re.compile(r"^(\S+ ){59}\S+$"))


def test_disconnecting_stops_the_ticker_and_says_so(notebook: LabNotebook) -> None:
    ticker = notebook.output("ticker")
    ticker.get_by_role("button", name="Disconnect").click()
    expect(ticker.get_by_text("closed 1000")).to_be_visible()
    expect(ticker.get_by_role("button", name="Connect", exact=True)).to_be_visible()


def test_a_stroke_drawn_with_the_pointer_appears_on_the_other_board(notebook: LabNotebook) -> None:
    board = notebook.output("board-ann").locator("canvas")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box is not None
    mouse = notebook.page.mouse
    mouse.move(box["x"] + 60, box["y"] + 60)
    mouse.down()
    for step in range(1, 20):
        mouse.move(box["x"] + 60 + 15 * step, box["y"] + 60 + 40 * (step % 3))
    mouse.up()
    expect(words(notebook, "board-bob")).to_have_text("1 stroke: 1 by Ann")
    expect_ink(notebook, "board-bob")


def test_a_stroke_drawn_with_the_keys_appears_on_the_other_board(notebook: LabNotebook) -> None:
    board = notebook.output("board-bob").locator("canvas")
    for key in ["ArrowDown", "Space", *["ArrowRight"] * 6, *["ArrowDown"] * 4]:
        board.press(key)
    expect(notebook.output("board-bob").get_by_text("pen down at 300, 185")).to_be_visible()
    board.press("Space")
    expect(words(notebook, "board-ann")).to_contain_text("1 by Bob")


def test_a_server_that_is_not_there_is_told_of(notebook: LabNotebook) -> None:
    expected = "cannot connect: nothing listens at ws://127.0.0.1:9"
    expect(notebook.output("refused").get_by_text(expected)).to_be_visible()


def test_a_client_is_operated_by_keyboard(notebook: LabNotebook) -> None:
    client = notebook.output("client")
    state, notice = client.locator(".lk-state"), client.locator(".lk-notice").first
    client.get_by_label("Origin").fill("https://evil.example")
    client.get_by_label("Origin").press("Enter")
    expect(state).to_contain_text("refused: HTTP 403 Forbidden")
    client.get_by_label("Origin").fill("")
    client.get_by_label("Subprotocols").fill("chat.v1, chat.v2")
    client.get_by_role("button", name="Connect", exact=True).press("Enter")
    expect(state).to_have_text("open, speaks chat.v2")
    client.get_by_role("button", name="Ping", exact=True).press("Space")
    expect(notice).to_have_text(re.compile(r"^pong after [\d.]+ ms$"))
    client.get_by_label("Message").fill("Spam")
    client.get_by_label("Message").press("Enter")
    expect(client.get_by_text('1 message received, the newest "Spam"')).to_be_visible()
    expect(client.locator(".lk-arrow-label").last).to_have_text('TEXT unmasked "Spam"')
    client.get_by_label("Length").fill("2000")
    client.get_by_label("Length").press("Enter")
    expect(state).to_contain_text('closed by the server: 1009 "frame with 2000 bytes exceeds')
    expect(client.get_by_label("Message")).to_have_value("Spam")


def test_a_client_with_bad_input_says_what_to_do(notebook: LabNotebook) -> None:
    client = notebook.output("client")
    client.get_by_label("Close code").fill("1006")
    client.get_by_label("Close code").press("Enter")
    expect(client.get_by_text("not closed: close code 1006 must not be sent")).to_be_visible()
    client.get_by_label("Subprotocols").fill("chat v2")
    client.get_by_label("Subprotocols").press("Enter")
    expect(client.get_by_text('no new connection: "chat v2" is not')).to_be_visible()
    client.get_by_label("Subprotocols").fill("chat.v1, chat.v2")


def test_running_the_cell_again_ends_what_the_old_client_had_open(lab: Lab) -> None:
    lab.write_notebook("rerun.ipynb", RERUN)
    with lab.open_notebook("rerun.ipynb") as notebook:
        notebook.run_to("client")
        client = notebook.output("client")
        client.get_by_role("button", name="Connect", exact=True).click()
        expect(client.locator(".lk-state")).to_have_text("open")
        run_once_more(notebook, "client")
        expect(client.locator(".lk-state")).to_have_text("not connected")
        run_once_more(notebook, "end")
        expect(notebook.output("end")).to_have_text("nobody is connected")


def test_an_illegal_frame_is_sent_and_what_breaks_is_named(notebook: LabNotebook) -> None:
    editor = notebook.output("frame")
    editor.get_by_role("button", name="Reset").click()
    editor.get_by_label("MASK", exact=True).press("Space")
    complaints = editor.get_by_role("list", name="Rules this frame breaks")
    expect(complaints).to_have_text("a client must mask every frame (§5.1)")
    editor.get_by_role("button", name="Send").click()
    expect(notebook.output("wire").get_by_text('CLOSE unmasked  1002 "')).to_be_visible()


def test_a_frame_on_the_wire_is_drawn_when_it_is_chosen(notebook: LabNotebook) -> None:
    chart = notebook.output("wire")
    chart.get_by_role("button", name='TEXT masked "Eggs & ham"').click()
    detail = chart.locator(".lk-detail")
    expect(detail.get_by_role("row").nth(5)).to_have_text("key37 fa 21 3dthe masking key")
    expect(detail.locator(".lk-octet").nth(6)).to_have_text("72")
    notebook.output("frame").get_by_text("Each field in words").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_is_readable_in_the_theme(notebook: LabNotebook, theme: str) -> None:
    notebook.use_theme(theme)
    for cell_id in list(CELLS)[1:]:
        output = notebook.output(cell_id)
        notebook.screenshot(f"{cell_id}-{theme}", output.locator(".jp-OutputArea-output").first)
        for panel in output.locator(".lk-panel").all():
            assert panel.evaluate(LEAST_CONTRAST) >= 4.5, cell_id


def run_once_more(notebook: LabNotebook, cell_id: str) -> None:
    """Run one cell, and none of those above it."""
    notebook.page.evaluate(
        """async index => {
            const { commands, shell } = window.jupyterapp;
            shell.currentWidget.content.activeCellIndex = index;
            await commands.execute("notebook:run-cell");
        }""",
        notebook.cell_ids.index(cell_id),
    )


def arrows(notebook: LabNotebook) -> Locator:
    return notebook.output("wire").locator(".lk-arrow-label")


def words(notebook: LabNotebook, cell_id: str) -> Locator:
    return notebook.output(cell_id).locator(".lk-reading")


def expect_ink(notebook: LabNotebook, cell_id: str) -> None:
    """Expect that something is drawn on the board."""
    canvas = notebook.output(cell_id).locator("canvas")
    assert canvas.evaluate(
        "board => board.getContext('2d').getImageData(0, 0, 480, 270).data.some(value => value)"
    )
