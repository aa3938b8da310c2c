"""Our codec and that of the ``websockets`` library, joined: each takes what the other sends."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Close as TheirClose
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from websockets.http11 import Request, Response
from websockets.protocol import State as TheirState
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from labkit.protocol.connection import Connection, Side, State
from labkit.protocol.events import Accept, Binary, Close, Event, Failed, Ping, Pong, Text, Upgrade
from labkit.protocol.extensions import Deflate
from labkit.protocol.frames import Frame, Opcode, serialize

Theirs: TypeAlias = ClientProtocol | ServerProtocol

DEFLATES = {
    "plain": None,
    "deflate": Deflate(),
    "forgetful": Deflate(server_no_context_takeover=True, client_no_context_takeover=True),
    "small windows": Deflate(server_max_window_bits=9, client_max_window_bits=10),
}
THEIR_OPCODES = {
    Text: TheirOpcode.TEXT,
    Binary: TheirOpcode.BINARY,
    Ping: TheirOpcode.PING,
    Pong: TheirOpcode.PONG,
}

payloads = st.binary(max_size=125)
events = st.lists(
    st.one_of(
        st.builds(Text, st.text(max_size=300)),
        st.builds(Binary, st.binary(max_size=300) | st.integers(0, 70_000).map(bytes)),
        st.builds(Ping, payloads),
        st.builds(Pong, payloads),
    ),
    min_size=1,
    max_size=4,
)
frames = st.builds(
    Frame,
    opcode=st.integers(0, 15),
    payload=st.binary(max_size=8) | st.integers(120, 130).map(bytes),
    fin=st.booleans(),
    rsv1=st.integers(0, 7).map(lambda n: n == 0),
    rsv2=st.integers(0, 7).map(lambda n: n == 0),
    rsv3=st.integers(0, 7).map(lambda n: n == 0),
    mask=st.none() | st.binary(min_size=4, max_size=4),
)
untimed = settings(deadline=None)
setups = pytest.mark.parametrize("deflate", DEFLATES.values(), ids=DEFLATES)
sides = pytest.mark.parametrize("side", [Side.CLIENT, Side.SERVER])


def joined(side: Side, deflate: Deflate | None) -> tuple[Connection, Theirs]:
    """Return our ``side`` and their other side, the handshake done."""
    ours = Connection(side, deflate=deflate)
    if side is Side.CLIENT:
        server = ServerProtocol(extensions=[their_server_side(deflate)] if deflate else None)
        ours.send(Upgrade("example.com", "/chat"))
        server.receive_data(ours.data_to_send())
        [request] = server.events_received()
        assert isinstance(request, Request)
        server.send_response(server.accept(request))
        theirs: Theirs = server
    else:
        client = ClientProtocol(
            parse_uri("ws://example.com/chat"),
            extensions=[their_client_side(deflate)] if deflate else None,
        )
        client.send_request(client.connect())
        ours.receive_data(b"".join(client.data_to_send()))
        assert [type(event) for event in ours.events()] == [Upgrade]
        ours.send(Accept())
        client.receive_data(ours.data_to_send())
        [response] = client.events_received()
        assert isinstance(response, Response)
        theirs = client
    if side is Side.CLIENT:
        ours.receive_data(b"".join(theirs.data_to_send()))
        assert [type(event) for event in ours.events()] == [Accept]
    assert (ours.state, theirs.state) == (State.OPEN, TheirState.OPEN)
    assert (ours.deflate is not None) == (deflate is not None) == bool(theirs.extensions)
    return ours, theirs


def their_client_side(deflate: Deflate) -> ClientPerMessageDeflateFactory:
    return ClientPerMessageDeflateFactory(
        deflate.server_no_context_takeover,
        deflate.client_no_context_takeover,
        deflate.server_max_window_bits,
        deflate.client_max_window_bits or True,
    )


def their_server_side(deflate: Deflate) -> ServerPerMessageDeflateFactory:
    return ServerPerMessageDeflateFactory(
        deflate.server_no_context_takeover,
        deflate.client_no_context_takeover,
        deflate.server_max_window_bits,
        deflate.client_max_window_bits,
    )


def send_theirs(theirs: Theirs, event: Event) -> None:
    match event:
        case Text(data):
            theirs.send_text(data.encode())
        case Binary(data):
            theirs.send_binary(data)
        case Ping(payload):
            theirs.send_ping(payload)
        case Pong(payload):
            theirs.send_pong(payload)


def as_their_frame(event: Event) -> tuple[TheirOpcode, bytes]:
    match event:
        case Text(data):
            return TheirOpcode.TEXT, data.encode()
        case Binary(data):
            return TheirOpcode.BINARY, data
        case Ping(payload) | Pong(payload):
            return THEIR_OPCODES[type(event)], payload
    raise AssertionError(event)


@sides
@setups
@untimed
@given(sent=events)
def test_they_take_what_we_send(side: Side, deflate: Deflate | None, sent: list[Event]) -> None:
    ours, theirs = joined(side, deflate)
    for event in sent:
        ours.send(event)
    theirs.receive_data(ours.data_to_send())
    received = theirs.events_received()
    assert all(isinstance(frame, TheirFrame) and frame.fin for frame in received)
    assert [
        (frame.opcode, bytes(frame.data)) for frame in received if isinstance(frame, TheirFrame)
    ] == [as_their_frame(event) for event in sent]


@sides
@setups
@untimed
@given(sent=events)
def test_we_take_what_they_send(side: Side, deflate: Deflate | None, sent: list[Event]) -> None:
    ours, theirs = joined(side, deflate)
    for event in sent:
        send_theirs(theirs, event)
    ours.receive_data(b"".join(theirs.data_to_send()))
    assert list(ours.events()) == sent


@sides
def test_we_close_and_they_answer(side: Side) -> None:
    ours, theirs = joined(side, None)
    ours.send(Close(3000, "bye"))
    theirs.receive_data(ours.data_to_send())
    assert theirs.close_rcvd == TheirClose(3000, "bye")
    ours.receive_data(b"".join(theirs.data_to_send()))
    assert list(ours.events()) == [Close(3000, "bye")]
    assert ours.state is State.CLOSED


@sides
def test_they_close_and_we_answer(side: Side) -> None:
    ours, theirs = joined(side, None)
    theirs.send_close(3000, "bye")
    ours.receive_data(b"".join(theirs.data_to_send()))
    assert list(ours.events()) == [Close(3000, "bye")]
    ours.send(Close(3000))
    theirs.receive_data(ours.data_to_send())
    theirs.receive_eof()
    assert theirs.close_code == 3000


@untimed
@given(
    st.sampled_from(list(TheirOpcode)[:3]),
    st.binary(max_size=300) | st.integers(0, 70_000).map(bytes),
    st.booleans(),
)
def test_unmasked_frames_are_the_same_bytes(opcode: TheirOpcode, payload: bytes, fin: bool) -> None:
    theirs = TheirFrame(opcode, payload, fin).serialize(mask=False)
    assert serialize(Frame(Opcode(opcode), payload, fin=fin)) == theirs


@untimed
@given(frames)
def test_both_refuse_the_same_frames(frame: Frame) -> None:
    ours, _ = joined(Side.SERVER, None)
    _, theirs = joined(Side.CLIENT, None)
    data = serialize(frame)
    ours.receive_data(data)
    theirs.receive_data(data)
    codes = [event.error.code for event in ours.events() if isinstance(event, Failed)]  # type: ignore[union-attr]
    expected = [theirs.close_sent.code] if theirs.parser_exc and theirs.close_sent else []
    if frame.opcode == Opcode.CLOSE:
        # Its code and its reason may both be wrong: either is right to name.
        assert bool(codes) == bool(expected)
    elif codes != [1007]:
        # Their codec leaves it to what drives it to decode text.
        assert codes == expected
