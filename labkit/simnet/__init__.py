"""A simulated network and a virtual clock: real asyncio code, no sockets, no waiting."""
