"""Keep what was read of mailboxes: numbers and hashes alone, no address and no word."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.errors import StudyError
from pipeline.files import text_hash, write_bytes
from pipeline.settings.sections import MailSettings
from pipeline.study import Study

_FORMAT = 1
_RECORD = ".mail"  # hidden and without a suffix: runs/*.json are the records of runs


@dataclass(frozen=True)
class Waiting:
    """A mail left on the server: a hash of its Message-ID, its day ("" if unknown), and why."""

    message: str
    day: str
    reason: str


@dataclass
class FolderRecord:
    """What was read of a folder: mails up to `last_uid`, numbered under `uid_validity`.

    `waiting`, by UID, had no workshop by the rules whose hash is `rules`.
    """

    uid_validity: int = 0
    last_uid: int = 0
    rules: str = ""
    waiting: dict[int, Waiting] = field(default_factory=dict)


class Record:
    """What was read of mailboxes; `taken` are the hashes of all mails that ever came in."""

    def __init__(self, study: Study) -> None:
        self._path = study.runs / _RECORD
        content = self._read()
        self.taken: set[str] = set(content["taken"])
        self._folders = {key: _folder(entry) for key, entry in content["folders"].items()}

    @property
    def n_waiting(self) -> int:
        """The number of mails that the last readings left on servers."""
        return sum(len(folder.waiting) for folder in self._folders.values())

    def folder(self, settings: MailSettings, uid_validity: int) -> FolderRecord:
        """Return the record of the settings' folder, a new one if `uid_validity` changed."""
        key = text_hash(settings.host, settings.user, settings.folder)[:16]
        if key not in self._folders or self._folders[key].uid_validity != uid_validity:
            self._folders[key] = FolderRecord(uid_validity)
        return self._folders[key]

    def save(self) -> None:
        """Write the record, in one step."""
        folders = {key: asdict(folder) for key, folder in sorted(self._folders.items())}
        content = {"format": _FORMAT, "folders": folders, "taken": sorted(self.taken)}
        write_bytes(self._path, (json.dumps(content, indent=1) + "\n").encode(), mode=0o600)

    def _read(self) -> dict[str, Any]:
        if not self._path.is_file():
            return {"folders": {}, "taken": []}
        try:
            content = dict(json.loads(self._path.read_text(encoding="utf-8")))
            if content["format"] != _FORMAT:
                raise ValueError(_FORMAT)
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(
                f"« {self._path} » est illisible",
                "le fichier qu'une relève de mails a laissé",
                "le retirer : la boîte sera relue, sans doubler les mails qui sont dans depot/",
            ) from error
        return content


def _folder(entry: dict[str, Any]) -> FolderRecord:
    waiting = {int(uid): Waiting(**fields) for uid, fields in entry["waiting"].items()}
    return FolderRecord(**{**entry, "waiting": waiting})
