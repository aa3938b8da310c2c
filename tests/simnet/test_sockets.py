"""A simulated socket says what a real one would, without a loop around it."""

from __future__ import annotations

import errno
import socket

import pytest

from labkit.simnet.process import Process
from labkit.simnet.sockets import READ, WRITE, Socket, Sockets
from labkit.simnet.world import RECEIVE_BUFFER, SEND_BUFFER, World

HERE = ("127.0.0.1", 80)


@pytest.fixture
def sockets() -> Sockets:
    return Sockets(Process(World()))


@pytest.fixture
def pair(sockets: Sockets) -> tuple[Socket, Socket]:
    """A connection on one host: the end that asked for it, and the other."""
    listener = sockets.open("shop")
    listener.bind(HERE)
    client = sockets.open("shop")
    with pytest.raises(BlockingIOError):
        client.connect(HERE)
    sockets.wait(0)
    server, _ = listener.accept()
    return client, server


def test_a_connection_has_the_same_addresses_seen_from_both_ends(
    pair: tuple[Socket, Socket],
) -> None:
    client, server = pair
    assert client.getpeername() == server.getsockname() == HERE
    assert client.getsockname() == server.getpeername()


@pytest.mark.parametrize("is_served", [True, False])
def test_a_socket_tells_once_that_it_is_known_whether_it_is_connected(
    sockets: Sockets, is_served: bool
) -> None:
    if is_served:
        sockets.open("shop").bind(HERE)
    client, told = sockets.open("shop"), list[int]()
    client.decided = lambda: told.append(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    with pytest.raises(BlockingIOError):
        client.connect(HERE)
    assert told == []
    sockets.wait(0)
    assert told == [0 if is_served else errno.ECONNREFUSED]
    assert client.decided is None


def test_nothing_to_read_blocks(pair: tuple[Socket, Socket]) -> None:
    client, _ = pair
    with pytest.raises(BlockingIOError):
        client.recv(100)
    assert client.readiness() == WRITE


def test_what_is_sent_is_read_in_order_and_in_the_pieces_that_are_asked_for(
    sockets: Sockets, pair: tuple[Socket, Socket]
) -> None:
    client, server = pair
    assert (client.send(b"Sp"), client.sendmsg([b"am", bytearray(b"!")])) == (2, 3)
    sockets.wait(0)
    assert server.readiness() == READ | WRITE
    buffer = bytearray(10)
    assert (server.recv(1), server.recv_into(buffer)) == (b"S", 4)
    assert buffer[:4] == b"pam!"


def test_a_peer_that_does_not_read_is_sent_what_the_buffers_hold_and_no_more(
    sockets: Sockets, pair: tuple[Socket, Socket]
) -> None:
    client, server = pair
    sent = 0
    while client.readiness() & WRITE:
        sent += client.send(bytes(100_000))
        sockets.wait(0)
    assert sent == SEND_BUFFER + RECEIVE_BUFFER
    with pytest.raises(BlockingIOError):
        client.send(b"more")
    assert client.readiness() == 0

    received = len(server.recv(100_000))
    sockets.wait(0)
    assert client.readiness() == WRITE
    assert client.send(bytes(200_000)) == received


def test_the_end_is_read_after_what_was_sent_before(
    sockets: Sockets, pair: tuple[Socket, Socket]
) -> None:
    client, server = pair
    client.send(b"Spam")
    client.shutdown(socket.SHUT_WR)
    sockets.wait(0)
    assert (server.recv(100), server.recv(100), server.recv(100)) == (b"Spam", b"", b"")
    with pytest.raises(BrokenPipeError):
        client.send(b"more")


def test_closing_with_unread_bytes_breaks_the_connection_off(
    sockets: Sockets, pair: tuple[Socket, Socket]
) -> None:
    client, server = pair
    client.send(b"Spam")
    sockets.wait(0)
    server.close()
    sockets.wait(0)
    assert client.readiness() == READ | WRITE
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    assert client.recv(100) == b""


def test_a_closed_socket_has_no_descriptor_and_hears_nothing(
    sockets: Sockets, pair: tuple[Socket, Socket]
) -> None:
    client, server = pair
    server.close()
    server.close()
    client.send(b"Spam")
    sockets.wait(0)
    assert server.fileno() == -1
    assert server not in sockets.active.values()


def test_a_connection_that_nobody_accepts_is_broken_off_with_its_listener(
    sockets: Sockets,
) -> None:
    listener, client = sockets.open("shop"), sockets.open("shop")
    listener.bind(HERE)
    with pytest.raises(BlockingIOError):
        client.connect(HERE)
    sockets.wait(0)
    client.send(b"Spam")
    sockets.wait(0)
    listener.close()
    sockets.wait(0)
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_a_refusal_is_told_as_the_sockets_error(sockets: Sockets) -> None:
    client = sockets.open("shop")
    with pytest.raises(BlockingIOError):
        client.connect(HERE)
    sockets.wait(0)
    assert client.readiness() == READ | WRITE
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_a_port_is_taken_once(sockets: Sockets) -> None:
    sockets.open("shop").bind(HERE)
    with pytest.raises(OSError, match=r"in use: 127\.0\.0\.1:80") as caught:
        sockets.open("shop").bind(HERE)
    assert caught.value.errno == errno.EADDRINUSE
    sockets.open("phone").bind(HERE)


def test_what_is_not_connected_has_no_peer_and_cannot_finish(sockets: Sockets) -> None:
    one = sockets.open("shop")
    with pytest.raises(OSError, match="not connected"):
        one.getpeername()
    with pytest.raises(OSError, match="not connected"):
        one.shutdown(socket.SHUT_WR)
    assert (one.gettimeout(), one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) == (0.0, 0)
