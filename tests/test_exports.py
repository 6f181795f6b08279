"""What messaging apps and transcribing tools export: who wrote or said what, and what the tool itself writes.

Each sample is made, after the sources cited in data/lexicon/messageries.txt, transcriptions.txt and exports.yaml.
"""

import json

import pytest

from pipeline.depot import Inventory
from pipeline.ingest.contents import read_contents
from pipeline.ingest.parts import FileContent, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.transcripts import reason_of_sentence
from pipeline.settings.sections import IngestSettings

Said = list[tuple[str | None, str]]
Asides = list[tuple[str, str]]


def read_one(content: str, name: str) -> RawPart:
    (part,) = read_source(FileContent(content.encode(), name))
    return part


def said(part: RawPart) -> Said:
    return [(block.speaker, block.text) for block in part.blocks if block.kind != "meta"]


def asides(part: RawPart) -> Asides:
    return [(block.reason, block.text) for block in part.blocks if block.kind == "meta"]


TEXTS: list[tuple[str, str, str, str, Said, Asides]] = [
    (
        "WhatsApp, Android",
        "conversation WhatsApp",
        "mail",
        "04/04/2026, 17:48 - Nadège Fabre a créé le groupe « ESS »\n04/04/2026, 18:31 - Michel Arnal: Plus un logement à louer\nà l'année\n"
        "04/04/2026, 18:32 - Michel Arnal: <Médias omis>\n04/04/2026, 18:33 - Michel Arnal: https://exemple.fr/carte\n04/04/2026, 18:40 - Samia Benali: 😂😂\n",
        [("Michel Arnal", "Plus un logement à louer à l'année")],
        [("application", "Nadège Fabre a créé le groupe « ESS »"), ("application", "<Médias omis>"), ("web address", "https://exemple.fr/carte"), ("mark", "😂😂")],
    ),
    (
        "WhatsApp, iPhone",
        "conversation WhatsApp",
        "mail",
        "[06/05/2026 18:20:14] Atelier: \u200eLes messages et les appels sont chiffrés de bout en bout.\n\u200e[06/05/2026 18:22:40] Joël Blondeau: \u200eJoël Blondeau a rejoint le groupe à l’aide d’un lien d’invitation\n"
        "[06/05/2026 18:44:51] Joël Blondeau: Le dossier fait 60 pages \u200e<Ce message a été modifié>\n\u200e[07/05/2026 08:11:33] Joël Blondeau: \u200eCe message a été supprimé.\n",
        [("Joël Blondeau", "Le dossier fait 60 pages")],
        [("application", "Les messages et les appels sont chiffrés de bout en bout."), ("application", "Joël Blondeau a rejoint le groupe à l’aide d’un lien d’invitation"), ("application", "<Ce message a été modifié>"), ("application", "Ce message a été supprimé.")],
    ),
    (
        "Signal, by signal-export",
        "conversation Signal",
        "mail",
        "[2026-05-29, 15:04] Anne Riou: Le bac manque le soir\n[2026-05-29, 15:10] Paul Morel: ![photo](media/photo.jpg)\n[2026-05-29, 15:12] Paul Morel: La laverie a fermé (- Anne: 👍 -)\n",
        [("Anne Riou", "Le bac manque le soir"), ("Paul Morel", "La laverie a fermé")],
        [("application", "![photo](media/photo.jpg)"), ("application", "(- Anne: 👍 -)")],
    ),
    (
        "Signal, by sigtop",
        "conversation Signal",
        "mail",
        "Conversation: Atelier (group)\n\nFrom: Anne Riou (+33639980114)\nType: incoming\nSent: Thu, 21 May 2026 21:20:45 +0200\nReceived: Thu, 21 May 2026 21:20:45 +0200\n\nje cherche une chambre depuis 7 mois\n\n"
        "From: Paul Morel (+33639980131)\nType: incoming\nSent: Fri, 22 May 2026 08:05:00 +0200\nAttachment: IMG_8812.jpg (image/jpeg, 2841022 bytes)\n",
        [("Anne Riou", "je cherche une chambre depuis 7 mois")],
        [
            ("circumstance", "Conversation: Atelier (group)"),
            ("application", "Type: incoming"),
            ("application", "Sent: Thu, 21 May 2026 21:20:45 +0200"),
            ("application", "Received: Thu, 21 May 2026 21:20:45 +0200"),
            ("application", "Type: incoming"),
            ("application", "Sent: Fri, 22 May 2026 08:05:00 +0200"),
            ("application", "Attachment: IMG_8812.jpg (image/jpeg, 2841022 bytes)"),
        ],
    ),
    (
        "Telegram, copied from its window",
        "conversation Telegram",
        "mail",
        "Lucie Morel, [12.03.2026 14:05]\nLe car est trop tôt\n\nPaul Morel, [12.03.2026 14:07]\nEt le soir aussi\n",
        [("Lucie Morel", "Le car est trop tôt"), ("Paul Morel", "Et le soir aussi")],
        [],
    ),
    (
        "Zoom, in French and English",
        "conversation de réunion Zoom",
        "transcript",
        '17:42:03 De Patrick Hervé à Tout le monde:\n\tlogements pour les apprentis\n17:43:10 From Anne Morin to Everyone:\n\tReplying to "logements pour…"\n\t\n\tet un internat le week-end\n'
        '17:43:31 From Patrick Hervé to Everyone:\n\tReacted to "et un internat" with 👍\n17:44:01 From Anne Morin to Paul Riou (Direct Message) : des bus\n',
        [("Patrick Hervé", "logements pour les apprentis"), ("Anne Morin", "et un internat le week-end"), ("Anne Morin", "des bus")],
        [("application", 'Replying to "logements pour…"'), ("application", 'Reacted to "et un internat" with 👍')],
    ),
    (
        "Teams, copied from its window",
        "conversation de réunion Teams",
        "transcript",
        "Atelier en visio\nHélène Chastang a démarré la réunion 18:00\nSylvie Bordas 18:06\nLe réseau des cafés\n👍 2\nPaul Riou 18:18 Modifié\nla paie, surtout\nPJ : bilan2025.xlsx\nRéunion terminée 18:41 : 41 min 12 s\n",
        [("Sylvie Bordas", "Le réseau des cafés"), ("Paul Riou", "la paie, surtout")],
        [
            ("circumstance", "Atelier en visio"),
            ("circumstance", "Hélène Chastang a démarré la réunion 18:00"),
            ("mark", "👍 2"),
            ("application", "PJ : bilan2025.xlsx"),
            ("application", "Réunion terminée 18:41 : 41 min 12 s"),
        ],
    ),
    (
        "Teams, with times in brackets",
        "conversation de réunion Teams",
        "transcript",
        "[14:12] Anne Riou\nLe bac manque\n[hier 14:15] Paul Morel\nLa laverie aussi\n",
        [("Anne Riou", "Le bac manque"), ("Paul Morel", "La laverie aussi")],
        [],
    ),
    (
        "Whisper .tsv, with a sentence that it makes up",
        "transcription (segments minutés)",
        "transcript",
        "start\tend\ttext\n0\t2660\tLe bac du soir ne passe plus.\n2660\t3100\tHum.\n3100\t8440\tLa laverie, elle, a fermé.\n8440\t9000\tMerci d'avoir regardé cette vidéo !\n",
        [(None, "Le bac du soir ne passe plus."), (None, "La laverie, elle, a fermé.")],
        [("other", "Hum."), ("application", "Merci d'avoir regardé cette vidéo !")],
    ),
    (
        "Google Meet, times between the turns",
        "",
        "transcript",
        "9 avr. 2026\nParticipants\nAnne Riou, Paul Morel\nTranscription\n00:00:00\nAnne Riou: On commence par le bac.\nPaul Morel: Il ne passe plus le soir.\nAnne Riou: D'accord.\n00:05:12\nPaul Morel: La laverie a fermé.\nAnne Riou: En mars.\n"
        "Paul Morel: Oui.\nCette transcription modifiable a été générée par ordinateur et peut contenir des erreurs.\n",
        [("Anne Riou", "On commence par le bac."), ("Paul Morel", "Il ne passe plus le soir."), ("Paul Morel", "La laverie a fermé."), ("Anne Riou", "En mars.")],
        [
            ("circumstance", "9 avr. 2026"),
            ("circumstance", "Participants"),
            ("circumstance", "Anne Riou, Paul Morel"),
            ("circumstance", "Transcription"),
            ("circumstance", "00:00:00"),
            ("other", "D'accord."),
            ("other", "Oui."),
            ("application", "Cette transcription modifiable a été générée par ordinateur et peut contenir des erreurs."),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("taken_for", "channel", "content", "expected", "left"),
    [case[1:] for case in TEXTS],
    ids=[case[0] for case in TEXTS],
)
def test_an_export_as_text_tells_who_spoke_and_keeps_the_tools_words_apart(
    taken_for: str, channel: str, content: str, expected: Said, left: Asides
) -> None:
    part = read_one(content, "export.tsv" if "\ttext\n" in content else "export.txt")
    assert said(part) == expected
    assert [aside for aside in asides(part) if aside[1] != "00:00:00"] == [
        aside for aside in left if aside[1] != "00:00:00"
    ]
    assert part.channel == channel
    assert taken_for in part.taken_for


JSON_FILES: list[tuple[str, str, object, Said]] = [
    (
        "transcription Whisper",
        "transcript",
        {"text": " Le bac manque. La laverie a fermé.", "segments": [{"id": 0, "start": 0.0, "end": 2.0, "text": " Le bac manque.", "tokens": [1], "avg_logprob": -0.2}, {"id": 1, "start": 5.0, "end": 8.0, "text": " La laverie a fermé."}], "language": "fr"},
        [(None, "Le bac manque."), (None, "La laverie a fermé.")],
    ),
    (
        "transcription Whisper",
        "transcript",
        {"segments": [{"start": 0.0, "end": 2.0, "text": "Le bac manque.", "speaker": "SPEAKER_00"}, {"start": 2.0, "end": 4.0, "text": "Le soir.", "speaker": "SPEAKER_01"}]},
        [("SPEAKER 00", "Le bac manque."), ("SPEAKER 01", "Le soir.")],
    ),
    (
        "transcription Whisper",
        "transcript",
        {"result": {"language": "fr"}, "transcription": [{"timestamps": {"from": "00:00:00,000"}, "offsets": {"from": 0, "to": 3000}, "text": " Le bac manque."}]},
        [(None, "Le bac manque.")],
    ),
    ("transcription Whisper", "transcript", {"text": "Le bac manque."}, [(None, "Le bac manque.")]),
    (
        "conversation Telegram",
        "mail",
        {
            "name": "Atelier",
            "type": "private_group",
            "messages": [
                {"id": 1, "type": "service", "date": "2026-05-21T19:02:11", "actor": "Gwenola Le Bihan", "action": "create_group", "text": ""},
                {"id": 2, "type": "message", "date": "2026-05-21T19:12:00", "from": "Iris Payen", "text": ["Rien n'ouvre après 18 h, ", {"type": "bold", "text": "rien"}]},
            ],
        },
        [("Iris Payen", "Rien n'ouvre après 18 h, rien")],
    ),
    (
        "conversation Slack",
        "mail",
        [
            {"type": "message", "subtype": "channel_join", "ts": "1", "user": "U06QWE771", "text": "<@U06QWE771> has joined the channel"},
            {"type": "message", "ts": "2", "user": "U06AB12CD", "user_profile": {"real_name": "Anne Riou"}, "text": "<https://a.fr|La carte> ne dit *rien* du bac &amp; du port :+1:"},
        ],
        [("Anne Riou", "La carte ne dit rien du bac & du port")],
    ),
    (
        "conversation Discord",
        "mail",
        {"guild": {}, "channel": {"name": "table-3"}, "messages": [{"type": "Default", "content": "Le bac manque", "author": {"name": "anne", "nickname": "Anne Riou"}}, {"type": "GuildMemberJoin", "content": "Joined the server.", "author": {"name": "paul"}}]},
        [("Anne Riou", "Le bac manque")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("taken_for", "channel", "content", "expected"), JSON_FILES)
def test_a_json_export_is_read_by_its_form(
    taken_for: str, channel: str, content: object, expected: Said
) -> None:
    part = read_one(json.dumps(content, ensure_ascii=True), "result.json")
    assert (part.taken_for, part.channel, said(part)) == (taken_for, channel, expected)


def test_the_authors_of_a_slack_export_are_named_by_its_list_of_members(tmp_path) -> None:
    folder = tmp_path / "Bray"
    (folder / "export" / "suites").mkdir(parents=True)
    users = [{"id": "U06AB98ZK", "name": "e", "profile": {"real_name": "Étienne Lhomme"}}]
    (folder / "export" / "users.json").write_text(json.dumps(users))
    day = [
        {"type": "message", "ts": "1", "user": "U06AB98ZK", "text": "Une seule collecte"},
        {"type": "message", "ts": "2", "user": "U0ZZZZZZZ", "text": "oui <@U06AB98ZK>, un camion"},
    ]
    (folder / "export" / "suites" / "2026-05-07.json").write_text(json.dumps(day))
    workshop = Inventory(tmp_path).at("Bray")
    contents = read_contents(workshop, settings=IngestSettings(), on_file=None)
    spoken = [block for part in contents.documents for block in part.sorted.blocks]
    assert [(block.speaker, block.text) for block in spoken] == [
        ("Étienne Lhomme", "Une seule collecte"),
        ("intervenant", "oui @Étienne Lhomme, un camion"),
    ]
    assert contents.rejects == []


SENTENCES = [
    ("D'accord.", "other"),
    ("Mmh mmh.", "other"),
    ("Parfait, merci à tous.", "other"),
    ("Oui, c'est vrai.", "other"),
    ("OK, ça enregistre.", "circumstance"),
    ("Vous m'entendez ?", "circumstance"),
    ("Il nous reste cinq minutes.", "circumstance"),
    ("On commence à manquer de médecins.", ""),
    ("On tourne en rond.", ""),
    ("Oui, le bac.", ""),
    ("Il reste dix minutes de bac en hiver.", ""),
    ("On passe à la question deux.", ""),  # it tells what follows answers
]


@pytest.mark.parametrize(("sentence", "reason"), SENTENCES)
def test_an_approval_or_a_word_on_the_recording_says_nothing(sentence: str, reason: str) -> None:
    assert reason_of_sentence(sentence) == reason
