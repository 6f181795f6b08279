"""Section on the mailbox whose mails are read into depot/."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.addresses import is_local
from pipeline.settings.base import Frozen


class MailSettings(Frozen):
    """[mail]: the mailbox that is read, by IMAP, and which workshop a mail is for; its password is never in etude.toml."""

    host: str = ""  # blank: no mailbox is read
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    encryption: Literal["tls", "starttls", "none"] = "tls"  # "tls": from the first word
    user: str = ""
    password_file: str | None = None  # of mode 600; relative to the study's folder; ATELIERS_IMAP_PASSWORD_FILE wins
    folder: str = "INBOX"  # the only one that is read; nothing in it is changed
    every_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0  # between two readings by `ateliers serve`
    fallback: str = ""  # folder of depot/ for a mail that names no workshop; blank: it waits on the server
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
            if folder.startswith(".") or any(sign in folder for sign in "/\\") or not folder.isprintable():
                raise PydanticCustomError("folder", "le nom d'un dossier de depot/")
        if not isinstance(given, str) and not all(key.strip() and folder.strip() for key, folder in given.items()):
            raise PydanticCustomError("workshops", "une adresse ou des mots, et le nom d'un dossier de depot/")
        return given

    @model_validator(mode="after")
    def _safe_mailbox(self) -> "MailSettings":
        if self.host and not (self.user and self.folder):
            raise PydanticCustomError("no_user", "un utilisateur « user » et un dossier « folder », puisque « host » nomme un serveur")
        if self.host and self.encryption == "none" and not is_local(self.host):
            raise PydanticCustomError("clear_mailbox", 'encryption = "tls", sauf pour un serveur de cette machine ou d\'un réseau privé')
        return self
