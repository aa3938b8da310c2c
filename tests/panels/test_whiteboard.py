"""The whiteboard: strokes to JSON and back, and two boards on one real server."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection, broadcast, serve

from labkit.panels.whiteboard import MAX_POINTS, MAX_STROKES, Stroke, Whiteboard, WhiteboardPanel

SECONDS = 5
STROKE = '{"stroke": [[0, 0], [9, 9]], "by": "Ann"}'


def test_a_stroke_survives_the_wire() -> None:
    stroke = Stroke(((0, 0), (480, 270)), "Ann")
    assert Stroke.from_json(stroke.to_json()) == stroke


@pytest.mark.parametrize(
    "message",
    [
        "Spam",
        b"\xff",
        "[]",
        '{"stroke": [], "by": "Ann"}',
        '{"stroke": [[0]], "by": "Ann"}',
        '{"stroke": [[0, 0, 0]], "by": "Ann"}',
        '{"stroke": [[0, 271]], "by": "Ann"}',
        '{"stroke": [[-1, 0]], "by": "Ann"}',
        '{"stroke": [[0, NaN]], "by": "Ann"}',
        '{"stroke": [["0", "0"]], "by": "Ann"}',
        '{"stroke": [[0, 0]]}',
        '{"stroke": [[0, 0]], "by": 1}',
        f'{{"stroke": {[[0, 0]] * (MAX_POINTS + 1)}, "by": "Ann"}}',
    ],
)
def test_what_is_not_a_stroke_is_told_of_and_ignored(message: str | bytes) -> None:
    board = Whiteboard("Bob")
    assert board.receive(message) is None
    assert board.problem.startswith("ignored ")
    assert not board.strokes


def test_the_next_stroke_takes_the_complaint_back() -> None:
    board = Whiteboard("Bob")
    board.receive("Spam")
    board.receive(STROKE)
    assert board.problem == ""


def test_the_words_count_the_strokes_of_each() -> None:
    board = Whiteboard("Bob")
    assert board.words() == "the board is empty"
    board.receive(STROKE)
    board.draw([[1, 1]])
    board.draw([[2, 2]])
    assert board.words() == "3 strokes: 1 by Ann, 2 by Bob"


def test_ones_own_stroke_that_comes_back_is_there_once() -> None:
    board = Whiteboard("Ann")
    board.draw([[0, 0], [9, 9]])
    assert board.receive(STROKE) is None
    assert len(board.strokes) == 1


def test_the_oldest_strokes_go_first() -> None:
    board = Whiteboard("Ann")
    for number in range(MAX_STROKES + 10):
        board.draw([[number % 480, number // 480]])
    assert len(board.strokes) == MAX_STROKES


def test_a_name_is_cut() -> None:
    assert len(Whiteboard("a" * 1_000).name) == 40


async def test_two_boards_share_what_is_drawn() -> None:
    async def board(connection: ServerConnection) -> None:
        async for message in connection:
            broadcast(server.connections, message)

    async with serve(board, "127.0.0.1", 0) as server:
        address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ann, bob = WhiteboardPanel(address, "Ann"), WhiteboardPanel(address, "Bob")
        await shown(ann, "open\nthe board is empty")
        await shown(bob, "open\nthe board is empty")
        ann._handle_custom_msg({"do": "draw", "points": [[0, 0], [9.4, 9]]}, [])
        await shown(bob, "open\n1 stroke: 1 by Ann")
        assert list(bob.whiteboard.strokes) == [Stroke(((0, 0), (9, 9)), "Ann")]
        for panel in (ann, bob):
            panel.close()
            await panel.connection.closed()


async def shown(panel: WhiteboardPanel, text: str) -> None:
    """Wait until the panel shows ``text``."""
    told = asyncio.Event()
    panel.observe(lambda change: told.set(), names="state")
    async with asyncio.timeout(SECONDS):
        while panel.text() != text:
            told.clear()
            await told.wait()


def test_a_stroke_that_is_not_sent_is_told_of() -> None:
    panel = WhiteboardPanel("ws://127.0.0.1:1", "Ann")
    panel.draw([[0, 0]])
    assert panel.state["problem"].startswith("the stroke was not sent: cannot connect")


def test_a_page_is_told_the_board_when_it_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = WhiteboardPanel("ws://127.0.0.1:1", "Ann")
    panel.draw([[0, 0]])
    sent: list[object] = []
    monkeypatch.setattr(panel, "send", sent.append)
    panel._handle_custom_msg({"do": "replay"}, [])
    assert sent == [{"strokes": [{"points": ((0, 0),), "by": "Ann"}]}]


def test_a_repr_is_the_same_on_every_run() -> None:
    assert repr(WhiteboardPanel("ws://127.0.0.1:1", "Ann")) == "WhiteboardPanel(name='Ann')"
