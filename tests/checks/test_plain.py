import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.checks import plain
from labkit.checks.cases import same

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(0, 99), inner, max_size=4)
    ),
    max_leaves=20,
)


class EqualToEverything:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Number(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@given(values)
def test_plain_values_arrive_as_they_were_with_their_exact_types(value: plain.Plain) -> None:
    assert same(plain.decode(plain.encode(value)), value)


@pytest.mark.parametrize("value", [EqualToEverything(), Number(3), {1, 2}, bytearray(b"Spam")])
def test_other_objects_arrive_as_the_name_of_their_type_only(value: object) -> None:
    arrived = plain.decode(plain.encode([value]))
    assert arrived == [plain.Foreign(f"{plain.describe(value)}")]


def test_a_list_that_holds_itself_is_cut_off() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "nested too deeply" in repr(plain.decode(plain.encode(endless)))


def test_a_value_that_is_too_large_is_named_instead_of_sent() -> None:
    encoded = plain.encode(bytes(plain.MAX_BYTES))
    assert len(encoded) < 200
    assert "too large" in plain.decode(encoded).description


@given(st.binary(max_size=60))
def test_bytes_from_anywhere_decode_or_are_refused(data: bytes) -> None:
    try:
        plain.decode(data)
    except msgspec.DecodeError:
        return


def test_a_number_too_long_to_spell_is_named() -> None:
    assert plain.spell([10**5000]) == "<a list with a number of thousands of digits>"
