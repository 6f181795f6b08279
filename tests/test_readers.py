"""The readers: what each format's file gives, block by block, and what it must not give."""

import base64
import io
import zipfile

import pytest

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent, Limits, RawBlock, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.pdf_lines import PdfWord, lines_of_words
from pipeline.ingest.sheets import sort_part
from support.made_files import (
    ODF,
    W,
    doc,
    docx,
    ods,
    ods_cells,
    ods_table,
    odt,
    ole,
    p_shape,
    pdf,
    pptx,
    shown,
    shown_lines,
    w_p,
    w_table,
    xls,
    xlsx,
    zipped,
)

Shown = list[tuple[str, str]]


def read(content: str | bytes, name: str, **limits: int) -> tuple[RawPart, ...]:
    """The parts of a file of that name."""
    return read_source(
        FileContent(
            content.encode() if isinstance(content, str) else content, name, Limits(**limits)
        )
    )


def kinds(content: str | bytes, name: str) -> Shown:
    """(Kind, text) of the blocks of a file's only part; a bullet's kind bears its level."""
    (part,) = read(content, name)
    return [
        (f"bullet{block.level}" if block.kind == "bullet" else block.kind, block.text)
        for block in part.blocks
    ]


def said(content: str | bytes, name: str) -> list[str]:
    """The texts of the first part that may become passages."""
    return [
        block.text
        for block in read(content, name)[0].blocks
        if block.kind not in ("meta", "heading")
    ]


PLAIN: list[tuple[str, str, Shown]] = [
    (
        "bullets, levels and a wrapped bullet",
        "Table 3 - Mayenne\n\nQ1\n- le lait ne paie plus,\n  trois fermes ont fermé\n    * à Ernée\n    * à Gorron\n-l'eau manque en août\n",
        [
            ("heading", "Table 3 - Mayenne"),
            ("heading", "Q1"),
            ("bullet0", "le lait ne paie plus, trois fermes ont fermé"),
            ("bullet1", "à Ernée"),
            ("bullet1", "à Gorron"),
            ("bullet0", "l'eau manque en août"),
        ],
    ),
    (
        "one idea a line stays one block a line",
        "plus de bus le soir\nle boucher a fermé\nles loyers montent à Laval\n",
        [
            ("paragraph", "plus de bus le soir"),
            ("paragraph", "le boucher a fermé"),
            ("paragraph", "les loyers montent à Laval"),
        ],
    ),
    (
        "prose wrapped by a program is joined",
        "Les personnes présentes ont surtout parlé du manque de médecins : il\nfaut aller jusqu'à Évreux pour voir un dentiste, et les plus âgées\n"
        "renoncent. Une habitante propose un bus de santé qui passerait chaque\nsemaine.\n\nLa scierie recrute.\n",
        [
            (
                "paragraph",
                "Les personnes présentes ont surtout parlé du manque de médecins : il faut aller jusqu'à Évreux pour voir un dentiste, "
                "et les plus âgées renoncent. Une habitante propose un bus de santé qui passerait chaque semaine.",
            ),
            ("paragraph", "La scierie recrute."),
        ],
    ),
    (
        "numbered titles above dashes, question lines above plain lines",
        "1. Besoins\n- un four\n2. Ce qui marche\n- la laverie\n\nQ3 : ce qui bloque\nle garage manque de bras\n\nTOUR 4 on améliore quoi ?\nun minibus\n",
        [
            ("heading", "1. Besoins"),
            ("bullet0", "un four"),
            ("heading", "2. Ce qui marche"),
            ("bullet0", "la laverie"),
            ("heading", "Q3 : ce qui bloque"),
            ("paragraph", "le garage manque de bras"),
            ("heading", "TOUR 4 on améliore quoi ?"),
            ("paragraph", "un minibus"),
        ],
    ),
    (
        "signs of many programs, and what is no list sign",
        "• un bac\n•une halle\no\tle soir\n3) un lavoir\n→ à revoir\n2024 fut sec\n-12 % de bénévoles\n1er point dit\nT4 – le logement\n",
        [
            ("bullet0", "un bac"),
            ("bullet0", "une halle"),
            ("bullet1", "le soir"),
            ("bullet0", "un lavoir"),
            ("bullet0", "→ à revoir"),
            ("paragraph", "2024 fut sec"),
            ("paragraph", "-12 % de bénévoles"),
            ("paragraph", "1er point dit"),
            ("paragraph", "T4 – le logement"),
        ],
    ),
    (
        "a question with its colon needs no room above it, a table's idea is no title",
        "Le bac coûte cher.\nQuestion 2 : ce qui marche\nla laverie\nTable 4 : le logement\n",
        [
            ("paragraph", "Le bac coûte cher."),
            ("heading", "Question 2 : ce qui marche"),
            ("paragraph", "la laverie"),
            ("paragraph", "Table 4 : le logement"),
        ],
    ),
    (
        "a line that names its table or question is joined to none above",
        "Les personnes présentes ont parlé longtemps du port et des quais, que\npersonne n'entretient plus, de la criée où les bateaux ne viennent\n"
        "décharger que deux fois par mois, et de la digue, qui a cédé deux\nQuestion 2 : la coopérative des patrons pêcheurs tient bon, avec ses\ntrente adhérents.\n"
        "T4 - le chantier naval forme encore dix jeunes chaque année, et les\ngarde.\n",
        [
            (
                "paragraph",
                "Les personnes présentes ont parlé longtemps du port et des quais, que personne n'entretient plus, de la criée où les bateaux "
                "ne viennent décharger que deux fois par mois, et de la digue, qui a cédé deux",
            ),
            (
                "paragraph",
                "Question 2 : la coopérative des patrons pêcheurs tient bon, avec ses trente adhérents.",
            ),
            (
                "paragraph",
                "T4 - le chantier naval forme encore dix jeunes chaque année, et les garde.",
            ),
        ],
    ),
    (
        "a plus among dashes is an opinion, alone a sign",
        "+ la fête du lin\n- le prix du gazole\n",
        [("bullet0", "+ la fête du lin"), ("bullet0", "le prix du gazole")],
    ),
    (
        "a sign that is a word stays, a bullet goes",
        "- de paperasse\n- manque de bus\n- d'administratif\n- de créer un bal\n- de la place\n",
        [
            ("bullet0", "- de paperasse"),
            ("bullet0", "manque de bus"),
            ("bullet0", "- d'administratif"),
            ("bullet0", "de créer un bal"),
            ("bullet0", "de la place"),
        ],
    ),
    (
        "a plus that is a word stays among signs",
        "+ de concerts\n+ la navette\n+ souvent le car\n",
        [("bullet0", "+ de concerts"), ("bullet0", "la navette"), ("bullet0", "+ souvent le car")],
    ),
    (
        "a numbered title above a list has its like above sentences",
        "1. Constats\n- le car\n- le bac\n\n2. Propositions\nLe maire veut un quai neuf.\n",
        [
            ("heading", "1. Constats"),
            ("bullet0", "le car"),
            ("bullet0", "le bac"),
            ("heading", "2. Propositions"),
            ("paragraph", "Le maire veut un quai neuf."),
        ],
    ),
    (
        "a plus alone is a sign",
        "+ la fête du lin\n+ la navette\n",
        [("bullet0", "la fête du lin"), ("bullet0", "la navette")],
    ),
    (
        "ideas with blank lines between are no titles",
        "plus de médecin à Craon\n\nplus de bus\n",
        [("paragraph", "plus de médecin à Craon"), ("paragraph", "plus de bus")],
    ),
    (
        "a first line above sentences is a title",
        "Notes de la table quatre\n\nLe lait ne paie plus.\n\nLa laverie tourne.\n",
        [
            ("heading", "Notes de la table quatre"),
            ("paragraph", "Le lait ne paie plus."),
            ("paragraph", "La laverie tourne."),
        ],
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [case[1:] for case in PLAIN], ids=[case[0] for case in PLAIN]
)
def test_plain_text_becomes_the_blocks_its_author_saw(text: str, expected: Shown) -> None:
    assert kinds(text, "notes.txt") == expected


SENTENCE = "Été à Vézelay : l'œuvre coûte 12 € « déjà » – où ça ? Ça marche, Noël, aiguë, forêt"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "mac_roman"],
)
def test_text_is_read_in_any_encoding_that_french_programs_write(encoding: str) -> None:
    assert said(SENTENCE.encode(encoding), "notes.txt") == [SENTENCE]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "Été à Sées, où ça ? forêt, maïs, déjà".encode("cp850"),
            "Été à Sées, où ça ? forêt, maïs, déjà",
        ),
        ("12 € l'été, un œuf".encode("iso8859_15"), "12 € l'été, un œuf"),
        ("Ã‰tÃ© Ã\u00a0 VÃ©zelay, lâ€™eau monte".encode(), "Été à Vézelay, l’eau monte"),
        ("été cp1252 à Sées\n".encode("cp1252"), "été cp1252 à Sées"),
        ("déjà en UTF-8, rien à changer".encode(), "déjà en UTF-8, rien à changer"),
        ("e\u0301te\u0301 a\u0300 Nice\u00a0!".encode(), "été à Nice !"),
        (
            b"un z\xc3\xa9ro\x00 perdu" + b" dans une longue phrase" * 5,
            "un zéro perdu" + " dans une longue phrase" * 5,
        ),
    ],
)
def test_mangled_text_is_put_right(content: bytes, expected: str) -> None:
    assert said(content, "notes.txt") == [expected]


def test_two_encodings_pasted_together_are_read_line_by_line() -> None:
    content = "première moitié, été déjà à Élancourt\n".encode() + "seconde moitié à Sées\n".encode(
        "cp1252"
    )
    assert said(content, "notes.txt") == [
        "première moitié, été déjà à Élancourt",
        "seconde moitié à Sées",
    ]


def test_markdown_loses_its_marks_and_keeps_its_text() -> None:
    text = (
        "---\ntitre: Table 2, Figeac\n---\n# Notes\n\n## Question 1\n- **le four** à pain ([voir](https://x.fr/a_(b)))\n  1. sous-point\n- [ ] un `lavoir`\n"
        "- [T2] deux_mots_collés et 3 * 4\n\n*Ambiance* tendue.\n![photo](p.jpg)\n\n| Atout | Frein |\n|---|---|\n| le bac | le *prix* |\n"
    )
    assert kinds(text, "notes.md") == [
        ("heading", "Notes"),
        ("heading", "Question 1"),
        ("bullet0", "le four à pain (voir)"),
        ("bullet1", "sous-point"),
        ("bullet0", "un lavoir"),
        ("bullet0", "[T2] deux_mots_collés et 3 * 4"),
        ("paragraph", "Ambiance tendue."),
        ("meta", "Atout"),
        ("meta", "Frein"),
        ("cell", "le bac"),
        ("cell", "le prix"),
    ]
    assert read(text, "notes.md")[0].title == "Table 2, Figeac"


NUMBERING = (
    f'<w:numbering xmlns:w="{W}"><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="Question %1 :"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num></w:numbering>'
)
STYLES = (
    f'<w:styles xmlns:w="{W}"><w:style w:styleId="T1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="Perso"><w:name w:val="Mien"/>'
    '<w:basedOn w:val="T1"/></w:style><w:style w:styleId="TM1"><w:name w:val="toc 1"/></w:style></w:styles>'
)


def listed(list_id: int, level: int = 0) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'


def styled(style: str) -> str:
    return f'<w:pStyle w:val="{style}"/>'


def w_cell(text: str, properties: str) -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{w_p(text)}</w:tc>"


def w_row(*cells: str) -> str:
    return f"<w:tr>{''.join(cells)}</w:tr>"


WORD: list[tuple[str, str, Shown]] = [
    (
        "styles by inheritance, numbers of headings, list levels, no table of contents",
        w_p("Besoins … 1", styled("TM1"))
        + w_p("Besoins", styled("Perso") + listed(2))
        + w_p("manque d'eau", listed(1))
        + w_p("en août", listed(1, 1))
        + w_p("Forces", styled("T1") + listed(2)),
        [
            ("heading", "Question 1 : Besoins"),
            ("bullet0", "manque d'eau"),
            ("bullet1", "en août"),
            ("heading", "Question 2 : Forces"),
        ],
    ),
    (
        "insertions in, deletions and hidden text out, a deleted paragraph mark joins",
        "<w:p><w:r><w:t>le bac </w:t></w:r><w:del><w:r><w:delText>neuf</w:delText></w:r></w:del><w:ins><w:r><w:t>vieux</w:t></w:r></w:ins></w:p>"
        + w_p("caché", run="<w:vanish/>")
        + w_p("une phrase ", "<w:rPr><w:del/></w:rPr>")
        + w_p("recollée"),
        [("paragraph", "le bac vieux"), ("paragraph", "une phrase recollée")],
    ),
    (
        "notes where they are called, a text box once, a line break parts",
        '<w:p><w:r><w:t>la criée</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:br/><w:t>le port</w:t></w:r></w:p>'
        f"<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent>{w_p('un cadre')}</w:txbxContent></mc:Choice>"
        f"<mc:Fallback><w:txbxContent>{w_p('un cadre')}</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>",
        [
            ("paragraph", "la criée"),
            ("paragraph", "le port"),
            ("paragraph", "fermée en 2019"),
            ("paragraph", "un cadre"),
        ],
    ),
    (
        "bold titles and typed dashes of a document without styles",
        w_p("Ce qui bloque", run="<w:b/>")
        + w_p("- la route\u00a0coupée")
        + w_p("– le prix du bac")
        + w_p("Nous étions neuf à table, et c'était bien."),
        [
            ("heading", "Ce qui bloque"),
            ("bullet0", "la route coupée"),
            ("bullet0", "le prix du bac"),
            ("paragraph", "Nous étions neuf à table, et c'était bien."),
        ],
    ),
    (
        "a large line is a title; where titles are marked, a line above a list may be an idea",
        w_p("Ce qui marche", run='<w:sz w:val="32"/>')
        + w_p("Besoins", styled("T1"))
        + w_p("Le foncier manque partout")
        + w_p("à Bolbec", listed(1))
        + w_p("Forces", styled("T1"))
        + w_p("la laverie tourne bien et emploie six personnes du bourg."),
        [
            ("heading", "Ce qui marche"),
            ("heading", "Besoins"),
            ("paragraph", "Le foncier manque partout"),
            ("bullet0", "à Bolbec"),
            ("heading", "Forces"),
            ("paragraph", "la laverie tourne bien et emploie six personnes du bourg."),
        ],
    ),
    (
        "a dash typed in a real bullet stays",
        w_p("– le Quai refuse du monde", listed(1)),
        [("bullet0", "– le Quai refuse du monde")],
    ),
    (
        "moved text once, deleted paragraphs and rows out",
        "<w:p><w:moveFrom><w:r><w:t>la halle</w:t></w:r></w:moveFrom></w:p><w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:del><w:r><w:delText>oublié</w:delText></w:r></w:del></w:p>"
        "<w:p><w:moveTo><w:r><w:t>la halle</w:t></w:r></w:moveTo></w:p>"
        f"<w:tbl>{w_row(w_cell('un mot', ''))}<w:tr><w:trPr><w:del/></w:trPr>{w_cell('effacé', '')}</w:tr></w:tbl>",
        [("paragraph", "la halle"), ("paragraph", "un mot")],
    ),
    (
        "fields without their code, links, content controls, and no prompt of a form",
        "<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>DATE</w:instrText></w:r><w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:t>Le 4 mai, </w:t></w:r>"
        "<w:hyperlink><w:r><w:t>le site</w:t></w:r></w:hyperlink><w:smartTag><w:r><w:t> de Bolbec</w:t></w:r></w:smartTag></w:p>"
        f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{w_p('Cliquez ici pour taper du texte.')}</w:sdtContent></w:sdt><w:sdt><w:sdtPr/><w:sdtContent>{w_p('saisi')}</w:sdtContent></w:sdt>",
        [("paragraph", "Le 4 mai, le site de Bolbec"), ("paragraph", "saisi")],
    ),
    (
        "an underlined line is a title, an underlined word is none",
        w_p("Ce qui bloque", run='<w:u w:val="single"/>')
        + "<w:p><w:r><w:rPr><w:u w:val='single'/></w:rPr><w:t>Jamais</w:t></w:r><w:r><w:t> le bac n'a été aussi cher pour les gens de l'île.</w:t></w:r></w:p>"
        + w_p(
            "Une suite assez longue pour que les titres restent rares.", run='<w:u w:val="none"/>'
        ),
        [
            ("heading", "Ce qui bloque"),
            ("paragraph", "Jamais le bac n'a été aussi cher pour les gens de l'île."),
            ("paragraph", "Une suite assez longue pour que les titres restent rares."),
        ],
    ),
    (
        "hyphens that bind or may break, and signs of other fonts",
        "<w:p><w:r><w:t>Saint</w:t><w:noBreakHyphen/><w:t>Malo, dé</w:t><w:softHyphen/><w:t>barcadère</w:t><w:sym w:font='Wingdings' w:char='F0E0'/><w:t>fermé</w:t></w:r></w:p>",
        [("paragraph", "Saint-Malo, débarcadère→fermé")],
    ),
    (
        "labels in the first column are headings, the second column flows",
        w_table(
            ["Question 1", w_p("logement trop cher", listed(1)) + w_p("plus de bus", listed(1))],
            ["Question 2", "la laverie"],
        ),
        [
            ("heading", "Question 1"),
            ("bullet0", "logement trop cher"),
            ("bullet0", "plus de bus"),
            ("heading", "Question 2"),
            ("paragraph", "la laverie"),
        ],
    ),
    (
        "a table of one cell only does layout",
        w_table([w_p("un encadré") + w_table(["imbriqué"])]),
        [("paragraph", "un encadré"), ("paragraph", "imbriqué")],
    ),
]


@pytest.mark.parametrize(
    ("body", "expected"), [case[1:] for case in WORD], ids=[case[0] for case in WORD]
)
def test_word_documents_are_read_in_order(body: str, expected: Shown) -> None:
    notes = f'<w:footnotes xmlns:w="{W}"><w:footnote w:id="2">{w_p("fermée en 2019")}</w:footnote></w:footnotes>'
    assert (
        kinds(docx(body, numbering=NUMBERING, styles=STYLES, footnotes=notes), "table.docx")
        == expected
    )


def test_strict_documents_templates_and_pasted_pages_are_read() -> None:
    content = f'<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"><w:body>{w_p("un lavoir")}</w:body></w:document>'
    assert said(zipped({"word/document.xml": content}), "strict.docx") == ["un lavoir"]
    assert said(docx(w_p("un lavoir")), "modele.dotx") == ["un lavoir"]
    relation = 'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk"'
    page = {
        "word/_rels/document.xml.rels": f'<Relationships xmlns="x"><Relationship Id="rId9" {relation} Target="page.html"/></Relationships>',
        "word/page.html": "<p>la <b>halle</b> à pain</p>",
    }
    body = '<w:altChunk xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId9"/>'
    assert said(
        zipped(
            {
                "word/document.xml": f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
                **page,
            }
        ),
        "colle.docx",
    ) == ["la halle à pain"]


def test_cells_know_their_header_and_their_row() -> None:
    (part,) = read(
        docx(w_table(["Atouts", "Freins"], ["le port", w_p("la digue") + w_p("le prix")])), "t.docx"
    )
    row = (("Atouts", "le port"), ("Freins", "la digue le prix"))
    assert [block for block in part.blocks if block.kind == "cell"] == [
        RawBlock("le port", "cell", columns=row, column=0),
        RawBlock("la digue", "cell", columns=row, column=1),
        RawBlock("le prix", "cell", columns=row, column=1),
    ]


SPAN2, DOWN, BELOW = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
MERGED_WORD = docx(
    "<w:tbl>"
    + w_row(w_cell("Question", ""), w_cell("Ce qui marche", SPAN2))
    + w_row(w_cell("Q3", DOWN), w_cell("le bac", ""), w_cell("le quai", ""))
    + w_row(w_cell("", BELOW), w_cell("la criée", SPAN2))
    + "</w:tbl>"
)
MERGED_ODT = odt(
    f"<table:table><table:table-row>{ods_cells('Question')}{ods_cells('Ce qui marche', attributes='table:number-columns-spanned=' + chr(34) + '2' + chr(34))}<table:covered-table-cell/></table:table-row>"
    f"<table:table-row>{ods_cells('Q3', attributes='table:number-rows-spanned=' + chr(34) + '2' + chr(34))}{ods_cells('le bac', 'le quai')}</table:table-row>"
    f"<table:table-row><table:covered-table-cell/>{ods_cells('la criée', attributes='table:number-columns-spanned=' + chr(34) + '2' + chr(34))}<table:covered-table-cell/></table:table-row></table:table>"
)
MERGED_RTF = rb"""{\rtf1\ansi
\trowd\cellx1000\cellx2000\clmrg\cellx3000\pard\intbl Question\cell Ce qui marche\cell\cell\row
\trowd\clvmgf\cellx1000\cellx2000\cellx3000\pard\intbl Q3\cell le bac\cell le quai\cell\row
\trowd\clvmrg\cellx1000\cellx2000\clmrg\cellx3000\pard\intbl\cell la cri\'e9e\cell\cell\row
\pard\par}"""
MERGED_HTML = b"<table><tr><th>Question<th colspan=2>Ce qui marche<tr><td rowspan=2>Q3<td>le bac<td>le quai<tr><td colspan=2>la cri&eacute;e</table>"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (MERGED_WORD, "t.docx"),
        (MERGED_ODT, "t.odt"),
        (MERGED_RTF, "t.rtf"),
        (MERGED_HTML, "t.html"),
    ],
)
def test_merged_cells_are_said_once_and_known_to_every_row_and_column_they_cover(
    content: bytes, name: str
) -> None:
    (part,) = read(content, name)
    assert [block.text for block in part.blocks if block.kind == "cell"] == [
        "le bac",
        "le quai",
        "la criée",
    ]
    assert [block.columns for block in part.blocks if block.kind == "cell"] == [
        (("Question", "Q3"), ("Ce qui marche", "le bac"), ("Ce qui marche", "le quai")),
        (("Question", "Q3"), ("Ce qui marche", "le bac"), ("Ce qui marche", "le quai")),
        (("Question", "Q3"), ("Ce qui marche", "la criée"), ("Ce qui marche", "la criée")),
    ]


def test_a_cell_merged_over_its_row_names_the_rows_below() -> None:
    body = (
        "<w:tbl>"
        + w_row(w_cell("Table 3 : nos forces", SPAN2))
        + w_row(w_cell("Atout", ""), w_cell("Frein", ""))
    )
    body += (
        w_row(w_cell("le bac", ""), w_cell("le prix", ""))
        + w_row(w_cell("Question 2", SPAN2))
        + w_row(w_cell("la criée", ""), w_cell("la route", ""))
        + "</w:tbl>"
    )
    assert kinds(docx(body), "t.docx") == [
        ("heading", "Table 3 : nos forces"),
        ("meta", "Atout"),
        ("meta", "Frein"),
        ("cell", "le bac"),
        ("cell", "le prix"),
        ("heading", "Question 2"),
        ("cell", "la criée"),
        ("cell", "la route"),
    ]


def test_page_headers_and_footers_are_kept_apart_and_said_once() -> None:
    header, footer = (
        f'<w:{kind} xmlns:w="{W}">{w_p(text)}</w:{kind}>'
        for kind, text in (("hdr", "Atelier du Léon – table 5"), ("ftr", "CRESS"))
    )
    (part,) = read(docx(w_p("le bac"), header1=header, header2=header, footer1=footer), "t.docx")
    assert part.blocks == (
        RawBlock("Atelier du Léon – table 5", "meta", reason="page furniture"),
        RawBlock("CRESS", "meta", reason="page furniture"),
        RawBlock("le bac"),
    )


COMMENTS = [
    "Le maire avait promis une navette l'été dernier.",
    "ok pour moi",
    "Il faudrait vérifier les freins des vélos prêtés chaque mois.",
]


@pytest.mark.parametrize("text", COMMENTS)
@pytest.mark.parametrize("name", ["t.docx", "t.odt"])
def test_a_comment_in_the_margin_is_kept_apart_where_it_stands(name: str, text: str) -> None:
    comments = f'<w:comments xmlns:w="{W}"><w:comment w:id="7" w:author="Anne Kerneis">{w_p(text)}</w:comment></w:comments>'
    word = docx(
        "<w:p><w:r><w:t>le bac</w:t></w:r><w:r><w:commentReference w:id='7'/></w:r></w:p>"
        + w_p("le quai"),
        comments=comments,
    )
    note = f'<office:annotation xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>Anne Kerneis</dc:creator><dc:date>2026-05-04</dc:date><text:p>{text}</text:p></office:annotation>'
    (part,) = read(
        word if name == "t.docx" else odt(f"<text:p>le bac{note}</text:p><text:p>le quai</text:p>"),
        name,
    )
    assert part.blocks == (
        RawBlock("le bac"),
        RawBlock(text, "meta", reason="comment"),
        RawBlock("le quai"),
    )


STRUCK = [  # a file where « du soir » is struck out of a line, and the line « une piscine » whole
    (
        "t.docx",
        docx(
            "<w:p><w:r><w:t>Le bus </w:t></w:r><w:r><w:rPr><w:strike/></w:rPr><w:t>du </w:t></w:r><w:r><w:rPr><w:dstrike/></w:rPr><w:t>soir</w:t></w:r><w:r><w:t> du matin.</w:t></w:r></w:p>"
            + w_p("une piscine", run="<w:strike/>")
            + w_p("un four", run='<w:strike w:val="0"/>')
        ),
    ),
    (
        "t.odt",
        odt(
            '<text:p>Le bus <text:span text:style-name="S">du <text:span>soir</text:span></text:span> du matin.</text:p><text:p text:style-name="S">une piscine</text:p><text:p>un four</text:p>',
            '<style:style style:name="S"><style:text-properties style:text-line-through-style="solid"/></style:style>',
        ),
    ),
    (
        "t.rtf",
        rb"{\rtf1\ansi Le bus {\strike du soir} du matin.\par\strike une piscine\strike0\par un four\par}",
    ),
    ("t.md", b"Le bus ~~du soir~~ du matin.\n\n<s>une piscine</s>\n\nun four\n"),
    (
        "t.html",
        b"<p>Le bus <del>du soir</del> du matin.</p><p><span style='text-decoration:line-through'>une piscine</span></p><p>un four</p>",
    ),
    (
        "t.eml",
        b"Content-Type: text/html\n\n<p>Le bus <s>du soir</s> du matin.</p><p><strike>une piscine</strike></p><p>un four</p>",
    ),
    (
        "t.pptx",
        pptx(
            [
                p_shape(
                    'type="body"',
                    "<a:p><a:r><a:t>Le bus </a:t></a:r><a:r><a:rPr strike='sngStrike'/><a:t>du soir</a:t></a:r><a:r><a:t> du matin.</a:t></a:r></a:p>",
                    "<a:p><a:r><a:rPr strike='dblStrike'/><a:t>une piscine</a:t></a:r></a:p>",
                    "<a:p><a:r><a:rPr strike='noStrike'/><a:t>un four</a:t></a:r></a:p>",
                )
            ]
        ),
    ),
]


@pytest.mark.parametrize(("name", "content"), STRUCK)
def test_struck_out_words_are_kept_apart_from_what_stands(name: str, content: bytes) -> None:
    blocks = read(content, name)[0].blocks
    said = [block.text for block in blocks if block.kind not in ("meta", "heading")]
    assert said == ["Le bus du matin.", "un four"]
    apart = [(block.text, block.reason) for block in blocks if block.kind == "meta"]
    assert apart == [("du soir", "struck out"), ("une piscine", "struck out")]


def struck_workbook() -> bytes:
    """Cells A4 and A5 struck out by their style or one run of their text, and A6 that sets the line off."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    run = "<r>{}<t xml:space='preserve'>{}</t></r>"
    texts = (
        "<si><t>un four</t></si>"
        + f"<si>{run.format('', 'Le bus ')}{run.format('<rPr><strike/></rPr>', 'du soir')}{run.format('<rPr/>', ' du matin.')}</si>"
    )
    extra = (
        '<row r="4"><c r="A4" s="1" t="inlineStr"><is><t>une piscine</t></is></c><c r="B4"><v>2</v></c></row>'
        '<row r="5"><c r="A5" t="s"><v>1</v></c><c r="B5"><v>3</v></c></row>'
        '<row r="6"><c r="A6" s="2" t="s"><v>0</v></c><c r="B6" s="1"><v>4</v></c></row>'
    )
    made = xlsx({"Idées": [["", ""], ["Idée", "Table"], ["une halle", 1]]}, extra=extra)
    with zipfile.ZipFile(io.BytesIO(made)) as workbook:
        entries = {name: workbook.read(name) for name in workbook.namelist()}
    fonts = "<fonts><font/><font><strike/></font><font><strike val='0'/></font></fonts>"
    formats = "".join(f'<xf fontId="{font}"/>' for font in range(3))
    styles = f'<styleSheet xmlns="{main}">{fonts}<cellXfs>{formats}</cellXfs></styleSheet>'
    relation = '<Relationship Id="rId98" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    relations = entries["xl/_rels/workbook.xml.rels"].decode()
    return zipped(
        entries
        | {
            "xl/styles.xml": styles,
            "xl/sharedStrings.xml": f'<sst xmlns="{main}">{texts}</sst>',
            "xl/_rels/workbook.xml.rels": relations.replace("</Relationships>", relation),
        }
    )


STRUCK_STYLE = '<style:style style:name="S" style:family="{}"><style:text-properties style:text-line-through-style="solid"/></style:style>'
STRUCK_ODS = ods(
    ods_table(
        "Idées",
        '<table:table-column table:number-columns-repeated="2"/><table:table-column table:default-cell-style-name="S"/>',
        ods_cells("Idée", "Table"),
        ods_cells("une halle", "1"),
        ods_cells("une piscine", attributes='table:style-name="S"') + ods_cells("2"),
        "<table:table-cell><text:p>Le bus <text:span text:style-name='S'>du soir</text:span> du matin.</text:p></table:table-cell>"
        + ods_cells("3"),
        ods_cells("un four", "4", "la mare"),
    )
    .replace("<table:table-row><table:table-column", "<table:table-column")
    .replace('"S"/></table:table-row>', '"S"/>'),
    styles=STRUCK_STYLE.format("table-cell"),
)


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [("t.xlsx", struck_workbook(), ()), ("t.ods", STRUCK_ODS, ("la mare",))],
)
def test_struck_out_cells_of_a_workbook_are_kept_apart(
    name: str, content: bytes, more: tuple[str, ...]
) -> None:
    (part,) = read(content, name)
    ideas = {row[0]: row[1] for row in part.rows}
    assert list(ideas) == ["Idée", "une halle", "", "Le bus du matin.", "un four"]
    assert ideas["un four"] == ("" if name == "t.xlsx" else "4")
    assert [(block.text, block.kind, block.reason) for block in part.blocks] == [
        (text, "meta", "struck out") for text in ("une piscine", "du soir", *more)
    ]
    sorted_part = sort_part(part.blocks, part.rows)
    said = [block.text for block in sorted_part.blocks if block.kind == "cell"]
    assert said == ["une halle", "Le bus du matin.", "un four"]
    assert set(part.blocks) <= set(sorted_part.blocks)


def test_who_is_struck_out_of_a_list_is_counted_and_named_nowhere() -> None:
    rows = (("Nom", "Structure"), ("Anne Riou", "La Criée"), ("Éric Cloarec", "Mairie"))
    sorted_part = sort_part((RawBlock("Yves Tanguy", "meta", reason="struck out"),), rows)
    assert not sorted_part.blocks
    assert sorted_part.skipped == ("liste de présence : 1 cellule barrée laissée de côté",)


def test_a_struck_out_cell_leaves_its_row() -> None:
    struck = "<w:p><w:r><w:rPr><w:strike/></w:rPr><w:t>une piscine</w:t></w:r></w:p>"
    (part,) = read(docx(w_table(["Table", "Idée"], ["2", struck], ["2", "un four"])), "t.docx")
    assert [block.text for block in part.blocks if block.kind == "cell"] == ["un four"]
    assert ("une piscine", "struck out") in {(block.text, block.reason) for block in part.blocks}
    assert not any("piscine" in cell for block in part.blocks for _, cell in block.columns)


def test_a_comment_on_a_cell_follows_its_table_and_leaves_the_cell_alone() -> None:
    comments = f'<w:comments xmlns:w="{W}"><w:comment w:id="7">{w_p("Elle est venue avec deux voisins du bourg.")}</w:comment></w:comments>'
    cell = "<w:p><w:r><w:t>Zoé Le Goff</w:t></w:r><w:r><w:commentReference w:id='7'/></w:r></w:p>"
    (part,) = read(
        docx(w_table(["Nom", "Structure"], [cell, "La Criée"]), comments=comments), "t.docx"
    )
    assert [block.text for block in part.blocks][-3:] == [
        "Zoé Le Goff",
        "La Criée",
        "Elle est venue avec deux voisins du bourg.",
    ]
    assert part.blocks[-2].columns == (("Nom", "Zoé Le Goff"), ("Structure", "La Criée"))


def test_opendocument_texts_are_read_in_order() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>supprimé</text:p></text:deletion></text:changed-region></text:tracked-changes>"
        '<text:h text:outline-level="1">Table 2</text:h><text:p text:style-name="P1">Question 1</text:p>'
        "<text:list><text:list-item><text:p>idée   une<office:annotation><text:p>note de relecture</text:p></office:annotation></text:p>"
        "<text:list><text:list-item><text:p>sous-idée</text:p></text:list-item></text:list></text:list-item></text:list>"
        "<text:p>Phrase<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>la note</text:p></text:note-body></text:note>"
        ' longue,<text:s text:c="3"/>finie.</text:p><text:p><draw:frame><draw:text-box><text:p>un cadre</text:p></draw:text-box></draw:frame></text:p>'
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Atout</text:p></table:table-cell><table:table-cell>"
        "<text:p>Frein</text:p></table:table-cell></table:table-row></table:table-header-rows><table:table-row><table:table-cell><text:p>le bac</text:p>"
        "</table:table-cell><table:table-cell><text:p>le prix</text:p></table:table-cell></table:table-row></table:table>"
    )
    bold = '<style:style style:name="P1" style:family="paragraph"><style:text-properties fo:font-weight="bold"/></style:style>'
    assert kinds(odt(body, bold), "notes.odt") == [
        ("heading", "Table 2"),
        ("heading", "Question 1"),
        ("bullet0", "idée une"),
        ("meta", "note de relecture"),
        ("bullet1", "sous-idée"),
        ("paragraph", "Phrase longue, finie."),
        ("paragraph", "la note"),
        ("paragraph", "un cadre"),
        ("meta", "Atout"),
        ("meta", "Frein"),
        ("cell", "le bac"),
        ("cell", "le prix"),
    ]


def test_numbered_lists_of_an_opendocument_text_show_their_numbers_in_bold_titles() -> None:
    styles = '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-prefix="Question " style:num-suffix=" :"/></text:list-style>'
    styles += '<style:style style:name="G"><style:text-properties fo:font-weight="bold"/></style:style><style:style style:name="C"><style:text-properties text:display="none"/></style:style>'
    item = '<text:list text:style-name="L" {}><text:list-item><text:p text:style-name="G">{}</text:p></text:list-item></text:list>'
    idea = '<text:p>Une idée dite assez longuement <text:span text:style-name="C">cachée </text:span>pour ne pas être un titre.</text:p>'
    image = "<text:p><draw:frame><draw:image/><svg:title>Une image contenant du texte</svg:title></draw:frame>Légende de la photo.</text:p>"
    body = (
        item.format("", "besoins")
        + idea
        + item.format('text:continue-numbering="true"', "forces")
        + idea
        + image
    )
    said_once = ("paragraph", "Une idée dite assez longuement pour ne pas être un titre.")
    assert kinds(odt(body, styles), "n.odt") == [
        ("heading", "Question 1 : besoins"),
        said_once,
        ("heading", "Question 2 : forces"),
        said_once,
        ("paragraph", "Légende de la photo."),
    ]


DASHES = (
    f'<w:numbering xmlns:w="{W}"><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="SIGN"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>'
)
ITEMS = ["de paperasse", "manque de bus", "de nombreux jeunes", "d’attente aux urgences"]
LISTS = [  # a list that the format draws with "SIGN"
    ("t.docx", docx("".join(w_p(item, listed(1)) for item in ITEMS), numbering=DASHES)),
    (
        "t.odt",
        odt(
            '<text:list text:style-name="L">'
            + "".join(f"<text:list-item><text:p>{item}</text:p></text:list-item>" for item in ITEMS)
            + "</text:list>",
            '<text:list-style style:name="L"><text:list-level-style-bullet text:level="1" text:bullet-char="SIGN"/></text:list-style>',
        ),
    ),
    (
        "t.rtf",
        "".join(
            [
                "{\\rtf1\\ansi ",
                *(f"{{\\listtext\\tab SIGN\\tab}}\\ls1 {item}\\par " for item in ITEMS),
                "}",
            ]
        )
        .replace("’", "\\'92")
        .encode(),
    ),
    ("t.html", f"<ul>{''.join(f'<li>{item}' for item in ITEMS)}</ul>".encode()),
    (
        "t.eml",
        f"Content-Type: text/html\n\n<p>Voici :</p><ul>{''.join(f'<li>{item}' for item in ITEMS)}</ul>".encode(),
    ),
]


def _with_sign(content: bytes, sign: str) -> bytes:
    if not content.startswith(b"PK"):
        return content.replace(b"SIGN", sign.encode())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return zipped(
            {
                name: archive.read(name).replace(b"SIGN", sign.encode())
                for name in archive.namelist()
            }
        )


@pytest.mark.parametrize(("name", "content"), LISTS)
@pytest.mark.parametrize("sign", ["-", "+", "*"])
def test_the_dash_of_a_list_is_a_word_before_an_amount(
    name: str, content: bytes, sign: str
) -> None:
    is_drawn = name in ("t.docx", "t.odt", "t.rtf") and sign != "*"
    texts = [block.text for block in read(_with_sign(content, sign), name)[0].blocks]
    before = f"{sign} " if is_drawn else ""
    first, second, third, fourth = ITEMS
    assert texts[-4:] == [before + first, second, third, before + fourth]


def test_flat_opendocument_texts_are_read() -> None:
    flat = f'<?xml version="1.0"?><office:document {ODF}><office:body><office:text><text:p>le bac</text:p></office:text></office:body></office:document>'
    assert said(flat, "notes.fodt") == ["le bac"]


def test_rich_text_keeps_bullets_tables_and_bold_titles() -> None:
    text = r"""{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset2 Symbol;}}{\stylesheet{\s1 heading 1;}}{\header\pard Table 7\par}
\pard\b Question 1\b0\par
\pard\li360 \'95\tab le port {\deleted neuf }se vide apr\'e8s 18 h\par
{\listtext\f1\'b7\tab}\ls1\ilvl1 \'e0 Fécamp \u8211? Yport \u-10180?\u-8448?\par
\pard Une phrase normale{\footnote\pard la note}, assez longue pour compter.\par
\trowd\cellx1000\cellx2000\pard\intbl Atout\cell Frein\cell\row
\trowd\cellx1000\cellx2000\pard\intbl le phare\cell\pard\intbl la route\par le bac\cell\row
\pard Fin {\pict\wmetafile8 0100}du texte.\par}"""
    assert kinds(text.encode("cp1252"), "notes.rtf") == [
        ("meta", "Table 7"),
        ("heading", "Question 1"),
        ("bullet0", "le port se vide après 18 h"),
        ("bullet1", "à Fécamp – Yport 🌀"),
        ("paragraph", "Une phrase normale, assez longue pour compter."),
        ("paragraph", "la note"),
        ("meta", "Atout"),
        ("meta", "Frein"),
        ("cell", "le phare"),
        ("cell", "la route"),
        ("cell", "le bac"),
        ("paragraph", "Fin du texte."),
    ]


def test_rich_text_comments_footers_and_underlined_titles_are_read() -> None:
    text = r"""{\rtf1\ansi\ansicpg1252{\footer\pard CRESS {\field{\*\fldinst PAGE}{\fldrslt 1}}\par}
\pard\ul Ce qui bloque\ulnone\par
\pard Le bac co\'fbte trop cher pour les gens de l'\'eele{\*\atnid AK}{\*\atnauthor Anne Kerneis}\chatn{\*\annotation{\*\atndate 12}\pard Il a pris deux euros en un an.\par}, surtout l'hiver.\par
\pard Une suite assez longue.\par}"""
    (part,) = read(text.encode("cp1252"), "n.rtf")
    assert part.blocks == (
        RawBlock("CRESS 1", "meta", reason="page furniture"),
        RawBlock("Ce qui bloque", "heading", 1),
        RawBlock("Le bac coûte trop cher pour les gens de l'île, surtout l'hiver."),
        RawBlock("Il a pris deux euros en un an.", "meta", reason="comment"),
        RawBlock("Une suite assez longue."),
    )


def test_old_word_documents_are_read() -> None:
    assert kinds(
        doc(["Table 2", "le bac est en panne", "- l'école d'Étretat ferme"]), "notes.doc"
    ) == [
        ("heading", "Table 2"),
        ("paragraph", "le bac est en panne"),
        ("bullet0", "l'école d'Étretat ferme"),
    ]


def test_web_pages_lose_menus_scripts_and_hidden_text() -> None:
    page = (
        "<html><head><title>Trégor</title><script>x()</script></head><body><nav>menu</nav><h2>Table 2</h2><p>Le <b>port</b> se\nvide<br>La criée ferme</p>"
        '<ul><li>un bac<ul><li>le soir</ul><li><p>une halle</p></ul><p style="display:none">caché</p><table><tr><th>Atout<th>Frein<tr><td>le phare'
        "<td>la <i>route</i></table><p><strong>Question 3</strong></p>texte nu &amp; final</body></html>"
    )
    assert kinds(page, "page.html") == [
        ("meta", "menu"),
        ("heading", "Table 2"),
        ("paragraph", "Le port se vide"),
        ("paragraph", "La criée ferme"),
        ("bullet0", "un bac"),
        ("bullet1", "le soir"),
        ("bullet0", "une halle"),
        ("meta", "Atout"),
        ("meta", "Frein"),
        ("cell", "le phare"),
        ("cell", "la route"),
        ("heading", "Question 3"),
        ("paragraph", "texte nu & final"),
    ]


LEFT = [
    "Les participants constatent que le dernier bac",
    "part trop tôt et que les saisonniers restent",
    "bloqués sur l'île ; peut-",
    "être faudrait-il une navette du soir.",
]
RIGHT = [
    "La coopérative réclame un débarcadère supplé-",
    "mentaire et une glacière neuve au bout du quai",
    "pour la criée, avant la prochaine saison de",
    "pêche à la coquille.",
]


def test_pdf_columns_are_read_one_after_the_other_and_hyphens_undone() -> None:
    page = (
        shown(60, 60, "Question 1 : besoins", size=16, is_bold=True)
        + shown_lines(60, 100, LEFT)
        + shown_lines(330, 100, RIGHT)
    )
    assert kinds(pdf([page]), "synthese.pdf") == [
        ("heading", "Question 1 : besoins"),
        (
            "paragraph",
            "Les participants constatent que le dernier bac part trop tôt et que les saisonniers restent bloqués sur l'île ; "
            "peut-être faudrait-il une navette du soir.",
        ),
        (
            "paragraph",
            "La coopérative réclame un débarcadère supplémentaire et une glacière neuve au bout du quai pour la criée, "
            "avant la prochaine saison de pêche à la coquille.",
        ),
    ]


def test_pdf_titles_between_columns_part_them_and_titles_inside_do_not() -> None:
    below = (
        shown(60, 200, "Forces", is_bold=True)
        + shown_lines(60, 230, LEFT)
        + shown_lines(330, 230, RIGHT)
    )
    parted = said(pdf([shown_lines(60, 100, LEFT) + shown_lines(330, 100, RIGHT) + below]), "a.pdf")
    assert [text.split()[1] for text in parted] == [
        "participants",
        "coopérative",
        "participants",
        "coopérative",
    ]
    inside = shown(60, 180, "Forces", is_bold=True) + shown_lines(60, 200, LEFT)
    flowing = said(
        pdf([shown_lines(60, 100, LEFT) + inside + shown_lines(330, 100, [*RIGHT[:3], *RIGHT])]),
        "a.pdf",
    )
    assert [text.split()[1] for text in flowing] == ["participants", "participants", "coopérative"]


@pytest.mark.parametrize(
    ("matrix", "x", "y", "dx", "dy"),
    [
        ("0 1 -1 0", 100, 100, 20, 0),
        ("0 -1 1 0", 500, 700, -20, 0),
        ("-1 0 0 -1", 500, 100, 0, 20),
        ("1 0 0 1", 60, 700, 0, -20),
    ],
)
def test_pdf_pages_are_read_whichever_way_they_are_turned_and_watermarks_left(
    matrix: str, x: int, y: int, dx: int, dy: int
) -> None:
    lines = ["Le port se vide en hiver.", "Le phare rouvre enfin.", "La criée manque de glace."]
    page = "".join(
        f"BT /F1 11 Tf {matrix} {x + dx * place} {y + dy * place} Tm ({line}) Tj ET\n"
        for place, line in enumerate(lines)
    )
    diagonal = "BT /F1 30 Tf 0.7 0.7 -0.7 0.7 200 200 Tm (XY) Tj ET\n" if dy == 0 else ""
    assert said(pdf([page + diagonal]), "a.pdf") == lines


EDGES = [  # where lines that begin at 60 end, and the edge at which they were wrapped
    ([284, 284, 284, 284, 190, 294, 300], 284),  # justified; a title and a page number end further
    ([284, 280, 287, 279, 286, 190, 294, 291], 294),  # ragged: the furthest of several
    ([284, 284, 294, 291, 289, 190, 287, 286], 294),  # two ends that agree are chance
    ([240, 240, 240, 300, 299, 298, 297, 296], 300),  # short lines that agree are none
]


@pytest.mark.parametrize(("ends", "edge"), EDGES)
def test_pdf_lines_that_end_flush_tell_where_they_were_wrapped(ends: list[int], edge: int) -> None:
    words = [
        PdfWord("mot", 60, end, 100 + 14 * place, 111 + 14 * place)
        for place, end in enumerate(ends)
    ]
    assert {line.right for line in lines_of_words(words, bounds=(0, 360))} == {edge}


def test_pdf_bullets_and_lines_that_their_author_ended_stay_apart() -> None:
    page = shown_lines(
        60, 100, ["logement trop cher", "plus de médecin à Yvetot", "les ados s'ennuient"]
    )
    page += shown_lines(
        60,
        200,
        [
            "• une halle pour les producteurs du canton et des environs, ouverte tous les",
            "  samedis",
            "• un lavoir",
        ],
    )
    assert kinds(pdf([page]), "notes.pdf") == [
        ("paragraph", "logement trop cher"),
        ("paragraph", "plus de médecin à Yvetot"),
        ("paragraph", "les ados s'ennuient"),
        (
            "bullet0",
            "une halle pour les producteurs du canton et des environs, ouverte tous les samedis",
        ),
        ("bullet0", "un lavoir"),
    ]


def test_pdf_page_numbers_and_repeated_headers_go() -> None:
    pages = [
        shown(60, 30, "CRESS – atelier du Caux")
        + shown(60, 120, f"L'idée de la page {number} est dite.")
        + shown(290, 815, f"Page {number} / 3")
        for number in (1, 2, 3)
    ]
    assert kinds(pdf(pages), "notes.pdf") == [("meta", "CRESS – atelier du Caux")] + [
        ("paragraph", f"L'idée de la page {number} est dite.") for number in (1, 2, 3)
    ]


def test_pdf_tables_drawn_with_lines_are_read_by_row() -> None:
    lines = "".join(f"60 {842 - top} m 460 {842 - top} l S\n" for top in (100, 130, 180)) + "".join(
        f"{x} 742 m {x} 662 l S\n" for x in (60, 260, 460)
    )
    texts = (
        shown(70, 120, "Atout")
        + shown(270, 120, "Frein")
        + shown(70, 150, "le phare")
        + shown_lines(270, 150, ["la route coupée", "le prix du bac"])
    )
    (part,) = read(
        pdf(
            [
                lines
                + texts
                + shown(60, 60, "Avant le tableau.")
                + shown(60, 220, "Après le tableau.")
            ]
        ),
        "t.pdf",
    )
    assert [(block.kind, block.text) for block in part.blocks] == [
        ("paragraph", "Avant le tableau."),
        ("meta", "Atout"),
        ("meta", "Frein"),
        ("cell", "le phare"),
        ("cell", "la route coupée"),
        ("cell", "le prix du bac"),
        ("paragraph", "Après le tableau."),
    ]
    assert part.blocks[3].columns == (
        ("Atout", "le phare"),
        ("Frein", "la route coupée le prix du bac"),
    )


PICTURE = "q 595 0 0 842 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI Q\n"


def laid_out(
    rows: list[tuple[str, ...]],
    places: tuple[int, ...],
    *,
    top: int = 100,
    step: int = 20,
    is_bold: bool = True,
) -> str:
    return "".join(
        shown(x, top + step * order, text, is_bold=is_bold and not order)
        for order, row in enumerate(rows)
        for x, text in zip(places, row, strict=True)
        if text
    )


def test_pdf_tables_laid_out_by_white_space_are_read_by_row() -> None:
    rows = [
        ("Table", "Question", "Idée"),
        ("1", "Q1", "Plus de médecin à Scaër"),
        ("2", "Q1", "Les loyers montent au"),
        ("", "", "bourg et au port"),
        ("2", "Q2", "La laverie tourne bien"),
    ]
    places = [100, 120, 140, 152, 172]
    table = "".join(
        shown(x, places[order], text)
        for order, row in enumerate(rows)
        for x, text in zip((60, 120, 200), row, strict=True)
        if text
    )
    page = (
        shown(60, 60, "Relevé des post-its", size=16)
        + table
        + shown_lines(
            60, 220, ["Le reste des idées se trouve sur le grand panneau, que chacun a pu lire."]
        )
    )
    (part,) = read(pdf([page]), "t.pdf")
    assert [(block.kind, block.text) for block in part.blocks if block.kind != "meta"] == [
        ("heading", "Relevé des post-its"),
        ("cell", "Plus de médecin à Scaër"),
        ("cell", "Les loyers montent au bourg et au port"),
        ("cell", "La laverie tourne bien"),
        ("paragraph", "Le reste des idées se trouve sur le grand panneau, que chacun a pu lire."),
    ]
    assert part.blocks[6].columns == (
        ("Table", "1"),
        ("Question", "Q1"),
        ("Idée", "Plus de médecin à Scaër"),
    )


def test_pdf_tables_go_on_over_pages_under_their_header() -> None:
    header, first = ("Nom", "Prénom", "Structure"), ("LE GALL", "Annick", "Les Filets")
    pages = [
        laid_out([header, first, ("RIOU", "Jean", "Scaër")], (60, 160, 260)),
        laid_out(
            [
                ("KERNEIS", "Maël", "Coop"),
                ("ABGRALL", "Zoé", "Le Quai"),
                ("RIOU", "Ana", "Le Quai"),
            ],
            (60, 160, 260),
            is_bold=False,
        ),
    ]
    (part,) = read(pdf(pages), "t.pdf")
    assert [block.text for block in part.blocks if block.kind == "meta"] == list(header)
    assert [block.columns for block in part.blocks if block.column == 0] == [
        tuple(zip(header, row, strict=True))
        for row in (
            first,
            ("RIOU", "Jean", "Scaër"),
            ("KERNEIS", "Maël", "Coop"),
            ("ABGRALL", "Zoé", "Le Quai"),
            ("RIOU", "Ana", "Le Quai"),
        )
    ]


THIRD = [
    "Le car du soir ne passe plus",
    "et les jeunes de la zone ne",
    "rentrent pas après dix-neuf",
    "heures, même en semaine.",
]
NARROW = [["Le marché du jeudi attire", "du monde mais les forains", "partent faute de places,", "et la halle prend l'eau."], ["La maison de santé n'a plus", "de médecin depuis un an et", "les gens vont à Quimper en", "voiture, quand ils peuvent."], THIRD]  # fmt: skip


def test_pdf_three_columns_are_read_one_after_the_other() -> None:
    assert said(
        pdf(
            [
                "".join(
                    shown_lines(50 + 180 * place, 100, column)
                    for place, column in enumerate(NARROW)
                )
            ]
        ),
        "t.pdf",
    ) == [" ".join(column) for column in NARROW]


def test_pdf_marks_of_notes_go() -> None:
    page = (
        shown(60, 100, "La digue cède")
        + shown(131, 96, "1", size=6)
        + shown(140, 100, "depuis la tempête de 2023.")
    )
    assert said(pdf([page]), "n.pdf") == ["La digue cède depuis la tempête de 2023."]


def test_pdf_comments_and_filled_fields_are_read() -> None:
    note = "<< /Type /Annot /Subtype /Text /Rect [300 700 320 720] /Contents (La mairie avait promis une navette.) /T (Anne Kerneis) >>"
    nod = "<< /Type /Annot /Subtype /Highlight /Rect [60 700 90 720] /Contents (ok) /T (Anne Kerneis) >>"
    field = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (idee) /V (rouvrir la criée.) /Rect [160 726 400 742] /P 7 0 R >>"
    form = {"catalog": "/AcroForm << /Fields [5 0 R] /DA (/F1 11 Tf) >>", "others": [field]}
    (part,) = read(
        pdf(
            [shown(60, 112, "Notre idée :") + shown(60, 160, "Le bac coûte trop cher.")],
            annotations={0: f"{note} {nod} 5 0 R"},
            **form,
        ),
        "f.pdf",
    )  # type: ignore[arg-type]
    assert [(block.kind, block.text, block.speaker) for block in part.blocks] == [
        ("paragraph", "Notre idée : rouvrir la criée.", None),
        ("paragraph", "Le bac coûte trop cher.", None),
        ("meta", "La mairie avait promis une navette.", None),
        ("meta", "ok", None),
    ]


def test_pdf_scanned_pages_among_others_are_told_one_by_one() -> None:
    text = shown(60, 100, "Le bac coûte trop cher pour les gens de l'île.")
    parts = read(pdf([text + PICTURE, PICTURE, text, shown(290, 815, "4") + PICTURE, ""]), "n.pdf")
    assert [(part.name, part.error[0] if part.error else None) for part in parts] == [
        ("", None),
        ("page-2", "page sans texte (scan)"),
        ("page-4", "page sans texte (scan)"),
    ]


DATED = (
    '<row r="2"><c r="A2" s="1"><v>46093</v></c><c r="B2" t="b"><v>1</v></c></row><row r="3"><c r="A3" s="2"><v>0.604166666666667</v></c>'
    '<c r="B3" t="e"><v>#N/A</v></c></row><row r="4"><c r="A4" s="3"><v>46093.604166666667</v></c><c r="B4"><v>0.1</v></c></row>'
)
COVERED = "<table:covered-table-cell/>"


def valued(kind: str, attribute: str, value: str) -> str:
    return f'<table:table-cell office:value-type="{kind}" office:{attribute}="{value}"><text:p>12,5 %</text:p></table:table-cell>'


ROWS: list[tuple[str, bytes, str, tuple[tuple[str, ...], ...]]] = [
    ("semicolons, cp1252", "nom;âge\nZoé;12\n".encode("cp1252"), "e.csv", (("nom", "âge"), ("Zoé", "12"))),
    ("quoted line break", b'nom;note\nA;"un ""non""\nfranc"\nB;x\n', "e.csv", (("nom", "note"), ("A", 'un "non"\nfranc'), ("B", "x"))),
    ("Excel's own separator line", "sep=,\nnom,note\nZoé,x\n".encode(), "e.csv", (("nom", "note"), ("Zoé", "x"))),
    ("tabs in UTF-16", "nom\tnote\nA\tx\n".encode("utf-16"), "e.tsv", (("nom", "note"), ("A", "x"))),
    ("one column of sentences with commas", "idée\nun bac, vite\ndes vélos\n".encode(), "e.csv", (("idée",), ("un bac, vite",), ("des vélos",))),
    ("a title above, blank rows inside", b"Atelier de Laval;;\n\nnom;note;\nA;x;\n", "e.csv", (("Atelier de Laval", ""), ("", ""), ("nom", "note"), ("A", "x"))),
    ("a quote never closed", b'nom;note\nA;"ouvert\n' + b"B;x\n" * 60, "e.csv", (("nom", "note"), ("A", '"ouvert'), *[("B", "x")] * 60)),
    ("a text cut by semicolons", b"nom;table;note\nA;1;x\nB;2;y\n", "e.txt", (("nom", "table", "note"), ("A", "1", "x"), ("B", "2", "y"))),
    ("numbers and merged cells", xlsx({"a": [["nom", "n"], ["Le Goff", 12.0], ["", 1.5]]}, merged="A2:A3"), "e.xlsx", (("nom", "n"), ("Le Goff", "12"), ("Le Goff", "1.5"))),
    ("dates, times, truth and errors", xlsx({"a": [["quand"]]}, extra=DATED), "e.xlsx", (("quand", ""), ("2026-03-12", "oui"), ("14:30", ""), ("2026-03-12 14:30", "0.1"))),
    ("old workbook", xls([["nom", "âge"], ["Zoé", 12.0]]), "e.xls", (("nom", "âge"), ("Zoé", "12"))),
    ("old workbook with merged cells", xls([["T1", "un"], ["", "deux"]], merged=[(0, 1, 0, 0)]), "e.xls", (("T1", "un"), ("T1", "deux"))),
    (
        "OpenDocument cells merged down and across, repeated and far away",
        ods(ods_table("A", ods_cells("Relevé", attributes='table:number-columns-spanned="3"') + COVERED * 2, ods_cells("T1", attributes='table:number-rows-spanned="2"') + ods_cells("un", "x"), COVERED + ods_cells("deux"), ods_cells("", attributes='table:number-columns-repeated="16384"'), '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>')),
        "e.ods",
        (("Relevé", "Relevé", "Relevé"), ("T1", "un", "x"), ("T1", "deux", "")),
    ),
    (
        "OpenDocument values, line breaks, comments out, blank and repeated rows",
        ods(ods_table("A", valued("float", "value", "12") + valued("float", "value", "1.5") + valued("date", "date-value", "2026-03-12T00:00:00") + valued("time", "time-value", "PT14H30M00S") + valued("boolean", "boolean-value", "true") + valued("percentage", "value", "0.25"), "", "", '<table:table-row table:number-rows-repeated="2">' + ods_cells("un\ndeux") + "<table:table-cell><office:annotation><text:p>à revoir</text:p></office:annotation><text:p>à <text:span>Rodez</text:span></text:p></table:table-cell></table:table-row>")),
        "e.ods",
        (("12", "1.5", "2026-03-12", "14:30", "oui", "12,5 %"), ("",) * 6, ("un\ndeux", "à Rodez", "", "", "", ""), ("un\ndeux", "à Rodez", "", "", "", "")),
    ),
    ("flat OpenDocument", f'<?xml version="1.0"?><office:document {ODF}><office:body><office:spreadsheet>{ods_table("A", ods_cells("nom", "note"))}</office:spreadsheet></office:body></office:document>'.encode(), "e.fods", (("nom", "note"),)),
    ("pipes", "nom|note\nZoé|x\nLéo|y\n".encode(), "e.csv", (("nom", "note"), ("Zoé", "x"), ("Léo", "y"))),
    ("ragged rows, of macOS", "nom;note\rZoé;x;y\rLéo\r".encode("mac_roman"), "e.csv", (("nom", "note", ""), ("Zoé", "x", "y"), ("Léo", "", ""))),
    ("quotes inside without doubling", 'idée;table\n12" de pluie;2\n« le "bac" »;3\n'.encode(), "e.csv", (("idée", "table"), ('12" de pluie', "2"), ('« le "bac" »', "3"))),
    ("old DOS letters", "prénom;idée\nZoé;où ça, déjà à Sète ?\nLéa;être là\n".encode("cp850"), "e.csv", (("prénom", "idée"), ("Zoé", "où ça, déjà à Sète ?"), ("Léa", "être là"))),
    ("a page called a workbook", b"<table><tr><td>nom</td><td>note</td></tr></table>", "e.xls", (("nom", "note"),)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "name", "expected"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS]
)
def test_tables_give_their_rows(
    content: bytes, name: str, expected: tuple[tuple[str, ...], ...]
) -> None:
    (part,) = read(content, name)
    assert (part.rows, part.blocks, part.name) == (expected, (), "")


def test_sheets_are_parts_in_order_and_hidden_ones_are_told() -> None:
    parts = read(
        xlsx(
            {"Émargement": [["nom"]], "vide": [], "T2/T3": [["idée"]], "listes": [["secret"]]},
            hidden=["listes"],
        ),
        "e.xlsx",
    )
    assert [(part.name, part.rows) for part in parts] == [
        ("1-Émargement", (("nom",),)),
        ("3-T2-T3", (("idée",),)),
    ]
    assert parts[0].warnings == ("1 feuille masquée non lue",)


def test_hidden_sheets_and_comments_of_an_opendocument_workbook_are_told() -> None:
    style = (
        '<style:style style:name="H"><style:table-properties table:display="false"/></style:style>'
    )
    note = "<table:table-cell><office:annotation><text:p>à revoir</text:p></office:annotation><text:p>idée</text:p></table:table-cell>"
    hidden = ods_table("listes", ods_cells("secret"), attributes='table:style-name="H"')
    (part,) = read(ods(ods_table("T2", note), hidden, styles=style), "e.ods")
    assert (part.title, part.rows) == ("T2", (("idée",),))
    assert part.warnings == ("1 feuille masquée non lue", "1 commentaire de cellule non lu")


CUES: list[tuple[str, str, str, list[tuple[str | None, str]]]] = [
    (
        "voices, tags, cue names, a note",
        "t.vtt",
        "WEBVTT\n\nSTYLE\n::cue {}\n\na1/0-0\n00:00:01.000 --> 00:00:03.000\n<v Maëlle Riou>On commence.</v>\n\na1/0-1\n00:00:03.100 --> 00:00:05.000\n"
        "<v Maëlle Riou>La criée &amp; le port.\n\nNOTE pause\n\n00:09.000 --> 00:12.000\n<v.x Invité 2>Oui <i>mais</i> <00:10.000>non.\nEt puis zut.\n",
        [
            (None, "pause"),
            ("Maëlle Riou", "On commence. La criée & le port."),
            ("Invité 2", "Oui mais non. Et puis zut."),
        ],
    ),
    (
        "names before a colon, a word before a colon is none",
        "t.srt",
        "1\n00:00:01,000 --> 00:00:03,000\nAnimateur : on démarre\n\n2\n00:00:03,100 --> 00:00:05,000\nSPEAKER_01: le bac ne\npasse plus\n\n"
        "3\n00:00:05,100 --> 00:00:07,000\nla nuit\n\n4\n00:00:07,100 --> 00:00:09,000\nAnimateur : merci\n\n5\n00:00:09,100 --> 00:00:10,000\nBref: on ferme\n",
        [
            ("Animateur", "on démarre"),
            ("SPEAKER 01", "le bac ne passe plus la nuit"),
            ("Animateur", "merci Bref: on ferme"),
        ],
    ),
    (
        "a first name speaks even once, a word before a colon or a place inside a line does not",
        "t.srt",
        "1\n00:00:01,000 --> 00:00:03,000\nSylvain : la une c'est le port\n\n2\n00:00:03,100 --> 00:00:05,000\nRésultat : plus de glace\n\n"
        "3\n00:00:05,100 --> 00:00:07,000\nAïcha: la deux c'est l'eau\n\n4\n00:00:07,100 --> 00:00:08,000\nMme Kerléo : et nous\n",
        [
            ("Sylvain", "la une c'est le port Résultat : plus de glace"),
            ("Aïcha", "la deux c'est l'eau"),
            ("Mme Kerléo", "et nous"),
        ],
    ),
    (
        "a pause before a verb parts nothing",
        "t.srt",
        "1\n00:00:01,000 --> 00:00:03,000\nles gens du port c'est qu'ils\n\n2\n00:00:05,000 --> 00:00:06,000\nont peur\n\n"
        "3\n00:00:08,000 --> 00:00:09,000\nà midi\n",
        [(None, "les gens du port c'est qu'ils ont peur"), (None, "à midi")],
    ),
    (
        "turn dashes part speakers without a name",
        "t.srt",
        "1\n00:00:01,000 --> 00:00:03,000\n- vous venez souvent\n- non jamais\n\n2\n00:00:03,100 --> 00:00:05,000\nou presque\n",
        [(None, "vous venez souvent"), (None, "non jamais ou presque")],
    ),
    (
        "without full stops, a pause parts, but not after an article",
        "t.srt",
        "1\n00:00:01,000 --> 00:00:03,000\nle four est froid\n\n2\n00:00:05,000 --> 00:00:06,000\nil faut réparer la\n\n3\n00:00:08,000 --> 00:00:09,000\nporte\n",
        [(None, "le four est froid"), (None, "il faut réparer la porte")],
    ),
]


@pytest.mark.parametrize(
    ("name", "text", "expected"), [case[1:] for case in CUES], ids=[case[0] for case in CUES]
)
def test_transcripts_give_one_block_a_turn(
    name: str, text: str, expected: list[tuple[str | None, str]]
) -> None:
    (part,) = read(text, name)
    assert [(block.speaker, block.text) for block in part.blocks] == expected
    assert part.channel == "transcript"


def mail(
    body: str,
    *,
    subject: str = "Suite",
    sender: str = "Yann Le Bihan <yann@example.org>",
    kind: str = "text/plain; charset=utf-8",
) -> bytes:
    return f"From: {sender}\nTo: ateliers@example.fr\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: {kind}\n\n{body}".encode()


MAILS: list[tuple[str, bytes, list[str]]] = [
    (
        "greeting, farewell, name, function, address and device go; a post-script stays",
        mail(
            "Madame, Monsieur,\n\nLe quai n'est plus éclairé et la navette du soir a été supprimée alors\nqu'elle servait à la criée.\n\nBien cordialement,\n"
            "Yann LE BIHAN\nChargé de mission\n3 rue du Port\n29600 Morlaix\nTél : 01 99 00 33 44\n\nPS : la salle du conseil est libre le jeudi.\n\nEnvoyé de mon iPhone\n"
        ),
        [
            "Le quai n'est plus éclairé et la navette du soir a été supprimée alors qu'elle servait à la criée.",
            "PS : la salle du conseil est libre le jeudi.",
        ],
    ),
    (
        "a sentence after the greeting is read, a signature without farewell is known by its name",
        mail("Bonjour Léa, voici les chiffres, désolé du retard.\n\n640 vélos réparés à Brest.\n\nY. Le Bihan, Les Filets\n\n01.99.00.33.44\n"),
        ["Bonjour Léa, voici les chiffres, désolé du retard.", "640 vélos réparés à Brest."],
    ),
    (
        "a mail answered above is quoted, whatever announces it",
        mail("Il manque une idée : réparer les filets.\n\nYann\n\n-----Message d'origine-----\nDe : CRESS\nEnvoyé : lundi\nÀ : Yann\nObjet : notes\n\nVoici les notes.\n"),
        ["Il manque une idée : réparer les filets."],
    ),
    (
        "answers between quoted lines are read",
        mail("Le 1 juin 2026 à 10:02, CRESS\n<a@example.fr> a écrit :\n> La halle ?\n\nElle devrait ouvrir le soir.\n\n> La navette ?\n\nElle est utile.\n\n-- \nYann\nMorlaix\n"),
        ["Elle devrait ouvrir le soir.", "Elle est utile."],
    ),
    (
        "a mail passed on is a contribution",
        mail(
            "Pour info, ci-dessous la contribution de Mme Kerléo.\n\n---------- Forwarded message ---------\nDe : Soizic Kerléo <s@example.com>\nDate: lundi\n"
            "Subject: idée\nTo: <a@example.fr>\n\nBonjour,\n\nJe propose une épicerie flottante.\n\nSoizic\n",
            subject="Fwd: idée",
        ),
        ["Je propose une épicerie flottante."],
    ),
    (
        "HTML is read where there is nothing else, its lines kept",
        mail("<p>Bonjour,</p><p>La <b>criée</b> manque de glace<br>Les jeunes partent</p><ul><li>un ciné</ul><p>Cordialement,<br>Yann</p>", kind="text/html"),
        ["La criée manque de glace", "Les jeunes partent", "un ciné"],
    ),
    (
        "flowed text is joined where it flows only",
        mail("Une phrase qui coule \nvers la suite.\nUne autre.\n-- \nYann\n", kind="text/plain; charset=utf-8; format=flowed"),
        ["Une phrase qui coule vers la suite.", "Une autre."],
    ),
    (
        "what looks like a signature or a quote but is none",
        mail("Bonjour,\n\nLe maire nous a écrit deux fois.\nContact à la mairie : 01 99 00 11 22\nMerci de rouvrir la gare du bourg avant l'hiver.\nÀ plus de 20 km, rien.\n"),
        ["Le maire nous a écrit deux fois.", "Contact à la mairie : 01 99 00 11 22", "Merci de rouvrir la gare du bourg avant l'hiver.", "À plus de 20 km, rien."],
    ),
    (
        "a farewell that waits for an answer goes, a sentence that waits for one does not",
        mail(
            "Il manque un bac.\n\nDans l'attente de votre décision, les patrons n'embauchent plus personne.\n\n"
            "En attendant votre réponse, nous vous prions d'agréer nos salutations iodées.\n\nYann\n"
        ),
        ["Il manque un bac.", "Dans l'attente de votre décision, les patrons n'embauchent plus personne."],
    ),
    (
        "a sentence after the farewell is read",
        mail("D'accord avec tout.\n\nCordialement\n\nYann Le Bihan\n\nJ'oubliais : il faudrait ouvrir la salle polyvalente le mercredi pour les jeunes du bourg.\n"),
        ["D'accord avec tout.", "J'oubliais : il faudrait ouvrir la salle polyvalente le mercredi pour les jeunes du bourg."],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"), [case[1:] for case in MAILS], ids=[case[0] for case in MAILS]
)
def test_of_a_mail_only_what_was_written_may_become_passages(
    content: bytes, expected: list[str]
) -> None:
    assert said(content, "mail.eml") == expected


def test_people_of_a_mail_are_told_also_those_of_a_mail_passed_on() -> None:
    (part,) = read(MAILS[4][1], "mail.eml")
    assert part.people == (
        ("Yann Le Bihan", "yann@example.org"),
        ("", "ateliers@example.fr"),
        ("Soizic Kerléo", "s@example.com"),
    )
    assert (part.title, part.channel) == ("Fwd: idée", "mail")


def attached(name: str, content: bytes) -> str:
    encoded = base64.b64encode(content).decode()
    return f'--XX\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename="{name}"\nContent-Transfer-Encoding: base64\n\n{encoded}\n'


def test_attachments_are_parts_and_a_bad_one_is_a_part_with_an_error() -> None:
    body = "--XX\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nVoici les notes, =E0 lire.\n"
    body += (
        attached("=?utf-8?Q?Table_2_=C3=A9t=C3=A9.docx?=", docx(w_p("une idée jointe")))
        + attached("photo.jpg", b"\xff\xd8\xff\xe0")
        + "--XX--\n"
    )
    parts = read(mail(body, kind="multipart/mixed; boundary=XX"), "mail.eml")
    assert [part.name for part in parts] == ["", "001-Table 2 été.docx", "002-photo.jpg"]
    assert [block.text for part in parts for block in part.blocks] == [
        "Voici les notes, à lire.",
        "une idée jointe",
    ]
    assert [part.error is None for part in parts] == [True, True, False]


def test_mails_of_a_mailbox_are_parts_that_sort_in_order() -> None:
    box = b"\n".join(
        b"From x Mon Jun  1 10:00:00 2026\n"
        + mail(f"L'idée n° {number} est de rouvrir la gare.\n>From ici, rien.\n")
        for number in range(1, 12)
    )
    parts = read(box, "boite.mbox")
    assert (
        [part.name for part in parts]
        == sorted(part.name for part in parts)
        == [f"{number:03}" for number in range(1, 12)]
    )
    assert parts[10].blocks[0].text == "L'idée n° 11 est de rouvrir la gare."


def test_plain_text_is_preferred_to_html_unless_it_is_empty() -> None:
    def both(plain: str) -> bytes:
        parts = f"--B\nContent-Type: text/plain\n\n{plain}\n--B\nContent-Type: text/html\n\n<p>La version HTML du texte.</p>\n--B--\n"
        return mail(parts, kind="multipart/alternative; boundary=B")

    assert said(both("La version en texte simple."), "m.eml") == ["La version en texte simple."]
    assert said(both("  "), "m.eml") == ["La version HTML du texte."]


BOMB = zipped(
    {
        "word/document.xml": f'<w:document xmlns:w="{W}"><w:body>'
        + "<w:p/>" * 1_500_000
        + "</w:body></w:document>"
    }
)
DTD = zipped(
    {
        "word/document.xml": f'<!DOCTYPE a [<!ENTITY b "c">]><w:document xmlns:w="{W}"><w:body>{w_p("&b;")}</w:body></w:document>'
    }
)
REFUSED: list[tuple[str, bytes, str, str]] = [
    ("empty", b"", "a.docx", "fichier vide"),
    ("blank", b" \n \n", "a.txt", "fichier texte sans texte"),
    ("no word", docx(""), "a.docx", "document Word sans texte"),
    ("damaged docx", b"PK\x03\x04rien", "a.docx", "le document Word est abîmé"),
    ("damaged pdf", b"%PDF-1.4 rien", "a.pdf", "le PDF est abîmé"),
    ("damaged xlsx", zipped({"xl/workbook.xml": "<a"}), "a.xlsx", "le classeur est abîmé"),
    ("malformed XML", zipped({"word/document.xml": "<a"}), "a.docx", "le document Word est abîmé"),
    ("zip bomb", BOMB, "a.docx", "document Word qui se déplie démesurément"),
    ("DTD in a document", DTD, "a.docx", "document Word avec une DTD interdite"),
    ("DTD in a workbook", zipped({"xl/workbook.xml": "<!DOCTYPE a><workbook/>"}), "a.xlsx", "classeur avec une DTD interdite"),
    ("scan", pdf(["q 595 0 0 842 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI Q"]), "a.pdf", "PDF sans texte (scan)"),
    ("encrypted pdf", pdf([shown(9, 9, "x")], extra="/Encrypt << /Filter /Standard /V 1 /R 2 /O <" + "00" * 32 + "> /U <" + "00" * 32 + "> /P -4 >> /ID [<00> <00>] "), "a.pdf", "PDF protégé"),
    ("encrypted doc", doc(["secret"], is_encrypted=True), "a.doc", "document Word protégé"),
    ("encrypted odt", zipped({"mimetype": "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml": "<encryption-data/>"}), "a.odt", "document OpenDocument protégé"),
    ("image", b"\x89PNG\r\n\x1a\n", "a.png", "image ou photo"),
    ("recording", b"RIFF\x00\x00\x00\x00WAVE", "a.wav", "enregistrement sonore"),
    ("film", b"\x00\x00\x00\x18ftypmp42", "a.mp4", "vidéo"),
    ("archive of another kind", b"7z\xbc\xaf\x27\x1c", "a.7z", "archive autre que .zip"),
    ("tar", b"notes.txt".ljust(257, b"\0") + b"ustar  \0".ljust(255, b"\0"), "a.tar", "archive autre que .zip"),
    ("Outlook's own envelope", b"\x78\x9f\x3e\x22\x01\x00", "winmail.dat", "pièce jointe d'Outlook (winmail.dat)"),
    ("slides without content", zipped({"ppt/presentation.xml": "<a/>"}), "a.pptx", "diaporama sans texte"),
    ("old slides", ole({"PowerPoint Document": b"x"}), "a.ppt", "ancien diaporama (.ppt)"),
    ("program", bytes(range(256)) * 4, "a.bin", "format inconnu"),
    ("no mail", b"Bonjour,\n", "a.mbox", "boîte de 0 messages"),
    ("JSON cut short", b'{"a": ', "a.json", "fichier JSON illisible"),
    ("left in the cloud", b"x", ".notes.docx.icloud", "fichier resté dans le nuage"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "name", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_read_is_refused_in_french_with_advice(
    content: bytes, name: str, reason: str
) -> None:
    with pytest.raises(ReadError) as refusal:
        read(content, name)
    assert refusal.value.found.startswith(reason)
    assert len(refusal.value.do.split()) > 3


def test_limits_refuse_large_texts_and_deep_mails() -> None:
    with pytest.raises(ReadError, match="paragraphes"):
        read("une idée\n" * 30, "a.txt", max_blocks=20)
    with pytest.raises(ReadError, match="tableau de 21 lignes") as refusal:
        read("idée;table\n" + "un car;2\n" * 20 + ";\n" * 9, "a.csv", max_rows=20)
    assert "add-table" in refusal.value.do
    assert read("idée;table\n" + "un car;2\n" * 20, "a.csv", max_rows=21)
    inner = mail("au fond, une idée")
    for _ in range(4):
        inner = mail(
            "--XX\n" + f"Content-Type: message/rfc822\n\n{inner.decode()}\n--XX--\n",
            kind="multipart/mixed; boundary=XX",
        ).replace(b"XX", b"X" * 3)
    errors = [part.error[0] for part in read(inner, "a.eml", max_depth=1) if part.error]
    assert errors == ["trop de fichiers emboîtés (pièces jointes, archives)"]


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"{\\rtf1\\ansi un .doc qui est du RTF\\par}", "vieux.doc", "un .doc qui est du RTF"),
        (docx(w_p("un .odt qui est du Word")), "faux.odt", "un .odt qui est du Word"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nune voix\n", "voix.txt", "une voix"),
        (pdf([shown(60, 60, "un PDF sans extension.")]), "compte rendu", "un PDF sans extension."),
        (mail("Un courriel sans extension."), "message", "Un courriel sans extension."),
    ],
)
def test_the_content_tells_the_format_not_the_extension(
    content: bytes, name: str, expected: str
) -> None:
    assert expected in said(content, name)


CHATS = [  # the export, (who writes, what) of each passage
    (
        "an Android export: notices and missing media are no passages, lines go on",
        "12/03/2026, 14:05 - Les messages et les appels sont chiffrés de bout en bout. Aucun tiers ne peut les lire.\n"
        "12/03/2026, 14:05 - Lucie a créé le groupe « Table 3 »\n12/03/2026, 14:06 - Anne Riou: Les bus ne passent plus\net les jeunes restent coincés\n"
        "12/03/2026, 14:07 - Anne Riou: <Médias omis>\n12/03/2026, 14:09 - Karim: il faudrait un local plus grand <Ce message a été modifié>\n",
        [
            ("Anne Riou", "Les bus ne passent plus et les jeunes restent coincés"),
            ("Karim", "il faudrait un local plus grand"),
        ],
    ),
    (
        "an iOS export, with its marks and narrow blanks",
        "\u200e[12/03/2026, 14:05:33] Atelier Bray: \u200eLes messages et les appels sont chiffrés de bout en bout.\n"
        "[12/03/2026, 2:06:01\u202fPM] Anne Riou: La halle tourne bien\n\u200e[12/03/2026, 14:07:12] Karim: \u200eimage omitted\n"
        "[12/03/2026 14:08:00] ~\u202fKarim: Ce message est à garder : on manque d'eau\n",
        [
            ("Anne Riou", "La halle tourne bien"),
            ("Karim", "Ce message est à garder : on manque d'eau"),
        ],
    ),
    (
        "a French export with « à »; a number and a nickname name nobody",
        "12/03/26 à 14:06 - +33 6 12 34 56 78: Les bus ne passent plus le soir\n12/03/26 à 14:07 - titi59: le médecin part\n12/03/26 à 14:08 - titi59: en mai\n",
        [
            ("intervenant", "Les bus ne passent plus le soir"),
            ("intervenant", "le médecin part"),
            ("intervenant", "en mai"),
        ],
    ),
    (
        "times before days, dotted days, ISO days, names before times",
        "[14:05, 12/03/2026] Anne Riou: un\n2026-03-12 14:05:33 Anne Riou: deux\n12.03.2026 14h06 – Paul Morel : trois\nLucie Morel, [12.03.2026 14:05]\nquatre\n",
        [
            ("Anne Riou", "un"),
            ("Anne Riou", "deux"),
            ("Paul Morel", "trois"),
            ("Lucie Morel", "quatre"),
        ],
    ),
    (
        "a list in a message, a photo with a caption",
        "12/03/2026, 14:05 - Anne Riou: On retient :\n- les bus du soir\n- un médecin\n12/03/2026, 14:06 - Anne Riou: IMG-20260312-WA0001.jpg (fichier joint)\nla halle est pleine\n",
        [
            ("Anne Riou", "On retient :"),
            ("Anne Riou", "les bus du soir"),
            ("Anne Riou", "un médecin"),
            ("Anne Riou", "la halle est pleine"),
        ],
    ),
]


@pytest.mark.parametrize(("why", "content", "expected"), CHATS, ids=[why for why, *_ in CHATS])
def test_a_conversation_exported_from_a_phone_tells_who_wrote_what(
    why: str, content: str, expected: Shown
) -> None:
    for name, file in (
        ("_chat.txt", content),
        ("discussion.docx", docx("".join(map(w_p, content.replace("<", "&lt;").splitlines())))),
    ):
        (part,) = read(file, name)
        assert [
            (block.speaker, block.text) for block in part.blocks if block.kind != "meta"
        ] == expected, name


@pytest.mark.parametrize(
    "content",
    [
        "12/03/2026 14:00 - Accueil : café\n12/03/2026 14:30 - Tables : premier tour\n12/03/2026 16:00 - Restitution : en salle\n",
        "12/03/2026 : les bus ne passent plus\n13/03/2026 : le médecin part\n",
        "le 12/03/2026, 14:05 - Anne Riou a dit : plus de bus\n",
    ],
)
def test_a_programme_or_a_dated_note_is_no_conversation(content: str) -> None:
    assert all(
        block.speaker is None and block.kind != "meta"
        for block in read(content, "notes.txt")[0].blocks
    )


def test_every_line_of_a_conversation_is_in_a_block() -> None:
    for _, content, _ in CHATS:
        words = {
            word.strip(".:,")
            for line in content.split(" <Ce message")[0].splitlines()
            for word in line.split(": ", 1)[-1].split()
        }
        (part,) = read(content, "_chat.txt")
        held = " ".join(f"{block.speaker} {block.text}" for block in part.blocks)
        missing = [word for word in words if word.isalpha() and word not in held]
        assert not missing
