"""Notices by real local mail and web servers: counts, ids and paths, never what anybody said; a notice that cannot be sent ends nothing."""

import email
import json
import socket
from email import policy
from pathlib import Path

import pytest

from flows.notify import failure_notice, ready_notice, send
from flows.run import run_study
from pipeline.errors import GridError, SettingsError
from pipeline.settings import load_settings
from pipeline.settings.sections import NotifySettings
from pipeline.study import Study
from support.mail_server import Hook, MailServer, make_certificate, running

SAID = ("médecin", "Machecoul", "loyers", "recyclerie", "Legé")


def told(study: Study, **notify: object) -> Study:
    """The study again, with these settings of [notify]."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in notify.items()]
    study.settings_path.write_text("[notify]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return Study.open(study.root)


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    study = Study.create(tmp_path_factory.mktemp("prevenir") / "etude")
    folder = study.depot / "Pays de Retz 2026-10-01"
    folder.mkdir()
    (folder / "Table 1.txt").write_text(
        "Q1\n- plus de médecin à Machecoul\n- les loyers montent\n", encoding="utf-8"
    )
    (folder / "Table 2.txt").write_text(
        "Q2\n- la recyclerie de Legé emploie douze personnes\n", encoding="utf-8"
    )
    (folder / "Table 3.docx").write_bytes(b"PK\x03\x04 tronque")
    return study, run_study(study.root)


def mail_of(server: MailServer) -> tuple[list[str], email.message.EmailMessage]:
    ((to, content, _),) = server.mails
    return to, email.message_from_bytes(content, policy=policy.default)


@pytest.mark.slow
def test_a_mail_says_that_a_workshop_is_ready(run_once):
    study, outcome = run_once
    with running(MailServer()) as server:
        study = told(
            study,
            to=["a@example.org", "b@example.org"],
            sender="ateliers@example.org",
            host="127.0.0.1",
            port=server.port,
            starttls=False,
        )
        assert send(ready_notice(study, outcome), study) == []
        to, mail = mail_of(server)
    assert to == ["a@example.org", "b@example.org"]
    assert mail["Subject"] == "[etude] rapport prêt"
    text = mail.get_content()
    (workshop_id,) = study.read_table("workshops")["workshop_id"]
    assert f"Ateliers lus : {workshop_id}" in text
    assert "1 atelier, 2 documents, 3 passages" in text
    assert "non lus : 1" in text
    assert str(study.root / outcome.manifest["publication"] / "rapport.html") in text
    assert [word for word in SAID if word in text] == []


def test_a_webhook_gets_the_same_as_json(run_once):
    study, outcome = run_once
    with running(Hook()) as hook:
        study = told(study, webhook=hook.url, review_url="https://relecture.example.org/")
        assert send(ready_notice(study, outcome), study) == []
        (document,) = hook.documents
    assert (document["state"], document["counts"]["units"], document["counts"]["rejects"]) == (
        "ready",
        3,
        1,
    )
    assert document["review"] == "https://relecture.example.org/"
    assert document["run_id"] == outcome.manifest["run_id"]
    assert [word for word in SAID if word in json.dumps(document, ensure_ascii=False)] == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            GridError("grille.yaml : code « x » deux fois", "un code une fois", "corriger"),
            "grille.yaml : code « x » deux fois",
        ),
        (ValueError("plus de médecin à Machecoul"), "ValueError"),
    ],
)
def test_a_failure_is_told_by_our_words_or_its_kind_alone(run_once, error, reason):
    study, _ = run_once
    with running(MailServer()) as server, running(Hook()) as hook:
        study = told(
            study,
            to=["a@example.org"],
            sender="s@example.org",
            host="127.0.0.1",
            port=server.port,
            starttls=False,
            webhook=hook.url,
        )
        assert send(failure_notice(study, error), study) == []
        _, mail = mail_of(server)
        (document,) = hook.documents
    assert mail["Subject"] == "[etude] traitement en échec"
    assert document["reason"].startswith(reason)
    assert reason in mail.get_content().replace("\n", " ")
    assert [word for word in SAID if word in mail.get_content()] == []


def test_a_password_goes_encrypted_to_a_server_whose_certificate_is_trusted(
    run_once, tmp_path, monkeypatch
):
    study, outcome = run_once
    certificate = make_certificate(tmp_path / "essai.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("ATELIERS_SMTP_PASSWORD", "secret")
    with running(MailServer(certificate=certificate, password="secret")) as server:
        study = told(
            study, to=["a@example.org"], sender="s@example.org", host="127.0.0.1", port=server.port
        )
        assert send(ready_notice(study, outcome), study) == []
        ((_, _, is_encrypted),) = server.mails
    assert is_encrypted


@pytest.mark.parametrize(
    ("server", "password", "fault"),
    [
        ({}, None, "SMTPNotSupportedError"),  # no STARTTLS offered: nothing is sent in clear
        ({"refuses": True}, None, "SMTPRecipientsRefused"),
        ({"password": "autre"}, "secret", "SMTPAuthenticationError"),
    ],
)
def test_a_mail_that_is_refused_is_a_line_without_address_or_password(
    run_once, monkeypatch, server, password, fault
):
    study, outcome = run_once
    if password:
        monkeypatch.setenv("ATELIERS_SMTP_PASSWORD", password)
    with running(MailServer(**server)) as mails:
        study = told(
            study,
            to=["a@example.org"],
            sender="s@example.org",
            host="127.0.0.1",
            port=mails.port,
            starttls=not server,
        )
        (line,) = send(ready_notice(study, outcome), study)
        assert mails.mails == []
    assert fault in line
    assert "a@example.org" not in line and "secret" not in line


def test_a_certificate_that_nobody_signed_is_refused(run_once, tmp_path):
    study, outcome = run_once
    with running(MailServer(certificate=make_certificate(tmp_path / "essai.pem"))) as server:
        study = told(
            study, to=["a@example.org"], sender="s@example.org", host="127.0.0.1", port=server.port
        )
        (line,) = send(ready_notice(study, outcome), study)
        assert server.mails == []
    assert "SSLCertVerificationError" in line


def test_servers_that_are_away_or_fail_are_a_line_each(run_once):
    study, outcome = run_once
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(Hook(status=503)) as hook:
        study = told(
            study,
            to=["a@example.org"],
            sender="s@example.org",
            host="127.0.0.1",
            port=port,
            starttls=False,
            webhook=hook.url,
        )
        mail, web = send(ready_notice(study, outcome), study)
    assert "ConnectionRefusedError" in mail
    assert "503" in web


def test_nobody_to_tell_is_nothing_sent(run_once):
    study, outcome = run_once
    assert send(ready_notice(told(study), outcome), told(study)) == []


@pytest.mark.parametrize(
    ("content", "mode", "fault"),
    [
        ("secret\n", 0o644, "lisible par d'autres"),
        ("", 0o600, "est vide"),
        (None, 0o600, "pas de fichier"),
    ],
)
def test_a_password_file_is_for_its_owner_only(run_once, tmp_path, content, mode, fault):
    study, outcome = run_once
    path = tmp_path / "mot-de-passe"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
    study = told(
        study,
        to=["a@example.org"],
        sender="s@example.org",
        host="127.0.0.1",
        port=9,
        starttls=False,
        password_file=str(path),
    )
    (line,) = send(ready_notice(study, outcome), study)
    assert fault in line


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('to = ["a@example.org"]', "sender"),
        ('to = ["a, b"]', "nom@exemple.fr"),
        (
            'to = ["a@example.org"]\nsender = "s@example.org"\nhost = "smtp.example.org"\nstarttls = false',
            "starttls = true",
        ),
        ('webhook = "http://example.org/x"', "https"),
        ('webhook = "https://moi:secret@example.org/x"', "sans clé"),
        ('password = "secret"', "password_file"),
    ],
)
def test_settings_that_would_leak_or_tell_nobody_are_refused(tmp_path: Path, settings, expected):
    path = tmp_path / "etude.toml"
    path.write_text(f"[notify]\n{settings}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=expected) as caught:
        load_settings(path)
    assert "secret@" not in str(caught.value)


def test_port_465_is_encrypted_from_the_first_word():
    assert (
        NotifySettings(
            to=("a@example.org",),
            sender="s@example.org",
            host="smtp.example.org",
            port=465,
            starttls=False,
        ).port
        == 465
    )


@pytest.mark.parametrize(
    "settings",
    [
        'nightly = "tous les soirs"',
        'nightly = "0 3 * *"',
        'timezone = "Paris"',
        "retries = -1",
        "settle_s = 0",
    ],
)
def test_times_that_are_none_are_refused(tmp_path, settings):
    path = tmp_path / "etude.toml"
    path.write_text(f"[execution]\n{settings}\n", encoding="utf-8")
    with pytest.raises(SettingsError):
        load_settings(path)


def test_when_to_run_and_whom_to_tell_make_no_study_due(run_once):
    from flows.run import due_fingerprint

    study, _ = run_once
    assert due_fingerprint(told(study, review_url="https://relecture.example.org/")) is None
