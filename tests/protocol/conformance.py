"""The table of cases: what a peer sends, and all that must come of it. Plays none of them itself.

It has what the Autobahn cases leave out (the opening handshake, masking, the forms of a length,
limits, every close code), and each rule of the codec at its boundary.
"""

from __future__ import annotations

from .cases.closing import CLOSING, SENDING
from .cases.compression import COMPRESSION
from .cases.frames import FRAMES, MESSAGES
from .cases.functions import FUNCTIONS
from .cases.negotiation import NEGOTIATION
from .cases.requests import MALFORMED, REQUESTS
from .cases.responses import RESPONSES

CASES = {
    **REQUESTS,
    **MALFORMED,
    **RESPONSES,
    **NEGOTIATION,
    **FRAMES,
    **MESSAGES,
    **CLOSING,
    **SENDING,
    **COMPRESSION,
    **FUNCTIONS,
}
