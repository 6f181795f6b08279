"""Settings of Prefect for one machine, offline and silent; anything set in the environment wins."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StudyError
from pipeline.study import read_only

_NO_SERVER = "ephemeral Prefect API server"  # in the message of the RuntimeError that Prefect raises


@contextmanager
def prefect_ready(cache: Path) -> Iterator[None]:
    """Keep Prefect's own records under `cache`, and turn its reports home off; to be entered before Prefect is imported.

    Without PREFECT_API_URL, Prefect starts a temporary server on this machine for the length of a run; `StudyError` when it can't.
    """
    home = Path(os.environ.setdefault("PREFECT_HOME", str(cache / "prefect")))
    for name, value in (
        ("PREFECT_LOGGING_LEVEL", "CRITICAL"),
        ("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120"),  # a busy laptop takes longer than the usual 20
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
        ("PREFECT_CLI_PROMPT", "false"),
        ("DO_NOT_TRACK", "1"),
    ):
        os.environ.setdefault(name, value)
    try:
        home.mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder only
    except OSError as error:
        raise read_only(home, error) from error
    try:
        yield
    except RuntimeError as error:
        if _NO_SERVER not in str(error):
            raise
        raise StudyError(
            "le serveur Prefect temporaire ne démarre pas",
            "un port libre sur cette machine et un dossier PREFECT_HOME où écrire",
            "relancer, ou donner l'adresse d'un serveur Prefect par PREFECT_API_URL",
        ) from error
