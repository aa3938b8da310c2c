"""RFC 6455 and RFC 7692 as a sans-I/O codec, standard library only. Knows no sockets and no clock.

To read it, begin with ``frames`` (the bits) and ``rules`` (what is allowed), then ``messages`` and
``deflate`` (fragments and compression), ``http``, ``handshake`` and ``extensions`` (the upgrade and
what is agreed on), ``events`` and ``states`` (what happens, and when it may), and at last
``receiver``, ``sender`` and ``connection``, which put it all together.
"""
