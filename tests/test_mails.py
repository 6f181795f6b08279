"""What people's mail programs add around what was written, in French, English and German, and what must stay."""

import base64
import quopri

import pytest

from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.parts import FileContent, RawBlock, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.mail_body import blocks_of_mail
from support.made_files import docx, w_p, zipped

OWN = [
    "La passerelle de Foix reste fermée le soir.",
    "Il faudrait un local pour réparer les vélos.",
]
TEXT = "Bonjour,\n\n" + "\n\n".join(OWN) + "\n\n"
ASKED = "Voici les notes de l'atelier.\nDites-nous ce qui manque.\n"
QUOTED = "".join(f"> {line}\n" for line in ASKED.splitlines())
RULE, LINE = "-" * 8, "_" * 32


def said(text: str, *, sender: str = "Léa Pujol", is_forward: bool = False) -> list[str]:
    return [
        block.text
        for block in blocks_of_mail(text, sender=sender, is_forward=is_forward)[0]
        if block.kind != "meta"
    ]


ANSWERS: list[tuple[str, str]] = [
    ("Gmail", f"Le lun. 4 mai 2026 à 10:12, CRESS Occitanie <ateliers@example.fr> a écrit :\n\n{QUOTED}"),
    ("Gmail, wrapped", f"Le lun. 4 mai 2026 à 10:12, CRESS Occitanie <\nateliers@example.fr> a écrit :\n\n{QUOTED}"),
    ("Gmail in English", f"On Mon, May 4, 2026 at 10:12 AM CRESS Occitanie <ateliers@example.fr> wrote:\n\n{QUOTED}"),
    ("Gmail in German", f"Am Mo., 4. Mai 2026 um 10:12 Uhr schrieb CRESS Occitanie <ateliers@example.fr>:\n\n{QUOTED}"),
    ("Thunderbird", f"Le 04/05/2026 à 10:12, CRESS Occitanie a écrit :\n{QUOTED}"),
    ("Thunderbird in English", f"On 04/05/2026 10:12, CRESS Occitanie wrote:\n{QUOTED}"),
    ("Thunderbird in German", f"Am 04.05.26 um 10:12 schrieb CRESS Occitanie:\n{QUOTED}"),
    ("Apple Mail", f"Le 4 mai 2026 à 10:12, CRESS Occitanie <ateliers@example.fr> a écrit :\n\n{ASKED}"),
    ("Apple Mail in English", f"On 4 May 2026, at 10:12, CRESS Occitanie <ateliers@example.fr> wrote:\n\n{ASKED}"),
    ("iPhone", f"Envoyé de mon iPhone\n\n> Le 4 mai 2026 à 10:12, CRESS Occitanie <ateliers@example.fr> a écrit :\n> \n{QUOTED}"),
    ("Outlook", f"De : CRESS Occitanie <ateliers@example.fr>\nEnvoyé : lundi 4 mai 2026 10:12\nÀ : Léa Pujol <lea@example.org>\nObjet : Notes de l'atelier\n\n{ASKED}"),
    ("Outlook with a line", f"{LINE}\nDe : CRESS Occitanie <ateliers@example.fr>\nEnvoyé : lundi 4 mai 2026 10:12\nÀ : Léa Pujol\nCc : x@example.org\nObjet : Notes\n\n{ASKED}"),
    ("Outlook in English", f"From: CRESS Occitanie <ateliers@example.fr>\nSent: Monday, May 4, 2026 10:12 AM\nTo: Léa Pujol <lea@example.org>\nSubject: Notes\n\n{ASKED}"),
    ("Outlook in German", f"Von: CRESS Occitanie <ateliers@example.fr>\nGesendet: Montag, 4. Mai 2026 10:12\nAn: Léa Pujol <lea@example.org>\nBetreff: Notes\n\n{ASKED}"),
    ("Outlook in bold", f"*De :* CRESS Occitanie <ateliers@example.fr>\n*Envoyé :* lundi 4 mai 2026 10:12\n*À :* Léa Pujol\n*Objet :* Notes\n\n{ASKED}"),
    ("Outlook mobile", f"Télécharger Outlook pour iOS<https://aka.ms/o0ukef>\n{LINE}\nDe : CRESS Occitanie <ateliers@example.fr>\nEnvoyé : lundi 4 mai 2026 10:12\nÀ : Léa\nObjet : Notes\n\n{ASKED}"),
    ("Outlook for Android in English", f"Get Outlook for Android<https://aka.ms/AAb9ysg>\n{LINE}\nFrom: CRESS <ateliers@example.fr>\nSent: Monday\nTo: Léa\nSubject: Notes\n\n{ASKED}"),
    ("old Outlook", f"-----Message d'origine-----\nDe : CRESS [mailto:ateliers@example.fr]\nEnvoyé : lundi 4 mai 2026 10:12\nÀ : Léa\nObjet : Notes\n\n{ASKED}"),
    ("old Outlook in German", f"-----Ursprüngliche Nachricht-----\nVon: CRESS [mailto:ateliers@example.fr]\nGesendet: Montag\nAn: Léa\nBetreff: Notes\n\n{ASKED}"),
    ("Zimbra", f"De: \"CRESS Occitanie\" <ateliers@example.fr>\nÀ: \"Léa Pujol\" <lea@example.org>\nEnvoyé: Lundi 4 Mai 2026 10:12:03\nObjet: Notes\n\n{ASKED}"),
    ("Zimbra with a line", f"----- Mail original -----\nDe: \"CRESS\" <ateliers@example.fr>\nÀ: \"Léa\" <lea@example.org>\nEnvoyé: Lundi 4 Mai 2026 10:12:03\nObjet: Notes\n\n{ASKED}"),
    ("Orange", f"> Message du 04/05/26 10:12\n> De : \"CRESS\" <ateliers@example.fr>\n> A : \"Léa\" <lea@example.org>\n> Copie à :\n> Objet : Notes\n>\n{QUOTED}"),
    ("Orange today", f"envoyé : 4 mai 2026 à 10:12\nde : CRESS Occitanie <ateliers@example.fr>\nà : Léa Pujol <lea@example.org>\nobjet : Notes\n\n\n{ASKED}"),
    ("ProtonMail", f"Envoyé avec la messagerie sécurisée Proton Mail.\n\nLe lundi 4 mai 2026 à 10:12, CRESS Occitanie <ateliers@example.fr> a écrit :\n\n{QUOTED}"),
    ("old ProtonMail", f"Envoyé avec la messagerie sécurisée ProtonMail.\n\n------- Message original -------\nLe lundi 4 mai 2026 à 10:12, CRESS <ateliers@example.fr> a écrit :\n\n{QUOTED}"),
    ("ProtonMail in English", f"Sent with Proton Mail secure email.\n\nOn Monday, May 4th, 2026 at 10:12 AM, CRESS <ateliers@example.fr> wrote:\n\n{QUOTED}"),
    ("Yahoo", f"Envoyé à partir de Yahoo Mail pour Android\n\n  Le lun., mai 4, 2026 à 10:12, CRESS<ateliers@example.fr> a écrit :   {ASKED}"),
    ("Samsung", f"Envoyé depuis mon appareil Galaxy\n\n-------- Message d'origine --------\nDe : CRESS <ateliers@example.fr>\nDate : 04/05/2026 10:12 (GMT+01:00)\nÀ : Léa <lea@example.org>\nObjet : Notes\n\n{ASKED}"),
    ("Roundcube", f"Le 04.05.2026 10:12, CRESS Occitanie a écrit :\n\n{QUOTED}"),
    ("SFR", f"========================================\nMessage du : 04/05/2026 10:12\nDe : \"CRESS \" <ateliers@example.fr>\nA : \"Léa\" <lea@example.org>\nSujet : Notes\n\n{ASKED}"),
    ("la Poste", f"De : CRESS <ateliers@example.fr>\nEnvoyé : lundi 4 mai 2026 10:12\nÀ : Léa <lea@example.org>\nObjet : Notes\n\n{QUOTED}"),
]  # fmt: skip


@pytest.mark.parametrize("quoted", [case[1] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
@pytest.mark.parametrize(
    "signature",
    ["", "Bien cordialement,\n\nLéa Pujol\nLes Roues du Plantaurel\n05 99 00 12 34\n\n"],
    ids=["unsigned", "signed"],
)
def test_a_mail_answered_above_is_cut_whatever_the_program(quoted: str, signature: str) -> None:
    assert said(TEXT + signature + quoted) == OWN


SIGNATURES: list[tuple[str, str]] = [
    ("dashes", "-- \nLéa Pujol\nTrésorière des Roues du Plantaurel et de la recyclerie de Foix\n"),
    ("dashes without a blank", "--\nLéa\n"),
    ("a farewell", "Bien à vous,\nLéa\n"),
    ("a farewell in English", "Best regards,\n\nLéa Pujol\n"),
    ("a farewell in German", "Mit freundlichen Grüßen\nLéa Pujol\n"),
    ("a long farewell", "Je vous prie d'agréer, Madame, Monsieur, l'expression de mes salutations distinguées.\n\nLéa Pujol, présidente\n"),
    ("a phone's line", "Léa\n\nEnvoyé de mon téléphone Android avec Courriel K-9 Mail. Excusez la brièveté.\n"),
    ("a phone's line in English", "Léa\n\nSent from my iPhone\n"),
    ("a disclaimer", "Léa Pujol\n\nCe message et ses pièces jointes peuvent contenir des informations confidentielles ou privilégiées et ne doivent donc pas être diffusés, exploités ou copiés sans autorisation.\n"),
    ("a disclaimer in English", "Léa Pujol\n\nThis message and its attachments may contain confidential or privileged information that may be protected by law.\n"),
    ("a virus checker", "Léa\n\nL'absence de virus dans ce courrier électronique a été vérifiée par le logiciel antivirus Avast.\nwww.avast.com\n"),
    ("paper saved", "Léa\n\nAvant d'imprimer ce message, pensez à l'environnement.\n"),
    ("RGPD", "Léa Pujol\n\nConformément au RGPD, vous disposez d'un droit d'accès, de rectification et de suppression des données vous concernant.\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    "ending", [case[1] for case in SIGNATURES], ids=[case[0] for case in SIGNATURES]
)
def test_farewells_signatures_and_notices_are_cut(ending: str) -> None:
    assert said(TEXT + ending) == OWN


INLINE = (
    "Le 4 mai 2026 à 10:12, CRESS <ateliers@example.fr> a écrit :\n\n> Que manque-t-il sur le plateau ?\n\nUn médecin, et le car du samedi.\n\n"
    "> Et pour les jeunes ?\n> On nous a parlé du cinéma.\n\nLe cinéma ferme à vingt heures.\n\nLéa\n"
)


def test_who_answers_in_a_thread_is_read_though_the_answer_is_addressed_to_her() -> None:
    asked = f"De : Inès Vidal <i@example.org>\nEnvoyé : lundi 4 mai 2026\nÀ : liste@example.org\nObjet : suites\n\n{ASKED}"
    answered = f"De : Paul Ramos <p@example.org>\nEnvoyé : mardi 5 mai 2026\nÀ : Inès Vidal\nObjet : RE: suites\n\n{OWN[1]}\n\n{asked}"
    text = f"{OWN[0]}\n\n{answered}"
    for recipients, told in ((["Paul Ramos", "Inès Vidal"], OWN), (["Paul Ramos"], OWN[:1])):
        blocks, _ = blocks_of_mail(text, sender="Léa Pujol", recipients=recipients)
        assert [block.text for block in blocks if block.kind != "meta"] == told


@pytest.mark.parametrize(("author", "is_told"), [("Inès Vidal", True), ("Ateliers CRESS", False)])
def test_the_mail_of_an_organisation_that_opens_a_thread_only_asks(
    author: str, is_told: bool
) -> None:
    text = f"{OWN[0]}\n\nLe 4 mai 2026 à 10:12, {author} a écrit :\n> {OWN[1]}\n"
    blocks, _ = blocks_of_mail(text, sender="Léa Pujol", recipients=["Claire Fontenoy"])
    told = [block.text for block in blocks if block.kind != "meta"]
    assert told == (OWN[:2] if is_told else OWN[:1])


def test_answers_between_quoted_lines_are_read() -> None:
    assert said(INLINE) == ["Un médecin, et le car du samedi.", "Le cinéma ferme à vingt heures."]


IDEA = "Bonjour,\n\nJe propose une épicerie ambulante pour les hameaux.\n\nBien à vous,\nGaston Vidal\n"
FORWARDS: list[tuple[str, str]] = [
    ("Gmail", f"---------- Forwarded message ---------\nDe : Gaston Vidal <g@example.com>\nDate: lun. 4 mai 2026 à 10:12\nSubject: idée\nTo: <lea@example.org>\n\n{IDEA}"),
    ("Gmail in German", f"---------- Weitergeleitete Nachricht ---------\nVon: Gaston Vidal <g@example.com>\nDatum: Mo., 4. Mai 2026\nBetreff: idée\nAn: <lea@example.org>\n\n{IDEA}"),
    ("Thunderbird", f"-------- Message transféré --------\nSujet : idée\nDate : Mon, 4 May 2026 10:12:03 +0200\nDe : Gaston Vidal <g@example.com>\nPour : lea@example.org\n\n{IDEA}"),
    ("Apple Mail", f"Début du message réexpédié :\n\nDe: Gaston Vidal <g@example.com>\nObjet: idée\nDate: 4 mai 2026 à 10:12\nÀ: lea@example.org\n\n{IDEA}"),
    ("Outlook", f"De : Gaston Vidal <g@example.com>\nEnvoyé : lundi 4 mai 2026 10:12\nÀ : Léa Pujol <lea@example.org>\nObjet : idée\n\n{IDEA}"),
    ("Zimbra", f"----- Mail transféré -----\nDe: \"Gaston Vidal\" <g@example.com>\nÀ: \"Léa\" <lea@example.org>\nEnvoyé: Lundi 4 Mai 2026\nObjet: idée\n\n{IDEA}"),
    ("Yahoo", f"----- Mail transféré -----\nDe : Gaston Vidal <g@example.com>\nÀ : Léa <lea@example.org>\nEnvoyé : lundi 4 mai 2026\nObjet : idée\n\n{IDEA}"),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in FORWARDS], ids=[case[0] for case in FORWARDS])
def test_a_mail_passed_on_is_read_and_its_own_signature_cut(text: str) -> None:
    assert said("Voici ce que Gaston m'envoie.\n\n" + text, is_forward=True) == [
        "Voici ce que Gaston m'envoie.",
        "Je propose une épicerie ambulante pour les hameaux.",
    ]
    assert said(text) == ["Je propose une épicerie ambulante pour les hameaux."]


KEPT = [
    "Le 12 mai, la maire a écrit : « la halle rouvrira ».",
    "De : tout le monde veut un four à pain.",
    "À vendre : le local de la poste, qui irait bien pour un café.",
    "Ce message, c'est celui des habitants : ils veulent un médecin.",
    "On ne peut pas imprimer à la médiathèque.",
    "Sent from a bus stop would be a good name for our radio.",
    "Merci à la commune d'avoir gardé l'école ouverte.",
    "Le message d'origine de l'association s'est perdu en route.",
]


@pytest.mark.parametrize("sentence", KEPT)
def test_sentences_that_look_like_a_programs_are_kept(sentence: str) -> None:
    assert said(
        f"Bonjour,\n\n{sentence}\n\nLe car du samedi manque à tous.\n\nCordialement,\nLéa\n"
    ) == [
        sentence,
        "Le car du samedi manque à tous.",
    ]


def mime(headers: str, body: bytes) -> bytes:
    return (
        b"From: =?utf-8?Q?L=C3=A9a?= <lea@example.org>\nTo: a@example.fr\nSubject: idee\nMIME-Version: 1.0\n"
        + headers.encode()
        + b"\n\n"
        + body
    )


IDEAS = "Une idée : rouvrir la gare à Pâques."
TRANSFERS: list[tuple[str, bytes]] = [
    ("base64 in UTF-8", mime("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", base64.encodebytes(IDEAS.encode()))),
    ("quoted-printable in latin-1", mime("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable", quopri.encodestring(IDEAS.encode("latin-1")))),
    ("a charset that is wrong", mime("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit", IDEAS.encode())),
    ("a charset that nobody knows", mime("Content-Type: text/plain; charset=x-inconnu\nContent-Transfer-Encoding: 8bit", IDEAS.encode("cp1252"))),
    ("no charset", mime("Content-Transfer-Encoding: 8bit", IDEAS.encode("cp1252"))),
    ("a transfer encoding that is wrong", mime("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit", IDEAS.encode())),
    ("HTML with its picture", mime("Content-Type: multipart/related; boundary=B", f"--B\nContent-Type: text/html; charset=utf-8\n\n<p>{IDEAS}<img src='cid:x'></p>\n--B\nContent-Type: image/png\nContent-ID: <x>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--B--\n".encode())),
    ("a plain text that only asks to read the HTML", mime("Content-Type: multipart/alternative; boundary=B", f"--B\nContent-Type: text/plain\n\nVotre messagerie n'affiche pas le HTML.\n--B\nContent-Type: text/html; charset=utf-8\n\n<p>{IDEAS}</p><p>{'<p>'.join(['Le car manque.'] * 12)}</p>\n--B--\n".encode())),
    ("an invitation after the HTML", mime("Content-Type: multipart/alternative; boundary=B", f"--B\nContent-Type: text/html; charset=utf-8\n\n<p>{IDEAS}</p>\n--B\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--B--\n".encode())),
]  # fmt: skip


@pytest.mark.parametrize(
    "content", [case[1] for case in TRANSFERS], ids=[case[0] for case in TRANSFERS]
)
def test_a_mail_is_decoded_however_it_travelled(content: bytes) -> None:
    part = read_source(FileContent(content, "m.eml"))[0]
    assert part.blocks[0].text == IDEAS
    assert part.people[0] == ("Léa", "lea@example.org")


P = f"<p>Bonjour,</p><p>{OWN[0]}</p><p>{OWN[1]}</p>"
ASKED_HTML = "<p>Voici les notes de l'atelier.</p><p>Dites-nous ce qui manque.</p>"
HEAD = "<b>De :</b> CRESS &lt;ateliers@example.fr&gt;<br><b>Envoyé :</b> lundi 4 mai 2026 10:12<br><b>À :</b> Léa &lt;lea@example.org&gt;<br><b>Objet :</b> Notes"
PAGES: list[tuple[str, str]] = [
    ("Gmail", f'{P}<div class="gmail_quote"><div class="gmail_attr">Le lun. 4 mai 2026 à 10:12, CRESS &lt;a@example.fr&gt; a écrit :<br></div><blockquote class="gmail_quote">{ASKED_HTML}</blockquote></div>'),
    ("Outlook", f'{P}<div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class=MsoNormal>{HEAD}<o:p></o:p></p></div></div>{ASKED_HTML}'),
    ("Outlook on the web", f'{P}<hr><div id="divRplyFwdMsg">{HEAD}</div>{ASKED_HTML}'),
    ("Thunderbird", f'{P}<div class="moz-cite-prefix">Le 04/05/2026 à 10:12, CRESS a écrit :<br></div><blockquote type="cite">{ASKED_HTML}</blockquote>'),
    ("Apple Mail", f'{P}<div><br><blockquote type="cite"><div>Le 4 mai 2026 à 10:12, CRESS &lt;a@example.fr&gt; a écrit :</div>{ASKED_HTML}</blockquote></div>'),
    ("Proton", f'{P}<div class="protonmail_quote">Le lundi 4 mai 2026 à 10:12, CRESS &lt;a@example.fr&gt; a écrit :<br><blockquote type="cite">{ASKED_HTML}</blockquote></div>'),
    ("Yahoo", f'{P}<div id="yahoo_quoted_1"><div>Le lundi 4 mai 2026 à 10:12:03 UTC+2, CRESS &lt;a@example.fr&gt; a écrit :</div>{ASKED_HTML}</div>'),
    ("Zimbra", f'{P}<hr id="zwchr"><div>{HEAD}</div>{ASKED_HTML}'),
]  # fmt: skip


@pytest.mark.parametrize("page", [case[1] for case in PAGES], ids=[case[0] for case in PAGES])
def test_a_mail_in_html_alone_is_cut_as_well(page: str) -> None:
    (part,) = read_source(
        FileContent(mime("Content-Type: text/html; charset=utf-8", page.encode()), "m.eml")
    )
    assert [block.text for block in part.blocks if block.kind != "meta"] == OWN


@pytest.mark.parametrize("noise", [b"\xff\x00", b"=?hex?q?\xff\x00?="], ids=repr)
def test_a_header_that_is_no_text_does_not_hide_what_the_mail_says(noise: bytes) -> None:
    (part,) = read_source(
        FileContent(
            b"Subject: "
            + noise
            + b"\nFrom: a@example.org\n\nLa passerelle reste ferm\xc3\xa9e le soir.\n",
            "m.eml",
        )
    )
    assert "La passerelle reste fermée le soir." in [block.text for block in part.blocks]


def test_a_mail_passed_on_in_html_is_read() -> None:
    quoted = f"<div class='gmail_quote'>---------- Forwarded message ---------<br>De : <b>Gaston Vidal</b> &lt;g@example.com&gt;<br>Date: lun. 4 mai 2026<br>Subject: idée<br>To: &lt;lea@example.org&gt;<br><br>{P}</div>"
    content = mime(
        "Content-Type: text/html; charset=utf-8", f"<div>Pour info.</div>{quoted}".encode()
    ).replace(b"Subject: idee", b"Subject: Fwd: idee")
    (part,) = read_source(FileContent(content, "m.eml"))
    assert [block.text for block in part.blocks if block.kind != "meta"] == OWN
    assert ("Gaston Vidal", "g@example.com") in part.people


def test_a_zip_that_is_attached_is_opened_and_winmail_is_told() -> None:
    archive = base64.encodebytes(zipped({"notes/Table 2.docx": docx(w_p("un lavoir"))})).decode()
    tnef = base64.encodebytes(b"\x78\x9f\x3e\x22\x01\x00").decode()
    head = "Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="
    body = f"--B\n\n{IDEAS}\n--B\nContent-Type: application/zip\n{head}tout.zip\n\n{archive}--B\nContent-Type: application/ms-tnef\n{head}winmail.dat\n\n{tnef}--B--\n"
    parts = read_source(
        FileContent(mime("Content-Type: multipart/mixed; boundary=B", body.encode()), "m.eml")
    )
    assert [part.name for part in parts] == [
        "",
        "001-tout.zip/notes/Table 2.docx",
        "002-winmail.dat",
    ]
    assert (parts[1].blocks[0].text, (parts[2].error or ("",))[0]) == (
        "un lavoir",
        "pièce jointe d'Outlook (winmail.dat)",
    )


def test_a_line_that_begins_with_from_parts_no_mail_of_a_mailbox() -> None:
    one = b"From x@y Mon May  4 10:00:00 2026\nFrom: x@example.org\nSubject: a\n\nOn m'a dit :\n>From Foix, rien.\nFrom Pamiers to Foix, no bus.\n\n"
    parts = read_source(FileContent(one * 2, "b.mbox"))
    assert [part.name for part in parts] == ["001", "002"]
    assert "From Foix, rien." in " ".join(block.text for block in parts[1].blocks)


MACHINES = [  # headers of a mail, and whether a machine sent it
    ("From: Anne Riou <anne@example.org>\nSubject: Réponse automatique : vos notes", True),
    ("From: Anne Riou <anne@example.org>\nSubject: Absence du bureau", True),
    ("From: Anne Riou <anne@example.org>\nSubject: Lu : vos notes", True),
    ("From: Anne Riou <anne@example.org>\nSubject: vos notes\nAuto-Submitted: auto-replied", True),
    ("From: Framaforms <no-reply@framaforms.org>\nSubject: Atelier de Foix", True),
    (
        "From: Formulaires <a@example.org>\nSubject: Nouvelle soumission du formulaire « Foix »",
        True,
    ),
    ("From: MAILER-DAEMON@mx.example.org\nSubject: Undelivered Mail Returned to Sender", True),
    ("From: Anne Riou <anne@example.org>\nSubject: Absence de médecins à Foix", False),
    ("From: Anne Riou <anne@example.org>\nSubject: Lu et approuvé\nAuto-Submitted: no", False),
    ("From: Noé Reply <noe.reply@example.org>\nSubject: Nouvelle réponse de la mairie", False),
]


@pytest.mark.parametrize(("headers", "is_of_machine"), MACHINES)
def test_nobody_says_what_a_machine_sends(headers: str, is_of_machine: bool) -> None:
    content = f"{headers}\nTo: ateliers@example.fr\n\n{OWN[0]}\n\n{OWN[1]}\n".encode()
    (part,) = read_source(FileContent(content, "m.eml"))
    reasons = {block.reason for block in part.blocks}
    assert reasons == ({"robot"} if is_of_machine else {""})
    assert part.taken_for == ("courriel automatique" if is_of_machine else "courriel")
    assert not any("daemon" in address.lower() for _, address in part.people)


def test_the_mail_that_a_failure_gives_back_is_not_said_either() -> None:
    inner = f"From: CRESS <ateliers@example.fr>\nSubject: Foix\n\n{OWN[0]}\n"
    report = f"From: postmaster@example.org\nSubject: Foix\nContent-Type: multipart/report; boundary=B\n\n--B\n\nNot delivered to anne.\n--B\nContent-Type: message/rfc822\n\n{inner}\n--B--\n"
    parts = read_source(FileContent(report.encode(), "m.eml"))
    assert len(parts) == 2
    assert {block.kind for part in parts for block in part.blocks} == {"meta"}


QUESTIONS_ASKED = [  # a line of a mail, and whether it is the organiser's
    ("> Quels sont les besoins du territoire ?", True),
    ("> dites-nous tout", True),
    ("Quels sont les besoins repérés sur votre territoire ?", True),
    ("Qu'est-ce qui fonctionne bien ?", True),
    ("Pourquoi ne pas rouvrir la ligne de car vers Foix ?", False),
    ("Les besoins, on les connaît : un médecin.", False),
]


@pytest.mark.parametrize(("line", "is_asked"), QUESTIONS_ASKED)
def test_a_question_that_the_organiser_asked_is_no_answer(line: str, is_asked: bool) -> None:
    blocks = [RawBlock(OWN[0]), RawBlock(line), RawBlock(OWN[1])]
    placed = locate_blocks(RawPart(tuple(blocks), channel="mail"), blocks, names=["m.eml"])
    assert [block.kind == "meta" for block in placed] == [False, is_asked, False]


def test_a_quote_with_a_rule_on_its_left_is_the_organiser_s() -> None:
    page = f'<p>{OWN[0]}</p><blockquote style="border-left:1px solid #ccc">Dites-nous ce qui manque.</blockquote><blockquote style="margin:0 0 0 40px;border:none">{OWN[1]}</blockquote>'
    content = f"From: Anne Riou <anne@example.org>\nContent-Type: text/html\n\n{page}".encode()
    (part,) = read_source(FileContent(content, "m.eml"))
    assert [block.text for block in part.blocks if block.kind != "meta"] == OWN
