"""A client of the review application, without a browser."""

import re

import httpx

from support.review_server import Served


def client(served: Served, name: str | None = None) -> httpx.Client:
    """A client that follows no redirection, logged in as `name`."""
    cookies = {served.session_cookie: served.sessions[name]} if name else {}
    return httpx.Client(base_url=served.address, timeout=30, cookies=cookies, verify=False)


def token(session: httpx.Client) -> str:
    """The token of the last form that the session was shown."""
    page = session.get(
        "/compte"
        if any(name.startswith("ateliers_session") for name in session.cookies)
        else "/connexion"
    ).text
    return re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]


ANALYSTS = {f"analyste{n:02d}": "analyse" for n in range(20)}


def validate(session: httpx.Client, unit_id: str, token_: str, request_id: str) -> int:
    """Confirm a passage; the status of the answer."""
    data = {"geste": "valider", "csrfmiddlewaretoken": token_, "request_id": request_id}
    return session.post(
        f"/passages/{unit_id}/decider", data=data, headers={"HX-Request": "true"}
    ).status_code
