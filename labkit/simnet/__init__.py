"""A simulated network and a virtual clock: real asyncio code, no sockets, no waiting.

To use it, read ``simulation``. To read it, take one part after the other; none needs those below.

- The network, which runs no code: ``schedule`` (what happens when), ``hosts`` and ``paths``,
  ``streams`` (one direction of a connection, with its buffers), ``connections`` and ``attempts``
  (two ends, and how they meet), ``world``, which puts them together and moves the time. ``seam`` is
  what a loop and the world say to each other, ``faults`` and ``plans`` are what goes wrong,
  ``marks`` and ``observer`` how one looks on.
- What Python's modules do in a simulated thread: ``clocks``, ``entropy``, ``own_threads``, on top
  of ``shared``. ``interruption`` and ``watch`` end code that does not come back; ``interlude`` is
  for where another loop runs already.
- A loop's way into the world: ``process``, or ``pipe`` and ``remote`` from another process, then
  ``sockets`` and ``selector``, on which asyncio's own transports run.
- Tasks, which know their host (``tasks``), and sockets that block: ``refusals``, ``access``,
  ``sync``, ``blocking``.
- Threads, and who waits for what: ``waiting``, ``jobs``, ``turns``, ``workplace``, ``threads``.
- The loop: ``virtual``, ``loop``, ``habitat``, and ``programs``, which hosts boot.
- What is left of it: ``recording`` and ``recorded`` as text; ``timeline``, ``arrows``, ``svg`` and
  ``chart`` as a picture.
"""
