"""Answers that people give to the exercises of lesson 01: wrong ones, and right ones.

``WRONG`` holds, for each exercise, the source of an answer and a text that its verdict must show;
``RIGHT`` the sources of answers that must pass. Every source stands on its own.
"""

from __future__ import annotations

from textwrap import dedent

# What an answer may rely on from the exercises before it.
GIVEN = """
import base64, codecs, hashlib, struct

def accept_key(key):
    whole = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(whole.encode()).digest()).decode()

def apply_mask(data, key):
    return bytes(b ^ key[i % 4] for i, b in enumerate(data))

def parse_header(data):
    if len(data) < 2:
        return None
    extended = {126: 2, 127: 8}.get(data[1] & 127, 0)
    size = 2 + extended + (4 if data[1] & 128 else 0)
    if len(data) < size:
        return None
    length = int.from_bytes(data[2 : 2 + extended], "big") if extended else data[1] & 127
    return {"fin": data[0] >= 128, "opcode": data[0] & 15, "masked": data[1] >= 128,
            "length": length, "size": size}

def serialize_frame(opcode, payload, fin=True, mask=None):
    first, bit, n = opcode | 128 * fin, 128 * bool(mask), len(payload)
    if n < 126:
        head = bytes([first, bit | n])
    elif n < 65536:
        head = struct.pack("!BBH", first, bit | 126, n)
    else:
        head = struct.pack("!BBQ", first, bit | 127, n)
    return head + (mask + apply_mask(payload, mask) if mask else payload)

class FrameParser:
    def __init__(self):
        self.buffer = b""
    def feed(self, data):
        self.buffer += data
        frames = []
        while True:
            h = parse_header(self.buffer)
            if h is None or len(self.buffer) < h["size"] + h["length"]:
                return frames
            end = h["size"] + h["length"]
            payload = self.buffer[h["size"]:end]
            if h["masked"]:
                payload = apply_mask(payload, self.buffer[h["size"] - 4 : h["size"]])
            self.buffer = self.buffer[end:]
            frames.append((h["fin"], h["opcode"], payload))

class CloseError(Exception):
    pass

def close_answer(payload):
    return payload[:2]
"""


_ASSEMBLER = """
    class MessageAssembler:
        def __init__(self):
            self.opcode = None
        def add(self, fin, opcode, payload):
            if opcode >= 8:
                return None
            if opcode == 0 and self.opcode is None:
                raise CloseError(1002)
            if opcode != 0 and self.opcode is not None:
                raise CloseError(1002)
            if opcode:
                self.opcode, self.message = opcode, b""
                self.decoder = codecs.getincrementaldecoder("utf-8")()
                self.text = ""
            if self.opcode == 1:
                try:
                    self.text += self.decoder.decode(payload, fin)
                except UnicodeDecodeError:
                    raise CloseError(1007)
            self.message += payload
            if fin:
                message = self.text if self.opcode == 1 else self.message
                self.opcode = None
                return message
"""


def _given(source: str) -> str:
    return GIVEN + dedent(_ASSEMBLER) + dedent(source)


_SERVER = """
    async def serve_echo(reader, writer):
        request = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
        key = [l.split(":", 1)[1].strip() for l in request.splitlines()
               if l.lower().startswith("sec-websocket-key")][0]
        writer.write((
            "HTTP/1.1 101 Switching Protocols\\r\\n"
            "Upgrade: websocket\\r\\n"
            "Connection: Upgrade\\r\\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\\r\\n"
            "\\r\\n").encode())
        buffer = b""
        messages = MessageAssembler()
        while True:
            data = await reader.read(1000)
            if not data:
                return
            buffer += data
            while (h := parse_header(buffer)) and len(buffer) >= h["size"] + h["length"]:
                frame, buffer = buffer[:h["size"] + h["length"]], buffer[h["size"] + h["length"]:]
                if not h["masked"]:
                    writer.write(b"\\x88\\x02\\x03\\xea")
                    return
                payload = apply_mask(frame[h["size"]:], frame[h["size"] - 4 : h["size"]])
                if h["opcode"] == 8:
                    writer.write(serialize_frame(8, close_answer(payload)))
                    return
                if h["opcode"] == 9:
                    writer.write(serialize_frame(10, payload))
                    continue
                try:
                    message = messages.add(h["fin"], h["opcode"], payload)
                except CloseError as error:
                    writer.write(serialize_frame(8, struct.pack("!H", error.args[0])))
                    return
                if message is None:
                    continue
                if type(message) is str:
                    writer.write(serialize_frame(1, message.encode()))
                else:
                    writer.write(serialize_frame(2, message))
"""


def _changed(source: str, old: str, new: str) -> str:
    assert old in source, f"{old!r} is not in the answer it should be changed in"
    return _given(source.replace(old, new))


RIGHT: dict[str, dict[str, str]] = {
    "01.1": {
        "with binascii and a constant in bytes": dedent("""
            import binascii, hashlib
            def accept_key(key):
                guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                sha = hashlib.sha1(key.encode("ascii") + guid)
                return binascii.b2a_base64(sha.digest(), newline=False).decode("ascii")
        """),
        "with update and a lambda": dedent("""
            import base64, hashlib
            def _sha(*parts):
                h = hashlib.new("sha1")
                for part in parts:
                    h.update(part.encode())
                return h.digest()
            accept_key = lambda key: str(
                base64.standard_b64encode(_sha(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")),
                "ascii")
        """),
    },
    "01.2": {
        "with struct": dedent("""
            import struct
            def parse_header(data):
                try:
                    first, second = struct.unpack_from("!BB", data)
                    length, size = second & 0x7f, 2
                    if length == 126:
                        (length,) = struct.unpack_from("!H", data, 2)
                        size = 4
                    elif length == 127:
                        (length,) = struct.unpack_from("!Q", data, 2)
                        size = 10
                except struct.error:
                    return None
                masked = second >> 7 == 1
                size += 4 if masked else 0
                if len(data) < size:
                    return None
                return dict(fin=first >> 7 == 1, opcode=first % 16, masked=masked,
                            length=length, size=size)
        """),
        "the one of the exercises after it": _given(""),
    },
    "01.3": {
        "with cycle": dedent("""
            from itertools import cycle
            def apply_mask(data, key):
                return bytes(a ^ b for a, b in zip(data, cycle(key)))
        """),
        "as one big number": dedent("""
            def apply_mask(data, key):
                n = len(data)
                mask = (key * (n // 4 + 1))[:n]
                whole = int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")
                return whole.to_bytes(n, "big")
        """),
    },
    "01.4": {
        "with struct": _given(""),
        "with a bytearray": _given("""
            def serialize_frame(opcode, payload, fin=True, mask=None):
                frame = bytearray()
                frame.append((fin << 7) + opcode)
                n = len(payload)
                form = n if n < 126 else 126 if n < 2**16 else 127
                frame.append((0x80 if mask is not None else 0) + form)
                if form >= 126:
                    frame += n.to_bytes({126: 2, 127: 8}[form], "big")
                if mask is not None:
                    frame += mask
                    payload = apply_mask(payload, mask)
                return bytes(frame + payload)
        """),
    },
    "01.5": {
        "with a loop in feed": _given(""),
        "with a bytearray and a generator": _given("""
            class FrameParser:
                def __init__(self):
                    self._waiting = bytearray()
                def feed(self, data):
                    self._waiting.extend(data)
                    return list(self._frames())
                def _frames(self):
                    while header := parse_header(bytes(self._waiting)):
                        start, stop = header["size"], header["size"] + header["length"]
                        if len(self._waiting) < stop:
                            break
                        raw = bytes(self._waiting[:stop])
                        del self._waiting[:stop]
                        key = raw[start - 4 : start] if header["masked"] else bytes(4)
                        yield header["fin"], header["opcode"], apply_mask(raw[start:], key)
        """),
    },
    "01.6": {
        "with two accumulators": _given(_ASSEMBLER),
        "with one message object at a time": _given("""
            class Text:
                def __init__(self):
                    self.decoder, self.parts = codecs.getincrementaldecoder("utf8")(), []
                def add(self, data, final):
                    try:
                        self.parts.append(self.decoder.decode(data, final=final))
                    except UnicodeError as error:
                        raise CloseError(1007, "not UTF-8") from error
                    return "".join(self.parts)
            class Binary:
                def __init__(self):
                    self.data = b""
                def add(self, data, final):
                    self.data += data
                    return self.data
            class MessageAssembler:
                open = None
                def add(self, fin, opcode, payload):
                    if opcode in (8, 9, 10):
                        return None
                    if opcode == 0:
                        if not self.open:
                            raise CloseError(1002, "nothing to continue")
                    elif self.open:
                        raise CloseError(1002, "a message is open")
                    else:
                        self.open = Text() if opcode == 1 else Binary()
                    message = self.open.add(payload, fin)
                    if fin:
                        self.open = None
                        return message
        """),
    },
    "01.7": {
        "with struct and a set": dedent("""
            import struct
            GOOD = {1000, 1001, 1002, 1003} | set(range(1007, 1015)) | set(range(3000, 5000))
            def close_answer(payload):
                if payload == b"":
                    return b""
                if len(payload) < 2 or struct.unpack("!H", payload[:2])[0] not in GOOD:
                    return struct.pack("!H", 1002)
                try:
                    str(payload[2:], "utf-8")
                except UnicodeDecodeError:
                    return struct.pack("!H", 1007)
                return payload[:2]
        """),
        "with match": dedent("""
            def _utf8(reason):
                try:
                    reason.decode("utf-8")
                    return True
                except ValueError:
                    return False
            def close_answer(payload):
                code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
                match code:
                    case None:
                        return b"" if not payload else bytes([3, 234])
                    case 1004 | 1005 | 1006 | 1015:
                        return bytes([3, 234])
                    case c if 1000 <= c < 1015 or 3000 <= c < 5000:
                        return payload[:2] if _utf8(payload[2:]) else bytes([3, 239])
                return bytes([3, 234])
        """),
    },
    "01.8": {
        "with a buffer of its own": _given(_SERVER),
        "on labkit's own codec": dedent("""
            from labkit.errors import RemoteProtocolError
            from labkit.protocol.connection import Connection, Side
            from labkit.protocol.events import Accept, Binary, Close, Failed, Ping, Pong, Text
            from labkit.protocol.events import Upgrade
            async def serve_echo(reader, writer):
                connection = Connection(Side.SERVER)
                while True:
                    connection.receive_data(await reader.read(4096))
                    for event in connection.events():
                        match event:
                            case Upgrade():
                                connection.send(Accept())
                            case Text() | Binary():
                                connection.send(event)
                            case Ping(payload):
                                connection.send(Pong(payload))
                            case Close(code):
                                connection.send(Close(code))
                    writer.write(connection.data_to_send())
                    if connection.state.name == "CLOSED":
                        return
                    await writer.drain()
        """),
    },
}

WRONG: dict[str, dict[str, tuple[str, str]]] = {
    "01.1": {
        "forgets the GUID": (
            _given(
                "def accept_key(key):\n    return base64.b64encode("
                "hashlib.sha1(key.encode()).digest()).decode()"
            ),
            "the key of RFC 6455 §1.3 gives the RFC's answer",
        ),
        "writes the hash in hexadecimal": (
            _given(
                "def accept_key(key):\n    guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'\n"
                "    return hashlib.sha1((key + guid).encode()).hexdigest()"
            ),
            "SHA-1, as raw bytes → base64, as text",
        ),
        "returns bytes": (
            _given("_right = accept_key\ndef accept_key(key):\n    return _right(key).encode()"),
            "expected str, got bytes",
        ),
        "returns the RFC's answer for every key": (
            "def accept_key(key):\n    return 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='",
            "a key nobody has seen before gives its own answer",
        ),
        "adds a str to bytes": (
            _given(
                "def accept_key(key):\n    return base64.b64encode(hashlib.sha1("
                "key.encode() + '258EAFA5').digest())"
            ),
            "it raised TypeError: can't concat str to bytes (line ",
        ),
    },
    "01.2": {
        "takes the mask bit for part of the length": (
            _given(
                "_right = parse_header\ndef parse_header(data):\n    h = _right(data)\n"
                "    return h and {**h, 'length': data[1]}"
            ),
            "the mask bit is not part of the length",
        ),
        "leaves the reserved bits in the opcode": (
            _given(
                "_right = parse_header\ndef parse_header(data):\n    h = _right(data)\n"
                "    return h and {**h, 'opcode': data[0] & 0x7f}"
            ),
            "a reserved bit is not part of the opcode",
        ),
        "reads the length low byte first": (
            _given("""
                _right = parse_header
                def parse_header(data):
                    h = _right(data)
                    if h and data[1] & 127 == 126:
                        h["length"] = int.from_bytes(data[2:4], "little")
                    return h
            """),
            "126 says that two bytes of length follow, the high one first",
        ),
        "wants the payload to be there": (
            _given("""
                _right = parse_header
                def parse_header(data):
                    h = _right(data)
                    return h if h and len(data) >= h["size"] + h["length"] else None
            """),
            "the payload need not be there yet",
        ),
        "does not ask whether the bytes are there": (
            _given("""
                _right = parse_header
                def parse_header(data):
                    data[0], data[1]
                    return _right(data)
            """),
            "IndexError: index out of range",
        ),
        "forgets that the key is part of the header": (
            _given("""
                _right = parse_header
                def parse_header(data):
                    h = _right(data)
                    return h and {**h, "size": h["size"] - 4 * h["masked"]}
            """),
            "the key adds 4 bytes",
        ),
    },
    "01.3": {
        "calls bytes with one number": (
            dedent("""
                def apply_mask(data, key):
                    masked = b""
                    for i, byte in enumerate(data):
                        masked += bytes(byte ^ key[i % 4])
                    return masked
            """),
            "`bytes(5)` is five zero bytes",
        ),
        "forgets to return": (
            "def apply_mask(data, key):\n    print([b ^ key[i % 4] for i, b in enumerate(data)])",
            "got None: is a `return` missing?",
        ),
        "stops after four bytes": (
            "def apply_mask(data, key):\n    return bytes(a ^ b for a, b in zip(data, key))",
            "the fifth byte uses the first byte of the key again",
        ),
        "adds instead of xor": (
            "def apply_mask(data, key):\n"
            "    return bytes((b + key[i % 4]) % 256 for i, b in enumerate(data))",
            "four bytes use the four bytes of the key in order",
        ),
        "returns a list": (
            "def apply_mask(data, key):\n    return [b ^ key[i % 4] for i, b in enumerate(data)]",
            "expected bytes, got a list",
        ),
        "is a coroutine": (
            "async def apply_mask(data, key):\n    return data",
            "write `def`, not `async def`",
        ),
    },
    "01.4": {
        "has one length form": (
            _given(
                "def serialize_frame(opcode, payload, fin=True, mask=None):\n"
                "    return bytes([128 * fin | opcode, len(payload)]) + payload"
            ),
            "a masked text frame, RFC 6455 §5.7",
        ),
        "sets FIN always": (
            _given(
                "_right = serialize_frame\ndef serialize_frame(o, p, fin=True, mask=None):\n"
                "    return _right(o, p, True, mask)"
            ),
            "a first fragment has FIN clear",
        ),
        "uses the two-byte form too early": (
            _given("""
                _right = serialize_frame
                def serialize_frame(o, p, fin=True, mask=None):
                    if len(p) == 125:
                        return bytes([128 * fin | o, 126, 0, 125]) + p
                    return _right(o, p, fin, mask)
            """),
            "a payload of 125 bytes has its length in the shortest form",
        ),
        "writes the length low byte first": (
            _given("""
                _right = serialize_frame
                def serialize_frame(o, p, fin=True, mask=None):
                    if 126 <= len(p) <= 65535:
                        return bytes([128 * fin | o, 126]) + len(p).to_bytes(2, "little") + p
                    return _right(o, p, fin, mask)
            """),
            "a payload of 126 bytes has its length in the shortest form",
        ),
        "forgets to mask the payload": (
            _given("""
                _right = serialize_frame
                def serialize_frame(o, p, fin=True, mask=None):
                    frame = _right(o, p, fin, mask)
                    return frame[:len(frame) - len(p)] + p
            """),
            "then the masked payload",
        ),
    },
    "01.5": {
        "thinks that a piece is a frame": (
            _given("""
                class FrameParser:
                    def feed(self, data):
                        h = parse_header(data)
                        payload = data[h["size"]:]
                        if h["masked"]:
                            payload = apply_mask(payload, data[h["size"] - 4:h["size"]])
                        return [(h["fin"], h["opcode"], payload)]
            """),
            "three frames in one piece",
        ),
        "takes the key from a fixed place": (
            _given("""
                class FrameParser:
                    def __init__(self):
                        self.buffer = b""
                    def feed(self, data):
                        self.buffer += data
                        frames = []
                        while h := parse_header(self.buffer):
                            end = h["size"] + h["length"]
                            if len(self.buffer) < end:
                                break
                            payload = self.buffer[h["size"]:end]
                            if h["masked"]:
                                payload = apply_mask(payload, self.buffer[2:6])
                            frames.append((h["fin"], h["opcode"], payload))
                            self.buffer = self.buffer[end:]
                        return frames
            """),
            "the key is behind the length, wherever that ends",
        ),
        "gives one frame a piece": (
            _given("""
                _Right = FrameParser
                class FrameParser(_Right):
                    def feed(self, data):
                        return super().feed(data)[:1]
            """),
            "loop until none is whole",
        ),
        "forgets what was left over": (
            _given("""
                _Right = FrameParser
                class FrameParser(_Right):
                    def feed(self, data):
                        self.buffer = b""
                        return super().feed(data)
            """),
            "one byte at a time: nothing until the last, then the frame",
        ),
        "does not unmask": (
            _given("""
                _Right = FrameParser
                class FrameParser(_Right):
                    def feed(self, data):
                        before = apply_mask
                        globals()["apply_mask"] = lambda data, key: data
                        frames = super().feed(data)
                        globals()["apply_mask"] = before
                        return frames
            """),
            "a masked frame comes out unmasked",
        ),
        "shares its buffer with all parsers": (
            _given("""
                class FrameParser:
                    buffer = bytearray()
                    def feed(self, data):
                        self.buffer += data
                        frames = []
                        while h := parse_header(bytes(self.buffer)):
                            end = h["size"] + h["length"]
                            if len(self.buffer) < end:
                                break
                            payload = bytes(self.buffer[h["size"]:end])
                            if h["masked"]:
                                key = bytes(self.buffer[h["size"] - 4:h["size"]])
                                payload = apply_mask(payload, key)
                            del self.buffer[:end]
                            frames.append((h["fin"], h["opcode"], payload))
                        return frames
            """),
            "two parsers do not share a buffer",
        ),
        "has no method feed": (
            "class FrameParser:\n    def parse(self, data):\n        return []",
            "`FrameParser` has no method `feed`",
        ),
    },
    "01.6": {
        "decodes each fragment by itself": (
            _changed(_ASSEMBLER, "self.decoder.decode(payload, fin)", "payload.decode()"),
            "a character may be cut by a fragment's end",
        ),
        "decodes at the end": (
            _changed(
                _ASSEMBLER,
                "self.text += self.decoder.decode(payload, fin)",
                "self.text = (self.message + payload).decode() if fin else ''",
            ),
            "bytes that are not UTF-8 fail at once, not at the message's end",
        ),
        "does not ask for the rest at the end": (
            _changed(_ASSEMBLER, "decode(payload, fin)", "decode(payload)"),
            "a message that ends inside a character fails",
        ),
        "takes a ping for a message": (
            _changed(_ASSEMBLER, "if opcode >= 8:", "if opcode >= 80:"),
            "a ping between two fragments disturbs nothing",
        ),
        "accepts a continuation of nothing": (
            _changed(
                _ASSEMBLER,
                "if opcode == 0 and self.opcode is None:\n                raise CloseError(1002)",
                "if opcode == 0 and self.opcode is None:\n                return None",
            ),
            "a continuation of nothing is refused",
        ),
        "accepts a message inside a message": (
            _changed(
                _ASSEMBLER,
                "if opcode != 0 and self.opcode is not None:",
                "if opcode > 2:",
            ),
            "a new message inside an open one is refused",
        ),
        "takes every continuation for text": (
            _changed(
                _ASSEMBLER,
                "if self.opcode == 1:",
                "self.opcode = opcode or 1\n            if self.opcode == 1:",
            ),
            "binary in fragments stays bytes too",
        ),
        "replaces what is not UTF-8": (
            _changed(_ASSEMBLER, 'decoder("utf-8")()', 'decoder("utf-8")("replace")'),
            "turn UnicodeDecodeError into CloseError(1007)",
        ),
        "never forgets the message before": (
            _changed(
                _ASSEMBLER,
                "                self.opcode = None\n                return",
                "                return",
            ),
            "after a whole message no message is open",
        ),
    },
    "01.7": {
        "echoes whatever comes": (
            "def close_answer(payload):\n    return payload",
            "1000 with a reason is answered by 1000",
        ),
        "echoes every code": (
            "def close_answer(payload):\n    return payload[:2]",
            "a code that must not be sent is a protocol error, 1002",
        ),
        "knows only the codes below 1012": (
            dedent("""
                def close_answer(payload):
                    code = int.from_bytes(payload[:2], "big")
                    good = code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1011
                    good = good or 3000 <= code <= 4999
                    return payload[:2] if good or not payload else b"\\x03\\xea"
            """),
            "every code that may be sent is echoed",
        ),
        "unpacks before it looks": (
            dedent("""
                import struct
                def close_answer(payload):
                    (code,) = struct.unpack("!H", payload[:2])
                    return payload[:2]
            """),
            "it raised error: unpack requires a buffer of 2 bytes",
        ),
        "does not read the reason": (
            dedent("""
                def close_answer(payload):
                    if not payload:
                        return b""
                    code = int.from_bytes(payload[:2], "big")
                    good = 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
                    return payload[:2] if good and len(payload) > 1 else b"\\x03\\xea"
            """),
            "a reason that is not UTF-8 is 1007",
        ),
        "answers nothing with 1000": (
            dedent("""
                def close_answer(payload):
                    return payload[:2] or b"\\x03\\xe8"
            """),
            "a close without a code is answered without one",
        ),
    },
    "01.8": {
        "answers with the key itself": (
            _changed(_SERVER, "{accept_key(key)}", "{key}"),
            "the upgrade is answered with 101 and the accept key",
        ),
        "forgets the empty line": (
            _changed(_SERVER, '"\\r\\n").encode())', '"").encode())'),
            r"an answer without the empty line, \r\n\r\n, at its end",
        ),
        "ends its lines with a newline only": (
            _changed(_SERVER, "\\r\\n", "\\n").replace(
                r'readuntil(b"\n\n")', r'readuntil(b"\r\n\r\n")'
            ),
            r"an answer whose lines end with \n; HTTP wants \r\n",
        ),
        "echoes everything as text": (
            _changed(_SERVER, "serialize_frame(2, message)", "serialize_frame(1, message)"),
            "a binary message comes back as binary",
        ),
        "answers a ping with a ping": (
            _changed(_SERVER, "serialize_frame(10, payload)", "serialize_frame(9, payload)"),
            "a ping is answered by a pong with the same payload",
        ),
        "masks what it sends": (
            _changed(
                _SERVER,
                "serialize_frame(1, message.encode())",
                "serialize_frame(1, message.encode(), True, b'abcd')",
            ),
            'TEXT masked "Spam"',
        ),
        "goes on after a close": (
            _changed(
                _SERVER,
                "close_answer(payload)))\n                    return",
                "close_answer(payload)))\n                    continue",
            ),
            "a close is answered with its code, and the connection ends",
        ),
        "looks at the mask of the last frame only": (
            _changed(
                _SERVER,
                'if not h["masked"]:',
                'if not h["masked"] and not buffer:',
            ),
            "look at the mask bit of every frame, not of every piece",
        ),
        "does not assemble fragments": (
            _changed(
                _SERVER,
                'messages.add(h["fin"], h["opcode"], payload)',
                "payload.decode() if h['opcode'] == 1 else payload",
            ),
            "a fragment is no message yet",
        ),
        "accepts frames without a mask": (
            _changed(_SERVER, 'if not h["masked"]:', "if False:"),
            "a frame without a mask is refused with 1002",
        ),
        "looks for the header in its own spelling": (
            _changed(_SERVER, 'startswith("sec-websocket-key")', 'startswith("x-key")'),
            "it raised IndexError: list index out of range (line ",
        ),
        "is not a coroutine": (
            "def serve_echo(reader, writer):\n    pass",
            "write `async def serve_echo`",
        ),
        "blocks the loop": (
            "import time\nasync def serve_echo(reader, writer):\n    time.sleep(30)",
            "it blocks the event loop at line 3: `time.sleep(30)`",
        ),
    },
}
