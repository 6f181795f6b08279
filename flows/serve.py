"""Serve studies until told to stop: Prefect's deployments and the watch of each depot.

In:   studies; a server of Prefect in service, named by PREFECT_API_URL
Out:  runs by schedule, on request or for new files; one at a time a study
"""

import importlib.util
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.jobs.warm import fork_flow_runs
from flows.mailbox.fetching import MailRounds
from flows.mailbox.server import require_imap_tools
from flows.prefect_server import named_server, prefect_ready
from pipeline.errors import AteliersError, MissingPackageError, StudyError, UsageError
from pipeline.study import Study, locked_file

if TYPE_CHECKING:
    from flows.service import StudyService

Told = Callable[[str], None]

_START = "prefect server start --host 127.0.0.1 --port 4200"
_ADDRESS = "http://127.0.0.1:4200/api"
_STOP_S = 60.0  # for the runs at work to be stopped
_LOOK_S = 0.5  # between two looks whether they are


def serve_studies(roots: Sequence[Path], *, told: Told, allow_open_server: bool = False) -> None:
    """Serve the studies in `roots` until SIGTERM or SIGINT; `told` gets a line an event.

    Raises `UsageError` for two folders of one name, `SettingsError`, `GridError`, and `StudyError`
    for lost decisions, no server, an open one that is not allowed, or a study that another service
    has.
    """
    studies = [Study.open(root.resolve()) for root in roots]
    _refuse_same_names(studies)
    for study in studies:
        study.settings, study.grid  # noqa: B018 - read, to be refused now
        study.check_decisions()
    if any(study.settings.mail.host for study in studies):
        require_imap_tools()
    if importlib.util.find_spec("watchfiles") is None:
        raise MissingPackageError("watchfiles", "surveiller le dépôt")
    if named_server() is None:
        raise _no_server("PREFECT_API_URL ne nomme aucun serveur Prefect")
    os.environ.setdefault("PREFECT_DEPLOYMENTS_CLEAR_SCHEDULES_ON_EMPTY", "true")
    with ExitStack() as stack:
        for study in studies:
            stack.enter_context(_alone(study))
        stack.enter_context(prefect_ready(studies[0].cache))
        _check_server(told, allow_open=allow_open_server)
        serve_until_stopped(studies, told, allow_open_server=allow_open_server)


def _check_server(told: Told, *, allow_open: bool) -> None:
    from flows.prefect_server import ServerAwayError, check_access

    url = os.environ["PREFECT_API_URL"]
    try:
        opened = check_access(allow_open=allow_open)
    except ServerAwayError as error:
        raise _no_server(f"pas de serveur Prefect à l'adresse {url}") from error
    if opened:
        told(
            f"Attention : le serveur Prefect {url} répond {opened} ; "
            "qui l'atteint commande ce service."
        )


def serve_until_stopped(studies: Sequence[Study], told: Told, *, allow_open_server: bool) -> None:
    """Run each service and mailbox in threads, until a signal comes or a thread ends."""
    from flows.service import StudyService, served_flows

    for study in studies:
        served_flows(study)  # a schedule that is none is refused now
    fork_flow_runs()
    stop, asked = threading.Event(), threading.Event()
    services = [
        StudyService(study.root, stop=stop, told=told, allow_open_server=allow_open_server)
        for study in studies
    ]
    rounds = [
        MailRounds(study.root, stop=stop, told=told)
        for study in studies
        if study.settings.mail.host
    ]
    works = [
        *(work for service in services for work in (service.run, service.watch)),
        *(mails.run for mails in rounds),
    ]
    threads = [_Thread(work, stop, told) for work in works]
    with _signals(asked, stop):
        for thread in threads:
            thread.start()
        stop.wait()
    told("Arrêt : les traitements en cours reprendront où ils en étaient.")
    end_services(services, threads)
    if not asked.is_set():
        raise StudyError(
            "le service s'est arrêté de lui-même",
            "un service qui dure",
            "lire ce qui précède, puis relancer ateliers serve",
        )


def end_services(services: "Sequence[StudyService]", threads: Sequence[threading.Thread]) -> None:
    """Stop the services and their threads; stop again one that was just starting."""
    until = time.monotonic() + _STOP_S
    waiting = list(services)
    while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
        waiting = [service for service in waiting if not service.end()]
        for thread in threads:
            thread.join(_LOOK_S)


class _Thread(threading.Thread):
    """A thread whose end stops the service, so that none is half served."""

    def __init__(self, work: Callable[[], None], stop: threading.Event, told: Told) -> None:
        super().__init__(target=work, daemon=True)
        self._stopping, self._told = stop, told

    def run(self) -> None:
        try:
            super().run()
        except AteliersError as error:
            self._told(str(error))
        finally:
            self._stopping.set()


@contextmanager
def _signals(*events: threading.Event) -> Iterator[None]:

    def set_all(*_frame: object) -> None:
        for event in events:
            event.set()

    before = {number: signal.signal(number, set_all) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alone(study: Study) -> Iterator[None]:
    fault = f"« {study.root} » est déjà servie"
    refusal = StudyError(fault, "un service à la fois", "arrêter l'autre ateliers serve")
    with locked_file(study.runs / ".served", refusal):
        yield


def _refuse_same_names(studies: Sequence[Study]) -> None:
    names = [study.root.name for study in studies]
    for name in names:
        if names.count(name) > 1:
            found = f"deux études de même nom « {name} »"
            raise UsageError(
                found,
                "des dossiers de noms différents",
                "renommer l'un des dossiers, ou n'en servir qu'un",
            )


def _no_server(found: str) -> StudyError:
    return StudyError(
        found,
        "un serveur Prefect en service",
        (
            f"le démarrer ({_START}, avec un mot de passe et ses réglages : docs/exploitation.md),"
            f" puis relancer avec PREFECT_API_URL={_ADDRESS}"
        ),
    )
