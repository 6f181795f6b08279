"""Hostile Word and OpenDocument texts, made on the spot: what each is and what must become of it."""

from hostile.case import READ, Case
from hostile.raw_zip import body_of, with_entries, word
from hostile.xml_attacks import DECLARATION, DTDS, deep
from support.made_files import ODF, W, docx, odt, w_p, w_table

_DAMAGED, _DTD, _NESTED = "abîmé", "DTD", "imbriqué"
_FODT = f"<office:document {ODF}><office:body><office:text><text:p>&e;</text:p></office:text></office:body></office:document>"
_CONTENT = _FODT.replace("office:document ", "office:document-content ").replace(
    "office:document>", "office:document-content>"
)
_CHAIN = "".join(
    f'<w:style w:styleId="s{n}"><w:basedOn w:val="s{n + 1}"/></w:style>' for n in range(4000)
)
_NOTE = '<w:p><w:r><w:footnoteReference w:id="1"/><w:t>un lavoir</w:t></w:r></w:p>'
_MANY = _NOTE.replace("<w:t>", '<w:footnoteReference w:id="1"/>' * 9 + "<w:t>")
_BUSH = "".join(
    f'<w:footnote w:id="{n}">{_MANY.replace(chr(34) + "1" + chr(34), chr(34) + str(n + 1) + chr(34))}</w:footnote>'
    for n in range(1, 12)
)


def _nested_tables(depth: int) -> str:
    table = w_p("au fond")
    for _ in range(depth):
        table = w_table([table])
    return table


DOCUMENTS = (
    *(
        Case(
            f"{name}.docx",
            lambda dtd=dtd: word(DECLARATION + dtd + body_of(w_p("&e;"))),
            f"{_DTD}|{_DAMAGED}",
        )
        for name, dtd in DTDS.items()
    ),
    Case(
        "rire.fodt",
        lambda: (DECLARATION + DTDS["billion_laughs"] + _FODT).encode(),
        f"{_DTD}|{_DAMAGED}",
    ),
    Case(
        "fichier.fodt",
        lambda: (DECLARATION + DTDS["xxe_file"] + _FODT).encode(),
        f"{_DTD}|{_DAMAGED}",
    ),
    Case(
        "rire.odt",
        lambda: with_entries(
            odt(""), {"content.xml": DECLARATION + DTDS["billion_laughs"] + _CONTENT}
        ),
        f"{_DTD}|{_DAMAGED}",
    ),
    Case(
        "styles dtd.docx",
        lambda: docx(w_p("un lavoir"), styles=DECLARATION + DTDS["quadratic"] + "<x>&e;</x>"),
        _DTD,
    ),
    Case(
        "dessin.svg",
        lambda: (DECLARATION + DTDS["xxe_file"] + "<svg><text>&e;</text></svg>").encode(),
        "XML|image",
    ),
    Case(
        "donnees.xml", lambda: (DECLARATION + DTDS["billion_laughs"] + "<x>&e;</x>").encode(), "XML"
    ),
    Case(
        "page.xhtml",
        lambda: (
            DECLARATION
            + DTDS["billion_laughs"].replace("DOCTYPE x", "DOCTYPE html")
            + "<html><body><p>&e; un lavoir</p></body></html>"
        ).encode(),
        f"{READ}|XML|sans texte",
    ),
    Case(
        "profond.docx",
        lambda: word(body_of(deep("<w:sdt>", "</w:sdt>", w_p("x"), 20_000))),
        f"{_NESTED}|{_DAMAGED}",
    ),
    Case(
        "profond 200.docx",
        lambda: word(body_of(deep("<w:sdtContent>", "</w:sdtContent>", w_p("au fond"), 200))),
        READ,
    ),
    Case(
        "profond.odt",
        lambda: odt(deep("<text:section>", "</text:section>", "<text:p>x</text:p>", 20_000)),
        f"{_NESTED}|{_DAMAGED}",
    ),
    Case(
        "listes.odt",
        lambda: odt(
            deep(
                "<text:list><text:list-item>",
                "</text:list-item></text:list>",
                "<text:p>au fond</text:p>",
                110,
            )
        ),
        f"{READ}|{_NESTED}",
    ),
    Case("tables emboitees.docx", lambda: docx(_nested_tables(1500)), f"{_NESTED}|{_DAMAGED}"),
    Case(
        "portees.odt",
        lambda: odt("<text:p>" + deep("<text:span>", "</text:span>", "x", 20_000) + "</text:p>"),
        f"{_NESTED}|{_DAMAGED}",
    ),
    Case(
        "cellules.odt",
        lambda: odt(
            "<table:table><table:table-row>"
            + '<table:table-cell table:number-columns-repeated="2000000000"><text:p>x</text:p></table:table-cell>'
            * 50
            + "</table:table-row></table:table>"
        ),
        READ,
    ),
    Case(
        "portees.docx",
        lambda: docx(
            w_table(
                *[['<w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr>' + w_p("un lavoir")] * 40]
                * 200
            )
        ),
        READ,
    ),
    Case(
        "large.docx",
        lambda: docx(
            w_table([f"titre {n}" for n in range(2000)], *[[f"idée {n}" for n in range(2000)]] * 30)
        ),
        f"{READ}|démesuré|signes|paragraphes|mémoire|longue",
        is_slow=True,
    ),
    Case(
        "un mot par courir.docx",
        lambda: docx(
            "<w:p>" + "".join(f"<w:r><w:t>mot{n} </w:t></w:r>" for n in range(60_000)) + "</w:p>"
        ),
        READ,
    ),
    Case(
        "styles en boucle.docx",
        lambda: docx(
            w_p("un lavoir", '<w:pStyle w:val="a"/>'),
            styles=f'<w:styles xmlns:w="{W}"><w:style w:styleId="a"><w:basedOn w:val="b"/></w:style><w:style w:styleId="b"><w:basedOn w:val="a"/></w:style></w:styles>',
        ),
        READ,
    ),
    Case(
        "styles en chaine.docx",
        lambda: docx(
            w_p("un lavoir", '<w:pStyle w:val="s0"/>'),
            styles=f'<w:styles xmlns:w="{W}">{_CHAIN}</w:styles>',
        ),
        READ,
        is_slow=True,
    ),
    Case(
        "note en boucle.docx",
        lambda: docx(
            _NOTE,
            footnotes=f'<w:footnotes xmlns:w="{W}"><w:footnote w:id="1">{_NOTE}</w:footnote></w:footnotes>',
        ),
        f"{READ}|{_NESTED}",
    ),
    Case(
        "notes en arbre.docx",
        lambda: docx(_MANY, footnotes=f'<w:footnotes xmlns:w="{W}">{_BUSH}</w:footnotes>'),
        READ,
    ),
    Case(
        "niveaux.docx",
        lambda: docx(
            w_p(
                "un lavoir",
                f'<w:numPr><w:ilvl w:val="{"9" * 5000}"/><w:numId w:val="1"/></w:numPr>',
            )
        ),
        f"{READ}|{_DAMAGED}",
    ),
    Case("utf7.docx", lambda: word('<?xml version="1.0" encoding="UTF-7"?>+ADw-x+AD4-'), _DAMAGED),
    Case(
        "attributs.docx",
        lambda: word(
            body_of(
                "<w:p " + " ".join(f'a{n}="x"' for n in range(100_000)) + "/>" + w_p("un lavoir")
            )
        ),
        f"{READ}|{_DAMAGED}",
    ),
    Case(
        "un million de paragraphes.docx",
        lambda: docx("".join(f'<w:p w:rsidR="{n}"/>' for n in range(1_000_000)) + w_p("un lavoir")),
        f"{READ}|mémoire|paragraphes|longue",
        is_slow=True,
    ),
)
