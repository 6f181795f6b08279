"""What each address answers: read the request, call what computes, show a page. Nothing is computed here.

What every view reads of a request: who asks, under which number, and where to go back to.
"""

import uuid

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def author(request: HttpRequest) -> str:
    """The name under which the person decides."""
    return str(request.user.get_username())


def request_id(request: HttpRequest) -> str:
    """The number of what the form asks, sent again if the browser sends it again."""
    return request.POST.get("request_id") or uuid.uuid4().hex


def back(request: HttpRequest, default: str) -> str:
    """Where the person came from, when it is a page of the application; `default` else."""
    asked = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if asked and is_ours else default
