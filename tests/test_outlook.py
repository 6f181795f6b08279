"""Messages saved by Outlook: who wrote what, and what is attached, also a message in a message."""

import struct

import pytest

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, Limits, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.mail import unpacked
from support.made_files import compound, docx, msg, msg_properties, w_p

SUBJECT, BODY, HTML, RTF, HEADERS, CLASS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D, 0x001A
SENDER, SENDER_ADDRESS, SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
NAME, ADDRESS, SMTP = 0x3001, 0x3003, 0x39FE
DATA, LONG_NAME, METHOD, CONTENT_ID = 0x3701, 0x3707, 0x3705, 0x3712
PLAIN = "Bonjour,\r\n\r\nIl manque une halle couverte à Lodève.\r\nLe four à pain pourrait resservir.\r\n\r\nCordialement,\r\nInès Vidal\r\n"
IDEAS = ["Il manque une halle couverte à Lodève.", "Le four à pain pourrait resservir."]
FROM = {
    SENDER: "Inès Vidal",
    SENDER_ADDRESS: "/O=EXCHANGE/CN=IVIDAL",
    SENDER_SMTP: "ines.vidal@example.org",
}


def stored_rtf(text: str) -> bytes:
    """Rich text in the property's own envelope, not compressed."""
    content = text.encode("cp1252")
    return struct.pack("<II4sI", len(content) + 12, len(content), b"MELA", 0) + content


def read(content: bytes, **limits: int) -> tuple[RawPart, ...]:
    return read_source(FileContent(content, "message.msg", Limits(**limits)))


def said(part: RawPart) -> list[str]:
    return [block.text for block in part.blocks if block.kind not in ("meta", "heading")]


RICH = r"{\rtf1\ansi\ansicpg1252 Il manque une halle couverte \'e0 Lod\'e8ve.\par Le four \'e0 pain pourrait resservir.\par}"
WRAPPED = (
    r"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Il manque une halle couverte \'e0 Lod\'e8ve."
    r"{\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0 \par {\*\htmltag64 <p>}Le four \'e0 pain pourrait resservir.\htmlrtf x\htmlrtf0\par}"
)
BODIES: list[tuple[str, dict[int, str | bytes]]] = [
    ("plain text", {BODY: PLAIN}),
    ("plain text before HTML", {BODY: PLAIN, HTML: b"<p>la version HTML</p>"}),
    (
        "HTML only",
        {
            HTML: "<html><p>Bonjour,</p><p>Il manque une halle couverte à Lodève.<br>Le four à pain pourrait resservir.</p><p>Cordialement</p></html>".encode()
        },
    ),
    (
        "HTML of a Windows code page",
        {
            BODY: " \r\n",
            HTML: "<p>Il manque une halle couverte à Lodève.<br>Le four à pain pourrait resservir.</p>".encode(
                "cp1252"
            ),
        },
    ),
    ("rich text only", {RTF: stored_rtf(RICH)}),
    ("HTML wrapped in rich text", {RTF: stored_rtf(WRAPPED)}),
]


@pytest.mark.parametrize("texts", [case[1] for case in BODIES], ids=[case[0] for case in BODIES])
def test_the_text_of_a_message_is_read_in_whatever_form_it_is_there(
    texts: dict[int, str | bytes],
) -> None:
    (part,) = read(msg({SUBJECT: "Suites de l'atelier", **FROM, **texts}, numbers={0x3FDE: 1252}))
    assert (said(part), part.title, part.channel) == (IDEAS, "Suites de l'atelier", "mail")


def test_quoted_messages_and_signatures_go_as_in_any_mail() -> None:
    quoted = "\r\n________________________________\r\nDe : CRESS <a@example.fr>\r\nEnvoyé : lundi 4 mai 2026 10:12\r\nÀ : Inès Vidal\r\nObjet : notes\r\n\r\nVoici les notes.\r\n"
    (part,) = read(msg({BODY: PLAIN + quoted, **FROM}))
    assert said(part) == IDEAS


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (FROM, ("Inès Vidal", "ines.vidal@example.org")),
        (
            {
                SENDER: "Inès Vidal",
                SENDER_ADDRESS: "/O=X/CN=Y",
                HEADERS: "Received: x\r\nFrom: Ines <iv@example.org>\r\n\r\n",
            },
            ("Inès Vidal", "iv@example.org"),
        ),
        ({SENDER: "iv@example.org", SENDER_ADDRESS: "iv@example.org"}, ("", "iv@example.org")),
    ],
)
def test_sender_and_recipients_are_told_without_addresses_inside_a_server(
    texts: dict[int, str | bytes], expected: tuple[str, str]
) -> None:
    recipient = msg_properties({NAME: "'Ateliers'", ADDRESS: "/o=x", SMTP: "ateliers@example.fr"})
    (part,) = read(msg({BODY: PLAIN, **texts}, folders={"__recip_version1.0_#00000000": recipient}))
    assert part.people == (expected, ("Ateliers", "ateliers@example.fr"))


def test_attachments_are_parts_pictures_in_the_text_are_counted_and_a_message_in_a_message_is_read() -> (
    None
):
    inner = {
        **msg_properties(
            {SUBJECT: "Idée", BODY: "La passerelle du Lergue est fermée.", SENDER: "Éric Sol"},
            header=24,
        )
    }
    folders = {
        "__attach_version1.0_#00000000": msg_properties(
            {LONG_NAME: "Table 4.docx", DATA: docx(w_p("un atelier vélo"))}, {METHOD: 1}
        ),
        "__attach_version1.0_#00000001": msg_properties(
            {LONG_NAME: "logo.png", DATA: b"\x89PNG\r\n\x1a\n", CONTENT_ID: "logo@x"}, {METHOD: 1}
        ),
        "__attach_version1.0_#00000002": msg_properties(
            {LONG_NAME: "photo.jpg", DATA: b"\xff\xd8\xff\xe0"}, {METHOD: 1}
        ),
        "__attach_version1.0_#00000003": {
            **msg_properties({}, {METHOD: 5}),
            "__substg1.0_3701000D": inner,
        },
    }
    parts = read(msg({BODY: PLAIN, **FROM}, folders=folders))
    assert [(part.name, said(part), part.error is None) for part in parts] == [
        ("", IDEAS, True),
        ("001-Table 4.docx", ["un atelier vélo"], True),
        ("002-photo.jpg", [], False),
        ("003", ["La passerelle du Lergue est fermée."], True),
    ]
    assert parts[0].warnings == ("1 image du message non lue",)
    assert (parts[3].title, parts[3].people) == ("Idée", (("Éric Sol", ""),))


def test_messages_in_messages_end_at_the_limit() -> None:
    held: dict[str, object] = dict(msg_properties({BODY: "au fond, une idée"}, header=24))
    for _ in range(4):
        held = {
            **msg_properties({BODY: "une idée de plus"}, header=24),
            "__attach_version1.0_#00000000": {
                **msg_properties({}, {METHOD: 5}),
                "__substg1.0_3701000D": held,
            },
        }
    held["__properties_version1.0"] = b"\0" * 32
    errors = [part.error[0] for part in read(compound(held), max_depth=2) if part.error]  # type: ignore[arg-type]
    assert errors == ["trop de fichiers emboîtés (pièces jointes, archives)"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (msg({SUBJECT: "vide"}), "message Outlook sans texte"),
        (msg({CLASS: "IPM.Note.SMIME", BODY: "x"}), "courriel chiffré ou protégé"),
        (msg({BODY: PLAIN})[:1600], "le message Outlook est abîmé"),
        (
            msg({RTF: struct.pack("<II4sI", 12, 5, b"????", 0)}),
            "le texte enrichi du message est abîmé",
        ),
    ],
    ids=["blank", "encrypted", "cut short", "damaged rich text"],
)
def test_a_message_that_cannot_be_read_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ReadError) as refusal:
        read(content)
    assert refusal.value.found.startswith(reason)


def test_compressed_rich_text_is_unpacked() -> None:
    """The two examples of [MS-OXRTFCP] 3.1 and 3.2."""
    simple = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpacked(simple) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    crossing = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert unpacked(crossing) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"
