"""The health check of the image: exit code 0 while the process answers ``/livez``, 1 otherwise.

``AGGREGATOR_HEALTH`` names another address than that of the image, as ``host:port``.
"""

import http.client
import os
import sys


def lives(address: str) -> bool:
    """Return whether the process at *address* says that it lives."""
    connection = http.client.HTTPConnection(address, timeout=2.5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not lives(os.environ.get("AGGREGATOR_HEALTH", "127.0.0.1:8000")))
