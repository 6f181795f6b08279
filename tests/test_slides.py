"""Slides: titles, bullets, boxes, tables and notes in the order in which they are shown."""

import pytest

from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source
from support.made_files import ODF, p_shape, pptx, zipped

Shown = list[tuple[str, str]]
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def kinds(content: bytes, name: str) -> Shown:
    """(Kind, text) of the blocks; the kind of a bullet or heading bears its level."""
    (part,) = read_source(FileContent(content, name))
    return [
        (f"{block.kind}{'' if block.level is None else block.level}", block.text)
        for block in part.blocks
    ]


def p(text: str, properties: str = "") -> str:
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def cells(*texts: str) -> str:
    return (
        "<a:tr>"
        + "".join(
            f"<a:tc{' hMerge=' + chr(34) + '1' + chr(34) if text == '=' else ''}><a:txBody>{p(text)}</a:txBody></a:tc>"
            for text in texts
        )
        + "</a:tr>"
    )


TABLE = f"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr/><p:nvPr/></p:nvGraphicFramePr><a:graphic><a:graphicData><a:tbl>{cells('Atout', 'Frein')}{cells('le bac', 'le prix')}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
SLIDES: list[tuple[str, bytes, Shown]] = [
    (
        "an opening slide, then bullets with their level; numbers and footers out",
        pptx(
            [
                p_shape('type="subTitle"', "CRESS, 4 mai 2026") + p_shape('type="ctrTitle"', "Atelier du Vexin"),
                p_shape('type="body" idx="1"', p("un four communal"), p("le samedi", '<a:pPr lvl="1"/>'), p("sans puce", "<a:pPr><a:buNone/></a:pPr>"))
                + p_shape('type="title"', "Question 2")
                + p_shape('type="sldNum"', "2")
                + p_shape('type="ftr"', "CRESS"),
            ]
        ),
        [("heading1", "Atelier du Vexin"), ("meta", "CRESS, 4 mai 2026"), ("heading2", "Question 2"), ("bullet0", "un four communal"), ("bullet1", "le samedi"), ("paragraph", "sans puce")],
    ),
    (
        "free boxes are paragraphs, typed and real bullets bullets",
        pptx([p_shape("", "Le bac est cher", "- le port se vide", p("la digue cède", '<a:pPr><a:buChar char="•"/></a:pPr>'))]),
        [("paragraph", "Le bac est cher"), ("bullet0", "le port se vide"), ("bullet0", "la digue cède")],
    ),
    ("slides in the order shown", pptx([p_shape("", "second"), p_shape("", "premier")], order=[1, 0]), [("paragraph", "premier"), ("paragraph", "second")]),
    ("a table", pptx([TABLE]), [("meta", "Atout"), ("meta", "Frein"), ("cell", "le bac"), ("cell", "le prix")]),
    (
        "notes below their slide, not the slide's picture",
        pptx([p_shape("", "un bac"), p_shape("", "un banc")], notes={0: p_shape('type="sldImg"', "x") + p_shape('type="body" idx="1"', "Dit deux fois.")}),
        [("paragraph", "un bac"), ("paragraph", "Dit deux fois."), ("paragraph", "un banc")],
    ),
    (
        "groups are opened, alternatives read once, a line break parts",
        pptx([f"<p:grpSp>{p_shape('', 'dans un groupe')}</p:grpSp><mc:AlternateContent {MC}><mc:Choice>{p_shape('', '<a:p><a:r><a:t>haut</a:t></a:r><a:br/><a:r><a:t>bas</a:t></a:r></a:p>')}</mc:Choice><mc:Fallback>{p_shape('', 'haut bas')}</mc:Fallback></mc:AlternateContent>"]),
        [("paragraph", "dans un groupe"), ("paragraph", "haut"), ("paragraph", "bas")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"), [case[1:] for case in SLIDES], ids=[case[0] for case in SLIDES]
)
def test_slides_are_read_as_they_are_shown(content: bytes, expected: Shown) -> None:
    assert kinds(content, "diapo.pptx") == expected


def test_hidden_slides_are_told_and_the_first_title_is_the_documents() -> None:
    (part,) = read_source(
        FileContent(
            pptx([p_shape('type="title"', "Table 3"), p_shape("", "secret")], hidden=[1]), "d.pptx"
        )
    )
    assert (part.title, len(part.blocks), part.warnings) == (
        "Table 3",
        1,
        ("1 diapositive masquée non lue",),
    )


FRAME = '<draw:frame presentation:class="{}"><draw:text-box>{}</draw:text-box></draw:frame>'
ITEMS = "<text:list><text:list-item><text:p>un four</text:p><text:list><text:list-item><text:p>le samedi</text:p></text:list-item></text:list></text:list-item></text:list>"
PAGES = (
    f"<draw:page>{FRAME.format('title', '<text:p>Atelier du Vexin</text:p>')}{FRAME.format('subtitle', '<text:p>4 mai 2026</text:p>')}</draw:page>"
    f"<draw:page>{FRAME.format('outline', ITEMS)}{FRAME.format('title', '<text:p>Question 2</text:p>')}<draw:g><draw:custom-shape><text:p>un encadré</text:p></draw:custom-shape></draw:g>"
    f"{FRAME.format('footer', '<text:p>CRESS</text:p>')}<presentation:notes>{FRAME.format('notes', '<text:p>Dit deux fois.</text:p>')}</presentation:notes></draw:page>"
    f'<draw:page draw:style-name="H">{FRAME.format("outline", "<text:p>secret</text:p>")}</draw:page>'
)
HIDDEN = '<style:style style:name="H" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
SPACES = ODF + ' xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'
BODY = f"<office:automatic-styles>{HIDDEN}</office:automatic-styles><office:body><office:presentation>{PAGES}</office:presentation></office:body>"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (zipped({"mimetype": "application/vnd.oasis.opendocument.presentation", "content.xml": f"<office:document-content {SPACES}>{BODY}</office:document-content>"}), "d.odp"),
        (f'<?xml version="1.0"?><office:document {SPACES}>{BODY}</office:document>'.encode(), "d.fodp"),
    ],
)  # fmt: skip
def test_opendocument_slides_are_read_as_they_are_shown(content: bytes, name: str) -> None:
    assert kinds(content, name) == [
        ("heading1", "Atelier du Vexin"),
        ("meta", "4 mai 2026"),
        ("heading2", "Question 2"),
        ("bullet0", "un four"),
        ("bullet1", "le samedi"),
        ("paragraph", "un encadré"),
        ("paragraph", "Dit deux fois."),
    ]
