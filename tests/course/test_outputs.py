from __future__ import annotations

from typing import Any

from labkit.course.outputs import stable_outputs


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: str) -> dict[str, Any]:
    types = {"plain": "text/plain", "png": "image/png", "html": "text/html"}
    widget = "application/vnd.jupyter.widget-view+json"
    named = {types.get(name, widget): value for name, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {"image/png": {"width": 9}}}


def test_the_pieces_of_a_stream_become_one() -> None:
    assert stable_outputs([stream("sp"), stream("am\n")]) == [stream("spam\n")]


def test_two_streams_that_take_turns_are_each_kept_whole() -> None:
    pieces = [stream("1"), stream("a", "stderr"), stream("2"), stream("b", "stderr")]
    assert stable_outputs(pieces) == [stream("12"), stream("ab", "stderr")]


def test_what_was_given_is_not_changed() -> None:
    pieces = [stream("sp"), stream("am")]
    stable_outputs(pieces)
    assert pieces == [stream("sp"), stream("am")]


def test_a_traceback_becomes_its_last_line() -> None:
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no spam",
        "traceback": ["\x1b[0;31m---", "File /home/me/x.py:3", "ValueError: no spam"],
    }
    assert stable_outputs([error])[0]["traceback"] == ["ValueError: no spam"]


def test_an_error_without_a_text_is_its_name() -> None:
    error = {"output_type": "error", "ename": "KeyError", "evalue": "", "traceback": ["…"]}
    assert stable_outputs([error])[0]["traceback"] == ["KeyError"]


def test_a_widget_and_a_plot_are_left_out_and_their_text_stays() -> None:
    kept = stable_outputs([display(plain="<Figure>", png="iVBO"), display(plain="P()", view="{}")])
    assert [output["data"] for output in kept] == [
        {"text/plain": "<Figure>"},
        {"text/plain": "P()"},
    ]


def test_the_metadata_of_an_output_is_left_out() -> None:
    assert stable_outputs([display(html="<b>1</b>")])[0]["metadata"] == {}


def test_an_output_of_which_nothing_is_stable_is_left_out() -> None:
    assert stable_outputs([display(png="iVBO")]) == []


def test_a_result_keeps_its_number() -> None:
    result = {
        "output_type": "execute_result",
        "execution_count": 3,
        "data": {"text/plain": "4"},
        "metadata": {},
    }
    assert stable_outputs([result]) == [result]
