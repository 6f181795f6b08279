"""Section on the mailbox whose mails are read into depot/.

Sections on what runs by itself and for several people: review, `ateliers serve`, messages.
"""

import re
import zoneinfo
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.credentials import address_fault, database_fault, is_local, store_fault
from pipeline.settings.base import Frozen


class MailSettings(Frozen):
    """[mail]: the mailbox that is read, by IMAP, and which workshop a mail is for; its password is never in etude.toml."""

    host: str = ""  # blank: no mailbox is read
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    encryption: Literal["tls", "starttls", "none"] = "tls"  # "tls": from the first word
    user: str = ""
    password_file: str | None = (
        None  # of mode 600; relative to the study's folder; ATELIERS_IMAP_PASSWORD_FILE wins
    )
    folder: str = "INBOX"  # the only one that is read; nothing in it is changed
    every_minutes: Annotated[float, Field(gt=0, le=1440)] = (
        10.0  # between two readings by `ateliers serve`
    )
    fallback: str = (
        ""  # folder of depot/ for a mail that names no workshop; blank: it waits on the server
    )
    workshops: dict[str, str] = Field(
        default_factory=dict
    )  # folder of depot/ by an address, what follows its « + », or words of the subject

    @field_validator("host")
    @classmethod
    def _bare_host(cls, host: str) -> str:
        if any(sign in host for sign in "/@ "):
            raise PydanticCustomError("host", "un nom de serveur, comme imap.exemple.fr")
        return host

    @field_validator("folder", "user")
    @classmethod
    def _one_line(cls, text: str) -> str:
        """Line ends would be commands of their own."""
        if not text.isprintable():
            raise PydanticCustomError("one_line", "un texte d'une ligne")
        return text

    @field_validator("fallback", "workshops")
    @classmethod
    def _folders_of_depot(cls, given: str | dict[str, str]) -> str | dict[str, str]:
        for folder in (given,) if isinstance(given, str) else given.values():
            if (
                folder.startswith(".")
                or any(sign in folder for sign in "/\\")
                or not folder.isprintable()
            ):
                raise PydanticCustomError("folder", "le nom d'un dossier de depot/")
        if not isinstance(given, str) and not all(
            key.strip() and folder.strip() for key, folder in given.items()
        ):
            raise PydanticCustomError(
                "workshops", "une adresse ou des mots, et le nom d'un dossier de depot/"
            )
        return given

    @model_validator(mode="after")
    def _safe_mailbox(self) -> "MailSettings":
        if self.host and not (self.user and self.folder):
            raise PydanticCustomError(
                "no_user",
                "un utilisateur « user » et un dossier « folder », puisque « host » nomme un serveur",
            )
        if self.host and self.encryption == "none" and not is_local(self.host):
            raise PydanticCustomError(
                "clear_mailbox",
                'encryption = "tls", sauf pour un serveur de cette machine ou d\'un réseau privé',
            )
        return self


_CRON = re.compile(
    r"[0-9*/,\-]+ +[0-9*/,\-]+ +[0-9*/,\-L]+ +[0-9A-Za-z*/,\-]+ +[0-9A-Za-z*/,\-#L]+"
)
_SCHEDULER = re.compile(r"(?:tcp|tls|ws|wss|ucx)://[^\s/@?#]+:\d+")
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


class ReviewSettings(Frozen):
    """[review]: where the review application is served and keeps what it is told; a password is never in etude.toml."""

    database: str = ""  # postgresql://host/name for a team; blank: SQLite files in the study
    hosts: tuple[str, ...] = ()  # names by which browsers reach it, beside this machine's own
    https: bool = False  # a proxy in front serves it by https, and only so
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12

    @field_validator("database")
    @classmethod
    def _no_password(cls, database: str) -> str:
        """Whoever copies the study must not copy a password with it."""
        if fault := database_fault(database):
            raise PydanticCustomError("database", "{fault}", {"fault": fault})
        return database


class ExecutionSettings(Frozen):
    """[execution]: who does the heavy work and where tables are kept; when `ateliers serve` works by itself, and how often it tries again.

    No result depends on any of it.
    """

    runner: Literal["here", "threads", "processes", "dask"] = "here"
    workers: Annotated[int, Field(ge=0, le=256)] = (
        0  # threads, processes, or those of a local Dask cluster; 0: one a processor
    )
    dask_address: str = (
        ""  # of a scheduler; blank: a cluster on this machine; ATELIERS_DASK_ADDRESS wins
    )
    batch_units: Annotated[int, Field(ge=1, le=100_000)] = (
        512  # passages that a worker is given at a time
    )
    store: str = (
        ""  # where tables are: an address like s3://bucket/study; blank: tables/ in the study
    )
    partition_rows: Annotated[int, Field(ge=1)] = (
        100_000  # a table of more rows is written in parts
    )

    nightly: str = "0 3 * * *"  # cron, in `timezone`; blank: never by the clock
    compare: str = "0 5 * * 1"
    timezone: str = "Europe/Paris"
    settle_s: Annotated[float, Field(ge=0.1, le=3600)] = (
        30.0  # files of depot/ that did not change for so long are copied whole
    )
    open_file_minutes: Annotated[float, Field(ge=0, le=1440)] = (
        60.0  # a temporary file is waited for no longer than that
    )
    timeout_minutes: Annotated[float, Field(gt=0, le=2880)] = 240.0  # of one attempt
    retries: Annotated[int, Field(ge=0, le=20)] = 6  # after a failure that can pass
    retry_wait_s: Annotated[float, Field(gt=0, le=3600)] = (
        60.0  # before the first retry, doubled each time, an hour at most
    )

    @field_validator("dask_address")
    @classmethod
    def _some_scheduler(cls, address: str) -> str:
        if address and not _SCHEDULER.fullmatch(address):
            raise PydanticCustomError(
                "scheduler", "une adresse comme tcp://serveur:8786 ou tls://serveur:8786"
            )
        return address

    @field_validator("store")
    @classmethod
    def _no_secret(cls, address: str) -> str:
        """Whoever copies the study must not copy a key with it."""
        if fault := store_fault(address):
            raise PydanticCustomError("store", "{fault}", {"fault": fault})
        return address.rstrip("/")

    @field_validator("nightly", "compare")
    @classmethod
    def _some_cron(cls, cron: str) -> str:
        if cron.strip() and not _CRON.fullmatch(cron.strip()):
            raise PydanticCustomError("cron", "cinq champs de cron, comme « 0 3 * * * », ou rien")
        return cron.strip()

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, timezone: str) -> str:
        if timezone not in zoneinfo.available_timezones():
            raise PydanticCustomError("timezone", "un fuseau comme « Europe/Paris »")
        return timezone


class NotifySettings(Frozen):
    """[notify]: who is told that a workshop is ready or failed; passwords are never in etude.toml but in ATELIERS_SMTP_PASSWORD."""

    to: tuple[str, ...] = ()  # mail addresses; none: no mail
    sender: str = ""
    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 587  # 465: encrypted from the first word
    starttls: bool = True
    user: str = ""
    password_file: str | None = (
        None  # of mode 600; relative to the study's folder; ATELIERS_SMTP_PASSWORD_FILE wins
    )
    webhook: str = ""  # address that a JSON document is posted to; blank: none
    review_url: str = ""  # where people open the review application; told in messages

    @field_validator("to", "sender")
    @classmethod
    def _some_mail(cls, given: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for address in (given,) if isinstance(given, str) else given:
            if address and not _MAIL.fullmatch(address):
                raise PydanticCustomError("mail", "une adresse comme nom@exemple.fr")
        return given

    @field_validator("webhook", "review_url")
    @classmethod
    def _safe_address(cls, url: str) -> str:
        if url and (fault := address_fault(url)):
            raise PydanticCustomError("address", "{fault}", {"fault": fault})
        return url

    @model_validator(mode="after")
    def _whole_mail(self) -> "NotifySettings":
        if self.to and not self.sender:
            raise PydanticCustomError(
                "no_sender", "une adresse « sender », puisque « to » en nomme"
            )
        if self.to and not (self.starttls or self.port == 465 or is_local(self.host)):
            raise PydanticCustomError(
                "clear_mail",
                "starttls = true, sauf pour un serveur de cette machine ou d'un réseau privé",
            )
        return self
