"""Check that Prefect's server takes orders from nobody but those who have its password.

In:   the server that PREFECT_API_URL names
Out:  nothing where it is closed; one line where it is open, or refuses our own password

Whoever commands the server commands `ateliers serve`. Prefect leaves it open: it asks for no
password unless PREFECT_SERVER_API_AUTH_STRING is set, and answers web pages of every origin
unless PREFECT_SERVER_CORS_ALLOWED_ORIGINS names some. Its health page stays open in any case,
so that an answer there proves nothing.
"""

import os
from typing import TYPE_CHECKING

from flows.requests import ServerAwayError, server
from pipeline.errors import StudyError
from pipeline.i18n import _

if TYPE_CHECKING:
    import httpx

ALLOW = "--allow-open-server"

_FOREIGN_ORIGINS = ("https://ailleurs.invalid", "null")  # null: a page opened from a file
_REFUSED = (401, 403)
_TIMEOUT_S = 30.0


class AccessError(StudyError):
    """Prefect's server is open to anyone, or refuses the password that it is given."""


def check_access(*, allow_open: bool) -> str:
    """Return what is open to anyone, in words; blank for a closed server.

    Raises `AccessError` for an open server unless `allow_open`, and for one that refuses our
    password; `ServerAwayError` for one that does not answer as Prefect does.
    """
    import httpx

    address = os.environ["PREFECT_API_URL"].rstrip("/")
    try:
        opened = _openings(address)
    except httpx.HTTPError as error:
        raise ServerAwayError(type(error).__name__) from error
    if opened and not allow_open:
        raise AccessError(
            _("le serveur Prefect {url} est ouvert : il répond {to}").format(url=address, to=opened),
            _("un serveur qui demande un mot de passe et refuse les pages d'autres origines"),
            _(
                "le redémarrer avec PREFECT_SERVER_API_AUTH_STRING et"
                " PREFECT_SERVER_CORS_ALLOWED_ORIGINS (docs/exploitation.md),"
                " ou accepter que n'importe qui le commande : {option}"
            ).format(option=ALLOW),
        )
    with server() as client:
        try:
            client.hello()
        except httpx.HTTPStatusError as error:
            if not is_refusal(error):
                raise
            raise password_refused() from error
    return opened


def password_refused() -> AccessError:
    """The error of a server that refuses the password of PREFECT_API_AUTH_STRING, or wants one."""
    return AccessError(
        _("le serveur Prefect {url} refuse le mot de passe, ou n'en a pas reçu").format(url=os.environ["PREFECT_API_URL"]),
        _("dans PREFECT_API_AUTH_STRING, ce que le serveur a dans PREFECT_SERVER_API_AUTH_STRING"),
        _("le donner par la variable, ou par le fichier que nomme PREFECT_API_AUTH_STRING_FILE"),
    )


def is_refusal(error: "httpx.HTTPStatusError") -> bool:
    """Whether Prefect's server, and no other, answered that the password is wrong or missing."""
    from prefect.exceptions import PrefectHTTPStatusError

    return isinstance(error, PrefectHTTPStatusError) and error.response.status_code in _REFUSED


def _openings(address: str) -> str:
    """To whom the server answers that it should refuse."""
    import httpx

    opened = []
    # No certificate is checked: nothing secret is sent, and no answer is trusted but a refusal.
    with httpx.Client(verify=False, timeout=_TIMEOUT_S, follow_redirects=True) as stranger:
        answer = stranger.get(f"{address}/hello")
        if answer.is_success:
            opened.append(_("sans mot de passe"))
        elif answer.status_code not in _REFUSED:
            raise ServerAwayError(str(answer.status_code))
        if any(_allows(stranger, address, origin) for origin in _FOREIGN_ORIGINS):
            opened.append(_("aux pages web de toute origine"))
    return _(" et ").join(opened)


def _allows(stranger: "httpx.Client", address: str, origin: str) -> bool:
    """Whether a browser would let a page of `origin` send what changes a deployment."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answers = (
        stranger.options(f"{address}/deployments/filter", headers=asked),
        stranger.get(f"{address}/health", headers={"Origin": origin}),
    )
    allowed = {answer.headers.get("Access-Control-Allow-Origin") for answer in answers}
    return bool(allowed & {"*", origin})
