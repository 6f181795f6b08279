"""Ask an address of this machine whether it answers: the health check of a container.

    python -m flows.health http://127.0.0.1:8010/connexion

Ends with 0 where it answers, else with 1.
"""

import sys
from http.client import HTTPException
from urllib.request import Request, urlopen

_WAIT_S = 10.0


def answers(address: str) -> bool:
    """Whether `address` answers well; a server that asks for https takes this for it."""
    request = Request(address, headers={"X-Forwarded-Proto": "https"})
    try:
        with urlopen(request, timeout=_WAIT_S) as answer:
            return int(answer.status) == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
