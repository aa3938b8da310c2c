"""The checks of lesson 01, the protocol. The RFC's own example comes first wherever it has one."""

from labkit.checks.lesson01 import connections, frames, handshake, streams

__all__ = ["connections", "frames", "handshake", "streams"]
