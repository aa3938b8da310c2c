"""The closing handshake, every close code, what may be sent when (RFC 6455 §7). Plays nothing."""

from __future__ import annotations

from ..playing import END, Case, Send
from ..wire import close, frame
from .frames import CLOSE, CONT, PING, TEXT, broken, fine

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
PRIVATE_CODES = (3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
NOT_NOW = "LocalProtocolError 1002"

CLOSING = {
    **{
        f"close code {code}": fine(f"Close {code}", steps=(close(code),))
        for code in VALID_CODES + PRIVATE_CODES
    },
    **{
        f"close code {code}": broken(f"close code {code} may not be sent", close(code))
        for code in INVALID_CODES
    },
    **{
        f"close code {code} is sent": fine(
            f"sends unmasked CLOSE {code}", steps=(Send("Close", (code,)),)
        )
        for code in VALID_CODES + PRIVATE_CODES
    },
    **{
        f"close code {code} is not sent": fine(NOT_NOW, steps=(Send("Close", (code,)),))
        for code in INVALID_CODES
        if code != 1005
    },
    "a close without a code": fine("Close 1005", steps=(frame(CLOSE),)),
    "a close without a code is sent": fine(
        "sends unmasked CLOSE without a code", steps=(Send("Close", (1005,)),)
    ),
    "no code, but a reason": fine(NOT_NOW, steps=(Send("Close", (1005, "Spam")),)),
    "a close of one byte": broken(
        "a close frame has 1 byte, half a close code", frame(CLOSE, b"\x03")
    ),
    "a reason": fine("Close 1000 Spam €", steps=(close(1000, "Spam €".encode()),)),
    "a reason that is not UTF-8": broken(
        "the reason of a close frame is not UTF-8: invalid start byte",
        close(1000, b"Sp\xff"),
        code=1007,
    ),
    "a reason of 123 bytes": fine(
        "sends unmasked CLOSE 1000", steps=(Send("Close", (1000, 123 * "a")),)
    ),
    "a reason of 124 bytes": fine(NOT_NOW, steps=(Send("Close", (1000, 124 * "a")),)),
    "a close is answered, then nothing counts": fine(
        "Close 1001",
        "sends unmasked CLOSE 1001",
        steps=(close(1001) + frame(TEXT, b"Spam"), Send("Close", (1001,)), frame(0x83), END),
    ),
    "a close in mid-message": fine(
        "Close 1000",
        "sends unmasked CLOSE 1000",
        steps=(
            frame(0x01, b"Sp") + close(1000) + frame(CONT, b"am"),
            Send("Close", (1000,)),
        ),
    ),
    "messages still come in after a close was sent": fine(
        "sends unmasked CLOSE 1000",
        "Text Spam",
        "Ping hi",
        "Close 1000",
        steps=(Send("Close"), frame(TEXT, b"Spam") + frame(PING, b"hi") + close(1000)),
    ),
    "a broken rule after a close was sent": fine(
        "sends unmasked CLOSE 1000",
        "Failed 1002: opcode 0x3 is reserved",
        steps=(Send("Close"), frame(0x83), close(1000)),
    ),
    "an end without a close": fine("Text Spam", "Lost 1006", steps=(frame(TEXT, b"Spam"), END)),
    "an end within a frame": fine("Lost 1006", steps=(frame(TEXT, b"Spam")[:-1], END)),
    "an end after a close was sent": fine(
        "sends unmasked CLOSE 1000", "Lost 1006", steps=(Send("Close"), END)
    ),
    "an end behind a close can be answered": fine(
        "Close 1000", "sends unmasked CLOSE 1000", steps=(close(1000), END, Send("Close"))
    ),
    "nothing is sent after a close was sent": fine(
        "sends unmasked CLOSE 1000",
        *5 * [NOT_NOW],
        steps=(
            Send("Close"),
            Send("Text", ("Spam",)),
            Send("Binary", (b"Spam",)),
            Send("Ping"),
            Send("Pong"),
            Send("Close"),
        ),
    ),
    "only a close is sent after a close has come": fine(
        "Close 1000",
        *3 * [NOT_NOW],
        "sends unmasked CLOSE 1000",
        NOT_NOW,
        steps=(
            close(1000),
            Send("Text", ("Spam",)),
            Send("Ping"),
            Send("Pong"),
            Send("Close"),
            Send("Close"),
        ),
    ),
}


SENDING = {
    "a server does not mask": fine("sends unmasked TEXT Spam", steps=(Send("Text", ("Spam",)),)),
    "a client masks": fine(
        "sends masked TEXT Spam", steps=(Send("Text", ("Spam",)),), side="client"
    ),
    "binary, ping, pong": fine(
        "sends unmasked BINARY ÿ",
        "sends unmasked PING hi",
        "sends unmasked PONG ho",
        steps=(Send("Binary", (b"\xff",)), Send("Ping", (b"hi",)), Send("Pong", (b"ho",))),
    ),
    "a ping of 125 bytes is sent": fine(
        "sends unmasked PING aaaaaaaa… 125", steps=(Send("Ping", (125 * b"a",)),)
    ),
    "a ping of 126 bytes is not": fine(NOT_NOW, steps=(Send("Ping", (126 * b"a",)),)),
    "half a surrogate is not sent": fine(
        "LocalProtocolError 1007", steps=(Send("Text", ("\ud83d",)),)
    ),
    "a message before the handshake": Case((Send("Text", ("Spam",)),), (NOT_NOW,), start="idle"),
    "a server does not ask": Case((Send("Upgrade", ("h",)),), (NOT_NOW,), start="idle"),
    "a client does not accept": fine(
        NOT_NOW, steps=(Send("Accept"),), side="client", start="asked"
    ),
    "a client asks once": fine(
        NOT_NOW, steps=(Send("Upgrade", ("h",)),), side="client", start="asked"
    ),
    "a failure is not sent": fine(NOT_NOW, steps=(Send("Lost"),)),
}
