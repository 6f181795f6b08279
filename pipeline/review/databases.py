"""Where accounts and sessions are kept, as Django wants it told."""

from pathlib import Path
from typing import Any

from pipeline.study import Study

_WAIT_S = 20
_CONNECT_S = 10
_KEPT_S = 60  # for which a thread keeps its connection
_PARTS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def database(study: Study, folder: Path) -> dict[str, Any]:
    """Return Django's settings for the PostgreSQL of ATELIERS_DATABASE_URL or [review], or for a file in `folder`."""
    if study.database_url:
        return _postgres(study.database_url)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder / "accounts.sqlite3",
        "OPTIONS": {
            "timeout": _WAIT_S,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        },
    }


def _postgres(address: str) -> dict[str, Any]:
    """The same database as decisions; a connection that the server dropped is opened again at the next request."""
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(address)
    parts = {name: str(given.pop(key, "")) for key, name in _PARTS.items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **parts,
        "OPTIONS": {"connect_timeout": _CONNECT_S, **given},
        "CONN_MAX_AGE": _KEPT_S,
        "CONN_HEALTH_CHECKS": True,
    }
