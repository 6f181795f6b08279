"""Where accounts and sessions are kept, as Django wants it told."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.study import Study

_WAIT_S = 20


def database(study: Study, folder: Path) -> dict[str, Any]:
    """Return Django's settings for the PostgreSQL of ATELIERS_DATABASE_URL or [review], or for a file in `folder`."""
    if url := study.database_url:
        parts = urlsplit(url)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "OPTIONS": dict(parse_qsl(parts.query)),
            "CONN_MAX_AGE": 60,
        }
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder / "accounts.sqlite3",
        "OPTIONS": {
            "timeout": _WAIT_S,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        },
    }
