"""Encrypt the vault's files and whole backups under a passphrase (scrypt, AES-256-GCM).

A vault file is sealed under its own name: magic bytes, salt (16 bytes), nonce (12), sealed bytes. A
backup is sealed in pieces of 1 MiB: one that was moved, doubled, cut off or changed does not open.
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
    """Encrypt files under one passphrase; those of a vault share the salt of `sealed`."""

    def __init__(self, passphrase: str, sealed: bytes | None = None) -> None:
        self._passphrase = passphrase
        self._salt = _salt_of(sealed) if sealed else secrets.token_bytes(_SALT)

    def encrypt(self, content: bytes, name: str) -> bytes:
        """Return `content` sealed for the file `name`."""
        nonce = secrets.token_bytes(_NONCE)
        key = _derive_key(self._passphrase, self._salt)
        return MAGIC + self._salt + nonce + key.encrypt(nonce, content, _label(name))

    def decrypt(self, sealed: bytes, name: str) -> bytes:
        """Return what `encrypt` sealed.

        Raises `VaultError` for another passphrase, a damaged file or another name.
        """
        from cryptography.exceptions import InvalidTag

        key = _derive_key(self._passphrase, _salt_of(sealed))
        start = len(MAGIC) + _SALT
        nonce, content = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        try:
            return key.decrypt(nonce, content, _label(name))
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "la phrase de passe n'ouvre pas le coffre de l'étude, ou un de ses fichiers est "
                "abîmé",
                "la phrase de passe avec laquelle il a été chiffré",
                "la corriger, ou remettre la dernière sauvegarde de vault/ ; rien n'a été modifié",
            ) from error


def is_encrypted(content: bytes) -> bool:
    """Whether `content` is sealed."""
    return content.startswith(MAGIC)


def read_passphrase(study: Study) -> str | None:
    """Return the passphrase of the vault, if any; raise `VaultError` if unreadable."""
    return read_secret(
        PASSPHRASE,
        "la phrase de passe du coffre",
        named=study.settings.vault.passphrase_file,
        base=study.root,
        error=VaultError,
    )


def _salt_of(sealed: bytes) -> bytes:
    return sealed[len(MAGIC) : len(MAGIC) + _SALT]


def _label(name: str) -> bytes:
    return MAGIC + name.encode()


@cache
def _derive_key(passphrase: str, salt: bytes) -> "AESGCM":
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError as error:
        raise MissingPackageError("cryptography", "chiffrer le coffre de l'étude") from error
    scrypt = Scrypt(salt, length=32, n=_COST, r=_BLOCK, p=_PARALLEL)
    return AESGCM(scrypt.derive(passphrase.encode()))


STREAM_MAGIC = b"ATELIERS-SAUVEGARDE-1\n"
_PREFIX, _TAG = 7, 16
_PIECE = 1 << 20


class SealingWriter(io.RawIOBase):
    """Write sealed pieces into `target`, which `close` leaves open."""

    def __init__(self, target: IO[bytes], passphrase: str) -> None:
        salt, self._prefix = secrets.token_bytes(_SALT), secrets.token_bytes(_PREFIX)
        self._key, self._target, self._n_pieces = _derive_key(passphrase, salt), target, 0
        self._waiting = bytearray()
        target.write(STREAM_MAGIC + salt + self._prefix)

    def writable(self) -> bool:
        """Return True, as `io.RawIOBase` asks."""
        return True

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Buffer `content`; a piece is sealed once more follows, so never the last one."""
        self._waiting += content
        while len(self._waiting) > _PIECE:
            self._seal(bytes(self._waiting[:_PIECE]), is_last=False)
            del self._waiting[:_PIECE]
        return len(content)

    def close(self) -> None:
        """Seal the last piece."""
        if not self.closed:
            self._seal(bytes(self._waiting), is_last=True)
        super().close()

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._prefix, self._n_pieces, is_last)
        self._target.write(self._key.encrypt(nonce, piece, STREAM_MAGIC))
        self._n_pieces += 1


class OpeningReader(io.RawIOBase):
    """Read what a `SealingWriter` sealed.

    Raises `VaultError` for another passphrase or damage.
    """

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        head = source.read(len(STREAM_MAGIC) + _SALT + _PREFIX)
        salt, self._prefix = head[len(STREAM_MAGIC) : -_PREFIX], head[-_PREFIX:]
        self._key, self._source, self._n_pieces = _derive_key(passphrase, salt), source, 0
        self._next = source.read(_PIECE + _TAG)
        self._opened = memoryview(b"")

    def readable(self) -> bool:
        """Return True, as `io.RawIOBase` asks."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill `buffer` and return the number of bytes, 0 at the end."""
        while not self._opened and self._next:
            self._opened = memoryview(self._piece())
        n = min(len(buffer), len(self._opened))
        buffer[:n] = self._opened[:n]
        self._opened = self._opened[n:]
        return n

    def _piece(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        sealed, self._next = self._next, self._source.read(_PIECE + _TAG)
        try:
            nonce = _nonce(self._prefix, self._n_pieces, not self._next)
            piece = self._key.decrypt(nonce, sealed, STREAM_MAGIC)
        except (InvalidTag, ValueError) as error:
            if self._n_pieces:  # the passphrase opened those before
                raise VaultError(
                    "la sauvegarde est abîmée ou incomplète",
                    "un fichier entier, tel qu'il a été fait",
                    "en prendre une autre ; rien n'a été écrit",
                ) from error
            raise VaultError(
                "la phrase de passe n'ouvre pas la sauvegarde, ou le fichier est abîmé ou "
                "incomplet",
                "la phrase de passe avec laquelle elle a été faite, et un fichier entier",
                "la corriger, ou prendre une autre sauvegarde ; rien n'a été écrit",
            ) from error
        self._n_pieces += 1
        return piece


def _nonce(prefix: bytes, n_pieces: int, is_last: bool) -> bytes:
    return prefix + n_pieces.to_bytes(4, "big") + bytes([is_last])
