"""Use Prefect's server, and check that only those who have its password command it.

Whoever commands the server commands `ateliers serve`. Prefect leaves it open without
PREFECT_SERVER_API_AUTH_STRING, and to web pages of every origin without
PREFECT_SERVER_CORS_ALLOWED_ORIGINS. Its health page stays open in any case: an answer there proves
nothing.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pipeline.credentials import read_secret
from pipeline.errors import StudyError
from pipeline.files import read_only, text_hash

if TYPE_CHECKING:
    import httpx
    from prefect.client.orchestration import SyncPrefectClient

_PASSWORD = "PREFECT_API_AUTH_STRING"
_QUIET = {  # the lines of tasks go to the server's pages alone
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "INFO",
}
_NO_SERVER = "Failed to reach API"  # in the message of the RuntimeError that Prefect raises


def named_server() -> str | None:
    """Return the server's address from the environment, if any."""
    return os.environ.get("PREFECT_API_URL") or None


@contextmanager
def prefect_ready(cache: Path) -> Iterator[None]:
    """Keep Prefect's own files under `cache`, if a server is named.

    Enter before importing Prefect. Raises `StudyError` where no server answers, or it refuses the
    password.
    """
    if named_server() is None:
        yield
        return
    if password := read_secret(_PASSWORD, "le mot de passe du serveur Prefect"):
        # where Prefect and the processes that it starts look for it
        os.environ[_PASSWORD] = password
    home = Path(os.environ.setdefault("PREFECT_HOME", str(cache / "prefect")))
    if "PREFECT_LOGGING_LEVEL" not in os.environ:
        os.environ |= _QUIET
    # Under load its worker of events warns in English, whatever the level set above.
    logging.getLogger("EventsWorker").setLevel(logging.ERROR)
    os.environ.setdefault("PREFECT_CLI_PROMPT", "false")
    try:
        home.mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder only
    except OSError as error:
        raise read_only(home, error) from error
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as error:
        if not is_refusal(error):
            raise
        raise password_refused() from error
    except RuntimeError as error:
        if _NO_SERVER not in str(error):
            raise
        raise StudyError(
            f"pas de serveur Prefect à l'adresse {os.environ['PREFECT_API_URL']}",
            "le serveur que nomme PREFECT_API_URL, en service",
            "le démarrer, ou retirer PREFECT_API_URL : le traitement se passe de serveur",
        ) from error


class ServerAwayError(Exception):
    """Prefect's server does not answer, or not as it should; it may come back."""


class UnknownDeploymentError(ServerAwayError):
    """Prefect's server does not know the deployment: it lost its records."""


@contextmanager
def server() -> "Iterator[SyncPrefectClient]":
    """Give a client of the named server; raise `ServerAwayError` where it does not answer."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    try:
        with get_client(sync_client=True) as client:
            yield client
    except ServerAwayError:
        raise
    except (httpx.HTTPError, PrefectException, RuntimeError, OSError) as error:
        raise ServerAwayError(type(error).__name__) from error


def is_answering() -> bool:
    """Whether the server that the environment names answers."""
    try:
        with server() as client:
            return client.api_healthcheck() is None
    except ServerAwayError:
        return False


def ask_run(deployment_id: UUID, content: str) -> UUID:
    """Request a run over `content`, a hash, unless one is waiting or running; return its id.

    Raises `ServerAwayError`, `UnknownDeploymentError`.
    """
    import httpx

    key = text_hash(str(deployment_id), content)
    with server() as client:
        try:
            run = client.create_flow_run_from_deployment(deployment_id, idempotency_key=key)
            while run.state is not None and run.state.is_final():
                key = text_hash(key, str(run.id))
                run = client.create_flow_run_from_deployment(deployment_id, idempotency_key=key)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                raise UnknownDeploymentError(str(deployment_id)) from error
            raise
        return run.id


def is_crashed(run_id: UUID) -> bool | None:
    """Whether a run was killed or lost by the server; None while it waits or works.

    Raises `ServerAwayError`.
    """
    from prefect.exceptions import ObjectNotFound

    with server() as client:
        try:
            state = client.read_flow_run(run_id).state
        except ObjectNotFound:
            return True
        return state.is_crashed() if state is not None and state.is_final() else None


def sweep_orphans(deployment_ids: Iterable[UUID]) -> int:
    """Mark as crashed the runs that a killed service left at work, and return how many.

    Call it before the deployments' only service starts a run. Raises `ServerAwayError`.
    """
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    started = FlowRunFilterStateType(
        any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    )
    with server() as client:
        orphans = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployment_ids))),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=started)),
        )
        for run in orphans:
            client.set_flow_run_state(
                run.id,
                Crashed(message="Le service s'est arrêté pendant ce traitement."),
                force=True,
            )
        return len(orphans)


ALLOW = "--allow-open-server"

_FOREIGN_ORIGINS = ("https://ailleurs.invalid", "null")  # null: a page opened from a file
_REFUSED = (401, 403)
_TIMEOUT_S = 30.0


class AccessError(StudyError):
    """Prefect's server is open to anyone, or refuses our password."""


def check_access(*, allow_open: bool) -> str:
    """Return what is open to anyone, in words; blank for a closed server.

    Raises `AccessError` for an open server unless `allow_open`, or a refused password;
    `ServerAwayError` for a server that does not answer as Prefect does.
    """
    import httpx

    address = os.environ["PREFECT_API_URL"].rstrip("/")
    try:
        opened = _openings(address)
    except httpx.HTTPError as error:
        raise ServerAwayError(type(error).__name__) from error
    if opened and not allow_open:
        raise AccessError(
            f"le serveur Prefect {address} est ouvert : il répond {opened}",
            "un serveur qui demande un mot de passe et refuse les pages d'autres origines",
            "le redémarrer avec PREFECT_SERVER_API_AUTH_STRING et"
            " PREFECT_SERVER_CORS_ALLOWED_ORIGINS (docs/exploitation.md),"
            f" ou accepter que n'importe qui le commande : {ALLOW}",
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
    """Return the error of a refused or missing password."""
    return AccessError(
        "le serveur Prefect {url} refuse le mot de passe, ou n'en a pas reçu".format(
            url=os.environ["PREFECT_API_URL"]
        ),
        "dans PREFECT_API_AUTH_STRING, ce que le serveur a dans PREFECT_SERVER_API_AUTH_STRING",
        "le donner par la variable, ou par le fichier que nomme PREFECT_API_AUTH_STRING_FILE",
    )


def is_refusal(error: "httpx.HTTPStatusError") -> bool:
    """Whether Prefect's server, and no other, refused the password."""
    from prefect.exceptions import PrefectHTTPStatusError

    return isinstance(error, PrefectHTTPStatusError) and error.response.status_code in _REFUSED


def _openings(address: str) -> str:
    """Say to whom the server answers that it should refuse."""
    import httpx

    opened = []
    # No certificate is checked: nothing secret is sent, and no answer is trusted but a refusal.
    with httpx.Client(verify=False, timeout=_TIMEOUT_S, follow_redirects=True) as stranger:
        answer = stranger.get(f"{address}/hello")
        if answer.is_success:
            opened.append("sans mot de passe")
        elif answer.status_code not in _REFUSED:
            raise ServerAwayError(str(answer.status_code))
        if any(_allows(stranger, address, origin) for origin in _FOREIGN_ORIGINS):
            opened.append("aux pages web de toute origine")
    return " et ".join(opened)


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
