"""Addresses and ports of simulated machines."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from labkit.errors import UsageError
from labkit.simnet import hosts
from labkit.simnet.hosts import ANY, FIRST_PORT, LAST_PORT, LOOPBACK, Host, Hosts

SHOP = "10.0.0.1"


def shop(*listening: tuple[str, int]) -> Host:
    return Host("shop", SHOP, listening=dict.fromkeys(listening, 7))


def test_a_host_listens_where_it_is_asked_to() -> None:
    assert shop().bind((SHOP, 80)) == (SHOP, 80)


def test_port_0_is_a_free_port_of_the_range_that_linux_takes() -> None:
    host = shop((ANY, FIRST_PORT))
    assert host.bind((LOOPBACK, 0)) == (LOOPBACK, FIRST_PORT + 1)


def test_ports_begin_again_behind_the_last() -> None:
    host = shop()
    ports = [host.any_port() for _ in range(FIRST_PORT, LAST_PORT + 2)]
    assert (ports[0], ports[-2], ports[-1]) == (FIRST_PORT, LAST_PORT, FIRST_PORT)


def test_a_host_whose_ports_are_all_taken_has_none_to_give(monkeypatch: Any) -> None:
    monkeypatch.setattr(hosts, "LAST_PORT", FIRST_PORT + 2)
    host = shop(*((ANY, port) for port in range(FIRST_PORT, FIRST_PORT + 3)))
    with pytest.raises(OSError, match="0") as refusal:
        host.bind((LOOPBACK, 0))
    assert refusal.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ((SHOP, 80), (SHOP, 80)),
        ((ANY, 80), (SHOP, 80)),
        ((SHOP, 80), (ANY, 80)),
        ((ANY, 80), (ANY, 80)),
        (("/run/spam", 0), ("/run/spam", 0)),
    ],
)
def test_an_address_is_taken_once(taken: tuple[str, int], wanted: tuple[str, int]) -> None:
    with pytest.raises(OSError, match=wanted[0]) as refusal:
        shop(taken).bind(wanted)
    assert refusal.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ((SHOP, 80), (LOOPBACK, 80)),
        ((SHOP, 80), (SHOP, 81)),
        (("/run/spam", 0), ("/run/eggs", 0)),
    ],
)
def test_another_address_is_free(taken: tuple[str, int], wanted: tuple[str, int]) -> None:
    assert shop(taken).bind(wanted) == wanted


def test_nobody_listens_at_the_address_of_another_host() -> None:
    with pytest.raises(OSError, match=r"10\.0\.0\.2:80") as refusal:
        shop().bind(("10.0.0.2", 80))
    assert refusal.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("target", "own"),
    [("127.0.0.1", LOOPBACK), ("127.0.0.2", LOOPBACK), (SHOP, SHOP), ("10.0.0.2", SHOP)],
)
def test_loopback_is_reached_from_loopback(target: str, own: str) -> None:
    assert shop().address_towards((target, 80)) == (own, FIRST_PORT)


def test_a_unix_socket_is_reached_from_nowhere() -> None:
    assert shop().address_towards(("/run/spam", 0)) == ("", 0)


def test_who_listens_everywhere_hears_those_who_ask_for_one_address() -> None:
    assert shop((ANY, 80)).listener_at((SHOP, 80)) == 7


def test_who_listens_on_loopback_does_not_hear_those_from_outside() -> None:
    assert shop((LOOPBACK, 80)).listener_at((SHOP, 80)) is None


def test_a_host_is_made_once() -> None:
    known = Hosts()
    assert known.named("shop") is known.named("shop")


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ([], "there is none"),
        (["phone"], "there is phone"),
        (["phone", "shop"], "there are phone and shop"),
        (["phone", "shop", "till"], "there are phone, shop and till"),
    ],
)
def test_a_host_that_nobody_has_named_is_an_error_that_names_the_others(
    names: list[str], known: str
) -> None:
    hosts = Hosts()
    for name in names:
        hosts.named(name)
    with pytest.raises(UsageError, match=f"^no simulated host is named 'shopp'; {known}$"):
        hosts.get("shopp")


def test_a_thousand_hosts_have_a_thousand_addresses() -> None:
    known = Hosts()
    addresses = {known.named(f"phone {number}").address for number in range(1_000)}
    assert len(addresses) == 1_000
    assert not any(address.endswith((".0", ".255")) for address in addresses)


def test_a_host_is_found_by_its_address() -> None:
    known = Hosts()
    phone, till = known.named("phone"), known.named("till")
    assert known.at(till.address, phone) is till


def test_loopback_is_where_one_is() -> None:
    known = Hosts()
    phone, till = known.named("phone"), known.named("till")
    assert (known.at(LOOPBACK, phone), known.at(LOOPBACK, till)) == (phone, till)


def test_a_path_of_a_unix_socket_is_where_one_is() -> None:
    known = Hosts()
    assert known.at("/run/spam", known.named("phone")) is known.named("phone")


def test_an_address_of_nobody_is_nowhere() -> None:
    known = Hosts()
    assert known.at("10.9.9.9", known.named("phone")) is None
