"""Encrypt the vault's files under a passphrase: scrypt makes the key, AES-256-GCM seals each file under its own name.

In:   bytes, a passphrase
Out:  MAGIC, salt (16 bytes), nonce (12), sealed bytes
"""

import secrets
from functools import cache
from typing import TYPE_CHECKING

from pipeline.errors import MissingPackageError, VaultError
from pipeline.secret import read_secret
from pipeline.study import Study

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"ATELIERS-COFFRE-1\n"
PASSPHRASE, PASSPHRASE_FILE = "ATELIERS_VAULT_PASSPHRASE", "ATELIERS_VAULT_PASSPHRASE_FILE"
_SALT, _NONCE = 16, 12
_COST, _BLOCK, _PARALLEL = 2**15, 8, 1  # scrypt: 32 MB and a tenth of a second


class Cipher:
    """Seals and opens under one passphrase; a file already sealed gives the salt, so that all share one key."""

    def __init__(self, passphrase: str, sealed: bytes | None = None) -> None:
        self._passphrase = passphrase
        self._salt = _salt_of(sealed) if sealed else secrets.token_bytes(_SALT)

    def encrypt(self, content: bytes, name: str) -> bytes:
        """Return `content` sealed for the file `name`."""
        nonce = secrets.token_bytes(_NONCE)
        return MAGIC + self._salt + nonce + derive_key(self._passphrase, self._salt).encrypt(nonce, content, _label(name))

    def decrypt(self, sealed: bytes, name: str) -> bytes:
        """Return what `encrypt` sealed.

        Raises `VaultError` for another passphrase, a damaged file or one under another's name.
        """
        start = len(MAGIC) + _SALT
        key = derive_key(self._passphrase, _salt_of(sealed))
        from cryptography.exceptions import InvalidTag

        try:
            return key.decrypt(sealed[start : start + _NONCE], sealed[start + _NONCE :], _label(name))
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "la phrase de passe n'ouvre pas le coffre de l'étude, ou un de ses fichiers est abîmé",
                "la phrase de passe avec laquelle il a été chiffré",
                "la corriger, ou remettre la dernière sauvegarde de vault/ ; rien n'a été modifié",
            ) from error


def is_encrypted(content: bytes) -> bool:
    """Whether `content` is sealed."""
    return content.startswith(MAGIC)


def read_passphrase(study: Study) -> str | None:
    """The passphrase of the study's vault: the environment's, else that of a file which only its owner can read; None where none is set.

    Raises `VaultError` for a file that is missing, blank or readable by others.
    """
    named = study.settings.vault.passphrase_file
    return read_secret(PASSPHRASE, "la phrase de passe du coffre", named=named, base=study.root, error=VaultError)


def _salt_of(sealed: bytes) -> bytes:
    return sealed[len(MAGIC) : len(MAGIC) + _SALT]


def _label(name: str) -> bytes:
    return MAGIC + name.encode()


@cache
def derive_key(passphrase: str, salt: bytes) -> "AESGCM":
    """The key that scrypt makes of a passphrase and a salt."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError as error:
        raise MissingPackageError("cryptography", "chiffrer le coffre de l'étude") from error
    return AESGCM(Scrypt(salt, length=32, n=_COST, r=_BLOCK, p=_PARALLEL).derive(passphrase.encode()))
