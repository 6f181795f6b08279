"""Which failures can pass by themselves, and how long to wait before trying again.

In:   an error that ended an attempt; the [execution] settings
Out:  whether to try again; the waits between attempts, in seconds
"""

import errno
from collections.abc import Iterator

from pipeline.errors import (
    GridError,
    MissingExtraError,
    MissingPackageError,
    ModelError,
    ReadError,
    SettingsError,
    TableError,
    UsageError,
    VaultError,
)
from pipeline.settings import ExecutionSettings

_LASTING = (SettingsError, UsageError, GridError, TableError, ModelError, ReadError, VaultError, MissingExtraError, MissingPackageError)
_PASSING_NUMBERS = frozenset(
    {
        errno.EAGAIN,  # the study is locked by another run
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EBUSY,
        errno.EINTR,
        errno.EIO,  # a network share that comes back
        errno.ESTALE,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ETIMEDOUT,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EPIPE,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)
_PASSING = (MemoryError, TimeoutError, ConnectionError)
_PASSING_NAMES = frozenset(
    {
        ("psycopg", "OperationalError"),
        ("sqlite3", "OperationalError"),
        ("httpx", "TransportError"),
        ("imaplib", "abort"),  # the connection to a mailbox was cut
        ("ssl", "SSLEOFError"),
        ("socket", "gaierror"),  # no name server answers
        ("concurrent", "BrokenExecutor"),  # workers that were killed
        ("distributed", "KilledWorker"),
    }
)
_LONGEST_S = 3600.0


def can_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later with nothing changed by a person: judged by `error`, then by what caused it."""
    for cause in _causes(error):
        if isinstance(cause, _LASTING):
            return False
        if isinstance(cause, _PASSING) or (isinstance(cause, OSError) and cause.errno in _PASSING_NUMBERS):
            return True
        if any((kind.__module__.split(".")[0], kind.__name__) in _PASSING_NAMES for kind in type(cause).__mro__):
            return True
    return False


def waits(settings: ExecutionSettings) -> list[float]:
    """The seconds to wait before each retry: doubled each time, an hour at most."""
    return [min(settings.retry_wait_s * 2**n, _LONGEST_S) for n in range(settings.retries)]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
