"""In the threads of a simulation Python's sockets are simulated; in other threads they are not."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import multiprocessing
import queue
import select
import selectors
import socket
import socketserver
import ssl
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable
from socket import create_connection as imported_create_connection
from socket import getaddrinfo as imported_getaddrinfo
from socket import socket as imported_socket
from typing import Any

import pytest

from labkit.errors import Blocked, Deadlock, TimeIsUp, UsageError
from labkit.simnet import threads
from labkit.simnet.blocking import blocking_sockets
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.own_threads import own_threads
from labkit.simnet.pipe import Gone
from labkit.simnet.process import Process
from labkit.simnet.remote import RemoteLoop, RemoteNetwork
from labkit.simnet.seam import Address
from labkit.simnet.simulation import Simulation
from labkit.simnet.sync import BlockingSocket
from labkit.simnet.world import World

MENU = "http://shop/menu"
#: What of `socket` and of `ssl` is replaced.
REPLACED: list[tuple[Any, str]] = [
    (socket.socket, "__new__"),
    (socket, "gethostbyname"),
    (socket, "gethostname"),
    (socket, "getnameinfo"),
    (ssl.SSLContext, "wrap_socket"),
]


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def kitchen(takes_s: float = 0.0) -> None:
    """Serve the menu on the host "shop", and take some time over it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(takes_s)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nSpam")
        writer.close()

    await asyncio.start_server(answer, "shop", 80)


def at_the_shop(
    main: Callable[[], Awaitable[Any]],
    *,
    takes_s: float = 0.0,
    latency_s: float = 0.0,
    simulation: Simulation | None = None,
) -> Any:
    """Run ``main`` on the host "phone", where a shop can be reached."""
    world = simulation or Simulation()
    world.link("phone", "shop", latency_s=latency_s)

    async def both() -> Any:
        with world.on("shop"):
            await kitchen(takes_s)
        with world.on("phone"):
            return await main()

    return world.run(both())


def read_menu(timeout: float | None = None) -> tuple[bytes, float]:
    with urllib.request.urlopen(MENU, timeout=timeout) as answer:
        return answer.read(), time.monotonic()


def test_a_page_is_fetched_in_a_thread_with_the_latency_of_the_link() -> None:
    async def main() -> Any:
        return await asyncio.to_thread(read_menu)

    assert at_the_shop(main, latency_s=0.05) == (b"Spam", 0.2)


def test_what_a_thread_has_fetched_the_loop_may_read() -> None:
    async def main() -> tuple[bytes, float]:
        with await asyncio.to_thread(urllib.request.urlopen, MENU) as answer:
            return answer.read(), now_s()

    assert at_the_shop(main, latency_s=0.05) == (b"Spam", 0.2)


def test_everybody_else_goes_on_while_an_answer_takes_a_minute() -> None:
    async def main() -> tuple[list[float], bytes, float]:
        ticks: list[float] = []

        async def tick() -> None:
            for _ in range(3):
                await asyncio.sleep(15)
                ticks.append(now_s())

        (menu, at), _ = await asyncio.gather(asyncio.to_thread(read_menu), tick())
        return ticks, menu, at

    assert at_the_shop(main, takes_s=60) == ([15, 30, 45], b"Spam", 60)


def test_a_timeout_comes_exactly_when_it_is_due() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError, match="timed out"):
            await asyncio.to_thread(read_menu, 5)
        return now_s()

    assert at_the_shop(main, takes_s=60) == 5


def test_who_cannot_connect_hears_of_it_when_the_timeout_is_over() -> None:
    simulation = Simulation()

    async def main() -> float:
        simulation.cut("phone", "shop")
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(socket.create_connection, ("shop", 80), 5)
        return now_s()

    assert at_the_shop(main, simulation=simulation) == 5


def test_a_connection_of_http_client_is_used_more_than_once() -> None:
    def read_three() -> tuple[list[bytes], float]:
        with contextlib.closing(http.client.HTTPConnection("shop")) as connection:
            menus = []
            for _ in range(3):
                connection.request("GET", "/menu")
                menus.append(connection.getresponse().read())
            return menus, time.monotonic()

    async def main() -> Any:
        return await asyncio.to_thread(read_three)

    assert at_the_shop(main, takes_s=1) == ([b"Spam"] * 3, 3)


def test_the_same_scenario_gives_the_same_recording_twenty_times() -> None:
    def order(number: int) -> None:
        for round_number in range(3):
            time.sleep((number + round_number) % 3)
            read_menu()
            with contextlib.suppress(OSError):
                socket.create_connection(("shop", 81), timeout=0.03)

    def recorded() -> str:
        simulation = Simulation("restaurant")
        recording = simulation.record()

        async def main() -> None:
            simulation.link("phone", "shop", latency_s=0.02, jitter_s=0.01)
            await asyncio.gather(*(asyncio.to_thread(order, number) for number in range(6)))

        at_the_shop(main, simulation=simulation)
        return recording.text()

    transcripts = {recorded() for _ in range(20)}
    assert len(transcripts) == 1
    assert transcripts.pop().count("connects") == 36


class TestOnTheThreadOfTheLoop:
    def test_who_would_wait_is_named_with_the_call_and_the_line_and_told_what_to_do(self) -> None:
        async def main() -> None:
            urllib.request.urlopen(MENU)  # noqa: ASYNC210

        with pytest.raises(Blocked) as caught:
            at_the_shop(main)
        sentence = str(caught.value)
        assert sentence.startswith("socket.connect() keeps everybody waiting")
        assert ": test_blocking.py, line " in sentence
        assert "`urllib.request.urlopen(MENU)  # noqa: ASYNC210`" in sentence
        assert sentence.endswith("Write `await asyncio.to_thread(...)`")

    def test_nobody_can_hide_that_somebody_would_wait(self) -> None:
        async def main() -> None:
            with contextlib.suppress(Exception):
                socket.create_connection(("shop", 80))
            await asyncio.sleep(60)

        with pytest.raises(Blocked):
            at_the_shop(main)

    def test_who_need_not_wait_is_served(self) -> None:
        async def main() -> tuple[bytes, str, str]:
            connection = await asyncio.to_thread(socket.create_connection, ("shop", 80))
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(1)
            return connection.recv(8), socket.gethostbyname("shop"), socket.gethostname()

        assert at_the_shop(main) == (b"HTTP/1.1", "10.0.0.3", "phone")


class TestOtherThreads:
    def test_a_thread_outside_keeps_the_real_sockets_and_names(self) -> None:
        before = socket.gethostname(), socket.getaddrinfo("127.0.0.1", 80)
        kinds: list[type] = []
        names: list[Any] = []

        def make() -> None:
            with socket.socket() as made:
                kinds.append(type(made))
            names.append((socket.gethostname(), socket.getaddrinfo("127.0.0.1", 80)))

        async def main() -> None:
            thread = threading.Thread(target=make)
            with own_threads(None):
                thread.start()
                thread.join()

        at_the_shop(main)
        assert kinds == [socket.socket]
        assert names == [before]

    def test_a_thread_outside_may_not_use_a_simulated_socket(self) -> None:
        refusals: list[str] = []

        def use(made: socket.socket) -> None:
            with pytest.raises(UsageError) as caught:
                made.send(b"Spam")
            refusals.append(str(caught.value))

        async def main() -> None:
            made = await asyncio.to_thread(socket.create_connection, ("shop", 80))
            thread = threading.Thread(target=use, args=(made,))
            with own_threads(None):
                thread.start()
                thread.join()

        at_the_shop(main)
        assert len(refusals) == 1
        assert "only in the threads of its simulation" in refusals[0]

    def test_everything_is_put_back(self) -> None:
        before = [getattr(owner, name) for owner, name in REPLACED]

        async def main() -> None:
            assert not {getattr(owner, name) for owner, name in REPLACED}.intersection(before)

        at_the_shop(main)
        assert [getattr(owner, name) for owner, name in REPLACED] == before
        assert "__new__" not in vars(socket.socket)

    def test_a_simulation_inside_another_has_sockets_of_its_own(self) -> None:
        with (
            contextlib.closing(SimLoop(Process(World()))) as outer,
            contextlib.closing(SimLoop(Process(World()))) as inner,
            blocking_sockets(outer.access),
        ):
            with blocking_sockets(inner.access), socket.socket() as made:
                made.bind(("", 80))
            with socket.socket() as own:
                own.bind(("", 80))
            with pytest.raises(UsageError, match="of its simulation"):
                made.getsockname()

    def test_a_real_socket_can_be_made_afterwards_and_so_can_what_is_derived_of_it(self) -> None:
        class Own(socket.socket):
            pass

        async def main() -> None:
            pass

        at_the_shop(main)
        with socket.socket() as made, Own() as own:
            assert (type(made), type(own)) == (socket.socket, Own)
            assert made.fileno() != -1

    def test_what_was_imported_before_is_simulated_too(self) -> None:
        def look() -> tuple[bool, bool, Any]:
            (*_, address), *_ = imported_getaddrinfo("shop", 80)
            with imported_socket() as made, imported_create_connection(("shop", 80)) as other:
                return isinstance(made, BlockingSocket), isinstance(other, BlockingSocket), address

        async def main() -> Any:
            return await asyncio.to_thread(look)

        assert at_the_shop(main) == (True, True, ("10.0.0.3", 80))


class TestNames:
    @pytest.mark.parametrize(
        ("asked", "addresses"),
        [
            (("shop", 80), [("10.0.0.3", 80)]),
            ((b"shop", "8080"), [("10.0.0.3", 8080)]),
            (("localhost", None), [("127.0.0.1", 0)]),
            ((None, 80), [("127.0.0.1", 80)]),
            ((None, 80, 0, 0, 0, socket.AI_PASSIVE), [("0.0.0.0", 80)]),
            (("192.0.2.1", 80, socket.AF_INET, socket.SOCK_STREAM), [("192.0.2.1", 80)]),
        ],
    )
    def test_an_address_is_looked_up(self, asked: Any, addresses: list[Any]) -> None:
        async def main() -> Any:
            return await asyncio.to_thread(socket.getaddrinfo, *asked)

        found = at_the_shop(main)
        assert [address for *_, address in found] == addresses
        assert {tuple(kind) for *kind, _ in found} == {
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        }

    def test_a_host_that_is_not_there_has_no_address(self) -> None:
        async def main() -> None:
            await asyncio.to_thread(socket.create_connection, ("spam", 80))

        with pytest.raises(socket.gaierror, match="no simulated host is named 'spam'"):
            at_the_shop(main)

    def test_a_thread_is_on_the_host_of_the_task_that_started_it(self) -> None:
        async def main() -> list[str]:
            current_host.set("shop")
            names = await asyncio.to_thread(socket.gethostname)
            current_host.set("phone")
            return [names, await asyncio.to_thread(socket.gethostname)]

        assert at_the_shop(main) == ["shop", "phone"]


class Own(socket.socket):
    pass


def connected() -> socket.socket:
    return socket.create_connection(("shop", 80))


def select_one() -> None:
    select.select([connected()], [], [])


def register_one() -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(connected(), selectors.EVENT_READ)


def serve_one() -> None:
    with socketserver.TCPServer(("", 81), socketserver.BaseRequestHandler) as server:
        server.handle_request()


REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "UDP": ("neither UDP", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "IPv6": ("nor IPv6", lambda: socket.socket(socket.AF_INET6)),
    "a look-up for IPv6": ("IPv4", lambda: socket.getaddrinfo("shop", 80, socket.AF_INET6)),
    "a look-up for UDP": ("TCP", lambda: socket.getaddrinfo("shop", 80, 0, socket.SOCK_DGRAM)),
    "TLS": ("no TLS", lambda: urllib.request.urlopen("https://shop:80/")),
    "a subclass": ("plain sockets", Own),
    "select": ("no select", select_one),
    "a selector": ("no select", register_one),
    "a socketserver": ("no select", serve_one),
    "getnameinfo": ("no names", lambda: socket.getnameinfo(("10.0.0.1", 80), 0)),
    "gethostbyaddr": ("no names", lambda: socket.gethostbyaddr("10.0.0.1")),
}


@pytest.mark.parametrize(("sentence", "ask"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_simulated_is_refused_with_a_sentence(
    sentence: str, ask: Callable[[], object]
) -> None:
    async def main() -> None:
        await asyncio.to_thread(ask)

    with pytest.raises(UsageError, match=sentence):
        at_the_shop(main)


def test_what_is_made_of_a_descriptor_is_real() -> None:
    def talk() -> bytes:
        one, other = socket.socketpair()
        with one, other:
            one.send(b"Spam")
            return other.recv(4)

    async def main() -> bytes:
        return await asyncio.to_thread(talk)

    assert at_the_shop(main) == b"Spam"


def test_tls_of_a_real_socket_is_left_alone_while_somebody_simulates() -> None:
    names: list[object] = []

    def wrap() -> None:
        with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="x") as made:
            names.append(made.server_hostname)

    async def main() -> None:
        thread = threading.Thread(target=wrap)
        with own_threads(None):
            thread.start()
            thread.join()

    at_the_shop(main)
    assert names == ["x"]


class Overlap(Process):
    """A network that notices when two threads are in it at once."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.users: list[str] = []
        self.most = 0
        self._inside = 0

    def connect(self, host: str, address: Address) -> tuple[int, Address]:
        self._inside += 1
        self.most = max(self.most, self._inside)
        self.users.append(threading.current_thread().name.removeprefix("labkit-simulation-"))
        # Real time, in which others may come: in this thread, `time.sleep` would be virtual.
        never = threading.Lock()
        never.acquire()
        never.acquire(timeout=0.01)
        try:
            return super().connect(host, address)
        finally:
            self._inside -= 1


def overlapping(main: Callable[[], Awaitable[Any]]) -> Overlap:
    network = Overlap(World())
    loop = SimLoop(network)

    async def both() -> None:
        await asyncio.start_server(lambda *_: None, "localhost", 80)
        await main()

    with blocking_sockets(loop.access), asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(both())
    return network


def connect_and_close() -> None:
    socket.create_connection(("localhost", 80)).close()


def test_threads_that_run_at_once_use_the_network_one_after_the_other() -> None:
    box: queue.Queue[None] = queue.Queue()

    def wait_and_connect() -> None:
        box.get()
        connect_and_close()

    def wake_and_connect() -> None:
        for _ in range(3):
            box.put(None)
        connect_and_close()

    async def main() -> None:
        jobs = [*[wait_and_connect] * 3, wake_and_connect]
        await asyncio.gather(*map(asyncio.to_thread, jobs))

    network = overlapping(main)
    # The one that went last goes on; the others wait for their turn, and have an order again.
    assert network.users == ["4", "1", "2", "3"]
    assert network.most == 1


def test_who_is_long_in_the_network_keeps_the_next_one_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "GRACE_S", 0.001)

    async def main() -> None:
        await asyncio.gather(*(asyncio.to_thread(connect_and_close) for _ in range(3)))

    network = overlapping(main)
    assert sorted(network.users) == ["1", "2", "3"]
    assert network.most == 1


def test_a_thread_that_the_loop_has_answered_uses_the_network_when_the_loop_rests() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def answer() -> None:
            await asyncio.sleep(1)

        def ask_and_connect() -> None:
            asyncio.run_coroutine_threadsafe(answer(), loop).result()
            connect_and_close()

        async def connect() -> None:
            await asyncio.sleep(1)
            _, writer = await asyncio.open_connection("localhost", 80)
            writer.close()

        asked = [asyncio.to_thread(ask_and_connect) for _ in range(3)]
        await asyncio.gather(*asked, *(connect() for _ in range(3)))

    network = overlapping(main)
    assert network.users[3:] == ["1", "2", "3"]
    assert network.most == 1


async def far_guest() -> None:
    loop = asyncio.get_running_loop()
    menu, at_s = await asyncio.to_thread(read_menu)
    _, writer = await asyncio.open_connection("shop", 81)
    writer.write(f"{menu!r} at {at_s:g}, {loop.time():g}".encode())
    writer.close()
    await asyncio.Event().wait()


def far_end(pipe: Any) -> None:
    current_host.set("phone")
    loop = SimLoop(RemoteNetwork(pipe))
    with (
        contextlib.suppress(Gone),
        blocking_sockets(loop.access),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        runner.run(far_guest())


def test_a_thread_of_a_loop_in_another_process_is_on_the_same_network() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=far_end, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    simulation = Simulation()
    simulation.link("phone", "shop", latency_s=0.05)
    simulation.world.others.append(RemoteLoop(simulation.world, ours, patience_s=60))

    async def main() -> bytes:
        said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            said.set_result(await reader.read())

        with simulation.on("shop"):
            await kitchen(takes_s=60)
            await asyncio.start_server(hear, "shop", 81)
        return await said

    try:
        assert simulation.run(main()) == b"b'Spam' at 60.2, 60.3"
    finally:
        ours.close()
        process.join()


def test_a_thread_that_waits_for_nobody_is_named_when_everybody_waits() -> None:
    def wait_for_a_guest() -> None:
        socket.create_server(("", 81)).accept()

    async def main() -> None:
        await asyncio.to_thread(wait_for_a_guest)

    with pytest.raises(Deadlock) as caught:
        at_the_shop(main)
    row = next(line for line in str(caught.value).splitlines() if line.startswith("thread of"))
    assert "wait_for_a_guest  test_blocking.py, line " in row
    assert row.endswith("socket.accept")


def test_a_thread_that_waits_too_long_ends_with_its_simulation() -> None:
    seen: list[str] = []

    def wait() -> None:
        with socket.create_server(("", 81)) as server:
            try:
                server.accept()
            finally:
                seen.append("ended")
        seen.append("went on")

    async def main() -> None:
        asyncio.get_running_loop().call_later(100, print)
        await asyncio.to_thread(wait)

    with pytest.raises(TimeIsUp):
        at_the_shop(main, simulation=Simulation(limit_s=60))
    assert seen == ["ended"]
    assert not [thread for thread in threading.enumerate() if "simulation" in thread.name]


def test_a_thread_whose_host_crashes_ends_and_a_server_hears_nothing_of_it() -> None:
    simulation = Simulation()
    seen: list[tuple[str, float]] = []

    def order() -> None:
        try:
            read_menu()
        finally:
            seen.append(("ended", time.monotonic()))

    async def main() -> float:
        with simulation.on("tablet"):
            ordering = asyncio.create_task(asyncio.to_thread(order))
        await asyncio.sleep(10)
        simulation.crash("tablet")
        with pytest.raises(asyncio.CancelledError):
            await ordering
        await asyncio.sleep(100)
        return now_s()

    assert at_the_shop(main, takes_s=60, simulation=simulation) == 110
    assert seen == [("ended", 10)]


def test_where_there_are_no_threads_nobody_can_wait_and_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> Any:
        return await asyncio.to_thread(read_menu)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(UsageError, match=r"starts no threads.*asyncio.open_connection"):
        at_the_shop(main)
