"""RFC 6455 and RFC 7692 as a sans-I/O codec, standard library only. Knows no sockets and no clock.

Read it in this order: ``frames`` (bits), ``handshake`` (the upgrade, over ``http``), ``closing``
(close codes), ``messages`` and ``deflate`` (fragments and compression), ``events`` and ``states``
(what happens, and when it may), ``connection`` (all of it put together).
"""
