"""A client of the review application, without a browser."""

import re

import httpx

from support.review_server import Served

PATIENCE_S = 120  # a server that has just started, beside a busy suite, may take seconds to answer


def client(
    served: Served, name: str | None = None, *, session: str = "", follow_redirects: bool = False
) -> httpx.Client:
    """A client logged in as `name`, or with the key `session`, which follows no redirection unless asked."""
    key = served.sessions[name] if name else session
    return httpx.Client(
        base_url=served.address,
        timeout=PATIENCE_S,
        cookies={served.session_cookie: key} if key else {},
        verify=False,
        follow_redirects=follow_redirects,
    )


def token(session: httpx.Client) -> str:
    """The token of the last form that the session was shown."""
    page = session.get(
        "/compte"
        if any(name.startswith("ateliers_session") for name in session.cookies)
        else "/connexion"
    ).text
    return re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]


def without_no_break(text: str) -> str:
    """Return a page's words with plain spaces, to be compared with what tests say."""
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("&nbsp;", " ")


ANALYSTS = {f"analyste{n:02d}": "analyse" for n in range(20)}


def validate(session: httpx.Client, unit_id: str, token_: str, request_id: str) -> int:
    """Confirm a passage; the status of the answer."""
    data = {"geste": "valider", "csrfmiddlewaretoken": token_, "request_id": request_id}
    return session.post(
        f"/passages/{unit_id}/decider", data=data, headers={"HX-Request": "true"}
    ).status_code
