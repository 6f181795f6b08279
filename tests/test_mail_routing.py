"""Which workshop a mail is for, what it is called in the depot, and what makes two mails one."""

from email import message_from_bytes, message_from_string
from pathlib import Path

import pytest

from flows.mailbox.fetching import day_of, mail_hash, message_hash, write_mail
from flows.mailbox.routing import MailRouter
from pipeline.errors import SettingsError
from pipeline.files import text_hash
from pipeline.ingest.locate import read_names
from pipeline.ingest.locate.cues import Location
from pipeline.settings import load_settings
from pipeline.settings.sections import MailSettings

OMER, RETZ, RETZ_LATER, SEYNE, LOT = (
    "Saint-Omer 2026-03-12", "Pays de Retz 2026-10-01", "Pays de Retz 2027-02-04", "2026_06_24 La Seyne-sur-Mer", "Atelier Lot",
)  # fmt: skip
RULES = {"ess-62@exemple.fr": OMER, "audomarois": OMER, "Roubaix": "Roubaix 2026-04-02"}


@pytest.fixture(scope="module")
def depot(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lieux") / "depot"
    for name in (OMER, RETZ, RETZ_LATER, SEYNE, LOT, ".caché"):
        (folder / name).mkdir(parents=True)
    (folder / LOT / "atelier.yaml").write_text(
        "territoire: Lot\ndate: 2026-05-19\n", encoding="utf-8"
    )
    (folder / "hors de tout.txt").write_text("x", encoding="utf-8")
    return folder


def routed(depot: Path, headers: str, **settings: object) -> str:
    chosen = MailSettings(
        host="imap.exemple.fr", user="atelier@exemple.fr", workshops=RULES, **settings
    )
    route = MailRouter(depot, chosen).route(message_from_string(headers + "\n\n"))
    return route.folder or route.reason


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        # by the address: after a +, or as the settings say
        ("To: atelier+saint-omer@exemple.fr", OMER),
        ("To: Claire <Atelier+SAINT-OMER@Exemple.fr>\nSubject: notes du Pays de Retz 2026-10-01", OMER),
        ("Cc: autre@exemple.fr, atelier+la-seyne-sur-mer@exemple.fr", SEYNE),
        ("To: atelier+saint-omer-2026-03-12@exemple.fr", OMER),
        ("To: atelier+saintomer@exemple.fr", OMER),
        ("To: atelier+st.omer@exemple.fr", OMER),
        ("To: atelier+audomarois@exemple.fr", OMER),
        ("To: ess-62@exemple.fr", OMER),
        ("Delivered-To: atelier+lot@exemple.fr\nTo: liste@exemple.org", LOT),
        ("Delivered-To: atelier+lot@exemple.fr\nTo: atelier+saint-omer@exemple.fr, atelier+lot@exemple.fr", LOT),
        ("Delivered-To: atelier@exemple.fr\nTo: atelier+saint-omer@exemple.fr", OMER),
        ("To: atelier+pays-de-retz-2027-02-04@exemple.fr", RETZ_LATER),
        ("To: atelier+pays-de-retz@exemple.fr\nSubject: notes du 4 février", RETZ_LATER),
        ("To: atelier+pays-de-retz@exemple.fr", "several"),
        ("To: atelier+saint-omer@exemple.fr, atelier+lot@exemple.fr", "several"),
        ("To: atelier+saint-omer@exemple.fr, atelier+lot@exemple.fr\nSubject: pour Saint-Omer", OMER),
        ("To: atelier+roubaix@exemple.fr", "no_folder"),
        # another's address says nothing of us
        ("To: lea+lot@exemple.org", "no_workshop"),
        ("To: atelier+inconnu@exemple.fr", "no_workshop"),
        # by the subject
        ("Subject: Suite de l'atelier de Saint-Omer", OMER),
        ("Subject: RE: SAINT OMER, nos notes", OMER),
        ("Subject: Fwd: St-Omer", OMER),
        ("Subject: =?utf-8?q?notes_de_La_S=C3=A9yne-sur-Mer?=", SEYNE),
        ("Subject: =?iso-8859-1?Q?Pays_de_Retz_-_4_f=E9vrier_2027?=", RETZ_LATER),
        ("Subject: Pays de Retz, atelier du 1er octobre", RETZ),
        ("Subject: Pays de Retz, 01/10/2026", RETZ),
        ("Subject: Pays de Retz 2026-10-01", RETZ),
        ("Subject: Pays de Retz", "several"),
        ("Subject: Pays de Retz, 3 mai 2031", "several"),
        ("Subject: l'Audomarois après l'atelier", OMER),
        ("Subject: Roubaix", "no_folder"),
        ("Subject: Suite atelier du 12 mars", OMER),
        ("Subject: Suite atelier du 12 mars 2027", "no_workshop"),
        ("Subject: on se voit le 12 mars ?", "no_workshop"),
        ("Subject: Saint-Omer et la Seyne-sur-Mer", "several"),
        ("Subject: Saint-Omer et la Seyne-sur-Mer, le 24 juin", SEYNE),
        ("Subject: du Lot", LOT),
        ("Subject: un lot de documents", "no_workshop"),
        ("Subject: Saint-Omerois", "no_workshop"),
        ("Subject: ", "no_workshop"),
        ("From: a@exemple.org", "no_workshop"),
        # what programs write by mistake
        ("Subject: =?utf-9?b?#####?= Saint-Omer", OMER),
        ("Subject: Saint-\n Omer", OMER),
        ("To: <<<>>, ;;: \"", "no_workshop"),
    ],
)  # fmt: skip
def test_a_mail_goes_to_the_one_workshop_that_its_address_or_subject_names(
    depot, headers, expected
):
    assert routed(depot, headers) == expected


def test_bytes_beyond_ascii_in_a_subject_are_read(depot):
    chosen = MailSettings(host="h", user="atelier@exemple.fr")
    headers = message_from_bytes("Subject: La Seÿne-sur-Mer".encode("latin-1") + b"\n\n")
    assert MailRouter(depot, chosen).route(headers).folder == SEYNE


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff\x00",
        b"=?hex?q?\xff\x00?=",
        b"=?utf-8?b?\xff?=",
        b"=?rot13?q?x?=",
        b'"<@[::,;(',
        b"=?idna?q?=FF?=",
    ],
    ids=repr,
)
def test_headers_that_are_no_text_do_not_stop_the_reading(depot, noise):
    names = (
        b"Message-ID",
        b"Subject",
        b"From",
        b"To",
        b"Delivered-To",
        b"Date",
        b"Auto-Submitted",
        b"Content-Type",
    )
    content = b"".join(name + b": " + noise + b"\r\n" for name in names) + b"\r\nles loyers"
    headers = message_from_bytes(content)
    assert (
        MailRouter(depot, MailSettings(host="h", user="atelier@exemple.fr", fallback=LOT))
        .route(headers)
        .folder
        == LOT
    )
    assert len(message_hash(headers) + mail_hash(content) + day_of(headers)) == 28


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("Subject: bonjour", LOT),
        ("Subject: Saint-Omer et la Seyne-sur-Mer", LOT),
        ("Subject: Saint-Omer", OMER),
        ("Subject: Roubaix", "no_folder"),
    ],
)
def test_what_names_no_workshop_goes_to_the_one_that_takes_the_rest(depot, headers, expected):
    assert routed(depot, headers, fallback=LOT) == expected


def test_a_fallback_without_a_folder_keeps_mails_waiting_and_makes_none(depot):
    assert routed(depot, "Subject: bonjour", fallback="Lott") == "no_folder"
    assert not (depot / "Lott").exists()


def test_a_folder_whose_accents_are_kept_apart_is_found(tmp_path):
    (tmp_path / "Thie\u0301rache").mkdir()
    chosen = MailSettings(host="h", user="atelier", fallback="Thi\u00e9rache")
    assert (
        MailRouter(tmp_path, chosen).route(message_from_string("\n\n")).folder == "Thie\u0301rache"
    )


def test_rules_change_with_folders_and_settings_alone(tmp_path):
    chosen = MailSettings(host="h", user="atelier")
    before = MailRouter(tmp_path, chosen).fingerprint
    assert (
        MailRouter(tmp_path, chosen.model_copy(update={"every_minutes": 3.0})).fingerprint == before
    )
    (tmp_path / "Lot").mkdir()
    assert MailRouter(tmp_path, chosen).fingerprint != before


MAIL = b"Received: by a\r\nMessage-ID: <1@x>\r\nDate: Mon, 16 Mar 2026 09:42:11 +0100\r\nFrom: a@x\r\nSubject: s\r\n\r\nles loyers\r\n"


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        (MAIL.replace(b"Received: by a", b"Delivered-To: b@x"), True),
        (MAIL.replace(b"\r\n", b"\n"), True),
        (MAIL + b"\r\n", True),
        (MAIL.replace(b"<1@x>", b"<2@x>"), False),
        (MAIL.replace(b"loyers", b"gares"), False),
        (MAIL.replace(b"Subject: s", b"Subject: t"), False),
    ],
)  # fmt: skip
def test_two_copies_of_a_mail_are_one_and_two_mails_are_two(changed, is_same):
    assert (mail_hash(changed) == mail_hash(MAIL)) is is_same


def test_a_file_is_named_by_moment_and_hash_and_is_its_owner_s(tmp_path):
    path = write_mail(MAIL, tmp_path)
    assert path.relative_to(tmp_path).as_posix() == f"mails/2026-03-16 09h42 {mail_hash(MAIL)}.eml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == MAIL
    assert write_mail(MAIL, tmp_path) == path
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "date",
    [
        b"",
        b"Date: hier",
        b"Date: Mon, 99 Mar 2026 99:42",
        b"Date: =?x?=",
        b"Date: 1 Jan 99999 00:00",
    ],
)
def test_a_mail_that_tells_no_day_has_a_name_too(tmp_path, date):
    path = write_mail(date + b"\r\nSubject: s\r\n\r\nx", tmp_path)
    assert path.name.startswith("sans date ")
    assert day_of(message_from_bytes(date + b"\n\n")) == ""


def test_the_name_of_a_mail_tells_neither_table_nor_question():
    names = [
        f"{2020 + n % 9}-0{1 + n % 9}-1{n % 10} 0{n % 10}h{10 + n % 50} {text_hash(str(n))[:16]}.eml"
        for n in range(60)
    ]
    assert {read_names(("mails", name)) for name in names} == {Location(None, None, "mail")}


def test_a_mail_without_message_id_has_a_hash_of_its_own():
    assert message_hash(message_from_string("Subject: a\n\n")) != message_hash(
        message_from_string("Subject: b\n\n")
    )
    assert message_hash(message_from_bytes(MAIL)) == message_hash(
        message_from_string("Message-ID: <1@x>\n\n")
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('host = "imap.exemple.fr"', "user"),
        ('host = "imap.exemple.fr"\nuser = "a"\nencryption = "none"', "tls"),
        ('host = "https://imap.exemple.fr"\nuser = "a"', "un nom de serveur"),
        ('host = "imap.exemple.fr"\nuser = "a"\nencryption = "ssl"', "starttls"),
        ('fallback = "../ailleurs"', "un dossier de depot/"),
        ('fallback = ".cache"', "un dossier de depot/"),
        ('workshops = {"a@exemple.fr" = "a/b"}', "un dossier de depot/"),
        ('workshops = {"" = "Lot"}', "une adresse ou des mots"),
        ('workshops = "Lot"', "une section"),
        ('folder = "INBOX\\r\\nA DELETE x"', "une ligne"),
        ("every_minutes = 0", "> 0"),
        ("port = 0", "≥ 1"),
        ('password = "secret"', "password_file"),
    ],
)  # fmt: skip
def test_settings_that_would_leak_or_lead_out_of_the_depot_are_refused(
    tmp_path, settings, expected
):
    path = tmp_path / "etude.toml"
    path.write_text(f"[mail]\n{settings}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=expected) as caught:
        load_settings(path)
    assert "'secret'" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "192.168.1.4"])
def test_a_mailbox_of_this_machine_or_a_private_network_may_be_read_in_clear(host):
    assert MailSettings(host=host, user="a", encryption="none").encryption == "none"
