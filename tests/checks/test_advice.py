import pytest

from labkit.checks.advice import advice

OWN = "loop over the messages"


@pytest.mark.parametrize(
    "got", ['TEXT unmasked "Spam"', "it raised TimeoutError", "it raised ValueError: Typed"]
)
def test_what_the_case_expects_gets_the_hint_of_the_case(got: str) -> None:
    assert advice(got, OWN) == OWN


def test_what_blocks_is_told_to_let_others_run() -> None:
    assert "asyncio.to_thread" in advice("nothing: it blocks the event loop at line 3", OWN)


def test_a_case_about_blocking_keeps_its_hint() -> None:
    hint = "give `asyncio.to_thread` the function"
    assert advice("it blocks the event loop at line 3", hint) == hint


@pytest.mark.parametrize("kind", ["AttributeError", "NameError", "TypeError"])
def test_a_plain_mistake_gets_no_hint_about_something_else(kind: str) -> None:
    assert advice(f"nothing: it raised {kind}: oh (line 3: `oh`)", OWN) == ""


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("AttributeError: 'connect' object has no attribute 'send'", "async with connect"),
        ("TypeError: 'connect' object does not support the context manager", "async with conn"),
        ("AttributeError: 'coroutine' object has no attribute 'upper'", "an `await`"),
        ("TypeError: 'Timeout' object does not support the context manager protocol", "async wit"),
    ],
)
def test_a_common_mistake_gets_its_remedy(error: str, remedy: str) -> None:
    assert remedy in advice(f"it raised {error}", OWN)
