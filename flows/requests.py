"""Ask Prefect's server for runs, once for a content, and see what became of them.

In:   a deployment, a key that stands for a content
Out:  runs that the server keeps; ours is the record of what was processed (docs/decisions/0001), never the server's
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from pipeline.study import text_hash

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


class ServerAwayError(Exception):
    """Prefect's server does not answer, or not as it should; it may come back."""


class UnknownDeploymentError(ServerAwayError):
    """Prefect's server does not know the deployment: it lost its records."""


@contextmanager
def server() -> "Iterator[SyncPrefectClient]":
    """Give a client of the server that the environment names.

    Raises `ServerAwayError` where it does not answer, inside the block too.
    """
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
    """Ask for a run over `content`, a hash, and return its id: that of the run that waits or is at work on the same content, if any.

    A run that ended, however it did, is not asked for again but followed by another. Raises `ServerAwayError`, `UnknownDeploymentError`.
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
    """Whether a run ended without a word: its process was killed, or it is not known any more; None while it waits or works.

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
    """Mark as crashed the runs of these deployments that a service left at work when it was killed, and return how many.

    Only for the one service of these deployments, before it starts any run. Raises `ServerAwayError`.
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

    started = FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    with server() as client:
        orphans = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployment_ids))),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=started)),
        )
        for run in orphans:
            client.set_flow_run_state(run.id, Crashed(message="Le service s'est arrêté pendant ce traitement."), force=True)
        return len(orphans)
