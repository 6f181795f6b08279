"""Settings of Prefect for one machine, offline and silent; anything set in the environment wins."""

import os
from pathlib import Path


def prepare_prefect() -> None:
    """Choose where Prefect keeps its own records, and turn its reports home off; to be called before Prefect is imported.

    Without PREFECT_API_URL, Prefect starts a temporary server on this machine for the length of a run.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ateliers" / "prefect"
    for name, value in (
        ("PREFECT_HOME", str(home)),
        ("PREFECT_LOGGING_LEVEL", "CRITICAL"),
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
        ("PREFECT_CLI_PROMPT", "false"),
        ("DO_NOT_TRACK", "1"),
    ):
        os.environ.setdefault(name, value)
