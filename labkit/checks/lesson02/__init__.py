"""The checks of lesson 02, setting up."""

from labkit.checks.lesson02 import clients, configuration, packets, servers

__all__ = ["clients", "configuration", "packets", "servers"]
