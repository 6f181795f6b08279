"""Mailboxes read from a real server (dovecot): each mail once in the right workshop, nothing lost, nothing changed on the server."""

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from flows.mailbox.fetching import Fetched, MailRounds, fetch_mail
from flows.mailbox.server import opened
from flows.notify import Notice, notice_mail
from flows.served_flows import can_pass
from flows.service import list_depot
from flows.vault import Vault
from pipeline.cli import main
from pipeline.errors import MailError, MissingExtraError, SettingsError, StudyError
from pipeline.files import text_hash
from pipeline.settings.sections import NotifySettings
from pipeline.study import Study, locked_file
from support import imap_server
from support.imap_server import PASSWORD, ImapServer
from support.made_files import docx, w_p

pytestmark = pytest.mark.skipif(
    imap_server.why_not() is not None, reason=str(imap_server.why_not())
)

OMER, SEYNE = "Saint-Omer 2026-03-12", "2026_06_24 La Seyne-sur-Mer"
SAID = "Les loyers sont trop élevés à la gare, près de l'école."


@pytest.fixture(scope="module")
def server() -> Iterator[ImapServer]:
    with imap_server.running_server() as started:
        yield started


class Box:
    """A study with two workshops, and a mailbox of its own."""

    def __init__(self, server: ImapServer, folder: Path, user: str) -> None:
        self.server, self.user, self.study = server, user, Study.create(folder / "etude")
        for name in (OMER, SEYNE):
            (self.study.depot / name).mkdir()
        self.set()

    def set(self, *, more: str = "", **mail: object) -> None:
        """Write the settings; of [mail], those given besides where the server is."""
        mail = {"host": "127.0.0.1", "port": self.server.port, "user": self.user} | mail
        lines = [
            f"{key} = " + json.dumps(value, ensure_ascii=False).replace('": "', '" = "')
            for key, value in mail.items()
        ]
        self.study.settings_path.write_text(
            "\n".join(["[mail]", *lines, more, ""]), encoding="utf-8"
        )

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> None:
        self.server.deliver(self.user, *mails, folder=folder)

    def fetch(self) -> Fetched:
        return fetch_mail(self.study.root)

    def files(self) -> list[Path]:
        """All files of the depot, hidden ones too."""
        return sorted(path for path in self.study.depot.rglob("*") if path.is_file())

    def taken(self) -> dict[str, list[bytes]]:
        """The mails of each workshop."""
        return {
            name: [
                path.read_bytes()
                for path in self.files()
                if path.is_relative_to(self.study.depot / name)
            ]
            for name in (OMER, SEYNE)
        }


@pytest.fixture
def box(server, tmp_path, monkeypatch, request) -> Box:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    monkeypatch.setenv("ATELIERS_IMAP_PASSWORD", PASSWORD)
    return Box(server, tmp_path, f"atelier-{text_hash(request.node.name)[:12]}")


def mail(
    number: int,
    subject: str,
    *,
    to: str = "atelier@exemple.fr",
    charset: str = "utf-8",
    **headers: str,
) -> bytes:
    """A mail as people's programs write it."""
    message = EmailMessage()
    message["Message-ID"] = f"<essai-{number}@exemple.org>"
    message["Date"] = f"Mon, 16 Mar 2026 09:{number % 60:02}:11 +0100"
    message["From"] = "Éloïse Lefèvre <eloise@exemple.org>"
    message["To"] = to
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(
        f"Bonjour,\n\n{SAID}\n\nRemarque {number}.\n", charset=charset, cte="quoted-printable"
    )
    return message.as_bytes().replace(b"\n", b"\r\n")


def with_attachment(number: int, subject: str, name: str, content: bytes) -> bytes:
    message = EmailMessage()
    message["Message-ID"], message["Subject"] = f"<essai-{number}@exemple.org>", subject
    message["From"], message["Date"] = "eloise@exemple.org", "Tue, 17 Mar 2026 18:05:00 +0100"
    message.set_content("Vous trouverez nos notes en pièce jointe.")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_mails_go_to_their_workshops_byte_for_byte_and_the_server_keeps_them_unread(box):
    by_address = mail(2, "une idée", to=f"{box.user}+saint-omer@exemple.fr")
    omer = [mail(1, "Suite de l'atelier de Saint-Omer", charset="windows-1252"), by_address]
    seyne = [
        with_attachment(
            3,
            "La Seyne-sur-Mer : nos notes",
            "Notes été.docx",
            docx(w_p("L'été, la gare est fermée.")),
        )
    ]
    assert b"=?utf-8?" in by_address
    assert b"=E9" in omer[0]
    box.set(workshops={f"{box.user}+seyne@exemple.fr": SEYNE})
    box.deliver(*omer, *seyne)
    fetched = box.fetch()
    assert fetched.taken == {OMER: 2, SEYNE: 1}
    assert box.taken() == {OMER: omer, SEYNE: seyne}
    assert {path.stat().st_mode & 0o777 for path in box.files()} == {0o600}
    assert box.files()[1].name.startswith("2026-03-16 09h01 ")
    with box.server.client(box.user) as client:
        flags = [message.flags for message in client.fetch(mark_seen=False)]
    assert len(flags) == 3
    assert [flag for found in flags for flag in found if flag != "\\Recent"] == []


def test_a_second_reading_brings_what_came_since_and_nothing_else(box):
    box.deliver(mail(1, "Saint-Omer"))
    assert box.fetch().taken == {OMER: 1}
    assert box.fetch() == Fetched()
    box.deliver(mail(2, "Saint-Omer"))
    assert box.fetch().taken == {OMER: 1}
    assert box.taken()[OMER] == [mail(1, "Saint-Omer"), mail(2, "Saint-Omer")]


def test_a_mail_that_came_by_two_ways_is_one_file(box):
    copy = b"Received: from liste.exemple.org\r\nDelivered-To: liste@exemple.org\r\n" + mail(
        1, "Saint-Omer"
    )
    box.deliver(mail(1, "Saint-Omer"), copy)
    fetched = box.fetch()
    assert (fetched.taken, fetched.n_known) == ({OMER: 1}, 1)
    assert box.taken()[OMER] == [mail(1, "Saint-Omer")]


def test_a_server_that_numbers_its_mails_anew_doubles_nothing_and_brings_back_nothing(box):
    box.set(folder="Reçus/été")
    box.deliver(*(mail(number, "Saint-Omer") for number in range(4)), folder="Reçus/été")
    assert box.fetch().taken == {OMER: 4}
    first, second, third, fourth = box.files()
    first.unlink()  # somebody threw it away
    second.rename(box.study.depot / SEYNE / second.name)  # another moved it
    before, after = box.server.number_anew(box.user, "Reçus/été")
    assert before != after
    fetched = box.fetch()
    assert (fetched.taken, fetched.n_known) == ({}, 4)
    assert [path.name for path in box.files()] == [second.name, third.name, fourth.name]


def test_without_its_record_a_study_still_doubles_nothing_that_lies_in_the_depot(box):
    box.deliver(mail(1, "Saint-Omer"), mail(2, "bonjour"))
    box.fetch()
    (box.study.runs / ".mail").unlink()
    fetched = box.fetch()
    assert (fetched.taken, fetched.n_known, fetched.n_new_waiting) == ({}, 1, 1)


def test_what_names_no_workshop_waits_until_it_does(box):
    box.deliver(mail(1, "bonjour"), mail(2, "Saint-Omer et la Seyne-sur-Mer"), mail(3, "Thiérache"))
    fetched = box.fetch()
    assert [(waiting.day, waiting.reason) for waiting in fetched.waiting] == [
        ("2026-03-16", reason) for reason in ("no_workshop", "several", "no_workshop")
    ]
    assert fetched.n_new_waiting == 3
    again = box.fetch()
    assert (again.waiting, again.n_new_waiting, box.files()) == (fetched.waiting, 0, [])
    (box.study.depot / "Thiérache 2026-05-19").mkdir()
    fetched = box.fetch()
    assert (fetched.taken, len(fetched.waiting)) == ({"Thiérache 2026-05-19": 1}, 2)
    box.set(fallback=SEYNE)
    fetched = box.fetch()
    assert (fetched.taken, fetched.waiting) == ({SEYNE: 2}, [])


def test_what_waited_and_was_deleted_on_the_server_waits_no_more(box):
    box.deliver(mail(1, "bonjour"), mail(2, "bonsoir"))
    assert len(box.fetch().waiting) == 2
    with box.server.client(box.user) as client:
        client.delete(client.uids()[0])
    assert len(box.fetch().waiting) == 1


def test_a_mail_too_big_waits_and_the_others_come_in(box):
    box.set(more="[ingest]\nmax_file_mb = 0.1")
    box.deliver(
        with_attachment(1, "Saint-Omer", "film.mp4", b"\0" * 150_000), mail(2, "Saint-Omer")
    )
    fetched = box.fetch()
    assert (fetched.taken, [waiting.reason for waiting in fetched.waiting]) == (
        {OMER: 1},
        ["too_big"],
    )
    box.set(more="[ingest]\nmax_file_mb = 0.3")
    assert (box.fetch().taken, len(box.files())) == ({OMER: 1}, 2)


def test_what_programs_write_by_themselves_is_left(box):
    settings = NotifySettings(to=("atelier@exemple.fr",), sender="ateliers@exemple.fr")
    counts = dict.fromkeys(("workshops", "documents", "units", "themes", "rejects"), 1)
    notice = notice_mail(Notice("ready", "Saint-Omer", counts=counts), settings)
    box.deliver(
        bytes(notice),
        mail(1, "Saint-Omer, absence", Auto_Submitted="auto-replied"),
        mail(2, "Saint-Omer", Auto_Submitted="no"),
    )
    fetched = box.fetch()
    assert (fetched.n_automatic, fetched.taken, fetched.waiting) == (2, {OMER: 1}, [])


def test_a_refusal_of_the_sheets_goes_to_the_vault_and_not_to_the_depot(box):
    box.deliver(mail(1, "Re: refus-0123456789abcdef"), mail(2, "Saint-Omer : un refus de permis"))
    fetched = box.fetch()
    assert (fetched.n_refusals, fetched.taken) == (1, {OMER: 1})
    assert Vault(box.study).sending()["refusals"] == ["0123456789abcdef"]


def test_the_record_holds_neither_address_nor_word(box):
    box.deliver(mail(1, "Saint-Omer : les loyers"), mail(2, "un mot d'Éloïse"))
    box.fetch()
    path = box.study.runs / ".mail"
    text = path.read_text(encoding="utf-8").lower()
    assert [
        word
        for word in ("@", "loyers", "éloïse", "eloise", box.user, "essai-", "omer")
        if word in text
    ] == []
    assert path.stat().st_mode & 0o777 == 0o600
    assert box.study.last_run() is None


def test_a_connection_cut_in_the_middle_loses_nothing(box, monkeypatch):
    from flows.mailbox import fetching

    mails = [mail(number, "Saint-Omer") for number in range(5)]
    box.deliver(*mails)
    written: list[Path] = []

    def cut(content: bytes, folder: Path) -> Path:
        written.append(write(content, folder))
        if len(written) == 2:
            box.server.kill()
        return written[-1]

    write = fetching.write_mail
    monkeypatch.setattr(fetching, "write_mail", cut)
    try:
        with pytest.raises(MailError, match="ne répond pas") as caught:
            box.fetch()
    finally:
        box.server.start()
    assert can_pass(caught.value)
    assert len(box.files()) == 2
    fetched = box.fetch()
    assert (fetched.taken, fetched.n_known) == ({OMER: 3}, 0)
    assert box.taken()[OMER] == mails


_KILLED = """
import os, signal, sys
from pathlib import Path
from flows.mailbox import fetching
from flows.mailbox.fetching import fetch_mail

where, calls = sys.argv[2], []

def dying(function, n_calls):
    def call(*arguments, **options):
        calls.append(function)
        if len(calls) == n_calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

if where == "before the file is whole":  # of the third mail: its file, then its folder
    fetching.os.fsync = dying(os.fsync, 5)
elif where == "before it has its name":
    Path.replace = dying(Path.replace, 3)
elif where == "before it is counted":
    fetching.os.fsync = dying(os.fsync, 6)
else:
    fetching.Record.save = lambda self: os.kill(os.getpid(), signal.SIGKILL)
fetch_mail(Path(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [
        "before the file is whole",
        "before it has its name",
        "before it is counted",
        "before it is remembered",
    ],
)
def test_a_reading_that_is_killed_loses_and_doubles_nothing(box, where):
    mails = [mail(number, "Saint-Omer") for number in range(5)]
    box.deliver(*mails, mail(6, "bonjour"))
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(box.study.root), where], capture_output=True
    )
    assert killed.returncode == -9, killed.stderr
    assert list_depot(box.study.depot).temporary == {}  # what was cut does not make the watch wait
    assert all(path.read_bytes() in mails for path in box.files() if not path.name.startswith("."))
    fetched = box.fetch()
    assert box.taken()[OMER] == mails
    assert len(box.files()) == 5
    assert len(fetched.waiting) == 1


def test_the_folder_is_opened_for_reading_only(box):
    with opened(box.study.settings.mail, PASSWORD) as mailbox:
        assert mailbox._client.client.is_readonly


def test_whatever_breaks_an_encrypted_connection_once_signed_in_may_pass(box):
    with (
        pytest.raises(MailError, match="ne répond pas") as caught,
        opened(box.study.settings.mail, PASSWORD),
    ):
        raise ssl.SSLError(1, "[SSL] record layer failure")
    assert can_pass(caught.value)


def told(box: Box) -> MailError:
    with pytest.raises(MailError) as caught:
        box.fetch()
    assert str(caught.value).count("\n") == 0
    assert PASSWORD not in str(caught.value)
    assert box.files() == []
    return caught.value


def test_a_wrong_password_is_told_and_does_not_pass(box, monkeypatch):
    monkeypatch.setenv("ATELIERS_IMAP_PASSWORD", "perdu")
    error = told(box)
    assert "refuse l'utilisateur ou le mot de passe (AUTHENTICATIONFAILED)" in str(error)
    assert not can_pass(error)
    monkeypatch.setenv("ATELIERS_IMAP_PASSWORD", "été")
    assert "AUTHENTICATIONFAILED" in str(told(box))


def test_a_folder_that_is_not_there_is_told_and_does_not_pass(box):
    box.set(folder="Été")
    error = told(box)
    assert "n'a pas de dossier « Été »" in str(error)
    assert not can_pass(error)


def test_a_certificate_of_an_unknown_authority_is_refused(box, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    error = told(box)
    assert "le certificat de 127.0.0.1 est refusé" in str(error)
    assert not can_pass(error)


def test_a_certificate_of_another_name_is_refused(box):
    box.set(host="localhost")
    assert "le certificat de localhost est refusé" in str(told(box))


@pytest.mark.parametrize("encryption", ["starttls", "none"])
def test_the_port_without_tls_is_read_by_starttls_or_in_clear_on_this_machine(box, encryption):
    box.set(port=box.server.clear_port, encryption=encryption)
    box.deliver(mail(1, "Saint-Omer"))
    assert box.fetch().taken == {OMER: 1}


def test_starttls_checks_the_certificate_too(box, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    box.set(port=box.server.clear_port, encryption="starttls")
    assert "le certificat de 127.0.0.1 est refusé" in str(told(box))


def test_a_port_that_does_not_speak_tls_is_told(box):
    box.set(port=box.server.clear_port)
    assert "SSLError" in str(told(box))


def test_a_server_that_is_away_is_told_and_may_come_back(box):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box.set(port=port)
    error = told(box)
    assert f"127.0.0.1:{port} ne répond pas" in str(error)
    assert can_pass(error)


def test_a_password_in_a_file_is_read_and_only_its_owner_s(box, monkeypatch):
    monkeypatch.delenv("ATELIERS_IMAP_PASSWORD")
    path = box.study.root / "mot-de-passe"
    path.write_text(f"{PASSWORD}\n", encoding="utf-8")
    path.chmod(0o644)
    box.set(password_file="mot-de-passe")
    with pytest.raises(SettingsError, match="chmod 600"):
        box.fetch()
    path.chmod(0o600)
    assert box.fetch() == Fetched()


def test_one_reading_at_a_time(box):
    with (
        locked_file(box.study.runs / ".fetching", StudyError("x", "y", "z")),
        pytest.raises(StudyError, match="déjà en cours") as caught,
    ):
        box.fetch()
    assert can_pass(caught.value)


def test_a_record_that_is_damaged_says_what_to_do(box):
    (box.study.runs / ".mail").write_text("{", encoding="utf-8")
    with pytest.raises(StudyError, match="le retirer"):
        box.fetch()


def test_without_imap_tools_the_option_to_install_is_told(box, monkeypatch):
    monkeypatch.setattr("flows.mailbox.server.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ateliers-territoires\[mail\]"):
        box.fetch()


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main([*arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_says_what_came_and_why_others_wait(box, capsys):
    box.deliver(mail(1, "Saint-Omer"), mail(2, "un secret"))
    code, out, err = run(capsys, "fetch-mail", str(box.study.root))
    assert (code, err) == (0, "")
    assert f"{OMER} : 1" in out
    assert "1 mail pris, 0 déjà là" in out
    assert "du 2026-03-16 : ne nomme aucun atelier" in out
    assert "secret" not in out
    code, out, _ = run(capsys, "fetch-mail", str(box.study.root), "--json")
    found = json.loads(out)
    assert (code, found["taken"], [waiting["reason"] for waiting in found["waiting"]]) == (
        0,
        {},
        ["no_workshop"],
    )
    _, out, _ = run(capsys, "status", str(box.study.root))
    assert "Mails qui attendent sur le serveur : 1" in out


def test_the_command_ends_with_1_for_a_mailbox_and_2_for_settings(box, capsys, monkeypatch):
    monkeypatch.setenv("ATELIERS_IMAP_PASSWORD", "perdu")
    code, out, err = run(capsys, "fetch-mail", str(box.study.root))
    assert (code, out, err.count("\n")) == (1, "", 1)
    box.study.settings_path.write_text("", encoding="utf-8")
    code, _, err = run(capsys, "fetch-mail", str(box.study.root))
    assert (code, "« mail.host » est vide" in err, err.count("\n")) == (2, True, 1)


class Heard:
    """What a service tells, and a way to wait for its rounds."""

    def __init__(self, box: Box) -> None:
        self.lines: list[str] = []
        self.rounds = MailRounds(box.study.root, stop=threading.Event(), told=self.lines.append)

    def read(self, times: int = 1) -> list[str]:
        """What is told while the mailbox is read so many times."""
        before = len(self.lines)
        for _ in range(times):
            self.rounds.read_once()
        return self.lines[before:]


def test_a_service_tells_what_came_once_and_a_server_away_once(box):
    heard = Heard(box)
    box.deliver(mail(1, "Saint-Omer"), mail(2, "bonjour"))
    came, waits = heard.read(3)
    assert f"1 mail pris ({OMER} : 1)" in came
    assert "1 mail de plus attend" in waits
    box.server.kill()
    try:
        (away,) = heard.read(3)
    finally:
        box.server.start()
    assert "ne répond pas" in away
    box.deliver(mail(3, "Saint-Omer"))
    back, came = heard.read(2)
    assert "de nouveau lue" in back
    assert "1 mail pris" in came


def test_a_service_does_not_insist_on_a_password_that_was_refused(box, monkeypatch):
    from flows.mailbox import fetching

    asked: list[Path] = []
    monkeypatch.setattr(fetching, "fetch_mail", lambda root: asked.append(root) or fetch_mail(root))
    monkeypatch.setenv("ATELIERS_IMAP_PASSWORD", "perdu")
    heard = Heard(box)
    (refused,) = heard.read(4)
    assert ("refuse l'utilisateur" in refused, len(asked)) == (True, 1)
    monkeypatch.setenv("ATELIERS_IMAP_PASSWORD", PASSWORD)
    (back,) = heard.read()
    assert ("de nouveau lue" in back, len(asked)) == (True, 2)


def test_a_service_outlives_settings_that_are_wrong_for_a_while(box):
    heard = Heard(box)
    box.set(port="imap")
    (wrong,) = heard.read(2)
    assert "mail.port" in wrong
    box.set()
    assert len(heard.read()) == 1


@pytest.mark.slow
def test_a_mail_becomes_a_document_of_its_workshop(box):
    from flows.run import due_fingerprint, run_study

    for name in (OMER, SEYNE):
        (box.study.depot / name / "Table 1.txt").write_text(
            "Q1\n- plus de médecin le soir\n- les loyers montent\n", encoding="utf-8"
        )
    notes = docx(w_p("Table 2") + w_p("Q4") + w_p("- Il faudrait ouvrir la gare le dimanche."))
    box.deliver(
        mail(1, "Suite à Saint-Omer"),
        with_attachment(2, "La Seyne-sur-Mer", "Notes table 2.docx", notes),
    )
    run_study(box.study.root)
    assert due_fingerprint(box.study) is None
    assert box.fetch().taken == {OMER: 1, SEYNE: 1}
    assert due_fingerprint(Study.open(box.study.root)) is not None
    run_study(box.study.root)
    documents = box.study.read_table("documents").merge(
        box.study.read_table("workshops"), on="workshop_id", validate="m:1"
    )
    by_mail = documents[documents["path"].str.contains("/mails/")].sort_values("path")
    assert list(by_mail.loc[by_mail["channel"] == "mail", "folder"]) == [SEYNE, OMER]
    assert (
        by_mail[by_mail["folder"] == OMER]["text"]
        .str.contains("Les loyers sont trop élevés à la gare")
        .any()
    )
    (attached,) = by_mail[by_mail["path"].str.contains("docx")].itertuples()
    assert (attached.folder, attached.table_number) == (SEYNE, 2)
    assert documents["text"].str.contains("Éloïse|Lefèvre|exemple.org").sum() == 0
    assert due_fingerprint(Study.open(box.study.root)) is None
