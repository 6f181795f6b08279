"""What a reader is given: the bytes of a file or attachment, its name and the limits that protect the run."""

from dataclasses import dataclass, replace

from pipeline.errors import ReadError

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Caps on what a file may unfold into; a file beyond one is refused, never read in part."""

    max_bytes: int = 50 * MEGABYTE
    max_entries: int = 10_000  # files inside a zip container
    max_unzipped_bytes: int = 500 * MEGABYTE
    max_ratio: int = 300  # unzipped over zipped size of one entry; the XML of a large blank sheet reaches about 150
    max_depth: int = 5  # attachments within attachments
    max_parts: int = 20_000  # mails of a mailbox, sheets of a workbook
    max_chars: int = 20_000_000  # text of one file, all parts together
    max_blocks: int = 200_000  # paragraphs of one file


@dataclass(frozen=True)
class Source:
    """Bytes to read: `name` is the file's or attachment's own name, `depth` the number of containers around it, archives included."""

    content: bytes
    name: str
    limits: Limits = Limits()
    depth: int = 0
    n_archives: int = 0

    def inner(self, content: bytes, name: str) -> "Source":
        """An attachment of this source, one level deeper.

        Raises `ReadError` where it is larger or deeper than the limits allow.
        """
        if self.depth >= self.limits.max_depth:
            raise ReadError(
                "trop de fichiers emboîtés (pièces jointes, archives)",
                f"{self.limits.max_depth} niveaux au plus",
                "enregistrer le fichier à part dans le dossier de l'atelier",
            )
        self.check_size(len(content))
        return replace(self, content=content, name=name, depth=self.depth + 1)

    def check_size(self, n_bytes: int) -> None:
        """Raise `ReadError` where a file inside this source has more bytes than the limits allow."""
        if n_bytes > self.limits.max_bytes:
            raise too_large(n_bytes, self.limits.max_bytes)


def too_large(n_bytes: int, max_bytes: int) -> ReadError:
    """The refusal of a file that is larger than the study allows."""
    return ReadError(
        f"fichier de {_megabytes(n_bytes)} Mo",
        f"{_megabytes(max_bytes)} Mo au plus",
        "découper le fichier ou en retirer les images, ou relever « max_file_mb » dans etude.toml, section [ingest]",
    )


def corrupt(what: str) -> ReadError:
    """The refusal of a damaged file; `what` names the format with its article, such as « le classeur »."""
    return ReadError(
        f"{what} est abîmé ou incomplet",
        "un fichier qui s'ouvre dans son logiciel",
        "l'ouvrir dans son logiciel, l'enregistrer de nouveau puis le redéposer ; s'il ne s'ouvre pas, en redemander une copie",
    )


def protected(what: str) -> ReadError:
    """The refusal of an encrypted file; `what` names the format with its article removed, such as « fichier Word »."""
    return ReadError(
        f"{what} protégé par un mot de passe",
        "un fichier sans mot de passe",
        "l'ouvrir avec son mot de passe, l'enregistrer sans protection puis le redéposer",
    )


def no_text(what: str) -> ReadError:
    """The refusal of a file without a word in it."""
    return ReadError(f"{what} sans texte", "au moins un mot", "vérifier que c'est le bon fichier, ou le retirer du dossier")


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / MEGABYTE:.1f}".replace(".", ",").removesuffix(",0")
