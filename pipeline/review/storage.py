"""Store accounts and sessions, and the key that signs them."""

import hashlib
import secrets
from pathlib import Path
from typing import Any

from pipeline.credentials import read_secret, secret_in
from pipeline.errors import StudyError
from pipeline.files import write_bytes
from pipeline.settings import load_settings
from pipeline.settings.sections import ReviewSettings
from pipeline.study import Study

_WAIT_S = 20
_CONNECT_S = 10
_CONNECTION_AGE_S = 60
_N_KEY_BYTES = 48
_PARTS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def settings_of(served: Path, *, is_folder: bool) -> ReviewSettings:
    """Return [review] of a study's etude.toml, or of the ateliers.toml of a folder of studies.

    Raises `StudyError` for a folder that is no study, `SettingsError` for wrong settings.
    """
    if is_folder:
        return load_settings(served / "ateliers.toml").review
    return Study.open(served).settings.review


def database_of(served: Path, review: ReviewSettings, *, is_folder: bool) -> str:
    """Return the address of the database of accounts; blank for a file.

    Raises `StudyError` for one address by environment for the decisions of several studies.
    """
    if not is_folder:
        return Study.open(served).database_url
    if read_secret("ATELIERS_DATABASE_URL", "l'adresse de la base"):
        raise StudyError(
            "ATELIERS_DATABASE_URL donne une base à toutes les études du dossier",
            "une base par étude, une autre pour les comptes",
            "l'ôter ; écrire « database » dans [review] d'ateliers.toml et de chaque etude.toml",
        )
    return review.database


def database(address: str, folder: Path) -> dict[str, Any]:
    """Return Django's settings for PostgreSQL, or for a file in `folder` if `address` is blank."""
    if address:
        return _postgres(address)
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
    from psycopg.conninfo import conninfo_to_dict

    options = conninfo_to_dict(address)
    parts = {name: str(options.pop(key, "")) for key, name in _PARTS.items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **parts,
        "OPTIONS": {"connect_timeout": _CONNECT_S, **options},
        "CONN_MAX_AGE": _CONNECTION_AGE_S,
        "CONN_HEALTH_CHECKS": True,
    }


def private_folder(root: Path) -> Path:
    """Return .review/, created with mode 700. Raises `StudyError` if it cannot be."""
    folder = root / ".review"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StudyError(
            f"« {folder} » refuse l'écriture ({error.strerror})",
            "un dossier où garder les comptes",
            "vérifier les droits du dossier de l'étude",
        ) from error
    return folder


def secret_key(folder: Path) -> str:
    """Return the signing key, created once, mode 600.

    Raises `StudyError` if others may read it.
    """
    path = folder / "secret_key"
    if not path.is_file():
        write_bytes(path, secrets.token_urlsafe(_N_KEY_BYTES).encode(), mode=0o600)
    return secret_in(path, "la clé des sessions", error=StudyError)


def cookie_suffix(root: Path, key: str) -> str:
    """Return the suffix of a study's cookie names.

    Browsers send a host's cookies to all its ports: studies would close each other's sessions.
    """
    return hashlib.sha256(f"{key} {root.resolve()}".encode()).hexdigest()[:12]
