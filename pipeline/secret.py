"""Secrets come from the environment, or from a file which only its owner can read; never from etude.toml.

In:   the name of a variable; where the settings name a file, its path
Out:  the secret, or None where none is given; it goes into no log, no record of a run and no message
"""

import os
import stat
from pathlib import Path

from pipeline.errors import AteliersError, SettingsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(
    variable: str, what: str, *, named: str | None = None, base: Path = Path(), error: type[AteliersError] = SettingsError
) -> str | None:
    """Return `variable`'s value, else the first line of the file that `variable`_FILE names, else of `named`; None where none is given.

    Both paths may be relative to `base`. `what` says in French what the file holds. Raises `error` for a file that is missing, blank,
    unreadable, or readable by others.
    """
    if os.environ.get(variable, "").strip():
        return os.environ[variable]
    path = os.environ.get(f"{variable}_FILE") or named
    return secret_in(base / path, what, error=error) if path else None


def secret_in(path: Path, what: str, *, error: type[AteliersError] = SettingsError) -> str:
    """Return the first line of a file which only its owner can read; raises as `read_secret` does."""
    if not path.is_file():
        raise error(f"pas de fichier « {path} »", f"un fichier avec {what}", "l'écrire, ou corriger le chemin")
    if path.stat().st_mode & _OTHERS:
        raise error(f"« {path} » est lisible par d'autres", "un fichier de droits 600", f"chmod 600 {path}")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"« {path} » ne se lit pas ({type(problem).__name__})", f"un texte UTF-8 avec {what}", "le réécrire") from None
    if not lines or not lines[0].strip():
        raise error(f"« {path} » est vide", f"{what} sur la première ligne", "l'y écrire")
    return lines[0]


def header_secret(variable: str, what: str) -> str | None:
    """Return the secret as a header of HTTP may hold it, without blanks around; raises as `read_secret` does, or where it holds others."""
    secret = (read_secret(variable, what) or "").strip()
    if not secret.isascii() or not secret.isprintable():
        raise SettingsError(f"{variable} ne peut pas être une clé", "des signes ASCII sur une ligne", "la recopier")
    return secret or None
