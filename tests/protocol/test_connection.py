"""Both sides of a connection, joined: what one sends comes out at the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import LocalProtocolError
from labkit.protocol.connection import Connection, Side, State
from labkit.protocol.events import (
    Accept,
    Binary,
    Close,
    Event,
    Failed,
    Lost,
    Ping,
    Pong,
    Reject,
    Text,
    Upgrade,
)
from labkit.protocol.extensions import Deflate

from .pairs import ConnectionPair, receive

payloads = st.binary(max_size=125)
events = st.one_of(
    st.builds(Text, st.text(max_size=200)),
    st.builds(Binary, st.binary(max_size=200)),
    st.builds(Ping, payloads),
    st.builds(Pong, payloads),
)
deflates = st.sampled_from(
    [
        None,
        Deflate(),
        Deflate(client_no_context_takeover=True, server_no_context_takeover=True),
        Deflate(client_max_window_bits=9, server_max_window_bits=8),
    ]
)


@given(deflates, st.booleans(), st.lists(events, max_size=4), st.data())
def test_what_one_side_sends_comes_out_at_the_other_in_whatever_pieces(
    deflate: Deflate | None, from_client: bool, sent: list[Event], data: st.DataObject
) -> None:
    pair = ConnectionPair(deflate)
    sender = pair.client if from_client else pair.server
    for event in sent:
        sender.send(event)
    cuts = data.draw(st.lists(st.integers(0, 500), max_size=10))
    assert pair.deliver(sender, cuts) == sent


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
@pytest.mark.parametrize("side", [Side.CLIENT, Side.SERVER])
def test_a_message_comes_out_the_same_at_every_split_point(
    side: Side, deflate: Deflate | None
) -> None:
    message = Text("Spam, €ggs & 𝄞")
    pair = ConnectionPair(deflate)
    sender = pair.client if side is Side.CLIENT else pair.server
    for place in range(60):
        sender.send(message)
        assert pair.deliver(sender, [place]) == [message]


def test_the_closing_handshake_ends_both_sides() -> None:
    pair = ConnectionPair()
    pair.client.send(Close(1001, "bye"))
    assert pair.client.state is State.LOCAL_CLOSING
    assert pair.deliver(pair.client) == [Close(1001, "bye")]
    assert pair.server.state is State.REMOTE_CLOSING
    pair.server.send(Close(1001))
    assert pair.deliver(pair.server) == [Close(1001)]
    assert pair.client.state is pair.server.state is State.CLOSED


def test_both_sides_may_close_at_once() -> None:
    pair = ConnectionPair()
    pair.client.send(Close(1000))
    pair.server.send(Close(1001))
    assert pair.deliver(pair.client) == [Close(1000)]
    assert pair.deliver(pair.server) == [Close(1001)]
    assert pair.client.state is pair.server.state is State.CLOSED


def test_the_chosen_subprotocol_is_known_to_both() -> None:
    client = Connection(Side.CLIENT, subprotocols=("spam", "eggs"))
    server = Connection(Side.SERVER, subprotocols=("eggs",))
    client.send(Upgrade("example.com"))
    assert len(list(receive(server, client.data_to_send()))) == 1
    server.send(Accept())
    assert len(list(receive(client, server.data_to_send()))) == 1
    assert client.subprotocol == server.subprotocol == "eggs"


def test_the_agreed_compression_is_known_to_both() -> None:
    pair = ConnectionPair(Deflate(server_max_window_bits=10))
    assert pair.client.deflate is not None
    assert pair.server.deflate is not None
    assert pair.client.deflate.server == pair.server.deflate.server == (10, True)


def test_a_rejection_comes_out_at_the_client() -> None:
    client, server = Connection(Side.CLIENT), Connection(Side.SERVER)
    client.send(Upgrade("example.com", headers=(("Origin", "https://example.org"),)))
    [upgrade] = receive(server, client.data_to_send())
    assert isinstance(upgrade, Upgrade)
    assert upgrade.origin == "https://example.org"
    server.send(Reject(403, "not from there"))
    [rejection] = receive(client, server.data_to_send())
    assert isinstance(rejection, Reject)
    assert (rejection.status, rejection.reason) == (403, "Forbidden")
    assert client.state is server.state is State.CLOSED


def test_each_frame_of_a_client_has_a_mask_of_its_own() -> None:
    pair = ConnectionPair()
    frames = set()
    for _ in range(10):
        pair.client.send(Text("Spam"))
        frames.add(pair.client.data_to_send())
    assert len(frames) == 10


def test_an_event_that_may_not_be_sent_leaves_no_trace() -> None:
    pair = ConnectionPair(Deflate())
    for event in (Ping(bytes(126)), Text("\ud83d"), Close(1006)):
        with pytest.raises(LocalProtocolError):
            pair.client.send(event)
    pair.client.send(Text("Spam"))
    assert pair.deliver(pair.client) == [Text("Spam")]


def test_events_are_parsed_one_at_a_time() -> None:
    pair = ConnectionPair()
    pair.client.send(Text("Spam"))
    pair.client.send(Close())
    pair.server.receive_data(pair.client.data_to_send())
    assert next(pair.server.events()) == Text("Spam")
    assert pair.server.state is State.OPEN
    assert list(pair.server.events()) == [Close()]


def test_a_failure_carries_its_error() -> None:
    pair = ConnectionPair()
    [failed] = receive(pair.server, b"\x81\x04Spam")
    assert isinstance(failed, Failed)
    assert str(failed.error) == "unmasked frame from a client (close code 1002)"


def test_the_end_of_the_stream_is_told_once() -> None:
    pair = ConnectionPair()
    pair.server.receive_data(b"")
    assert list(pair.server.events()) == [Lost()]
    assert list(pair.server.events()) == []
