"""The bit diagram: rows of 32 bits, the same bits as on the wire, and a text to print."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labkit.panels.frame_diagram import ROW_BITS, SHOWN_PAYLOAD_BYTES, legend, rows, text
from labkit.panels.frame_draft import FrameDraft
from labkit.protocol.frames import Opcode

SPAM = """\
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+-------------------------------+
|1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 0|0 0 1 1 0 1 1 1 1 1 1 1 1 0 1 0|
|F|R|R|R|opcode |M|   length    |          masking key          |
|      81       |      84       |      37       |      fa       |
+-+-+-+-+-------+-+-------------+---------------+---------------+
|0 0 1 0 0 0 0 1 0 0 1 1 1 1 0 1|0 1 1 0 0 1 0 0|1 0 0 0 1 0 1 0|
|          masking key          |      "S"      |      "p"      |
|      21       |      3d       |      64       |      8a       |
+---------------+---------------+---------------+---------------+
|0 1 0 0 0 0 0 0|0 1 0 1 0 0 0 0|
|      "a"      |      "m"      |
|      40       |      50       |
+---------------+---------------+

FIN      1            last frame of its message
RSV1-3   000          no extension in use
opcode   0001         TEXT, begins a text message
MASK     1            a masking key follows
length   0000100      4 bytes
key      37 fa 21 3d  the masking key
payload  64 8a 40 50  unmasked: "Spam\""""


def test_the_picture_of_the_rfcs_own_example() -> None:
    assert text(FrameDraft(payload=b"Spam")) == SPAM


def test_an_illegal_frame_says_so_below_its_picture() -> None:
    last = text(FrameDraft(payload=b"Spam", masked=False)).splitlines()[-1]
    assert last == "illegal  a client must mask every frame (§5.1)"


@given(
    st.builds(
        FrameDraft,
        fin=st.booleans(),
        rsv1=st.booleans(),
        opcode=st.integers(0, 15),
        masked=st.booleans(),
        payload=st.binary(max_size=SHOWN_PAYLOAD_BYTES)
        | st.just(bytes(200))
        | st.just(bytes(70_000)),
    )
)
def test_the_bits_are_those_of_the_wire(draft: FrameDraft) -> None:
    drawn = rows(draft)
    bits = "".join(cell.bits for row in drawn for cell in row.cells)
    octets = bytes.fromhex("".join(octet for row in drawn for octet in row.octets))
    assert draft.to_bytes().startswith(octets)
    assert bits == "".join(f"{octet:08b}" for octet in octets)
    assert all(sum(len(cell.bits) for cell in row.cells) == ROW_BITS for row in drawn[:-1])


@given(st.binary(min_size=14, max_size=80))
def test_every_line_of_a_picture_is_as_wide_as_its_bits(data: bytes) -> None:
    picture = text(FrameDraft.from_bytes(data)).split("\n\n")[0].splitlines()[2:]
    boxes = [line for line in picture if line.startswith(("+", "|"))]
    assert {len(line) for line in boxes[:4]} == {65}
    assert all(len(line) <= 65 for line in boxes)


def test_a_long_payload_is_cut_and_its_rest_counted() -> None:
    draft = FrameDraft(payload=bytes(1_000))
    assert "… and 976 more bytes of payload" in text(draft)
    assert len(rows(draft)) == 8


def test_a_long_length_says_in_how_many_bits_it_is_written() -> None:
    meanings = {name: meaning for name, _, meaning in legend(FrameDraft(payload=bytes(126)))}
    assert meanings["length"] == "126 bytes, written in the 16 bits that follow"


def test_a_reserved_opcode_is_called_reserved() -> None:
    meanings = {name: meaning for name, _, meaning in legend(FrameDraft(opcode=11))}
    assert meanings["opcode"] == "0xB, reserved"


def test_hostile_text_stays_on_its_line() -> None:
    hostile = FrameDraft(opcode=Opcode.TEXT, payload="\n|1|0| illegal  \u202e".encode())
    assert "\n|1|0|" not in text(hostile).split("payload")[1]
