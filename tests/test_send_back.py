"""The sheets of workshops sent to participants: to whom, once, until they refuse, and no address anywhere but in the vault."""

import email
import json
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest

from flows.notify import PASSWORD
from flows.refusals import code_of, refusal_code, refuse
from flows.send_back import send_back
from flows.vault import Vault
from pipeline.errors import SettingsError
from pipeline.pseudonymise.vault import Registry
from pipeline.study import Study
from pipeline.tables.material import ATTENDANCE, WORKSHOPS
from support.mail_server import MailServer, running

FOLDER, RUN = "Rethel 2026-09-10", "20260911T080000000000Z"
LIST = """Nom;Prénom;Structure;Courriel;Signature
Quenneson;Ludivine;Épicerie du Moulin;ludivine@example.org;x
Baudrillart;Thibaut;Régie des Crêtes;thibaut@example.org;x
Sansadresse;Odile;Ressourcerie;;x
Absente;Rose;Ressourcerie;rose@example.org;
"""


def made(root: Path, **notify: object) -> Study:
    """A published study with one workshop; Odile left no address, but wrote a mail."""
    study = Study.create(root)
    lines = {"send_back": True, "sender": "etude@example.org", "host": "127.0.0.1"} | notify
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    study.settings_path.write_text(f"[notify]\n{text}\n", encoding="utf-8")
    study = Study.open(root)
    (study.depot / FOLDER).mkdir()
    (study.depot / FOLDER / "emargement.csv").write_text(LIST, encoding="utf-8")
    blank = dict.fromkeys(column.name for column in WORKSHOPS.columns)
    row = {"workshop_id": "rethel", "territory": "Rethel", "date": "2026-09-10", "folder": FOLDER}
    study.write_table("workshops", WORKSHOPS.build([blank | row]))
    people = [
        "ludivine@example.org",
        "thibaut@example.org",
        "odile@example.org",
        "rose@example.org",
    ]
    registry = Registry()
    for address in people:
        registry.add(is_listed=True).emails = [address]
    Vault(study).write_registry(registry)
    blank = dict.fromkeys(column.name for column in ATTENDANCE.columns)
    rows = [
        blank | {"participant_id": f"personne-{n}", "workshop_id": "rethel", "has_signed": n < 4}
        for n in range(1, 5)
    ]
    study.write_table("attendance", ATTENDANCE.build(rows))
    publication = study.publications / RUN
    (publication / "ateliers").mkdir(parents=True)
    (publication / "ateliers" / "01-rethel.pdf").write_bytes(b"%PDF-1.7 la fiche")
    (publication / "manifeste.json").write_text("{}", encoding="utf-8")
    return study


def sent_mails(server: MailServer) -> dict[str, EmailMessage]:
    return {
        to[-1]: email.message_from_bytes(content, policy=policy.default)
        for to, content, _ in server.mails
    }


@pytest.mark.slow
def test_each_person_who_came_and_left_an_address_is_told_once(tmp_path: Path) -> None:
    with running(MailServer()) as server:
        study = made(
            tmp_path / "etude",
            port=server.port,
            starttls=False,
            answer_to="a@ex.org",
            review_url="https://ess.example.org/retz/",
        )
        plan = send_back(study.root)
        assert plan.to_write == ("personne-1", "personne-2")
        assert plan.left_out == {"sans adresse sur la liste": 1} and server.mails == []
        assert send_back(study.root, is_dry_run=False).sent == plan.to_write
        mails = sent_mails(server)
        assert set(mails) == {"ludivine@example.org", "thibaut@example.org"}
        mail = mails["ludivine@example.org"]
        code = code_of(Vault(study).registry(), "ludivine@example.org")
        assert mail["List-Unsubscribe"] == (
            f"<https://ess.example.org/retz/refus/{code}>, <mailto:a@ex.org?subject=refus-{code}>"
        )
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert (mail["Reply-To"], mail["To"]) == ("a@ex.org", "ludivine@example.org")
        body = mail.get_body().get_content().replace("\xa0", " ")
        assert "l’atelier : Rethel du 10 septembre 2026" in body and "a@ex.org" in body
        (sheet,) = mail.iter_attachments()
        assert sheet.get_content() == b"%PDF-1.7 la fiche"
        again = send_back(study.root, is_dry_run=False)
        assert (again.sent, again.left_out["déjà prévenues"]) == ((), 2) and len(server.mails) == 2
        (study.publications / RUN).rename(study.publications / "20260930T080000000000Z")
        assert refuse(study, code) and refuse(study, "personne-2")
        after = send_back(study.root)
        assert (after.to_write, after.left_out["ont refusé"]) == ((), 2)
    told = json.dumps([plan.as_json(), again.as_json(), after.as_json()])
    assert "example.org" not in told
    outside = [
        path
        for path in study.root.rglob("*")
        if path.is_file() and not {"vault", "depot"} & set(path.parts)
    ]
    assert not any(b"ludivine@" in path.read_bytes() for path in outside)


@pytest.mark.slow
def test_a_sending_that_is_cut_goes_on_and_writes_twice_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(MailServer()) as server:
        study = made(tmp_path / "etude", port=server.port, starttls=False)
        noted = Vault.write_sending
        with monkeypatch.context() as cut:  # once the first mail left, before that is noted

            def killed(vault: Vault, record: dict[str, object]) -> None:
                if server.mails:
                    raise KeyboardInterrupt
                noted(vault, record)

            cut.setattr(Vault, "write_sending", killed)
            with pytest.raises(KeyboardInterrupt):
                send_back(study.root, is_dry_run=False)
        done = send_back(study.root, is_dry_run=False)
        assert done.sent == ("personne-2",) and sum(done.left_out.values()) == 2
        assert [to[-1] for to, _, _ in server.mails] == [
            "ludivine@example.org",
            "thibaut@example.org",
        ]


@pytest.mark.slow
def test_who_the_server_refuses_is_tried_again_and_a_server_away_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "")
    with running(MailServer(refuses=True)) as server:
        study = made(tmp_path / "etude", port=server.port, starttls=False)
        done = send_back(study.root, is_dry_run=False)
        assert (done.sent, done.not_accepted) == ((), ("personne-1", "personne-2"))
    away = send_back(study.root, is_dry_run=False)
    assert away.to_write == done.not_accepted and "envoi arrêté par 127.0.0.1" in away.fault


def test_nothing_is_sent_unless_the_study_says_so(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    assert not study.settings.notify.send_back
    with pytest.raises(SettingsError, match="send_back = true"):
        send_back(study.root)


CODE = "0123456789abcdef"
OURS = f"<1.2.refus-{CODE}@example.org>"
ANSWERS = [
    (f"Subject: refus-{CODE}", "", CODE),
    (f"Subject: Re: refus-{CODE}", "peu importe", CODE),
    (f"Subject: Re: la fiche\nIn-Reply-To: {OURS}", "Refus.\n\n> Bonjour,", CODE),
    (f"Subject: Re: la fiche\nReferences: {OURS}", "\n« refus »\n", CODE),
    (f"Subject: Re: la fiche\nIn-Reply-To: {OURS}", "Merci ! Il manque le marché.", None),
    (f"Subject: Re: la fiche\nIn-Reply-To: {OURS}", "Le refus du permis nous bloque.", None),
    ("Subject: refus du permis", "refus", None),
    (f"Subject: refus-{CODE[:-1]}", "refus", None),
]


@pytest.mark.parametrize(("head", "text", "code"), ANSWERS)
def test_a_refusal_is_told_from_a_contribution(head: str, text: str, code: str | None) -> None:
    headers = BytesHeaderParser().parsebytes(head.encode())
    assert refusal_code(headers, lambda: text) == code


def test_a_refusal_is_kept_as_a_hash_and_outlives_the_person(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    registry = Registry()
    person = registry.add(is_listed=True)
    person.emails = ["ludivine@example.org"]
    Vault(study).write_registry(registry)
    assert refuse(study, "Ludivine@Example.org") and not refuse(study, "nimporte")
    registry.forget(person.number, has_no_words=False, forms=())
    Vault(study).write_registry(registry)
    refusals = Vault(study).sending()["refusals"]
    assert refusals == [code_of(registry, "ludivine@example.org")]
