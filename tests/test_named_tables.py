"""Tables that have a colour or a nickname in place of a number."""

import pytest

from pipeline.ingest.locate import clean_name, locate_blocks, read_names
from pipeline.ingest.locate.cues import (
    LocatedBlock,
    TableNames,
    name_tables,
    nickname_in,
    number_tables,
    read_cues,
    with_tables,
)
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.sheets import sort_part

COLOURS = [  # names of a path, provisional number
    ("ilot_rouge_zoomH1_whisper.txt", 1061),
    ("Brainstorm_Ilot-orange_export.xlsx", 1062),
    ("table jaune.docx", 1063),
    ("notes/Groupe vert.odt", 1064),
    ("Table Verte/notes.docx", 1064),
    ("équipe bleue - saisie.csv", 1065),
    ("table ronde violette.md", 1066),
    # no table: a street, a number beside, a party
    ("un îlot vert au centre.docx", None),
    ("groupe vert 3.docx", None),
    ("les verts.docx", None),
    ("post-its rouges.xlsx", None),
]


@pytest.mark.parametrize(("path", "table"), COLOURS)
def test_a_colour_names_a_table(path: str, table: int | None) -> None:
    assert read_names(path.split("/")).table_number == table


NICKNAMES = [
    ("Tablée de Gwenaëlle.odt", "gwenaelle"),
    ("framapad-tablee-du-fond.txt", "fond"),
    ("transcription tablée jeunes (YLG).odt", "jeunes"),
    ("Table Vervins - notes.docx", "vervins"),
    ("table ronde.docx", None),
    ("table des matières.docx", None),
    ("notes table 4.docx", None),
    ("îlot rouge.docx", None),
    ("îlot de fraîcheur.docx", None),
    ("table besoins.docx", None),
    ("les tablées (une feuille par table).ods", None),
]


@pytest.mark.parametrize(("file", "nickname"), NICKNAMES)
def test_a_file_may_be_called_after_its_table(file: str, nickname: str | None) -> None:
    assert nickname_in(clean_name(file)) == nickname


def test_files_of_one_nickname_are_of_one_table() -> None:
    tables = name_tables(["tablée du fond", "La tablée du fond", "mails"], [], [])
    assert [tables.find(name) for name in ("tablée du fond", "mails")] == [1081, None]


HILLS = name_tables(
    ["notes table du Mont Noir"],
    ["TABLE LARZAC", "les gens du Causse vivent loin"],
    [],
    [("LARZAC", "GRAND CAUSSE"), ("Oui", "Non")],
)
REPORTED = name_tables(
    [], ["Verrière (rapporteur Hugo Brun)", "Le fournil – rapporteuse : Léa Riou"], []
)
COLOURS_TOLD = name_tables([], ["Tables : rouge (Léa), verte (Karim) ; R = rouge, V = verte"], [])


@pytest.mark.parametrize(
    ("tables", "text", "table"),
    [
        (HILLS, "larzac_saisie", 1082),
        (HILLS, "mt noir", 1083),
        (HILLS, "Grand-Causse, par Léa", 1081),
        (HILLS, "Larzac et Mont Noir", None),
        (HILLS, "Oui", None),
        (COLOURS_TOLD, "synthèse verte (Léa)", 1064),
        (COLOURS_TOLD, "jaune", None),
        (REPORTED, "notes VERRIERE tout", 1082),
        (REPORTED, "fournil q1-q2", 1081),
        (REPORTED, "four à chaux", None),
    ],
)
def test_a_name_told_anywhere_names_its_table_everywhere(
    tables: TableNames, text: str, table: int | None
) -> None:
    assert tables.find(text) == table


def _numbers(tables: TableNames, *blocks: RawBlock) -> list[int | None]:
    return [block.table_number for block in with_tables(blocks, tables)]


def test_lines_that_only_name_a_table_head_what_follows() -> None:
    titles = ["TABLE LARZAC", "Mont-Noir, par Léa Riou", "Grand Causse (Karim)"]
    assert _numbers(HILLS, *(RawBlock(text, "heading", 3) for text in titles)) == [1082, 1083, 1081]
    others = ["Les éleveurs du Larzac", "On vit mal sur le Larzac.", "Mobilité au Mont Noir"]
    assert _numbers(HILLS, *(RawBlock(text, "heading", 3) for text in others)) == [None] * 3


def test_who_wrote_may_follow_the_name_of_a_table() -> None:
    line = "Table Mont Noir — notes de Léa Riou et Karim Benali, avec Odile Tessier et trois agents"
    assert _numbers(HILLS, RawBlock(line)) == [1083]
    assert _numbers(HILLS, RawBlock(line.replace("Table Mont Noir", "Au Mont Noir"))) == [None]


def test_names_of_tables_head_columns_below_a_title() -> None:
    rows = (
        ("Recopié par Léa", "Recopié par Léa"),
        ("Table LOUTRE", "Table GRÈBE"),
        ("Plus de car le samedi pour les jeunes", "La source baisse chaque été"),
        ("Le dentiste est parti sans successeur", "Un seul médecin pour six communes"),
    )
    blocks = sort_part((), rows).blocks
    known = name_tables([], [cell for row in rows for cell in row], [])
    said = [b for b in with_tables(blocks, known) if b.kind == "cell"]
    assert [(b.text, b.table_number) for b in said[:2]] == [(rows[2][0], 1082), (rows[2][1], 1081)]
    assert len(said) == 4


def test_reporters_of_several_tables_speak_for_none_above() -> None:
    blocks = [
        RawBlock("Table 3 – rapporteur : Hugo Brun"),
        RawBlock("Chez nous, tout tourne autour du four."),
        RawBlock("Tables 5 et 6 (ensemble) – rapporteuse : Léa Riou"),
        RawBlock("Nous demandons un car le samedi."),
    ]
    assert _tables(blocks, name="restitution.docx") == [3, 0]


def test_a_single_name_needs_its_noun() -> None:
    elders = name_tables(["Compte rendu de la table des aînés"], [], [])
    titles = [RawBlock("Les aînés", "heading"), RawBlock("Table des aînés", "heading")]
    assert _numbers(elders, *titles) == [None, 1081]


def test_a_column_holds_the_letters_of_a_legend() -> None:
    rows = [(("Tbl", code), ("Parole", "le bus")) for code in ("R", "V", "X")]
    cells = [RawBlock("le bus", "cell", columns=row, column=1) for row in rows]
    assert _numbers(COLOURS_TOLD, *cells) == [1061, 1064, None]


@pytest.mark.parametrize("key", ["En rouge la table 1, en bleu la table 4.", "rien de tel"])
def test_the_colour_of_the_text_tells_the_table_where_a_key_says_so(key: str) -> None:
    said = [RawBlock("le bus", "bullet", 0, color=colour) for colour in ("rouge", "bleu", "")]
    assert _numbers(TableNames({}, {}), RawBlock(key), *said)[1:] == (
        [1, 4, None] if "table" in key else [None] * 3
    )


def test_named_tables_take_the_first_free_numbers_of_the_workshop() -> None:
    read = [
        [LocatedBlock("", "paragraph", table_number=table) for table in tables]
        for tables in ([1066, None], [2], [1081, 1061])
    ]
    numbered = [[block.table_number for block in located] for located in number_tables(read)]
    assert numbered == [[3, None], [2], [4, 1]]


def test_a_forum_of_seventy_tables_keeps_its_numbers_beside_a_colour_and_a_nickname() -> None:
    files = ["Table 65.txt", "table 70 notes.docx", "îlot rouge.docx"]
    assert [read_names([file]).table_number for file in files] == [65, 70, 1061]
    read = [[LocatedBlock("", "paragraph", table_number=table)] for table in (65, 70, 1061, 1081)]
    numbered = [located[0].table_number for located in number_tables(read)]
    assert numbered == [65, 70, 1, 2]


def test_a_day_after_the_tables_is_no_number() -> None:
    assert read_cues("Soirée des tablées, 3 juin").table is None
    assert read_cues("Table 3, 3 juin").table == 3


def _tables(blocks: list[RawBlock], *, taken_for: str = "", name: str = "notes.docx") -> list[int]:
    part = RawPart(tuple(blocks), taken_for=taken_for)
    located = locate_blocks(part, blocks, names=[name])
    return [b.table_number or 0 for b in located if b.kind not in ("heading", "meta")]


def test_a_nicknamed_table_is_not_the_one_above_it() -> None:
    blocks = [
        RawBlock("Table 3", "heading", 3),
        RawBlock("Le conseil des habitants a divisé la table.", "paragraph"),
        RawBlock("La tablée du fond", "heading", 3),
        RawBlock("La doyenne a parlé des bancs face à la mer.", "paragraph"),
    ]
    assert _tables(blocks) == [3, 0]
