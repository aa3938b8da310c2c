"""A recording as a drawing: what it shows, in words too, and that nothing in it can break it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from labkit.simnet.chart import CHARACTER, DOWN, Chart
from labkit.simnet.faults import Reset
from labkit.simnet.recording import Recording
from labkit.simnet.simulation import Simulation
from labkit.simnet.svg import columns

SVG = "{http://www.w3.org/2000/svg}"
HEAD = b"GET /%b HTTP/1.1\r\n\r\n"


class Talk:
    """A phone says ``words``, a line each, to a shop, and nobody answers."""

    def __init__(self, *words: str, phone: str = "phone", latency_s: float = 0.05) -> None:
        self.simulation = Simulation()
        self.simulation.link(phone, "shop", latency_s=latency_s)
        self.recording = Recording(self.simulation.world)
        self._phone = phone
        self._words = words

    def chart(self, *, limit: int = 80) -> Chart:
        """Let them talk, and return the chart of it."""
        self.simulation.run(self._talk())
        return Chart(self.recording, limit=limit)

    async def _talk(self) -> None:
        with self.simulation.on("shop"):
            await asyncio.start_server(lambda *_: None, "shop", 80)
        with self.simulation.on(self._phone):
            _, writer = await asyncio.open_connection("shop", 80)
        for word in self._words:
            writer.write(HEAD % word.encode())
            await asyncio.sleep(1)


def root(chart: Chart) -> ElementTree.Element:
    """Return the drawing, parsed."""
    return ElementTree.fromstring(chart.svg())


def words(chart: Chart) -> list[str]:
    """Return every text in the drawing."""
    return ["".join(text.itertext()) for text in root(chart).iter(f"{SVG}text")]


def arrow_of(chart: Chart, title: str) -> Iterator[float]:
    """Yield x and y of where the arrow with ``title`` begins, and of where it ends."""
    for group in root(chart).iter(f"{SVG}g"):
        if title in (group.findtext(f"{SVG}title") or ""):
            line, tip = group.find(f"{SVG}line"), group.find(f"{SVG}polygon")
            assert line is not None
            assert tip is not None
            yield from (float(line.attrib["x1"]), float(line.attrib["y1"]))
            yield from map(float, tip.attrib["points"].split()[0].split(","))


def test_hosts_times_and_labels_are_written_out() -> None:
    chart = Talk("spam").chart()
    written = words(chart)
    assert {"phone", "shop", "0.000000", "0.100000", "0.150000"} <= {*written}
    assert {"connects to shop:80", "connected", "GET /spam HTTP/1.1"} <= {*written}


def test_an_arrow_ends_below_its_beginning_when_it_takes_time() -> None:
    x1, y1, x2, y2 = arrow_of(Talk("spam").chart(), "GET /spam")
    assert x1 < x2
    assert y1 < y2


def test_an_arrow_is_level_when_it_takes_none() -> None:
    _, y1, _, y2 = arrow_of(Talk("spam", latency_s=0.0).chart(), "GET /spam")
    assert y1 == y2


def test_an_arrow_to_its_own_host_goes_out_and_back() -> None:
    drawing = root(Talk("spam", phone="shop", latency_s=0.0).chart())
    assert len(list(drawing.iter(f"{SVG}path"))) == 2
    assert [text for text in drawing.itertext() if text == "shop"] == ["shop"]


def test_what_is_lost_says_so_and_has_no_arrowhead() -> None:
    talk = Talk("spam")
    talk.simulation.at(0.12, lambda: talk.simulation.cut("phone", "shop"))
    chart = talk.chart()
    assert "lost" in words(chart)
    assert [line.tag for line in _shapes(chart, "GET /spam")] == [f"{SVG}line"] * 3


def test_what_is_under_way_says_so() -> None:
    talk = Talk("spam", latency_s=2.0)
    assert "under way" in words(talk.chart())


def test_a_refusal_and_a_missing_answer_say_so() -> None:
    simulation = Simulation()
    simulation.host("shop")
    recording = Recording(simulation.world)

    async def knock() -> None:
        with simulation.on("phone"), pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("phone", 80)
        simulation.cut("phone", "shop")
        with simulation.on("phone"), pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.open_connection("shop", 80), 0.5)

    simulation.run(knock())
    written = words(Chart(recording))
    assert "is refused: nobody listens there" in written
    assert written[written.index("connects to shop:80:") + 1] == "no answer"


def test_a_reset_says_so() -> None:
    talk = Talk("spam", "eggs")
    talk.simulation.at(0.9, lambda: _reset(talk.simulation))
    assert "connection reset" in words(talk.chart())


def bars(chart: Chart) -> list[tuple[float, float]]:
    """Return from where to where hosts are down."""
    lines = (line.attrib for line in root(chart).iter(f"{SVG}line"))
    return [(float(at["y1"]), float(at["y2"])) for at in lines if at["stroke"] == DOWN]


def height_of(chart: Chart, title: str) -> float:
    """Return how far down the thing with ``title`` is drawn: where its label is."""
    (height,) = (
        float(text.attrib["y"]) - 4
        for group in root(chart).iter(f"{SVG}g")
        for text in group.findall(f"{SVG}text")[:1]
        if title in (group.findtext(f"{SVG}title") or "")
    )
    return height


def test_a_host_that_is_down_has_a_bar_from_its_crash_to_its_restart() -> None:
    talk = Talk("spam")
    talk.simulation.at(0.2, lambda: talk.simulation.crash("shop"))
    talk.simulation.at(0.3, lambda: talk.simulation.restart("shop"))
    chart = talk.chart()
    assert bars(chart) == [(height_of(chart, "crashes"), height_of(chart, "starts again"))]
    assert {"shop", "crashes", "starts again"} <= {*words(chart)}


def test_a_host_that_stays_down_has_a_bar_to_the_end() -> None:
    talk = Talk("spam")
    talk.simulation.at(0.2, lambda: talk.simulation.crash("shop"))
    chart = talk.chart()
    ((start, end),) = bars(chart)
    assert start == height_of(chart, "crashes")
    assert end == max(float(line.attrib["y2"]) for line in root(chart).iter(f"{SVG}line"))


def test_a_host_that_is_down_has_a_bar_where_its_crash_is_not_drawn() -> None:
    talk = Talk("spam", "eggs")
    talk.simulation.at(0.5, lambda: talk.simulation.crash("shop"))
    talk.simulation.at(1.5, lambda: talk.simulation.restart("shop"))
    chart = talk.chart(limit=4)
    assert "crashes" not in words(chart)
    (omitted,) = (
        float(text.attrib["y"]) - 4
        for text in root(chart).iter(f"{SVG}text")
        if "not drawn" in (text.text or "")
    )
    assert bars(chart) == [(omitted, height_of(chart, "starts again"))]


def test_a_cut_is_between_its_hosts_even_if_nothing_is_sent() -> None:
    simulation = Simulation()
    for name in ("phone", "shop"):
        simulation.host(name)
    recording = Recording(simulation.world)
    simulation.cut("phone", "shop")
    chart = Chart(recording)
    assert {"phone", "shop", "phone ↔ shop", "cut: nothing passes"} <= {*words(chart)}
    assert len(_shapes(chart, "cut: nothing passes")) == 3


def test_what_is_done_to_one_connection_does_not_number_it() -> None:
    talk = Talk("spam")
    talk.simulation.plan([Reset(0.5, "phone", "shop")])
    written = words(talk.chart())
    assert "a fault resets the connection" in written
    assert "#1" not in written


def test_connections_are_numbered_when_there_are_several() -> None:
    simulation = Simulation()
    recording = Recording(simulation.world)

    async def talk() -> None:
        with simulation.on("shop"):
            await asyncio.start_server(lambda *_: None, "shop", 80)
        for name in ("anna", "ben"):
            with simulation.on(name):
                await asyncio.open_connection("shop", 80)

    simulation.run(talk())
    assert {"#1", "#2"} <= {*words(Chart(recording))}
    assert "#1" not in words(Talk("spam").chart())


def test_neither_bytes_nor_names_break_out_of_the_drawing() -> None:
    hostile = "</text><script>alert('1')</script>]]>&\"\0\x1b\ud7ff"
    chart = Talk(hostile.replace(" ", ""), phone=hostile).chart()
    drawing = root(chart)
    assert not list(drawing.iter(f"{SVG}script"))
    assert "GET /</text><script>" in "".join(words(chart))


def test_drawings_on_one_page_leave_each_other_alone() -> None:
    drawing = root(Talk("spam").chart())
    names = {attribute for element in drawing.iter() for attribute in element.attrib}
    assert not names & {"id", "class", "href", "onclick"}
    assert not list(drawing.iter(f"{SVG}style"))


def test_a_long_recording_is_cut_in_the_middle_and_says_so() -> None:
    chart = Talk(*(f"order-{number}" for number in range(20))).chart(limit=6)
    written = words(chart)
    assert "⋮  16 events in between, not drawn" in written
    assert (
        root(chart).findtext(f"{SVG}title") == "Sequence chart of 22 events on a simulated network"
    )
    labels = [label for label in written if "order-" in label]
    assert [label.split()[1] for label in labels] == [
        "/order-0",
        "/order-17",
        "/order-18",
        "/order-19",
    ]


def test_time_that_is_not_drawn_is_owned_up_to() -> None:
    note = "Where a line is dotted, more time goes by than is drawn."
    assert note in words(Talk("spam", "eggs").chart())
    assert note not in words(Talk("spam").chart())


def test_earlier_events_that_are_no_longer_kept_are_counted() -> None:
    talk = Talk("spam", "eggs")
    talk.recording = Recording(talk.simulation.world, max_entries=1)
    assert "3 earlier events are no longer kept." in words(talk.chart())


def test_no_label_is_wider_than_the_drawing() -> None:
    chart = Talk("spam" * 100, "卵とスパム" * 20).chart()
    drawing = root(chart)
    for text in drawing.iter(f"{SVG}text"):
        if text.get("text-anchor") is None:
            right = float(text.attrib["x"]) + columns(text.text or "") * CHARACTER
            assert right <= float(drawing.attrib["width"])


def test_nothing_is_a_drawing_too() -> None:
    assert words(Chart(Recording(Simulation().world))) == ["Nothing has happened."]


def test_the_same_events_give_the_same_bytes_and_their_text() -> None:
    charts = [Talk("spam", "eggs").chart() for _ in range(2)]
    assert charts[0]._repr_svg_() == charts[1]._repr_svg_()
    assert repr(charts[0]) == charts[0]._recording.text()


def _shapes(chart: Chart, title: str) -> list[ElementTree.Element]:
    (group,) = (
        group
        for group in root(chart).iter(f"{SVG}g")
        if title in (group.findtext(f"{SVG}title") or "")
    )
    return [shape for shape in group if shape.tag not in (f"{SVG}title", f"{SVG}text")]


def _reset(simulation: Simulation) -> None:
    endpoint = simulation.world.connections[1].client
    assert endpoint is not None
    endpoint.reset()
