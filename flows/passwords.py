"""Passwords of servers: from the environment, else from a file which only its owner can read; never from etude.toml.

In:   names of variables, the path that the settings give
Out:  a password, or None where none is set
"""

import os
import stat
from dataclasses import dataclass

from pipeline.errors import SettingsError
from pipeline.study import Study

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Secret:
    """Where a password may be: a variable, a variable that names a file; and what it opens, as in « le mot de passe du courriel »."""

    variable: str
    file_variable: str
    opens: str


def read_secret(secret: Secret, study: Study, named: str | None) -> str | None:
    """The password: the environment's, else that of the file which the environment or `named`, relative to the study, tells; else None.

    Raises `SettingsError` for a file that is missing, blank, unreadable or readable by others.
    """
    if os.environ.get(secret.variable):
        return os.environ[secret.variable]
    named = os.environ.get(secret.file_variable) or named
    if not named:
        return None
    path = study.root / named  # an absolute path stays as it is
    if not path.is_file():
        raise SettingsError(
            f"pas de fichier « {path} »", f"un fichier avec le mot de passe {secret.opens}", "l'écrire, ou corriger le chemin"
        )
    if path.stat().st_mode & _OTHERS:
        raise SettingsError(f"« {path} » est lisible par d'autres", "un fichier de droits 600", f"chmod 600 {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].strip():
        raise SettingsError(f"« {path} » est vide", "un mot de passe sur la première ligne", "l'y écrire")
    return lines[0]
