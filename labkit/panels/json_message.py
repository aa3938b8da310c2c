"""Reads a message as JSON, whatever a server sends. Knows nothing of what the JSON means."""

from __future__ import annotations

import json
from typing import Any


def read_json(message: str | bytes) -> Any:
    """Return the value in ``message``, or None if it is not JSON.

    >>> read_json('{"price": 101.2}')
    {'price': 101.2}
    """
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None
