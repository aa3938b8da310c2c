"""The agreement on compression. Each rule of it is in the table of cases."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labkit.protocol.extensions import HEADER, Deflate, agree, confirm, offer, serialize
from labkit.protocol.http import Request, Response

deflates = st.builds(
    Deflate,
    server_no_context_takeover=st.booleans(),
    client_no_context_takeover=st.booleans(),
    server_max_window_bits=st.none() | st.integers(8, 15),
    client_max_window_bits=st.none() | st.integers(8, 15),
)


def test_a_client_offers_to_use_a_smaller_window() -> None:
    assert offer(Deflate()) == "permessage-deflate; client_max_window_bits"


def test_a_client_offers_its_own_window() -> None:
    assert offer(Deflate(client_max_window_bits=10)) == (
        "permessage-deflate; client_max_window_bits=10"
    )


def test_without_parameters_both_windows_are_15_bits_and_kept() -> None:
    assert Deflate().client == Deflate().server == (15, True)


@given(deflates, deflates)
def test_both_sides_agree_on_the_strictest_of_what_they_want(
    client: Deflate, server: Deflate
) -> None:
    agreed = agree(Request("/", ((HEADER, offer(client)),)), server)
    assert agreed is not None
    confirmed = confirm(Response(101, "", ((HEADER, serialize(agreed)),)), client)
    assert confirmed is not None
    for mine, theirs in ((confirmed.client, agreed.client), (confirmed.server, agreed.server)):
        assert mine == theirs
    assert agreed.server.bits == min(client.server.bits, server.server.bits)
    assert agreed.client.bits == min(client.client.bits, server.client.bits)
    assert agreed.server.takeover == (client.server.takeover and server.server.takeover)
    assert agreed.client.takeover == (client.client.takeover and server.client.takeover)
