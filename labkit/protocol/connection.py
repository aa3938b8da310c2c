"""One side of a WebSocket connection without I/O: bytes in, events out, and the other way round.

Never reads, writes or waits, and answers nothing by itself: whoever drives it feeds it what
arrives, sends what it gives, and replies to a Ping with a Pong and to a Close with a Close.

::

    bytes → receive_data() → events() → Event        Event → send() → data_to_send() → bytes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from secrets import token_bytes

from labkit.errors import HandshakeError, LocalProtocolError, RemoteProtocolError

from . import extensions, handshake
from .deflate import DEFAULT_LEVEL, Deflater, Inflater
from .events import Accept, Close, Event, Failed, Lost, Reject, Upgrade
from .extensions import Deflate
from .frames import Buffer, CloseCode
from .http import HeadReader, Request, Response
from .messages import DEFAULT_MAX_FRAMES, DEFAULT_MAX_SIZE, MessageAssembler
from .receiver import Receiver
from .rules import shorten
from .sender import Sender
from .states import TRANSITIONS as TRANSITIONS
from .states import State as State
from .states import Way


class Side(Enum):
    """Who this side is. A client masks what it sends, a server does not (RFC 6455 §5.1)."""

    CLIENT = "client"
    SERVER = "server"


class Connection:
    """The codec of one side of one connection.

    ``subprotocols`` are those this side speaks, the best first. ``deflate`` is what it wants of
    compression, None for none, and ``deflate_level`` how hard it compresses. ``max_size`` (bytes)
    and ``max_frames`` bound a message it receives. ``rng(n)`` returns n random bytes.

    >>> client, server = Connection(Side.CLIENT), Connection(Side.SERVER)
    >>> client.send(Upgrade("example.com", "/chat"))
    >>> server.receive_data(client.data_to_send())
    >>> [event.target for event in server.events()]
    ['/chat']
    >>> server.send(Accept())
    >>> server.state
    <State.OPEN: 'messages go both ways'>
    """

    def __init__(
        self,
        side: Side,
        *,
        subprotocols: Sequence[str] = (),
        deflate: Deflate | None = None,
        deflate_level: int = DEFAULT_LEVEL,
        max_size: int = DEFAULT_MAX_SIZE,
        max_frames: int = DEFAULT_MAX_FRAMES,
        rng: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self.side = side
        self.state = State.IDLE if side is Side.CLIENT else State.LISTENING
        #: What both sides agreed on, once the connection is open.
        self.subprotocol: str | None = None
        self.deflate: Deflate | None = None
        self._subprotocols = subprotocols
        self._wanted = deflate
        self._deflate_level = deflate_level
        self._max_size = max_size
        self._max_frames = max_frames
        self._rng = rng
        self._head = HeadReader()
        self._request = Request("/")
        self._response = Response(101)
        self._receiver: Receiver | None = None
        self._sender = Sender()
        self._has_ended = False
        self._outgoing: list[bytes] = []

    def receive_data(self, data: Buffer) -> None:
        """Take in what arrived; ``b""`` is the end of the stream.

        Nothing is parsed yet: that is done by ``events``, as far as it is asked.
        """
        if not data:
            self._has_ended = True
        elif self.state in (State.REMOTE_CLOSING, State.CLOSED):
            return
        elif self._receiver is None:
            self._head.feed(data)
        else:
            self._receiver.feed(data)

    def events(self) -> Iterator[Event]:
        """Return what happened, in order. What the peer did wrong is an event, not an exception."""
        return iter(self._next_event, None)

    def send(self, event: Event) -> None:
        """Make ``event`` happen; its bytes are in ``data_to_send``.

        Raises LocalProtocolError if it may not happen now or breaks a rule; then nothing is sent.
        """
        after = TRANSITIONS.get((self.state, Way.SENT, type(event)))
        if after is None:
            raise LocalProtocolError(
                CloseCode.PROTOCOL_ERROR,
                f"{type(event).__name__} cannot be sent now: {self.state.value}",
            )
        self._outgoing.append(self._serialize(event))
        self.state = after

    def data_to_send(self) -> bytes:
        """Return what is to be sent to the peer now, and forget it."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def _next_event(self) -> Event | None:
        try:
            event = self._receive()
        except (RemoteProtocolError, HandshakeError) as error:
            event = self._fail(error)
        if event is not None:
            self.state = TRANSITIONS[self.state, Way.RECEIVED, type(event)]
        return event

    def _receive(self) -> Event | None:
        match self.state:
            case State.LISTENING:
                return self._receive_request()
            case State.REQUESTING:
                return self._receive_response()
            case State.OPEN | State.LOCAL_CLOSING:
                assert self._receiver is not None, "the handshake sets it up"
                event = self._receiver.take()
                return Lost() if event is None and self._has_ended else event
        return None

    def _receive_request(self) -> Upgrade | None:
        head = self._head.take()
        if head is None and self._has_ended:
            raise HandshakeError(400, "the client ended the stream within its request")
        if head is None:
            return None
        request = Request.parse(head)
        agreed = extensions.agree(request, self._wanted)
        self._response = handshake.accept(
            request,
            subprotocols=self._subprotocols,
            extensions=extensions.serialize(agreed) if agreed else None,
        )
        self.deflate = agreed
        return Upgrade(request.header("Host") or "", request.target, request.headers)

    def _receive_response(self) -> Accept | Reject | None:
        head = self._head.take()
        if head is None and self._has_ended:
            raise HandshakeError(502, "the server ended the stream within its answer")
        if head is None:
            return None
        response = Response.parse(head)
        if response.status != 101:
            return Reject(response.status, response.reason, response.headers)
        handshake.check(response, self._request)
        self.deflate = extensions.confirm(response, self._wanted)
        self._open(response)
        return Accept(response.headers)

    def _open(self, response: Response) -> None:
        """Set up what the handshake agreed on, and keep what came behind it."""
        is_client = self.side is Side.CLIENT
        deflater = inflater = None
        if self.deflate is not None:
            ours, theirs = self.deflate.client, self.deflate.server
            if not is_client:
                ours, theirs = theirs, ours
            deflater = Deflater(ours.bits, takeover=ours.takeover, level=self._deflate_level)
            inflater = Inflater(theirs.bits, max_size=self._max_size, takeover=theirs.takeover)
        self.subprotocol = response.header("Sec-WebSocket-Protocol")
        self._sender = Sender(
            make_mask=(lambda: self._rng(4)) if is_client else None, deflater=deflater
        )
        self._receiver = Receiver(
            MessageAssembler(
                max_size=self._max_size, max_frames=self._max_frames, inflater=inflater
            ),
            must_mask=not is_client,
            compression=inflater is not None,
        )
        self._receiver.feed(self._head.rest())

    def _fail(self, error: RemoteProtocolError | HandshakeError) -> Failed:
        """Tell the peer what it did, where it can still be told (RFC 6455 §7.1.7)."""
        if isinstance(error, RemoteProtocolError) and self.state is State.OPEN:
            self._outgoing.append(self._sender.serialize(Close(error.code, shorten(error.reason))))
        elif isinstance(error, HandshakeError) and self.side is Side.SERVER:
            self._outgoing.append(handshake.refuse(error).serialize())
        return Failed(error)

    def _serialize(self, event: Event) -> bytes:
        match event:
            case Upgrade(host, target, headers):
                self._request = handshake.offer(
                    host,
                    target,
                    key=handshake.make_key(self._rng),
                    subprotocols=self._subprotocols,
                    extensions=extensions.offer(self._wanted) if self._wanted else None,
                    headers=headers,
                )
                return self._request.serialize()
            case Accept(headers):
                response = self._response
                data = replace(response, headers=response.headers + headers).serialize()
                self._open(response)
                return data
            case Reject(status, reason, headers):
                return handshake.refuse(HandshakeError(status, reason), headers).serialize()
            case Failed() | Lost():
                raise AssertionError("only received: no row of the table sends it")
            case message:
                return self._sender.serialize(message)
