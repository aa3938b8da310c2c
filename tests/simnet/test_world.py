"""Hosts that connect, crash and start again, seen through the sockets on them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest

from labkit.errors import Deadlock, TimeIsUp, UsageError
from labkit.simnet.connections import Connection, Role
from labkit.simnet.hosts import ANY
from labkit.simnet.marks import Mark
from labkit.simnet.observer import Observer
from labkit.simnet.paths import Conditions
from labkit.simnet.process import Process
from labkit.simnet.schedule import NS, nanoseconds, seconds
from labkit.simnet.sockets import WRITE, Socket, Sockets
from labkit.simnet.streams import GIVE_UP_S
from labkit.simnet.world import World

LATENCY_S = 0.5


class Net:
    """A phone and a shop, half a second from each other, and the sockets of one process on both."""

    def __init__(self) -> None:
        self.world = World(limit_s=100_000)
        self.phone, self.shop = (self.world.hosts.named(name) for name in ("phone", "shop"))
        for way in (("phone", "shop"), ("shop", "phone")):
            self.world.path(*way).conditions = Conditions(LATENCY_S)
        self.sockets = Sockets(Process(self.world))

    @property
    def now_s(self) -> float:
        return seconds(self.world.schedule.now_ns)

    def listen(self, host: str = "shop", ip: str = ANY, port: int = 80) -> Socket:
        listener = self.sockets.open(host)
        listener.bind((ip, port))
        return listener

    def connect(self, origin: str = "phone", ip: str = "", port: int = 80) -> Socket:
        """Begin to connect."""
        client = self.sockets.open(origin)
        with pytest.raises(BlockingIOError):
            client.connect((ip or self.shop.address, port))
        return client

    def run(self, for_s: float = 10.0) -> None:
        """Let so much time pass."""
        until_ns = self.world.schedule.now_ns + nanoseconds(for_s)
        while self.world.schedule.now_ns < until_ns:
            self.sockets.wait(until_ns)

    def run_until(self, condition: Callable[[], object], *, within_s: float = 10_000) -> float:
        """Return when ``condition`` holds."""
        until_ns = self.world.schedule.now_ns + nanoseconds(within_s)
        while not condition():
            self.sockets.wait(until_ns)
            assert self.world.schedule.now_ns < until_ns, "it never does"
        return self.now_s

    def pair(self) -> tuple[Socket, Socket]:
        """Return both ends of a connection, two seconds later."""
        listener, client = self.listen(), self.connect()
        self.run(2)
        return client, listener.accept()[0]

    def set_cut(self, is_cut: bool) -> None:
        for way in (("phone", "shop"), ("shop", "phone")):
            self.world.set_cut(*way, is_cut)

    @property
    def connection(self) -> Connection:
        (connection,) = self.world.connections.values()
        return connection


@pytest.fixture
def net() -> Net:
    return Net()


def failure(one: Socket) -> str:
    """Name the error that a socket has come to; empty, if none."""
    number = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode[number] if number else ""


def ready(one: Socket) -> Callable[[], int]:
    return one.readiness


# Connecting


def test_a_client_is_connected_after_one_round_trip(net: Net) -> None:
    net.listen()
    client = net.connect()
    assert net.run_until(ready(client)) == 2 * LATENCY_S
    assert client.readiness() == WRITE


def test_a_server_accepts_after_one_and_a_half_round_trips(net: Net) -> None:
    listener = net.listen()
    net.connect()
    assert net.run_until(ready(listener)) == 3 * LATENCY_S


def test_what_a_client_sends_at_once_comes_with_the_connection(net: Net) -> None:
    listener, client = net.listen(), net.connect()
    net.run_until(ready(client))
    client.send(b"spam")
    net.run_until(ready(listener))
    assert listener.accept()[0].recv(100) == b"spam"


def test_where_nobody_listens_a_client_is_refused_after_one_round_trip(net: Net) -> None:
    client = net.connect()
    assert net.run_until(ready(client)) == 2 * LATENCY_S
    assert failure(client) == "ECONNREFUSED"


def test_who_is_refused_is_no_connection(net: Net) -> None:
    net.connect()
    net.run()
    assert net.world.connections == {}


def test_an_address_of_nobody_cannot_be_reached(net: Net) -> None:
    with pytest.raises(OSError, match=r"10\.9\.9\.9") as refusal:
        net.sockets.open("phone").connect(("10.9.9.9", 80))
    assert refusal.value.errno == errno.ENETUNREACH


def test_a_host_that_cannot_be_reached_is_given_up_after_127_seconds(net: Net) -> None:
    net.listen()
    net.set_cut(True)
    client = net.connect()
    assert net.run_until(ready(client)) == 127
    assert failure(client) == "ETIMEDOUT"


def test_a_server_accepts_once_whose_answer_was_lost(net: Net) -> None:
    listener = net.listen()
    net.world.set_cut("shop", "phone", True)
    client = net.connect()
    net.run(2)
    net.world.set_cut("shop", "phone", False)
    assert net.run_until(ready(client)) == 3 + 2 * LATENCY_S
    net.run()
    listener.accept()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_server_that_the_last_word_does_not_reach_knows_of_no_connection(net: Net) -> None:
    listener, client = net.listen(), net.connect()
    net.run_until(ready(client))
    net.set_cut(True)
    net.run()
    assert not listener.readiness()
    net.set_cut(False)
    assert net.run_until(ready(listener)) == 11 + LATENCY_S


def test_a_server_that_listens_no_more_resets_who_comes(net: Net) -> None:
    listener, client = net.listen(), net.connect()
    net.run_until(ready(client))
    listener.close()
    net.run()
    assert failure(client) == "ECONNRESET"


def test_a_client_that_has_given_up_before_the_answer_is_never_heard_of(net: Net) -> None:
    listener, client = net.listen(), net.connect()
    net.run(LATENCY_S + 0.1)
    client.close()
    net.run()
    assert (listener.readiness(), net.world.connections) == (0, {})


def test_two_hosts_listen_on_the_same_port(net: Net) -> None:
    shop, phone = net.listen("shop"), net.listen("phone")
    net.connect("phone")
    net.connect("shop", net.phone.address)
    net.run()
    peers = [listener.accept()[1][0] for listener in (shop, phone)]
    assert peers == [net.phone.address, net.shop.address]


def test_loopback_is_the_hosts_own(net: Net) -> None:
    net.listen("shop", "127.0.0.1")
    client = net.connect("phone", "127.0.0.1")
    net.run()
    assert failure(client) == "ECONNREFUSED"


def test_who_connects_to_any_address_is_connected_over_loopback(net: Net) -> None:
    listener = net.listen("shop", "127.0.0.1")
    net.connect("shop", ANY)
    net.run()
    assert listener.accept()[1][0] == "127.0.0.1"


def test_peers_on_one_host_are_connected_at_once(net: Net) -> None:
    net.listen()
    client = net.connect("shop", "127.0.0.1")
    assert net.run_until(ready(client)) == 0


def test_each_connection_of_a_host_has_a_port_of_its_own(net: Net) -> None:
    net.listen()
    names = [net.connect().getsockname() for _ in range(3)]
    assert len(set(names)) == 3


# Ending


def test_who_has_sent_its_end_still_hears_the_answer(net: Net) -> None:
    client, server = net.pair()
    client.shutdown(socket.SHUT_WR)
    net.run()
    assert server.recv(100) == b""
    server.send(b"spam")
    net.run()
    assert client.recv(100) == b"spam"


def test_a_connection_is_known_until_both_ends_are_closed(net: Net) -> None:
    client, server = net.pair()
    client.close()
    assert len(net.world.connections) == 1
    server.close()
    assert net.world.connections == {}


def test_a_reset_arrives_after_the_latency(net: Net) -> None:
    client, server = net.pair()
    server.send(b"spam")
    net.run()
    client.close()
    assert net.run_until(ready(server)) == 12
    assert net.run_until(lambda: failure(server)) == 12 + LATENCY_S


def test_what_one_end_sent_before_it_closed_arrives_after_a_cut(net: Net) -> None:
    client, server = net.pair()
    net.set_cut(True)
    client.send(b"spam")
    client.close()
    net.run()
    net.set_cut(False)
    net.run()
    assert (server.recv(100), server.recv(100)) == (b"spam", b"")


def test_what_a_client_sent_that_is_gone_before_it_was_accepted_arrives_after_a_cut(
    net: Net,
) -> None:
    listener, client = net.listen(), net.connect()
    net.run_until(ready(client))
    net.set_cut(True)
    client.send(b"spam")
    client.close()
    net.run()
    net.set_cut(False)
    net.run()
    assert listener.accept()[0].recv(100) == b"spam"


@pytest.mark.parametrize("by", ["client", "server"])
def test_a_connection_that_is_reset_fails_here_at_once_and_there_soon(net: Net, by: Role) -> None:
    client, server = net.pair()
    net.connection.reset(by=by)
    near, far = (client, server) if by == "client" else (server, client)
    assert net.run_until(lambda: failure(near)) == 2
    assert net.run_until(lambda: failure(far)) == 2 + LATENCY_S


def test_a_connection_that_is_reset_before_it_is_accepted_is_never_accepted(net: Net) -> None:
    listener, client = net.listen(), net.connect()
    net.run_until(ready(client))
    net.connection.reset()
    net.run()
    assert (listener.readiness(), failure(client)) == (0, "ECONNRESET")


def test_both_ends_believe_in_a_connection_that_is_swallowed(net: Net) -> None:
    client, server = net.pair()
    net.connection.set_swallowed(True)
    client.send(b"spam")
    server.send(b"eggs")
    net.run(600)
    assert (client.readiness(), server.readiness()) == (WRITE, WRITE)


def test_who_sends_into_a_black_hole_fails_when_linux_gives_up(net: Net) -> None:
    client, server = net.pair()
    net.connection.set_swallowed(True)
    client.send(b"spam")
    assert net.run_until(lambda: failure(client)) == 2 + GIVE_UP_S
    assert server.readiness() == WRITE


def test_a_cut_in_one_direction_lets_the_other_pass(net: Net) -> None:
    client, server = net.pair()
    net.world.set_cut("phone", "shop", True)
    client.send(b"spam")
    server.send(b"eggs")
    net.run()
    assert client.recv(100) == b"eggs"
    with pytest.raises(BlockingIOError):
        server.recv(100)


def test_who_hears_but_is_not_heard_of_fills_its_buffer(net: Net) -> None:
    client, server = net.pair()
    net.world.set_cut("phone", "shop", True)
    while server.readiness() & WRITE:
        server.send(bytes(1 << 20))
        net.run(0.001)
    net.run()
    assert not server.readiness() & WRITE
    assert len(client.recv(1 << 20)) == 64 * 1024


# Crashing


def test_peers_of_a_host_that_crashes_hear_nothing(net: Net) -> None:
    client, _ = net.pair()
    net.world.crash("shop")
    client.send(b"spam")
    net.run(600)
    assert client.readiness() == WRITE


def test_what_has_left_a_host_before_it_crashes_arrives(net: Net) -> None:
    client, server = net.pair()
    server.send(b"spam")
    net.run(LATENCY_S / 2)
    net.world.crash("shop")
    net.run()
    assert client.recv(100) == b"spam"


def test_what_had_not_left_a_host_when_it_crashed_is_lost(net: Net) -> None:
    client, server = net.pair()
    net.set_cut(True)
    server.send(b"spam")
    net.run()
    net.world.crash("shop")
    net.set_cut(False)
    net.run()
    assert client.readiness() == WRITE


def test_who_sends_to_a_crashed_host_fails_when_linux_gives_up(net: Net) -> None:
    client, _ = net.pair()
    net.world.crash("shop")
    client.send(b"spam")
    assert net.run_until(lambda: failure(client)) == 2 + GIVE_UP_S


def test_who_has_sent_to_a_crashed_host_is_reset_when_it_runs_again(net: Net) -> None:
    client, _ = net.pair()
    net.world.crash("shop")
    client.send(b"spam")
    net.run()
    net.world.restart("shop")
    assert net.run_until(lambda: failure(client)) == 12 + 2 * LATENCY_S


def test_who_only_listens_never_hears_that_the_host_has_crashed(net: Net) -> None:
    client, _ = net.pair()
    net.world.crash("shop")
    net.world.restart("shop")
    net.run(3600)
    assert client.readiness() == WRITE
    client.send(b"spam")
    net.run()
    assert failure(client) == "ECONNRESET"


def test_a_connection_to_a_crashed_host_is_known_until_the_other_end_is_closed(net: Net) -> None:
    client, _ = net.pair()
    net.world.crash("shop")
    assert len(net.world.connections) == 1
    client.close()
    assert net.world.connections == {}


def test_nothing_happens_to_the_sockets_of_a_crashed_host(net: Net) -> None:
    client, server = net.pair()
    net.world.crash("shop")
    client.send(b"spam")
    server.send(b"eggs")
    net.run()
    net.world.restart("shop")
    net.run()
    assert server.readiness() == WRITE
    server.close()


def test_a_host_that_runs_again_listens_nowhere(net: Net) -> None:
    net.listen()
    net.world.crash("shop")
    net.world.restart("shop")
    client = net.connect()
    net.run()
    assert failure(client) == "ECONNREFUSED"


def test_a_host_that_runs_again_listens_where_it_did_if_it_is_told_to(net: Net) -> None:
    before = net.listen()
    net.world.crash("shop")
    net.world.restart("shop")
    listener = net.listen()
    before.close()
    net.connect()
    net.run()
    listener.accept()


def test_who_connects_meanwhile_is_answered_when_the_host_runs_again(net: Net) -> None:
    net.world.crash("shop")
    client = net.connect()
    net.run(5)
    net.world.restart("shop")
    net.listen()
    assert net.run_until(ready(client)) == 7 + 2 * LATENCY_S
    assert client.readiness() == WRITE


def test_who_is_connected_when_the_host_crashes_before_accepting_is_reset_later(net: Net) -> None:
    net.listen()
    client = net.connect()
    net.run_until(ready(client))
    net.world.crash("shop")
    net.run()
    assert client.readiness() == WRITE
    net.world.restart("shop")
    net.run()
    assert failure(client) == "ECONNRESET"


@pytest.mark.parametrize("act", ["listen", "connect"])
def test_on_a_host_that_is_down_nobody_listens_or_connects(net: Net, act: str) -> None:
    net.world.crash("shop")
    one = net.sockets.open("shop")
    with pytest.raises(OSError, match="80") as refusal:
        one.bind((ANY, 80)) if act == "listen" else one.connect((net.phone.address, 80))
    assert refusal.value.errno == errno.ENETDOWN


@pytest.mark.parametrize("act", ["crash", "restart"])
def test_a_host_that_nobody_has_named_neither_crashes_nor_starts(net: Net, act: str) -> None:
    with pytest.raises(UsageError, match="no simulated host is named 'shopp'"):
        getattr(net.world, act)("shopp")
    assert net.world.hosts.known("shopp") is None


@pytest.mark.parametrize("way", [("phone", "shopp"), ("shopp", "phone")])
def test_a_path_is_cut_only_between_hosts_that_somebody_has_named(
    net: Net, way: tuple[str, str]
) -> None:
    with pytest.raises(UsageError, match="no simulated host is named 'shopp'"):
        net.world.set_cut(*way, True)
    assert net.world.hosts.known("shopp") is None


def test_who_rests_is_told_of_a_crash_and_of_a_restart(net: Net) -> None:
    told: list[tuple[str, str, float]] = []
    net.world.crashed = lambda host: told.append(("crashed", host, net.now_s))
    net.world.restarted = lambda host: told.append(("restarted", host, net.now_s))
    net.world.schedule.at(NS, lambda: net.world.crash("shop"))
    net.world.schedule.at(2 * NS, lambda: net.world.restart("shop"))
    rests = []
    for _ in range(2):
        net.sockets.wait(5 * NS)
        rests.append(net.now_s)
    assert told == [("crashed", "shop", 1.0), ("restarted", "shop", 2.0)]
    assert rests == [1.0, 2.0]


def test_a_host_crashes_and_starts_once(net: Net) -> None:
    told: list[str] = []
    net.world.crashed = net.world.restarted = told.append
    net.world.restart("shop")
    net.world.crash("shop")
    net.world.crash("shop")
    assert told == ["shop"]


# Copies


def test_an_attempt_that_arrives_twice_is_a_second_connection_that_ends_by_a_reset(
    net: Net,
) -> None:
    listener = net.listen()
    net.world.path("phone", "shop").attempts_again_ns = 5 * NS
    net.connect()
    net.run(4)
    listener.accept()
    assert net.run_until(ready(listener)) == 5 + 2 * LATENCY_S
    stranger, _ = listener.accept()
    assert not stranger.readiness() & ~WRITE
    assert net.run_until(lambda: failure(stranger)) == 5 + 3 * LATENCY_S


def test_a_second_connection_of_which_the_client_has_not_heard_is_reset_when_it_sends(
    net: Net,
) -> None:
    listener = net.listen()
    net.world.path("phone", "shop").attempts_again_ns = 5 * NS
    net.connect()
    net.run(4)
    listener.accept()
    net.world.set_cut("shop", "phone", True)
    net.run()
    stranger, _ = listener.accept()
    net.world.set_cut("shop", "phone", False)
    net.run()
    assert stranger.readiness() == WRITE
    stranger.send(b"spam")
    assert net.run_until(lambda: failure(stranger)) == 24 + 2 * LATENCY_S


def test_the_first_connection_knows_nothing_of_the_second(net: Net) -> None:
    listener = net.listen()
    net.world.path("phone", "shop").attempts_again_ns = 5 * NS
    client = net.connect()
    net.run(20)
    server, _ = listener.accept()
    client.send(b"spam")
    net.run()
    assert server.recv(100) == b"spam"


# Observing


class Diary(Observer):
    """An observer that writes down what it is told, and when."""

    def __init__(self, world: World) -> None:
        self.told: list[tuple[object, ...]] = []
        self._schedule = world.schedule
        world.observer = self

    def begun(self, connection: Connection) -> None:
        self._note(connection, "begun")

    def decided(self, connection: Connection, error: int) -> None:
        self._note(connection, "decided", error)

    def left(self, connection: Connection, role: Role, data: bytes | None) -> None:
        self._note(connection, "left", role, data)

    def arrived(self, connection: Connection, role: Role, data: bytes | None) -> None:
        self._note(connection, "arrived", role, data)

    def broken(self, connection: Connection, role: Role) -> None:
        self._note(connection, "broken", role)

    def given_up(self, connection: Connection, role: Role) -> None:
        self._note(connection, "given up", role)

    def marked(self, mark: Mark) -> None:
        self.told.append((seconds(mark.at_ns), mark.number, mark.kind, mark.label, mark.place))

    def _note(self, connection: Connection, *told: object) -> None:
        self.told.append((seconds(self._schedule.now_ns), connection.number, *told))


def test_an_observer_is_told_what_happens_when_it_happens(net: Net) -> None:
    diary = Diary(net.world)
    client, server = net.pair()
    client.send(b"spam")
    net.run(1)
    server.close()
    net.run(1)
    assert diary.told == [
        (0.0, 1, "begun"),
        (1.0, 1, "decided", 0),
        (2.0, 1, "left", "client", b"spam"),
        (2.5, 1, "arrived", "client", b"spam"),
        (3.0, 1, "broken", "server"),
    ]


def test_an_observer_is_told_of_a_refusal(net: Net) -> None:
    diary = Diary(net.world)
    net.connect()
    net.run()
    assert diary.told == [(0.0, 1, "begun"), (1.0, 1, "decided", errno.ECONNREFUSED)]


def test_an_observer_is_told_of_a_client_that_does_not_wait_for_an_answer(net: Net) -> None:
    diary = Diary(net.world)
    client = net.connect()
    net.run(0.25)
    client.close()
    net.run()
    assert diary.told == [(0.0, 1, "begun"), (0.25, 1, "decided", errno.ECANCELED)]


def test_an_observer_is_told_when_linux_gives_up(net: Net) -> None:
    client, _ = net.pair()
    diary = Diary(net.world)
    net.world.connections[1].set_swallowed(True)
    client.send(b"spam")
    net.run(1_000)
    assert diary.told == [
        (2.0, 1, "left", "client", b"spam"),
        (2 + GIVE_UP_S, 1, "given up", "client"),
    ]


def test_an_observer_is_told_of_cuts_and_crashes_and_when_they_are_over(net: Net) -> None:
    diary = Diary(net.world)
    for act in (
        lambda: net.world.set_cut("phone", "shop", True),
        lambda: net.world.set_cut("phone", "shop", False),
        lambda: net.world.crash("shop"),
        lambda: net.world.restart("shop"),
    ):
        act()
        # Once more is nothing.
        act()
        net.run(1)
    assert diary.told == [
        (0.0, None, "fault", "cut: nothing passes", "phone → shop"),
        (1.0, None, "relief", "healed", "phone → shop"),
        (2.0, None, "crash", "crashes", "shop"),
        (3.0, None, "restart", "starts again", "shop"),
    ]


def test_an_observer_is_told_of_a_copy_as_of_a_connection_that_nobody_has_begun(net: Net) -> None:
    diary = Diary(net.world)
    net.listen()
    net.world.path("phone", "shop").attempts_again_ns = 5 * NS
    net.connect()
    net.run()
    assert diary.told[2:] == [
        (5.5, 2, "fault", "the attempt of #1 arrives again", "phone → shop"),
        (6.0, 2, "broken", "client"),
    ]


# Time


def test_what_is_sent_at_the_same_instant_leaves_in_the_order_of_the_sockets(net: Net) -> None:
    net.world.path("phone", "shop").conditions = Conditions(LATENCY_S, bandwidth=1)
    listener = net.listen()
    clients = [net.connect() for _ in range(3)]
    net.run()
    servers = [listener.accept()[0] for _ in clients]
    for client in reversed(clients):
        client.send(b"spam")
    arrivals = [net.run_until(lambda one=server: one.readiness() & ~WRITE) for server in servers]
    assert arrivals == [14.5, 18.5, 22.5]


def test_who_waits_for_nothing_that_is_planned_waits_for_ever(net: Net) -> None:
    net.listen()
    with pytest.raises(Deadlock, match="nothing is planned"):
        net.sockets.wait(None)


def test_time_has_a_limit() -> None:
    with pytest.raises(TimeIsUp, match="60 simulated seconds"):
        Sockets(Process(World(limit_s=60))).wait(61 * NS)
