"""Seal a stream of any length under a passphrase, a mebibyte at a time: a piece moved, doubled, cut off or changed does not open.

scrypt makes the key; each piece is sealed by AES-256-GCM under a nonce that counts pieces and marks the last one (the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).

In:   bytes written, a passphrase
Out:  MAGIC, salt (16 bytes), prefix of nonces (7), pieces of 1 MiB and 16 bytes, the last one shorter
"""

import io
import secrets
from typing import IO

from flows.cipher import derive_key
from pipeline.errors import VaultError

MAGIC = b"ATELIERS-SAUVEGARDE-1\n"
_SALT, _PREFIX, _TAG = 16, 7, 16
_PIECE = 1 << 20


class SealingWriter(io.RawIOBase):
    """Writes what it is given, sealed, into `target`; `close` seals the last piece and leaves `target` open."""

    def __init__(self, target: IO[bytes], passphrase: str) -> None:
        salt, self._prefix = secrets.token_bytes(_SALT), secrets.token_bytes(_PREFIX)
        self._key, self._target, self._n_pieces = derive_key(passphrase, salt), target, 0
        self._waiting = bytearray()
        target.write(MAGIC + salt + self._prefix)

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
        self._target.write(self._key.encrypt(_nonce(self._prefix, self._n_pieces, is_last), piece, MAGIC))
        self._n_pieces += 1


class OpeningReader(io.RawIOBase):
    """Reads what a `SealingWriter` sealed into `source`; raises `VaultError` for another passphrase or a damaged file."""

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        head = source.read(len(MAGIC) + _SALT + _PREFIX)
        salt, self._prefix = head[len(MAGIC) : -_PREFIX], head[-_PREFIX:]
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
            piece = self._key.decrypt(_nonce(self._prefix, self._n_pieces, not self._next), sealed, MAGIC)
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
