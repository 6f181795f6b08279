"""Open a mailbox on its IMAP server, for reading only; each failure is one line."""

import errno
import imaplib
import importlib.util
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from typing import TYPE_CHECKING

from pipeline.errors import MailError, MissingExtraError
from pipeline.settings.sections import MailSettings

if TYPE_CHECKING:
    from imap_tools import BaseMailBox, MailMessage

_TIMEOUT_S = 60.0
# refusals that say nothing against the password (RFC 5530)
_BUSY = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"})


class Mailbox:
    """A folder of a mailbox, opened for reading.

    `uid_validity` changes where the server numbers its mails anew.
    """

    def __init__(self, client: "BaseMailBox", uid_validity: int) -> None:
        self._client = client
        self.uid_validity = uid_validity

    def uids(self) -> list[int]:
        """Return the UIDs of all mails, in order."""
        return sorted(map(int, self._client.uids("ALL", charset=None)))

    def headers(self, uid: int) -> tuple[Message, int] | None:
        """Return a mail's headers and size in bytes, if the server gives them."""
        from imap_tools.errors import MailboxFetchError

        with suppress(MailboxFetchError):
            for mail in self._client.fetch(uid_list=str(uid), mark_seen=False, headers_only=True):
                return mail.obj, mail.size_rfc822
        return None

    def content(self, uid: int) -> bytes | None:
        """Return a mail's bytes, if the server gives them."""
        from imap_tools.errors import MailboxFetchError

        with suppress(MailboxFetchError):
            for mail in self._client.fetch(uid_list=str(uid), mark_seen=False):
                return mail.content or None  # type: ignore[attr-defined] # of WholeMail
        return None


@contextmanager
def opened(settings: MailSettings, password: str | None) -> Iterator[Mailbox]:
    """Open the settings' folder until the block ends.

    Raises `MissingExtraError` without imap-tools, and `MailError` where the server, certificate,
    password, folder or, inside the block, connection fails.
    """
    require_imap_tools()
    from imap_tools.errors import ImapToolsError, MailboxFolderSelectError

    try:
        client = _connected(settings)
        try:
            _log_in(client, settings, password or "")
            client.folder.set(settings.folder, readonly=True)
            yield Mailbox(client, _uid_validity(client))
        except ssl.SSLError as error:  # signed in already: the connection was cut
            raise ConnectionResetError(errno.ECONNRESET, type(error).__name__) from error
        finally:
            with suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
                client.logout()
    except MailboxFolderSelectError as error:
        raise MailError(
            f"la boîte n'a pas de dossier « {settings.folder} »",
            "un dossier qui s'y trouve, comme INBOX",
            "corriger « mail.folder » dans etude.toml",
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise MailError(
            f"le certificat de {settings.host} est refusé ({error.verify_message})",
            "un certificat à ce nom, d'une autorité que cette machine connaît",
            "corriger « mail.host », ou donner l'autorité par SSL_CERT_FILE",
        ) from error
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
        raise MailError(
            f"{settings.host}:{settings.port} ne répond pas, ou plus ({type(error).__name__})",
            "un serveur IMAP, chiffré comme le dit « mail.encryption »",
            "vérifier l'adresse, le port et le réseau, puis relancer : ce qui a été lu le reste",
        ) from error


def require_imap_tools() -> None:
    """Raise `MissingExtraError` where imap-tools is not installed."""
    if importlib.util.find_spec("imap_tools") is None:
        raise MissingExtraError("imap-tools", "mail")


def _connected(settings: MailSettings) -> "BaseMailBox":
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

    context = ssl.create_default_context()
    host, port = settings.host, settings.port
    if settings.encryption == "tls":
        client: BaseMailBox = MailBox(host, port, timeout=_TIMEOUT_S, ssl_context=context)
    elif settings.encryption == "starttls":
        client = MailBoxStartTls(host, port, timeout=_TIMEOUT_S, ssl_context=context)
    else:
        client = MailBoxUnencrypted(host, port, timeout=_TIMEOUT_S)
    client.email_message_class = _whole_mail_class()
    return client


def _whole_mail_class() -> "type[MailMessage]":
    """Return imap-tools' mail with the server's own bytes: a rewritten one could differ."""
    from imap_tools import MailMessage

    class WholeMail(MailMessage):
        def __init__(self, fetch_data: list[bytes | tuple[bytes, bytes]]) -> None:
            super().__init__(fetch_data)
            self.content = next((item[1] for item in fetch_data if isinstance(item, tuple)), b"")

    return WholeMail


def _log_in(client: "BaseMailBox", settings: MailSettings, password: str) -> None:
    from imap_tools.errors import MailboxLoginError

    user = settings.user
    log_in = client.login if (user + password).isascii() else client.login_utf8
    try:
        log_in(user, password, initial_folder=None)
    except imaplib.IMAP4.abort:
        raise
    except (MailboxLoginError, imaplib.IMAP4.error) as error:
        match = re.search(r"\[([A-Z-]+)", str(error))
        code = match[1] if match else ""
        if code in _BUSY:
            raise imaplib.IMAP4.abort(code) from error
        raise MailError(
            f"{settings.host} refuse l'utilisateur ou le mot de passe{code and f' ({code})'}",
            "« mail.user » et le mot de passe de la boîte (au besoin un mot de passe "
            "d'application)",
            "les corriger : ATELIERS_IMAP_PASSWORD, ATELIERS_IMAP_PASSWORD_FILE ou "
            "« mail.password_file »",
        ) from error


def _uid_validity(client: "BaseMailBox") -> int:
    answer = client.client.response("UIDVALIDITY")[1][0]
    return int(answer) if answer else 0
