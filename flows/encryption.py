"""Encrypt the vault's files under a passphrase: scrypt makes the key, AES-256-GCM seals each file under its own name.

In:   bytes, a passphrase
Out:  MAGIC, salt (16 bytes), nonce (12), sealed bytes

Seal a stream of any length under a passphrase, a mebibyte at a time: a piece moved, doubled, cut off or changed does not open.
"""

import io
import secrets
from functools import cache
from typing import IO, TYPE_CHECKING

from pipeline.credentials import read_secret
from pipeline.errors import MissingPackageError, VaultError
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
        return (
            MAGIC
            + self._salt
            + nonce
            + derive_key(self._passphrase, self._salt).encrypt(nonce, content, _label(name))
        )

    def decrypt(self, sealed: bytes, name: str) -> bytes:
        """Return what `encrypt` sealed.

        Raises `VaultError` for another passphrase, a damaged file or one under another's name.
        """
        start = len(MAGIC) + _SALT
        key = derive_key(self._passphrase, _salt_of(sealed))
        from cryptography.exceptions import InvalidTag

        try:
            return key.decrypt(
                sealed[start : start + _NONCE], sealed[start + _NONCE :], _label(name)
            )
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
    return read_secret(
        PASSPHRASE, "la phrase de passe du coffre", named=named, base=study.root, error=VaultError
    )


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
    return AESGCM(
        Scrypt(salt, length=32, n=_COST, r=_BLOCK, p=_PARALLEL).derive(passphrase.encode())
    )


SEALED_STREAM_MAGIC = b"ATELIERS-SAUVEGARDE-1\n"
_SEALED_STREAM_SALT, _PREFIX, _TAG = 16, 7, 16
_PIECE = 1 << 20


class SealingWriter(io.RawIOBase):
    """Writes what it is given, sealed, into `target`; `close` seals the last piece and leaves `target` open."""

    def __init__(self, target: IO[bytes], passphrase: str) -> None:
        salt, self._prefix = secrets.token_bytes(_SEALED_STREAM_SALT), secrets.token_bytes(_PREFIX)
        self._key, self._target, self._n_pieces = derive_key(passphrase, salt), target, 0
        self._waiting = bytearray()
        target.write(SEALED_STREAM_MAGIC + salt + self._prefix)

    def writable(self) -> bool:
        """It only writes."""
        return True

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Take `content`; a piece is sealed once more than one is waiting, so that the last is known to be the last."""
        self._waiting += content
        while len(self._waiting) > _PIECE:
            self._seal(bytes(self._waiting[:_PIECE]), is_last=False)
            del self._waiting[:_PIECE]
        return len(content)

    def close(self) -> None:
        """Seal what is left."""
        if not self.closed:
            self._seal(bytes(self._waiting), is_last=True)
        super().close()

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._target.write(
            self._key.encrypt(
                _nonce(self._prefix, self._n_pieces, is_last), piece, SEALED_STREAM_MAGIC
            )
        )
        self._n_pieces += 1


class OpeningReader(io.RawIOBase):
    """Reads what a `SealingWriter` sealed into `source`; raises `VaultError` for another passphrase or a damaged file."""

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        head = source.read(len(SEALED_STREAM_MAGIC) + _SEALED_STREAM_SALT + _PREFIX)
        salt, self._prefix = head[len(SEALED_STREAM_MAGIC) : -_PREFIX], head[-_PREFIX:]
        self._key, self._source, self._n_pieces = derive_key(passphrase, salt), source, 0
        self._next = source.read(_PIECE + _TAG)
        self._open = memoryview(b"")

    def readable(self) -> bool:
        """It only reads."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill `buffer`; 0 at the end."""
        while not self._open and self._next:
            self._open = memoryview(self._piece())
        n = min(len(buffer), len(self._open))
        buffer[:n] = self._open[:n]
        self._open = self._open[n:]
        return n

    def _piece(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        sealed, self._next = self._next, self._source.read(_PIECE + _TAG)
        try:
            piece = self._key.decrypt(
                _nonce(self._prefix, self._n_pieces, not self._next), sealed, SEALED_STREAM_MAGIC
            )
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "la phrase de passe n'ouvre pas la sauvegarde, ou le fichier est abîmé ou incomplet",
                "la phrase de passe avec laquelle elle a été faite, et un fichier entier",
                "la corriger, ou prendre une autre sauvegarde ; rien n'a été écrit",
            ) from error
        self._n_pieces += 1
        return piece


def _nonce(prefix: bytes, n_pieces: int, is_last: bool) -> bytes:
    return prefix + n_pieces.to_bytes(4, "big") + bytes([is_last])
