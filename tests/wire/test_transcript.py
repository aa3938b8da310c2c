"""The transcript of a connection: order, bounds, subscribers, and lines that stay the same."""

from __future__ import annotations

import pytest

from labkit.wire.transcript import Entry, Transcript

REQUEST = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
SPAM = bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50")
EGGS = b"\x81\x04Eggs"


@pytest.fixture
def transcript() -> Transcript:
    """Return a transcript with the handshake behind it."""
    transcript = Transcript()
    transcript.feed("client", REQUEST)
    transcript.feed("server", SWITCHING)
    return transcript


def test_a_conversation_reads_in_order(transcript: Transcript) -> None:
    transcript.feed("client", SPAM)
    transcript.feed("server", EGGS)
    transcript.feed("server", b"\x88\x02\x03\xe8")
    transcript.end("server")
    transcript.end("client", reset=True)
    assert transcript.text().splitlines() == [
        "client → server   GET /chat HTTP/1.1  Upgrade: websocket",
        "server → client   HTTP/1.1 101 Switching Protocols",
        'client → server   TEXT  masked    "Spam"',
        'server → client   TEXT  unmasked  "Eggs"',
        "server → client   CLOSE unmasked  1000",
        "server → client   end of stream",
        "client → server   connection reset",
    ]


def test_polling_on_one_connection_reads_as_well_as_frames_do() -> None:
    transcript = Transcript()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
    transcript.feed("client", b"GET /socket.io/ HTTP/1.1\r\n\r\n")
    transcript.feed("server", answer % (2, b"40"))
    transcript.feed(
        "client",
        b"POST /socket.io/ HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\n"
        b'42["order","tea"]',
    )
    transcript.feed("server", answer % (2, b"ok"))
    transcript.feed("client", REQUEST + SPAM)
    transcript.feed("server", SWITCHING + EGGS)
    assert transcript.text().splitlines() == [
        "client → server   GET /socket.io/ HTTP/1.1",
        'server → client   HTTP/1.1 200 OK  2 bytes of body "40"',
        'client → server   POST /socket.io/ HTTP/1.1  17 bytes of body \'42["order","tea"]\'',
        'server → client   HTTP/1.1 200 OK  2 bytes of body "ok"',
        "client → server   GET /chat HTTP/1.1  Upgrade: websocket",
        'client → server   TEXT  masked    "Spam"',
        "server → client   HTTP/1.1 101 Switching Protocols",
        'server → client   TEXT  unmasked  "Eggs"',
    ]


def test_show_prints_the_last_lines(
    transcript: Transcript, capsys: pytest.CaptureFixture[str]
) -> None:
    transcript.feed("client", SPAM)
    transcript.show(last=1)
    assert capsys.readouterr().out == 'client → server   TEXT  masked    "Spam"\n'


def test_none_of_the_last_lines_is_no_line(transcript: Transcript) -> None:
    assert transcript.text(last=0) == ""


def test_more_lines_than_there_are_is_all_of_them(transcript: Transcript) -> None:
    assert transcript.text(last=50) == transcript.text()


def test_sent_and_received_are_the_frames_as_they_crossed(transcript: Transcript) -> None:
    transcript.feed("client", SPAM[:3])
    transcript.feed("client", SPAM[3:])
    transcript.feed("server", EGGS + EGGS)
    assert transcript.sent == [SPAM]
    assert transcript.received == [EGGS, EGGS]


def test_a_length_in_a_longer_form_is_kept_as_it_was_written(transcript: Transcript) -> None:
    transcript.feed("server", b"\x81\x7e\x00\x04Spam")
    assert transcript.received == [b"\x81\x7e\x00\x04Spam"]


def test_the_bytes_of_a_sender_include_what_is_unfinished(transcript: Transcript) -> None:
    transcript.feed("client", SPAM + SPAM[:3])
    assert transcript.bytes_from("client") == REQUEST + SPAM + SPAM[:3]


def test_an_unfinished_frame_is_the_last_line(transcript: Transcript) -> None:
    transcript.feed("client", SPAM[:3])
    assert transcript.text(last=1) == "client → server   unfinished: 81 84 37"


def test_entries_tell_when_they_came() -> None:
    times = iter([10.0, 10.5, 12.0])
    transcript = Transcript(clock=lambda: next(times))
    transcript.feed("client", REQUEST)
    transcript.feed("client", SPAM)
    assert [entry.at for entry in transcript.entries] == [0.5, 2.0]


def test_the_oldest_entries_go_first_and_are_counted() -> None:
    transcript = Transcript(max_entries=2)
    transcript.feed("client", REQUEST + SPAM * 3)
    assert transcript.sent == [SPAM, SPAM]
    assert transcript.dropped == 2
    assert transcript.text().splitlines()[0] == "… 2 earlier entries are no longer kept"


def test_the_bytes_that_are_kept_are_bounded() -> None:
    transcript = Transcript(max_bytes=1_000)
    transcript.feed("server", SWITCHING)
    for _ in range(100):
        transcript.feed("server", b"\x82\x7d" + bytes(125))
    assert sum(len(entry.data) for entry in transcript.entries) <= 1_000
    assert transcript.dropped == 101 - len(transcript.entries)


def test_every_byte_is_counted_kept_or_not() -> None:
    transcript = Transcript(max_entries=2)
    for _ in range(10):
        transcript.feed("client", SPAM)
    transcript.feed("server", EGGS[:3])
    assert (transcript.size_from("client"), transcript.size_from("server")) == (100, 3)


def test_a_subscriber_hears_of_each_entry_until_it_unsubscribes(transcript: Transcript) -> None:
    heard: list[Entry] = []
    unsubscribe = transcript.subscribe(heard.append)
    transcript.feed("client", SPAM)
    unsubscribe()
    unsubscribe()
    transcript.feed("client", SPAM)
    assert [entry.data for entry in heard] == [SPAM]


def test_a_subscriber_that_fails_does_not_stop_the_others(
    transcript: Transcript, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(entry: Entry) -> None:
        raise ValueError("Spam")

    heard: list[Entry] = []
    transcript.subscribe(fail)
    transcript.subscribe(heard.append)
    transcript.feed("client", SPAM)
    assert len(heard) == 1
    assert "a subscriber of the transcript failed" in caplog.text
