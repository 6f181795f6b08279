"""The mailbox of a served study: read every so many minutes; what fails is told once and tried again."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from flows.mailbox.fetching import Fetched, fetch_mail, read_password
from flows.retrying import can_pass
from pipeline.errors import AteliersError
from pipeline.i18n import _
from pipeline.study import Study, text_hash
from pipeline.words import Count

_REFUSED_S = 3600.0  # before a password that was refused is tried again: servers lock whoever insists
_DEFAULT_S = 600.0


class MailRounds:
    """Reads the mailbox of the study in `root` until `stop`; settings are read again each time."""

    def __init__(self, root: Path, *, stop: threading.Event, told: Callable[[str], None]) -> None:
        self._root, self._stop, self._told_to = root, stop, told
        self._fault: str | None = None
        self._refused, self._refused_at = "", 0.0

    def run(self) -> None:
        """Read at once, then every `every_minutes`."""
        while not self._stop.is_set():
            self._stop.wait(self._read())

    def _read(self) -> float:
        """Read once; return the seconds to wait."""
        wait_s, chosen = _DEFAULT_S, ""
        try:
            study = Study.open(self._root)
            wait_s = study.settings.mail.every_minutes * 60
            chosen = text_hash(study.settings.mail.model_dump_json(), read_password(study) or "")
            if chosen == self._refused and time.monotonic() - self._refused_at < _REFUSED_S:
                return wait_s
            fetched = fetch_mail(self._root)
        except (AteliersError, OSError) as error:
            self._failed(error, chosen)
        else:
            self._succeeded(fetched)
        return wait_s

    def _failed(self, error: Exception, chosen: str) -> None:
        """Tell a failure, once until it is another; those of a server that is away are one, whatever words they have."""
        fault = "" if can_pass(error) else str(error)
        if fault:
            self._refused, self._refused_at = chosen, time.monotonic()
        if fault != self._fault:
            self._told(str(error))
        self._fault = fault

    def _succeeded(self, fetched: Fetched) -> None:
        if self._fault is not None:
            self._told(_("boîte de nouveau lue"))
        self._fault, self._refused = None, ""
        if fetched.taken:
            counts = ", ".join(f"{folder} : {n}" for folder, n in sorted(fetched.taken.items()))
            self._told(_("{n:mail pris|mails pris} ({counts})").format(n=Count(fetched.taken.total()), counts=counts))
        if fetched.n_new_waiting:
            how = f"ateliers fetch-mail {self._root}"
            self._told(
                _("{n:mail de plus attend|mails de plus attendent} sur le serveur : {how} dit pourquoi").format(
                    n=Count(fetched.n_new_waiting), how=how
                )
            )

    def _told(self, line: str) -> None:
        self._told_to(f"{self._root.name} : {line}")
