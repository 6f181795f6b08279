"""Settings of Prefect for one machine, offline and silent; anything set in the environment wins."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.steps import is_recorded
from pipeline.errors import StudyError
from pipeline.secret import read_secret
from pipeline.study import read_only

_PASSWORD = "PREFECT_API_AUTH_STRING"
_NO_SERVER = "Failed to reach API"  # in the message of the RuntimeError that Prefect raises


@contextmanager
def prefect_ready(cache: Path) -> Iterator[None]:
    """Keep Prefect's own files under `cache`, and turn its reports home off; without PREFECT_API_URL there is nothing to prepare.

    To be entered before Prefect is imported. Raises `StudyError` where no server answers at PREFECT_API_URL, or where it refuses
    the password.
    """
    if not is_recorded():
        yield
        return
    if password := read_secret(_PASSWORD, "le mot de passe du serveur Prefect"):
        os.environ[_PASSWORD] = password  # where Prefect and the processes that it starts look for it
    home = Path(os.environ.setdefault("PREFECT_HOME", str(cache / "prefect")))
    for name, value in (("PREFECT_LOGGING_LEVEL", "CRITICAL"), ("PREFECT_CLI_PROMPT", "false"), ("DO_NOT_TRACK", "1")):
        os.environ.setdefault(name, value)
    try:
        home.mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder only
    except OSError as error:
        raise read_only(home, error) from error
    import httpx

    try:
        yield
    except httpx.HTTPStatusError as error:
        from flows.prefect_access import is_refusal, password_refused

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
