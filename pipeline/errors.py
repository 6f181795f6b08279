"""The project's exceptions: found, expected and to do, in one line of French."""

import errno
from typing import Any

_REASONS = {
    errno.EACCES: "droits insuffisants",
    errno.EPERM: "droits insuffisants",
    errno.ENOENT: "il n'existe pas",
    errno.ENOTDIR: "ce n'est pas un dossier",
    errno.EISDIR: "c'est un dossier",
    errno.ELOOP: "boucle de raccourcis",
    errno.ENAMETOOLONG: "nom trop long",
    errno.ENOSPC: "plus de place sur le disque",
    errno.EDQUOT: "quota de disque atteint",
    errno.EROFS: "disque en lecture seule",
    errno.EIO: "le disque ou le partage ne répond pas",
    errno.ESTALE: "le disque ou le partage ne répond pas",
    errno.EMFILE: "trop de fichiers ouverts",
    errno.EBUSY: "occupé par un autre programme",
}


class AteliersError(Exception):
    """A failure that a person can act on; `exit_code` is 1, or 2 for bad usage."""

    exit_code = 1
    is_lasting = True  # until a person acts; else as long as its cause

    def __init__(self, found: str, expected: str, do: str) -> None:
        self.found, self.expected, self.do = found, expected, do
        super().__init__(f"{found} ; attendu : {expected} ; à faire : {do}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild the error in another process, whatever the arguments of its class."""
        return _again, (type(self), self.found, self.expected, self.do)


def _again(kind: type[AteliersError], found: str, expected: str, do: str) -> AteliersError:
    error = kind.__new__(kind)
    AteliersError.__init__(error, found, expected, do)
    return error


def reason_of(error: OSError) -> str:
    """Return the system's reason, in French if it is a usual one."""
    return _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__


def remedy_of(error: OSError) -> tuple[str, str]:
    """Return what is expected where the system refuses, and what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "de la place sur le disque", "en faire, ou choisir un autre disque, puis recommencer"
    return "un fichier ou un dossier accessible", "vérifier le chemin et les droits"


class UsageError(AteliersError):
    """The command has an unknown argument."""

    exit_code = 2


class SettingsError(AteliersError):
    """etude.toml holds an unknown key, a wrong type or a value out of bounds."""

    exit_code = 2


class GridError(AteliersError):
    """grille.yaml is missing, unreadable, or has duplicates, orphans or empty definitions."""


class StudyError(AteliersError):
    """The study's folder is missing, read-only, empty, locked, or made by another version."""

    is_lasting = False


class UnexpectedError(StudyError):
    """An error that is not ours, by its kind alone: its words may be a participant's."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"erreur inattendue ({kind})",
            "un traitement sans erreur",
            "relancer la même chose, et le signaler avec cette ligne",
        )


def in_words(error: BaseException) -> AteliersError:
    """Return an error in our words; another one's own may quote a participant."""
    if isinstance(error, AteliersError):
        return error
    if isinstance(error, OSError):
        problem = f"« {error.filename or 'le disque'} » : {reason_of(error)}"
        return StudyError(problem, *remedy_of(error))
    return UnexpectedError(type(error).__name__)


class StoreError(StudyError):
    """The decisions or the tables are out of reach; earlier ones are intact."""


class VaultError(StudyError):
    """The vault is encrypted and its passphrase is missing, wrong or readable by others."""

    is_lasting = True


class MailError(AteliersError):
    """The mailbox is out of reach; mails already read are in the depot, the server unchanged."""

    is_lasting = False


class TableError(AteliersError):
    """A table does not have the columns, types or values of the data dictionary."""


class ReadError(AteliersError):
    """A file of the depot cannot be read; becomes a row of `rejects`, never the end of a run."""


class ModelError(AteliersError):
    """A model's file is missing, altered, or not made for this grid."""


class RunnerError(AteliersError):
    """Threads, processes or a Dask cluster did not return their work."""

    is_lasting = False


class MissingExtraError(AteliersError):
    """An optional back end is asked for but not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"le paquet « {package} » n'est pas installé",
            f"l'option « {extra} » de l'installation",
            f"pip install 'ateliers-territoires[{extra}]'",
        )


class MissingPackageError(AteliersError):
    """A package that the project depends on is not installed."""

    def __init__(self, package: str, use: str) -> None:
        super().__init__(
            f"le paquet « {package} » n'est pas installé",
            f"ce paquet, pour {use}",
            f"pip install {package}",
        )
