"""A simulated socket that blocks does what one of the system does."""

from __future__ import annotations

import asyncio
import errno
import io
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from labkit.errors import UsageError
from labkit.simnet.simulation import Simulation

PORT = 80
#: More than what two buffers of a connection take.
MUCH = 5 * 1024 * 1024


def in_threads(*calls: Callable[[], Any], latency_s: float = 0.0) -> list[Any]:
    """Call each in a thread of its own: the first on the host "shop", the others on "phone"."""
    simulation = Simulation()
    simulation.link("phone", "shop", latency_s=latency_s)

    async def main() -> list[Any]:
        with simulation.on("shop"):
            started = [asyncio.create_task(asyncio.to_thread(calls[0]))]
        # A thread of the same moment goes after it: by then it listens.
        with simulation.on("phone"):
            started += [asyncio.create_task(asyncio.to_thread(call)) for call in calls[1:]]
        return [await each for each in started]

    return simulation.run(main())


def serving(answer: Callable[[socket.socket], Any]) -> Callable[[], Any]:
    """Accept one connection, and have ``answer`` do what is to be done with it."""

    def serve() -> Any:
        with socket.create_server(("", PORT)) as server:
            connection, _ = server.accept()
            with connection:
                return answer(connection)

    return serve


def calling(ask: Callable[[socket.socket], Any]) -> Callable[[], Any]:
    """Connect, and have ``ask`` do what is to be done with it."""

    def call() -> Any:
        with socket.create_connection(("shop", PORT)) as connection:
            return ask(connection)

    return call


def alone(call: Callable[[], Any]) -> Any:
    return in_threads(call)[0]


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def nothing(connection: socket.socket) -> None:
    pass


def wait(connection: socket.socket) -> None:
    time.sleep(60)


class TestConnecting:
    def test_a_client_and_a_server_talk(self) -> None:
        def answer(connection: socket.socket) -> str:
            connection.sendall(connection.recv(100) + b" is on its way")
            return str(connection.getpeername()[0])

        def ask(connection: socket.socket) -> tuple[bytes, str, float]:
            connection.sendall(b"Spam")
            return read_all(connection), connection.getsockname()[0], time.monotonic()

        (seen, (said, own, at_s)) = in_threads(serving(answer), calling(ask), latency_s=0.05)
        assert (said, at_s) == (b"Spam is on its way", 0.2)
        assert seen == own

    def test_a_connection_that_nobody_takes_is_refused_and_may_be_tried_again(self) -> None:
        def try_twice() -> tuple[list[int], float]:
            with socket.socket() as client:
                seen: list[int] = []
                while not seen or seen[-1]:
                    seen.append(client.connect_ex(("shop", PORT)))
                    time.sleep(1)
                return seen, time.monotonic()

        def serve_later() -> None:
            time.sleep(1.5)
            serving(nothing)()

        refused = errno.ECONNREFUSED
        assert in_threads(serve_later, try_twice)[1] == ([refused, refused, 0], 3)

    def test_a_socket_connects_once(self) -> None:
        def again(connection: socket.socket) -> None:
            connection.connect(("shop", PORT))

        with pytest.raises(OSError, match="already connected"):
            in_threads(serving(nothing), calling(again))

    def test_one_that_does_not_block_tells_how_far_it_is(self) -> None:
        def connect() -> list[int]:
            with socket.socket() as client:
                client.setblocking(False)
                seen = [client.connect_ex(("shop", PORT))]
                time.sleep(0.05)
                seen.append(client.connect_ex(("shop", PORT)))
                time.sleep(0.05)
                return [*seen, client.connect_ex(("shop", PORT))]

        in_progress = errno.EINPROGRESS
        found = in_threads(serving(nothing), connect, latency_s=0.05)[1]
        assert found == [in_progress, in_progress, 0]

    def test_a_path_on_the_same_host_is_reached_by_a_unix_socket(self) -> None:
        def talk() -> tuple[bytes, str]:
            with (
                socket.socket(socket.AF_UNIX) as server,
                socket.socket(socket.AF_UNIX) as client,
            ):
                server.bind("/run/shop")
                server.listen()
                client.connect("/run/shop")
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"Spam")
                    return client.recv(4), client.getpeername()

        assert alone(talk) == (b"Spam", "/run/shop")

    def test_a_unix_socket_needs_a_path(self) -> None:
        with pytest.raises(UsageError, match="path with a '/'; got 'shop'"):
            alone(lambda: socket.socket(socket.AF_UNIX).connect("shop"))

    def test_a_port_that_cannot_be_is_an_error(self) -> None:
        with pytest.raises(OverflowError, match="port must be 0-65535"):
            alone(lambda: socket.socket().connect(("shop", 65536)))

    def test_a_server_that_was_not_bound_listens_at_any_port(self) -> None:
        def listen() -> int:
            with socket.socket() as server:
                server.listen()
                return int(server.getsockname()[1])

        assert alone(listen) >= 32768

    def test_two_cannot_listen_at_one_port(self) -> None:
        with pytest.raises(OSError, match="in use"):
            alone(lambda: (socket.create_server(("", PORT)), socket.create_server(("", PORT))))

    def test_who_says_from_where_to_connect_is_refused(self) -> None:
        def connect() -> None:
            socket.create_connection(("shop", PORT), source_address=("", 5000))

        with pytest.raises(UsageError, match="no source address"):
            alone(connect)


class TestSendingAndReceiving:
    def test_much_arrives_at_a_reader_that_is_slow(self) -> None:
        def read_slowly(connection: socket.socket) -> bytes:
            time.sleep(10)
            return read_all(connection)

        def send(connection: socket.socket) -> float:
            connection.sendall(bytes(MUCH))
            return time.monotonic()

        assert in_threads(serving(read_slowly), calling(send)) == [bytes(MUCH), 10]

    def test_who_sends_to_one_that_does_not_read_has_one_timeout_for_all(self) -> None:
        def sip(connection: socket.socket) -> None:
            for _ in range(60):
                time.sleep(1)
                connection.recv(1000)

        def send(connection: socket.socket) -> float:
            connection.settimeout(5)
            with pytest.raises(TimeoutError):
                connection.sendall(bytes(2 * MUCH))
            return time.monotonic()

        assert in_threads(serving(sip), calling(send))[1] == 5

    def test_one_that_does_not_block_sends_what_there_is_room_for(self) -> None:
        def fill(connection: socket.socket) -> tuple[int, int | None]:
            connection.settimeout(0)
            sent = connection.send(bytes(2 * MUCH))
            with pytest.raises(BlockingIOError) as caught:
                connection.send(b"Spam")
            return sent, caught.value.errno

        sent, number = in_threads(serving(wait), calling(fill))[1]
        assert 0 < sent < MUCH
        assert number == errno.EAGAIN

    def test_one_that_does_not_block_has_nothing_to_read(self) -> None:
        def read(connection: socket.socket) -> int | None:
            connection.setblocking(False)
            with pytest.raises(BlockingIOError) as caught:
                connection.recv(1)
            return caught.value.errno

        assert in_threads(serving(wait), calling(read))[1] == errno.EAGAIN

    def test_a_buffer_is_filled_as_far_as_there_is_something(self) -> None:
        def read(connection: socket.socket) -> tuple[int, int, bytearray]:
            buffer = bytearray(b"........")
            first = connection.recv_into(buffer, 2)
            return first, connection.recv_into(memoryview(buffer)[4:]), buffer

        def send(connection: socket.socket) -> None:
            connection.sendall(b"Spam")

        assert in_threads(serving(send), calling(read))[1] == (2, 2, b"Sp..am..")

    @pytest.mark.parametrize("data", [5, "Spam"])
    def test_only_bytes_can_be_sent(self, data: Any) -> None:
        with pytest.raises(TypeError, match="bytes-like"):
            in_threads(serving(nothing), calling(lambda connection: connection.send(data)))

    def test_the_end_is_heard_while_the_other_way_is_open(self) -> None:
        def ask(connection: socket.socket) -> bytes:
            connection.sendall(b"Spam")
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

        def answer(connection: socket.socket) -> None:
            connection.sendall(read_all(connection) * 2)

        assert in_threads(serving(answer), calling(ask))[1] == b"SpamSpam"

    def test_who_writes_to_one_that_has_gone_hears_of_it(self) -> None:
        def write(connection: socket.socket) -> None:
            for _ in range(3):
                time.sleep(1)
                connection.sendall(b"Spam")

        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            in_threads(serving(nothing), calling(write))

    def test_one_that_is_not_connected_has_nobody_to_talk_to(self) -> None:
        with pytest.raises(OSError, match="not connected"):
            alone(lambda: socket.socket().recv(1))
        with pytest.raises(OSError, match="not connected"):
            alone(lambda: socket.socket().getpeername())
        with pytest.raises(BrokenPipeError):
            alone(lambda: socket.socket().send(b"Spam"))

    def test_flags_are_refused_but_for_the_one_that_changes_nothing(self) -> None:
        def talk(connection: socket.socket) -> None:
            connection.sendall(b"Spam", socket.MSG_NOSIGNAL)
            connection.recv(1, socket.MSG_PEEK)

        with pytest.raises(UsageError, match="no flags"):
            in_threads(serving(wait), calling(talk))

    @pytest.mark.parametrize("name", ["recvfrom", "recvmsg", "sendmsg", "sendto"])
    def test_calls_for_datagrams_are_refused(self, name: str) -> None:
        with pytest.raises(UsageError, match="is a stream"):
            alone(lambda: getattr(socket.socket(), name)(b"Spam"))


class TestTimeouts:
    def test_who_accepts_waits_for_so_long(self) -> None:
        def accept() -> float:
            with socket.create_server(("", PORT)) as server:
                server.settimeout(2.5)
                with pytest.raises(TimeoutError):
                    server.accept()
                return time.monotonic()

        assert alone(accept) == 2.5

    def test_who_reads_may_go_on_after_a_timeout(self) -> None:
        def answer(connection: socket.socket) -> None:
            time.sleep(5)
            connection.sendall(b"Spam")

        def read(connection: socket.socket) -> tuple[bytes, float]:
            connection.settimeout(2)
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    connection.recv(4)
            return connection.recv(4), time.monotonic()

        assert in_threads(serving(answer), calling(read))[1] == (b"Spam", 5)

    def test_they_are_set_as_those_of_a_real_socket(self) -> None:
        def look() -> list[Any]:
            with socket.socket() as made:
                seen = [(made.gettimeout(), made.timeout, made.getblocking())]
                for set_up in (
                    partial(made.settimeout, 5),
                    partial(made.setblocking, False),
                    partial(made.setblocking, True),
                ):
                    set_up()
                    seen.append((made.gettimeout(), made.timeout, made.getblocking()))
                with pytest.raises(ValueError, match="out of range"):
                    made.settimeout(-1)
                return seen

        simulated = alone(look)
        assert (
            simulated
            == look()
            == [
                (None, None, True),
                (5, 5, True),
                (0, 0, False),
                (None, None, True),
            ]
        )

    def test_the_default_holds_for_those_made_afterwards(self) -> None:
        def look() -> float | None:
            socket.setdefaulttimeout(3)
            try:
                return socket.socket().gettimeout()
            finally:
                socket.setdefaulttimeout(None)

        assert alone(look) == 3


class TestClosing:
    def test_a_file_of_it_keeps_it_open(self) -> None:
        def read(connection: socket.socket) -> tuple[str, bool]:
            with connection.makefile("r", encoding="utf-8") as lines:
                connection.close()
                line = lines.readline()
            with pytest.raises(OSError, match="Bad file descriptor"):
                connection.recv(1)
            return line, lines.closed

        def send(connection: socket.socket) -> bytes:
            connection.sendall("Käse\n".encode())
            return read_all(connection)

        assert in_threads(serving(send), calling(read)) == [b"", ("Käse\n", True)]

    def test_a_file_of_it_writes_when_it_is_flushed(self) -> None:
        def write(connection: socket.socket) -> None:
            with connection.makefile("wb") as file:
                file.write(b"Spam")

        assert in_threads(serving(read_all), calling(write))[0] == b"Spam"

    def test_it_may_be_closed_twice(self) -> None:
        def close(connection: socket.socket) -> None:
            connection.close()
            connection.close()

        assert in_threads(serving(read_all), calling(close))[0] == b""

    def test_what_was_not_read_breaks_the_connection_off(self) -> None:
        def send(connection: socket.socket) -> None:
            connection.sendall(b"Spam")
            connection.recv(1)

        def leave(connection: socket.socket) -> None:
            time.sleep(1)

        with pytest.raises(ConnectionResetError):
            in_threads(serving(send), calling(leave))


class TestWhatItIs:
    def test_it_passes_for_a_socket(self) -> None:
        def look() -> tuple[Any, ...]:
            with socket.socket() as made:
                kind = made.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return isinstance(made, socket.socket), made.family, made.type, made.proto, kind

        assert alone(look) == look()

    def test_it_tells_what_it_is(self) -> None:
        shown = alone(lambda: repr(socket.socket()))
        assert shown.startswith("<blocking <simulated socket ")
        assert shown.endswith(" of shop>>")

    @pytest.mark.parametrize("name", ["fileno", "detach", "dup"])
    def test_it_has_no_descriptor(self, name: str) -> None:
        with pytest.raises(UsageError, match="no descriptor"):
            alone(lambda: getattr(socket.socket(), name)())

    def test_its_files_are_those_of_python(self) -> None:
        def look(connection: socket.socket) -> type:
            with connection.makefile("rwb") as file:
                return type(file)

        assert in_threads(serving(nothing), calling(look))[1] is io.BufferedRWPair
