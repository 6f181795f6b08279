"""What the review application keeps to itself: a folder that only its owner reads, and the key that signs sessions."""

import hashlib
import secrets
from pathlib import Path

from pipeline.errors import StudyError
from pipeline.secret import secret_in
from pipeline.study import write_bytes

_N_BYTES = 48


def private_folder(root: Path) -> Path:
    """Return .review/ of the study in `root`, mode 700, made where it is missing.

    Raises `StudyError` where it cannot be made.
    """
    folder = root / ".review"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        found = f"« {folder} » refuse l'écriture ({error.strerror})"
        raise StudyError(found, "un dossier où garder les comptes", "vérifier les droits du dossier de l'étude") from error
    return folder


def secret_key(folder: Path) -> str:
    """Return the study's own signing key, made once, mode 600.

    Raises `StudyError` where others may read it.
    """
    path = folder / "secret_key"
    if not path.is_file():
        write_bytes(path, secrets.token_urlsafe(_N_BYTES).encode(), mode=0o600)
    return secret_in(path, "la clé des sessions", error=StudyError)


def cookie_mark(root: Path, key: str) -> str:
    """Return what the names of a study's cookies end with: a browser keeps those of two studies of one machine apart.

    A browser sends a host's cookies to all its ports, so that under one name each study would close the other's session.
    """
    return hashlib.sha256(f"{key} {root.resolve()}".encode()).hexdigest()[:12]
