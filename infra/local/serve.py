"""Starts the emulator, with one setting of Python's HTTP server that it leaves out.

It hands an event to a function as two small writes. With Nagle's algorithm the second waits for the acknowledgement of the
first, which the other end delays: 40 ms for every invocation, so 80 ms for a request with its authorizer.
"""

import socketserver
import sys

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.app import main  # noqa: E402  (after the setting)

sys.exit(main())
