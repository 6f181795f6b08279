"""Hostile workbooks, made on the spot: what each is and what must become of it."""

from hostile.case import READ, Case
from hostile.raw_zip import with_entries
from hostile.xml_attacks import DECLARATION, DTDS, deep
from support.made_files import ODF, xlsx, zipped

_DAMAGED, _BOMB, _DTD, _NESTED = "abîmé", "bombe", "DTD", "imbriqué"
_FAR = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
_SHEET, _STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
_NEAR = '<row r="1"><c r="A1" t="inlineStr"><is><t>un lavoir</t></is></c></row>'
_MERGES = "".join(f'<mergeCell ref="A1:XFD{n}"/>' for n in range(1, 20_000))
_PADDED = f"{DECLARATION}<!--{' ' * 9000}-->{DTDS['billion_laughs']}"
_BLANKS = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384">{}</table:table-cell></table:table-row>'


def _far_sheet(**changes: str) -> bytes:
    """A workbook of one line with files of it replaced."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    held = {name: text.replace("MAIN", main) for name, text in changes.items()}
    return with_entries(xlsx({"a": [["un lavoir", "Figeac"], ["un four", "Cajarc"]]}), held)


def _sheet(rows: str, before: str = "", after: str = "") -> str:
    return f'<worksheet xmlns="MAIN">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def _ods(table: str) -> bytes:
    content = f"<office:document-content {ODF}><office:body><office:spreadsheet>{table}</office:spreadsheet></office:body></office:document-content>"
    return zipped(
        {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content},
        stored=("mimetype",),
    )


def _with_raw(sheet: str) -> bytes:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY e "x">]><worksheet xmlns="MAIN"/>'
    return _with_bytes(xlsx({"a": [["un lavoir"]]}), sheet, text.encode("utf-16"))


def _with_bytes(container: bytes, name: str, content: bytes) -> bytes:
    return with_entries(container, {name: content})


WORKBOOKS = (
    Case(
        "loin.xlsx", lambda: xlsx({"a": [["x"]]}, extra=_FAR), "cellules|lignes|interrompue|mémoire"
    ),
    Case(
        "plage.xlsx",
        lambda: _far_sheet(**{_SHEET: _sheet(_NEAR, '<dimension ref="A1:XFD1048576"/>')}),
        READ,
    ),
    Case(
        "plage a l'envers.xlsx",
        lambda: _far_sheet(**{_SHEET: _sheet(_NEAR, '<dimension ref="XFD1048576:A1"/>')}),
        f"{READ}|{_DAMAGED}|interrompue",
    ),
    Case(
        "fusion.xlsx",
        lambda: _far_sheet(
            **{
                _SHEET: _sheet(
                    _NEAR,
                    after='<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>',
                )
            }
        ),
        READ,
    ),
    Case(
        "fusions.xlsx",
        lambda: _far_sheet(**{_SHEET: _sheet(_NEAR, after=f"<mergeCells>{_MERGES}</mergeCells>")}),
        f"{READ}|{_DAMAGED}",
        is_slow=True,
    ),
    Case(
        "indice.xlsx",
        lambda: _far_sheet(
            **{
                _SHEET: _sheet('<row r="1"><c r="A1" t="s"><v>4000000000</v></c></row>'),
                _STRINGS: '<sst xmlns="MAIN"/>',
            }
        ),
        f"{_DAMAGED}|sans texte|interrompue",
    ),
    Case(
        "indice negatif.xlsx",
        lambda: _far_sheet(**{_SHEET: _sheet('<row r="1"><c r="A1" t="s"><v>-1</v></c></row>')}),
        f"{_DAMAGED}|sans texte|interrompue",
    ),
    Case(
        "reference.xlsx",
        lambda: _far_sheet(
            **{_SHEET: _sheet('<row r="99999999999"><c r="ZZZZZZZZ99999999999"><v>1</v></c></row>')}
        ),
        f"{_DAMAGED}|sans texte|interrompue|{READ}",
    ),
    Case(
        "styles.xlsx",
        lambda: _far_sheet(
            **{
                "xl/styles.xml": '<styleSheet xmlns="MAIN"><cellXfs>'
                + "".join(f'<xf numFmtId="{n % 60}"/>' for n in range(400_000))
                + "</cellXfs></styleSheet>"
            }
        ),
        READ,
    ),
    Case(
        "formats.xlsx",
        lambda: _far_sheet(
            **{
                "xl/styles.xml": '<styleSheet xmlns="MAIN"><numFmts>'
                + "".join(
                    f'<numFmt numFmtId="{n}" formatCode="[{"h" * 50}]0.{n}"/>'
                    for n in range(100_000)
                )
                + "</numFmts></styleSheet>"
            }
        ),
        READ,
    ),
    Case(
        "mille feuilles.xlsx", lambda: xlsx({f"f{n}": [["un lavoir"]] for n in range(1000)}), READ
    ),
    Case(
        "chaines.xlsx",
        lambda: zipped({"xl/workbook.xml": "<workbook/>", _STRINGS: " " * 60_000_000}),
        _BOMB,
    ),
    Case(
        "dtd.xlsx",
        lambda: _far_sheet(
            **{
                _STRINGS: DECLARATION
                + DTDS["billion_laughs"]
                + '<sst xmlns="MAIN"><si><t>&e;</t></si></sst>'
            }
        ),
        _DTD,
    ),
    Case(
        "dtd au loin.xlsx",
        lambda: _far_sheet(**{_STRINGS: _PADDED + '<sst xmlns="MAIN"><si><t>&e;</t></si></sst>'}),
        _DTD,
    ),
    Case("dtd utf-16.xlsx", lambda: _with_raw(_SHEET), _DTD),
    Case(
        "repete.ods",
        lambda: _ods(
            f'<table:table table:name="a">{_BLANKS.format("<text:p>x</text:p>")}</table:table>'
        ),
        f"démesurée|cellules|lignes|mémoire|interrompue|{_DAMAGED}",
    ),
    Case(
        "repete vide.ods",
        lambda: _ods(
            f'<table:table table:name="a"><table:table-row><table:table-cell><text:p>un lavoir</text:p></table:table-cell></table:table-row>{_BLANKS.format("")}</table:table>'
        ),
        f"{READ}|démesurée|cellules|lignes|mémoire|interrompue|{_DAMAGED}",
    ),
    Case(
        "profond.ods",
        lambda: _ods(deep("<table:table-row-group>", "</table:table-row-group>", "", 15_000)),
        f"sans texte|{_DAMAGED}|interrompue|{_NESTED}",
    ),
    Case(
        "longue.xlsx",
        lambda: xlsx({"a": [[" ".join(f"lavoir{n}" for n in range(2_000_000))]]}),
        "signes|démesuré|mémoire",
        is_slow=True,
    ),
    Case(
        "grand.xlsx",
        lambda: xlsx({"a": [[f"idée {n}"] * 20 for n in range(40_000)]}),
        "tableau de 40000 lignes",
        is_slow=True,
    ),
)
