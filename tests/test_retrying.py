"""Which failures are tried again, and after how long."""

import errno
import imaplib
import socket
import sqlite3
import ssl

import httpx
import pytest

from flows.run import run_study
from flows.served_flows import can_pass, can_pass_in, line_of, waits
from pipeline.errors import (
    GridError,
    MailError,
    MissingExtraError,
    ModelError,
    ReadError,
    SettingsError,
    StudyError,
    TableError,
    UnexpectedError,
    UsageError,
    VaultError,
)
from pipeline.files import read_only
from pipeline.settings.sections import ExecutionSettings

WORDS = ("trouvé", "attendu", "à faire")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (caused(StudyError(*WORDS), BlockingIOError(errno.EAGAIN, "locked")), True),
        (caused(StudyError(*WORDS), OSError(errno.ENOSPC, "full")), True),
        (caused(StudyError(*WORDS), OSError(errno.EDQUOT, "quota")), True),
        (caused(StudyError(*WORDS), OSError(errno.ESTALE, "share")), True),
        (caused(StudyError(*WORDS), sqlite3.OperationalError("database is locked")), True),
        (OSError(errno.ENOSPC, "full"), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "no"), True),
        (httpx.ConnectError("no"), True),
        (caused(MailError(*WORDS), imaplib.IMAP4.abort("EOF")), True),
        (caused(MailError(*WORDS), socket.gaierror(socket.EAI_AGAIN, "no")), True),
        (caused(MailError(*WORDS), imaplib.IMAP4.error("AUTHENTICATIONFAILED")), False),
        (caused(MailError(*WORDS), ssl.SSLCertVerificationError(1, "self-signed")), False),
        (httpx.ReadTimeout("slow"), True),
        (MemoryError(), True),
        (TimeoutError(), True),
        (StudyError(*WORDS), False),
        (caused(StudyError(*WORDS), OSError(errno.EROFS, "read-only")), False),
        (caused(StudyError(*WORDS), PermissionError(errno.EACCES, "no")), False),
        (caused(StudyError(*WORDS), sqlite3.DatabaseError("not a database")), False),
        (FileNotFoundError(errno.ENOENT, "no"), False),
        (GridError(*WORDS), False),
        (SettingsError(*WORDS), False),
        (UsageError(*WORDS), False),
        (TableError(*WORDS), False),
        (ModelError(*WORDS), False),
        (ReadError(*WORDS), False),
        (VaultError(*WORDS), False),
        (caused(GridError(*WORDS), OSError(errno.ENOSPC, "full")), False),
        (MissingExtraError("psycopg", "postgres"), False),
        (ValueError("a mistake of ours"), False),
        (KeyError("unit_id"), False),
    ],
    ids=lambda value: (
        f"{type(value).__name__}<{type(value.__cause__).__name__}"
        if isinstance(value, Exception)
        else str(value)
    ),
)
def test_what_can_pass_is_tried_again_and_nothing_else(error, expected):
    assert can_pass(error) is expected


def test_a_database_of_decisions_that_is_away_can_pass(small_study, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("ATELIERS_DATABASE_URL", "postgresql://127.0.0.1:9/decisions")
    with pytest.raises(StudyError) as caught:
        run_study(small_study.root)
    assert can_pass(caught.value)


def test_a_study_that_another_run_holds_can_pass(small_study):
    with small_study.locked(), pytest.raises(StudyError) as caught, small_study.locked():
        pass
    assert can_pass(caught.value)


def test_whatever_fails_while_the_share_of_a_study_is_away_can_pass(small_study):
    lasting = GridError("pas de grille", "un fichier", "en donner une")
    assert not can_pass_in(small_study, lasting)
    small_study.settings_path.unlink()
    assert can_pass_in(small_study, lasting)


def test_a_full_disk_can_pass(tmp_path):
    cause = OSError(errno.ENOSPC, "full")
    assert can_pass(caused(read_only(tmp_path, cause), cause))


def test_waits_are_doubled_up_to_an_hour():
    assert waits(ExecutionSettings(retries=3, retry_wait_s=60)) == [60, 120, 240]
    assert waits(ExecutionSettings(retries=0)) == []
    assert waits(ExecutionSettings(retries=20, retry_wait_s=60))[-1] == 3600


def test_an_error_that_nobody_foresaw_loses_its_words():
    assert line_of(ValueError("plus de médecin à Machecoul")) == "ValueError"
    assert line_of(OSError(errno.ENOSPC, "plein", "Mme Riou.txt")) == "OSError (plein)"
    assert line_of(StudyError(*WORDS)) == str(StudyError(*WORDS))
    assert "médecin" not in str(UnexpectedError("ValueError"))
    assert not can_pass(UnexpectedError("ValueError"))
