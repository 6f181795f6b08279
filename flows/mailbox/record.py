"""What was read of a mailbox, kept in the study: numbers and hashes alone, no address and no word of anybody.

In:   runs/.mail
Out:  the last number read in each folder, the mails that wait, a hash of each mail that came in
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.errors import StudyError
from pipeline.i18n import _
from pipeline.settings import MailSettings
from pipeline.study import Study, text_hash, write_bytes

_FORMAT = 1
_NAME = ".mail"  # hidden and without a suffix: runs/*.json are the records of runs


@dataclass(frozen=True)
class Waiting:
    """A mail left on the server: a hash of its Message-ID, the day it was written (« » where it does not say), and why it waits."""

    message: str
    day: str
    reason: str


@dataclass
class FolderRecord:
    """Of one folder: under `uid_validity`, mails up to `last_uid` were looked at; `waiting` by UID were not placed by the rules `rules`."""

    uid_validity: int = 0
    last_uid: int = 0
    rules: str = ""
    waiting: dict[int, Waiting] = field(default_factory=dict)


class Record:
    """The record of a study; `taken` are the hashes of all mails that came in, whatever became of their files."""

    def __init__(self, study: Study) -> None:
        self._path = study.runs / _NAME
        content = self._read()
        self.taken: set[str] = set(content["taken"])
        self._folders = {key: _folder(entry) for key, entry in content["folders"].items()}

    @property
    def n_waiting(self) -> int:
        """How many mails the last readings left on servers."""
        return sum(len(folder.waiting) for folder in self._folders.values())

    def folder(self, settings: MailSettings, uid_validity: int) -> FolderRecord:
        """What was read of the folder that `settings` name; nothing where its mails have been numbered anew."""
        key = text_hash(settings.host, settings.user, settings.folder)[:16]
        if key not in self._folders or self._folders[key].uid_validity != uid_validity:
            self._folders[key] = FolderRecord(uid_validity)
        return self._folders[key]

    def save(self) -> None:
        """Write it, in one step."""
        folders = {key: asdict(folder) for key, folder in sorted(self._folders.items())}
        content = {"format": _FORMAT, "folders": folders, "taken": sorted(self.taken)}
        write_bytes(self._path, (json.dumps(content, indent=1) + "\n").encode(), mode=0o600)

    def _read(self) -> dict[str, Any]:
        """The content of the file, or of a new one.

        Raises `StudyError` where it is damaged or of another format.
        """
        if not self._path.is_file():
            return {"folders": {}, "taken": []}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] == _FORMAT:
                return dict(content)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable() from error
        raise self._unreadable()

    def _unreadable(self) -> StudyError:
        return StudyError(
            _("« {path} » est illisible").format(path=self._path),
            _("le fichier qu'une relève de mails a laissé"),
            _("le retirer : la boîte sera relue, sans doubler les mails qui sont dans depot/"),
        )


def _folder(entry: dict[str, Any]) -> FolderRecord:
    waiting = {int(uid): Waiting(**told) for uid, told in entry["waiting"].items()}
    return FolderRecord(**{**entry, "waiting": waiting})
