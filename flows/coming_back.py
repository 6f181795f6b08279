"""Take back what people coded in another tool, from a file that a page sends.

In:   a REFI-QDA project or a review sheet, and who sent it
Out:  decisions and colours of codes; what was left out, by reason
"""

from pathlib import Path, PurePath
from typing import Any

from flows.codebook import recolour
from flows.deposit import Deposit, Placed
from flows.deposit.uploads import Upload, Uploads
from flows.tasks import start_task
from pipeline.errors import StudyError, UsageError
from pipeline.files import text_hash
from pipeline.study import Study
from pipeline.text import size_in_words

TAKE_BACK = "take_back"  # the task
SUFFIXES = (".qdpx", ".xlsx")
MAX_BYTES = 100_000_000  # ten times the project of 20,000 passages
_EXPECTED = "un projet .qdpx ou une feuille de relecture .xlsx"
_N_LINES = 20


class ReturnedUploads(Uploads):
    """A file that is on its way back; once it is here, a process takes what it says."""

    def __init__(self, study: Study, *, of_everybody: bool = False) -> None:
        super().__init__(Deposit(study))
        self.folder = study.root / ".review" / "reprises"
        self._of_everybody = of_everybody

    def announce(
        self, workshop: str, path: str, size: int, *, author: str, mark: str = ""
    ) -> Upload:
        """Return the upload to send to; raise `UsageError` for a file that cannot come in."""
        if PurePath(path.lower()).suffix not in SUFFIXES or size <= 0:
            raise UsageError("un autre fichier, ou un fichier vide", _EXPECTED, "en choisir un")
        if size > MAX_BYTES:
            most = f"{size_in_words(MAX_BYTES)} au plus"
            raise UsageError(size_in_words(size), most, "passer par la commande ateliers import")
        upload_id = text_hash("reprise", path, str(size), author, mark)[:32]
        return self._begin(Upload(upload_id, "", path, size, author), path[-80:])

    def n_free(self) -> int:
        """Return how many bytes may still come in; those of the depot do not count."""
        return max(0, 2 * MAX_BYTES - sum(upload.size for upload, _ in self.waiting()))

    def _placed(self, upload: Upload, part: Path) -> list[Placed]:
        path = self.folder / f"retour{PurePath(upload.path.lower()).suffix}"
        part.replace(path)
        arguments = {"path": str(path), "of_everybody": self._of_everybody}
        root, name = self.deposit.study.root, PurePath(upload.path).name[-80:]
        if not start_task(root, TAKE_BACK, asked_by=upload.author, about=name, arguments=arguments):
            raise UsageError("une reprise est en cours", "une fois à la fois", "attendre sa fin")
        return [Placed(upload.path, "placed", "Le fichier est arrivé.")]


def take_back(root: Path, path: Path, *, author: str, of_everybody: bool) -> dict[str, Any]:
    """Append what `path` says to the study's decisions; `author` gets what nobody signed.

    Without `of_everybody`, only what `author` decided. Raises `StudyError` for another file.
    """
    from flows.publication import import_file  # with all that publishes: not for a page

    study = Study.open(root)
    try:
        taken = import_file(study, path, author=author, only=None if of_everybody else author)
    finally:
        path.unlink(missing_ok=True)
    if taken is None:
        raise StudyError(
            "un classeur qui n'est pas une feuille de relecture", _EXPECTED, "en choisir un"
        )
    recoloured = taken.recolouring
    return {
        "n_new": len(taken.decisions),
        "n_known": taken.n_known,
        "n_colours": recolour(study, recoloured) if recoloured.colours else 0,
        "by_author": taken.by_author,
        "left_out": dict(taken.left_out),
        "lines": list(taken.lines[:_N_LINES]),
    }
