"""Transcripts saved as texts by transcribing programs and by people, and the notes that only look like one."""

import textwrap

import pytest

from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.parts import FileContent, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.transcripts import Cue, blocks_of_cues, spoken_blocks
from pipeline.segment import cut_block
from pipeline.settings import Settings
from support.made_files import docx, pdf, shown_lines, w_p

Said = list[tuple[str | None, str]]
TALK: Said = [
    ("Intervenant 1", "On commence par ce qui manque."),
    ("Intervenant 2", "Le bac du soir, et la laverie. Elle a fermé en mars."),
    ("Intervenant 1", "D'accord, je note la laverie."),
]
SPOKEN: list[tuple[str, str, Said]] = [
    (
        "the time and the speaker above the text",
        "[00:00:03] Intervenant 1 :\nOn commence par ce qui manque.\n\n[00:00:09] Intervenant 2 :\nLe bac du soir, et la laverie.\nElle a fermé en mars.\n\n[00:00:17] Intervenant 1 :\nD'accord, je note la laverie.\n",
        TALK,
    ),
    (
        "all on one line",
        "[00:00:03] Intervenant 1 : On commence par ce qui manque.\n[00:00:09] Intervenant 2 : Le bac du soir, et la laverie.\n[00:00:12] Intervenant 2 : Elle a fermé en mars.\n[00:00:17] Intervenant 1 : D'accord, je note la laverie.\n",
        TALK,
    ),
    (
        "the speaker and then the time, as Otter and Teams write",
        "Intervenant 1  0:03\nOn commence par ce qui manque.\n\nIntervenant 2  0:09\nLe bac du soir, et la laverie. Elle a fermé en mars.\n\nIntervenant 1  0:17\nD'accord, je note la laverie.\n",
        TALK,
    ),
    (
        "times from and to above the speaker",
        "00:00:03:12 - 00:00:08:02\nIntervenant 1\nOn commence par ce qui manque.\n\n00:00:09:00 - 00:00:16:01\nIntervenant 2\nLe bac du soir, et la laverie. Elle a fermé en mars.\n\n00:00:17:00 - 00:00:19:04\nIntervenant 1\nD'accord, je note la laverie.\n",
        TALK,
    ),
    (
        "the time in brackets after the speaker",
        "Intervenant 1 (00:03) : On commence par ce qui manque.\nIntervenant 2 (00:09) : Le bac du soir, et la laverie. Elle a fermé en mars.\nIntervenant 1 (00:17) : D'accord, je note la laverie.\n",
        TALK,
    ),
    (
        "names of people, recurring or holding a first name",
        "[Soizic Riou] 10:12:03\nOn commence par ce qui manque.\n\n[Gwen Abgrall] 10:12:09\nLe bac du soir.\n\n[Soizic Riou] 10:12:17\nD'accord.\n",
        [("Soizic Riou", "On commence par ce qui manque."), ("Gwen Abgrall", "Le bac du soir."), ("Soizic Riou", "D'accord.")],
    ),
    (
        "no speaker, sentences cut by the program",
        "[00:00.000 --> 00:04.100] Le bac du soir manque\n[00:04.100 --> 00:08.300] aux gens de l'île.\n[00:08.300 --> 00:12.000] La laverie a fermé.\n",
        [(None, "Le bac du soir manque aux gens de l'île. La laverie a fermé.")],
    ),
    (
        "the speaker in bold, as La Suite writes, below the day",
        "Transcription de la visio\nDate : 4 mai 2026\n**SPEAKER_00**: On commence par ce qui manque.\n**SPEAKER_01**: Le bac du soir.\n**SPEAKER_00**: Je note le bac.\n**SPEAKER_01**: La laverie a fermé.\n**SPEAKER_00**: Et le four ?\n**SPEAKER_01**: Il est froid.\n",
        [(None, "Transcription de la visio"), (None, "Date : 4 mai 2026"), ("SPEAKER_00", "On commence par ce qui manque."), ("SPEAKER_01", "Le bac du soir."), ("SPEAKER_00", "Je note le bac."), ("SPEAKER_01", "La laverie a fermé."), ("SPEAKER_00", "Et le four ?"), ("SPEAKER_01", "Il est froid.")],
    ),
    (
        "an interview of letters",
        "Enquêteur : Qui êtes-vous ?\nR : Je tiens le bac.\nEnquêteur : Et la laverie ?\nR : Elle a fermé.\nEnquêteur : Et le four ?\nR : Il est froid.\n",
        [("Enquêteur", "Qui êtes-vous ?"), ("R", "Je tiens le bac."), ("Enquêteur", "Et la laverie ?"), ("R", "Elle a fermé."), ("Enquêteur", "Et le four ?"), ("R", "Il est froid.")],
    ),
    (
        "what stands before the first line is kept apart",
        "Transcription Table 4\nEnregistré le 4 mai\n\n00:03 Speaker 1: On commence par ce qui manque.\n00:09 Speaker 2: Le bac du soir.\n00:17 Speaker 1: Je note le bac.\n",
        [(None, "Transcription Table 4"), (None, "Enregistré le 4 mai"), ("Speaker 1", "On commence par ce qui manque."), ("Speaker 2", "Le bac du soir."), ("Speaker 1", "Je note le bac.")],
    ),
    (
        "no time at all, most lines name who speaks",
        "Animatrice : On commence ?\nHabitant 1 : Le bac du soir manque.\nHabitante 2 : La laverie a fermé.\nC'était en mars.\nAnimatrice : Et la criée ?\nHabitant 1 : Elle tient.\nHabitante 2 : Pour combien de temps ?\nAnimatrice : Merci.\n",
        [
            ("Animatrice", "On commence ?"),
            ("Habitant 1", "Le bac du soir manque."),
            ("Habitante 2", "La laverie a fermé. C'était en mars."),
            ("Animatrice", "Et la criée ?"),
            ("Habitant 1", "Elle tient."),
            ("Habitante 2", "Pour combien de temps ?"),
            ("Animatrice", "Merci."),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"), [case[1:] for case in SPOKEN], ids=[case[0] for case in SPOKEN]
)
def test_a_transcript_saved_as_text_is_read_by_turns(text: str, expected: Said) -> None:
    (part,) = read_source(FileContent(text.encode(), "enregistrement.txt"))
    assert part.channel == "transcript"
    assert [(block.speaker, block.text) for block in part.blocks] == expected


@pytest.mark.parametrize(
    ("text", "expected"), [case[1:] for case in SPOKEN[:6]], ids=[case[0] for case in SPOKEN[:6]]
)
def test_a_transcript_saved_as_a_word_document_is_read_by_turns(text: str, expected: Said) -> None:
    paragraphs = "".join(
        w_p(line, run="<w:b/>" if line.startswith("Intervenant") else "")
        for line in text.split("\n")
    )
    (part,) = read_source(FileContent(docx(paragraphs), "enregistrement.docx"))
    assert part.channel == "transcript"
    assert [(block.speaker, block.text) for block in part.blocks] == expected


def test_a_transcript_printed_to_pdf_is_read_by_turns() -> None:
    (part,) = read_source(
        FileContent(
            pdf([shown_lines(60, 60, SPOKEN[1][1].strip().split("\n"), leading=22)]),
            "enregistrement.pdf",
        )
    )
    assert (part.channel, [(block.speaker, block.text) for block in part.blocks]) == (
        "transcript",
        TALK,
    )


def test_headed_notes_that_tell_who_said_what_are_no_transcript() -> None:
    said = ["Léa : le bac du soir manque", "Hugo : la laverie a fermé en mars", "Léa : la source"]
    titles = ["Quels manques, quels dangers ?", "Ce qui tient bon", "Nos assos de l'intérieur"]
    lines = [line for title in titles for line in (title, *said)]
    paragraphs = "".join(
        w_p(line, "<w:pStyle w:val='Heading2'/>" if line in titles else "") for line in lines
    )
    (part,) = read_source(FileContent(docx(paragraphs), "notes.docx"))
    located = locate_blocks(part, part.blocks, names=["notes Karim.docx"])
    spoken = [(b.speaker, b.question) for b in located if b.kind not in ("heading", "meta")]
    assert part.channel is None
    assert spoken == [(who, q) for q in ("q1", "q2", "q3") for who in ("Léa", "Hugo", "Léa")]


def test_a_table_s_talk_among_restitutions_answers_the_questions_announced() -> None:
    turns = [
        ("Solène", "Alors première question, quels sont les besoins du canton ?"),
        ("Karim", "Le bac du soir manque aux gens de l'île."),
        ("Solène", "Karim, vous avez coupé votre micro."),
        ("Solène", "Deuxième question, ce qui marche."),
        ("Karim", "La fanfare, de quatorze à quatre-vingts ans."),
        ("Solène", "Et dernière question, ce qu'on améliore."),
        ("Karim", "Un marché couvert, le jeudi."),
        ("Solène", "Merci, j'arrête l'enregistrement."),
    ]
    cues = [Cue(9.0 * i, 9.0 * i + 8, text, name) for i, (name, text) in enumerate(turns)]
    blocks = blocks_of_cues(cues)
    part = RawPart(tuple(blocks), channel="transcript")
    located = locate_blocks(part, blocks, names=["Restitutions", "Table 7 en visio.vtt"])
    said = [(b.table_number, b.question, b.speaker) for b in located if b.kind != "meta"]
    assert said == [(7, question, "Karim") for question in ("q1", "q2", "q4")]


def test_what_a_tool_writes_takes_no_word_after_it() -> None:
    text = "Sous-titres réalisés par la communauté d'Amara.org Et la laverie de l'île, elle a fermé"
    blocks = blocks_of_cues([Cue(0, 9, text)])
    assert blocks[-1].text == "Et la laverie de l'île, elle a fermé"


DICTATED = (
    "on y est question trois les forces et\nles difficultés de nos structures nous notre force c'est le\nlieu il est en plein centre tout le monde nous connaît\n"
    "la faiblesse c'est qu'on fait tout en même temps la\nfriperie le café les cours d'accord et chez vous on a un\ncomptable bénévole formidable mais il a quatre-vingt-un ans et\nil garde tout dans un cahier\n"
)


WRAPPED = "\n".join(textwrap.wrap(" ".join(DICTATED.split()), 70))


@pytest.mark.parametrize("content", [DICTATED, " ".join(DICTATED.split()), WRAPPED])
def test_speech_without_full_stops_is_a_transcript_cut_into_ideas(content: str) -> None:
    (part,) = read_source(FileContent(content.encode(), "ZOOM0007.txt"))
    (block,) = part.blocks
    assert (part.channel, block.kind) == ("transcript", "cue")
    spans = cut_block(block.text, (0, len(block.text)), "cue", Settings().segment)
    assert [block.text[slice(*span)].split()[0] for span in spans] == ["on", "nous", "la", "et"]


NO_TRANSCRIPTS = [
    ("a phone's notes without full stops", "les internes du lycée rentrent le vendredi et il n'y a aucun bus pour le plateau\nils disent que les associations les appellent que pour porter les tables et que si on leur laissait les clés du local ils feraient des concerts\nun club a perdu sa subvention parce que le dossier est arrivé en retard\npersonne ne connaît la mission locale ou alors on croit que c'est la police\nils adorent la recyclerie sportive pour les vélos et pour la musique\n"),
    ("a programme", "14:00 Accueil des participants\n14:15 Présentation du territoire\n14:30 Premier tour de table\n15:10 Pause au fond de la salle\n16:00 Restitution des tables\n"),
    ("opening hours", "- la laverie : 8:30 - 12:00\n- la criée : 5:00\n- le marché ouvre trop tard pour ceux qui travaillent\n- la mairie ferme à 16:30\n"),
    ("labels and colons", "Atouts : le port\nFreins : le prix du bac\nAtouts : la criée\nFreins : la route\nAtouts : les vélos\nFreins : la pluie\nAtouts : le marché\nFreins : le vent\n"),
    ("tables that report", "Table 1 : le bac\nTable 2 : la criée\nTable 3 : le port\nTable 1 : la laverie\nTable 2 : la route\nTable 3 : le marché\nTable 4 : le vent\n"),
    ("two times in a page", "Réunion de 18:03 à 20:12\nLe bac manque aux gens de l'île.\nLa laverie a fermé.\nLe port se vide.\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text", [case[1] for case in NO_TRANSCRIPTS], ids=[case[0] for case in NO_TRANSCRIPTS]
)
def test_notes_with_times_or_colons_are_no_transcript(text: str) -> None:
    assert spoken_blocks(text.split("\n")) is None


BRACKETED = [
    (
        "1\n00:00:01,000 --> 00:00:03,000\n[Maïwenn] le bac du soir\n\n2\n00:00:03,100 --> 00:00:05,000\nne passe plus\n\n"
        "3\n00:00:06,500 --> 00:00:08,000\n[Mme Riou] et la laverie est fermée\n\n4\n00:00:09,000 --> 00:00:11,000\n[Maïwenn] oui depuis mars\n",
        [
            ("Maïwenn", "le bac du soir ne passe plus"),
            ("Mme Riou", "et la laverie est fermée"),
            ("Maïwenn", "oui depuis mars"),
        ],
    ),
    (
        "1\n00:00:01,000 --> 00:00:03,000\n[Rires] le bac du soir\n\n2\n00:00:03,100 --> 00:00:05,000\n[Rires] ne passe plus\n",
        [(None, "[Rires] le bac du soir [Rires] ne passe plus")],
    ),
    (
        "1\n00:00:01,000 --> 00:00:03,000\nAnne : le bac ne passe plus.\n\n2\n00:00:03,100 --> 00:00:05,000\nEwenn : et la criée ferme.\n\n3\n00:00:05,100 --> 00:00:07,000\n[Rires] le port se vide.\n",
        [
            ("Anne", "le bac ne passe plus."),
            ("Ewenn", "et la criée ferme. [Rires] le port se vide."),
        ],
    ),
    (
        "1\n00:00:01,000 --> 00:00:03,000\nAnne : le bac ne va plus à\n\n2\n00:00:03,100 --> 00:00:05,000\nPlouha : il s'arrête avant.\n",
        [("Anne", "le bac ne va plus à Plouha : il s'arrête avant.")],
    ),
    (  # a meeting's tool shows what each takes for a name
        "".join(
            f"{i}\n00:00:0{i},000 --> 00:00:0{i},900\n{line}\n\n"
            for i, line in enumerate(
                [
                    "Animatrice - Maï: on commence ?",
                    "Ligue - poste 2: le bail est précaire.",
                    "Animatrice - Maï: Depuis quand ?",
                    "Ligue - poste 2: Neuf ans : trop long.",
                    "Ligue - poste 2: Comment investir ?",
                ],
                1,
            )
        ),
        [
            ("Animatrice - Maï", "on commence ?"),
            ("Ligue - poste 2", "le bail est précaire."),
            ("Animatrice - Maï", "Depuis quand ?"),
            ("Ligue - poste 2", "Neuf ans : trop long. Comment investir ?"),
        ],
    ),
    (
        "1\n00:00:01,000 --> 00:00:03,000\n[le bac] ne passe plus\n\n2\n00:00:03,100 --> 00:00:05,000\nle soir\n",
        [(None, "[le bac] ne passe plus le soir")],
    ),
]


@pytest.mark.parametrize(("subtitles", "said"), BRACKETED)
def test_names_in_brackets_speak_and_noises_do_not(subtitles: str, said: Said) -> None:
    (part,) = read_source(FileContent(subtitles.encode(), "table 4.srt"))
    assert [(block.speaker, block.text) for block in part.blocks] == said


STAMPED = [  # a turn among others of "Anne", who says it and her words
    ("Ewenn : et le camion des poissons.", "Ewenn", "et le camion des poissons."),
    ("ÉWENN : et le camion des poissons.", "ÉWENN", "et le camion des poissons."),
    ("Ewenn et Maï : et le camion des poissons.", "Ewenn et Maï", "et le camion des poissons."),
    ("la dame du fond : le camion des poissons.", "la dame du fond", "le camion des poissons."),
    ("un monsieur : le camion des poissons.", "un monsieur", "le camion des poissons."),
    ("iPhone de Zoé : le camion des poissons.", "iPhone de Zoé", "le camion des poissons."),
    # what goes on with what she said
    ("je dis une chose : le camion des poissons.", "Anne", None),
]


@pytest.mark.parametrize(("line", "speaker", "words"), STAMPED)
def test_an_unknown_label_among_known_ones_is_a_speaker_of_its_own(
    line: str, speaker: str, words: str | None
) -> None:
    text = f"[00:00:03] Anne : le bac manque.\n[00:00:11] {line}\n[00:00:19] Anne : je note.\n[00:00:23] Anne : et la laverie a fermé.\n"
    blocks = spoken_blocks(text.split("\n"))
    assert blocks is not None
    said = [(block.speaker, block.text) for block in blocks]
    if words:
        assert said[1] == (speaker, words)
    else:
        assert said[0] == ("Anne", f"le bac manque. {line}")


FEET = [
    "Transcription générée automatiquement par Cockatoo. Merci de relire avant diffusion.",
    "Ce compte rendu a été produit par une intelligence artificielle.",
    "Cette transcription peut contenir des erreurs.",
    "Fin de la transcription",
    "Généré par Vosk 0.3",
]


@pytest.mark.parametrize("foot", FEET)
def test_what_a_tool_says_of_itself_below_is_nobody_s(foot: str) -> None:
    turns = ["Anne : le bac manque.", "Yann : la halle est vide."] * 3
    blocks = spoken_blocks([*turns, "", foot])
    assert blocks is not None
    said = [(block.speaker, block.text) for block in blocks if block.kind == "cue"]
    assert said == [tuple(turn.split(" : ")) for turn in turns]
    assert blocks[-1].kind == "meta"


def test_a_tool_that_somebody_speaks_of_is_said() -> None:
    said = "Le compte rendu automatique est bourré d'erreurs, on l'a relu avant de le publier."
    blocks = spoken_blocks(["Anne : le bac manque.", f"Yann : {said}"] * 3)
    assert blocks is not None and sum(block.text == said for block in blocks) == 3
