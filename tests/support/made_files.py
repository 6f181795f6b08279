"""Small files of many formats, written by hand for the tests of the readers; nothing here comes from a real workshop."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" '
    'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
)


def zipped(entries: Mapping[str, str | bytes], *, stored: Sequence[str] = ()) -> bytes:
    """A zip container of `entries`."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in entries.items():
            container.writestr(
                name, content, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            )
    return held.getvalue()


def docx(body: str, **others: str) -> bytes:
    """A Word document with this XML in its body; `others` are further files of word/, by name without extension."""
    root = f'<w:document xmlns:w="{W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:body>{body}</w:body></w:document>'
    files = {f"word/{name}.xml": text for name, text in others.items()}
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": root, **files})


def w_p(text: str, properties: str = "", run: str = "") -> str:
    """A Word paragraph of one run."""
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def w_table(*rows: Sequence[str]) -> str:
    """A Word table; each cell is text, or XML where it begins with « < »."""
    cells = (
        "".join(
            f"<w:tc><w:tcPr/>{cell if cell.startswith('<') else w_p(cell)}</w:tc>" for cell in row
        )
        for row in rows
    )
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def odt(body: str, styles: str = "") -> bytes:
    """An OpenDocument text with this XML in its body."""
    content = (
        f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return zipped(
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content},
        stored=("mimetype",),
    )


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[str | float]]],
    *,
    merged: str = "",
    hidden: Sequence[str] = (),
    extra: str = "",
) -> bytes:
    """A workbook of inline strings and numbers; `merged` is a range of the first sheet, `extra` the XML of further rows of it."""
    main, rel = (
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    )
    listed = "".join(
        f'<sheet name="{name}" sheetId="{place}" r:id="rId{place}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for place, name in enumerate(sheets, start=1)
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    formats = "".join(
        f'<xf numFmtId="{number}"/>' for number in (0, 14, 20, 22)
    )  # style 1 a date, 2 a time, 3 both
    relations = f'<Relationship Id="rId99" Type="{rel}/styles" Target="styles.xml"/>' + "".join(
        f'<Relationship Id="rId{place}" Type="{rel}/worksheet" Target="worksheets/sheet{place}.xml"/>'
        for place in range(1, len(sheets) + 1)
    )
    root = f'<Relationship Id="rId1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/>'
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{package}">{root}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets>{listed}</sheets></workbook>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs>{formats}</cellXfs></styleSheet>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">{relations}</Relationships>',
    }
    for place, rows in enumerate(sheets.values(), start=1):
        content = "".join(
            f'<row r="{number}">{_cells(row, number)}</row>'
            for number, row in enumerate(rows, start=1)
        )
        tail = (
            f'<mergeCells count="1"><mergeCell ref="{merged}"/></mergeCells>'
            if merged and place == 1
            else ""
        )
        files[f"xl/worksheets/sheet{place}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{content}{extra if place == 1 else ""}</sheetData>{tail}</worksheet>'
        )
    return zipped(files)


def _cells(row: Sequence[str | float], number: int) -> str:
    cells = []
    for place, cell in enumerate(row):
        at = f'r="{chr(65 + place)}{number}"'
        if isinstance(cell, str):
            cells.append(f'<c {at} t="inlineStr"><is><t>{cell}</t></is></c>' if cell else "")
        else:
            cells.append(f"<c {at}><v>{cell}</v></c>")
    return "".join(cells)


def ole(streams: Mapping[str, bytes]) -> bytes:
    """An OLE 2 compound file (.doc, .xls) with these streams, each padded beyond the size of small ones."""
    padded = {
        name: content
        + b"\0" * (-len(content) % 512 if len(content) >= 4096 else 4096 - len(content))
        for name, content in streams.items()
    }
    n_sectors = {name: len(content) // 512 for name, content in padded.items()}
    chain, first = [], {}
    for name, count in n_sectors.items():
        first[name] = len(chain)
        chain += [*range(len(chain) + 1, len(chain) + count), 0xFFFFFFFE]
    directory = len(chain)
    chain += [0xFFFFFFFE, 0xFFFFFFFD]  # the directory's sector, then the table of sectors itself
    entries = [_ole_entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1 if streams else 0xFFFFFFFF)]
    for place, name in enumerate(padded, start=1):
        entries.append(
            _ole_entry(
                name,
                2,
                first[name],
                len(padded[name]),
                right=place + 1 if place < len(padded) else 0xFFFFFFFF,
            )
        )
    entries += [b"\0" * 128] * (4 - len(entries))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        1,
        directory,
        0,
        4096,
        0xFFFFFFFE,
        0,
        0xFFFFFFFE,
        0,
    )
    header += struct.pack("<109I", directory + 1, *[0xFFFFFFFF] * 108)
    table = struct.pack("<128I", *(chain + [0xFFFFFFFF] * (128 - len(chain))))
    return header + b"".join(padded.values()) + b"".join(entries[:4]) + table


def _ole_entry(
    name: str, kind: int, start: int, size: int, *, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF
) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        encoded,
        len(encoded),
        kind,
        1,
        0xFFFFFFFF,
        right,
        child,
        b"",
        0,
        0,
        0,
        start,
        size,
    )


def doc(paragraphs: Sequence[str], *, is_encrypted: bool = False) -> bytes:
    """A Word 97 document of plain paragraphs, one piece of 16-bit text."""
    text = "".join(f"{paragraph}\r" for paragraph in paragraphs)
    start = 1024
    fib = bytearray(start)
    struct.pack_into(
        "<HHHHHH", fib, 0, 0xA5EC, 0xC1, 0, 0x040C, 0, 0x0200 | (0x0100 if is_encrypted else 0)
    )
    struct.pack_into("<HHH", fib, 12, 0xBF, 0, 0)
    struct.pack_into("<II", fib, 0x18, start, start + 2 * len(text))
    struct.pack_into("<H", fib, 0x20, 14)
    struct.pack_into("<H", fib, 0x3E, 22)
    struct.pack_into("<I", fib, 0x40 + 12, len(text))
    struct.pack_into("<H", fib, 0x98, 0x5D)
    clx = (
        b"\x02"
        + struct.pack("<I", 16)
        + struct.pack("<II", 0, len(text))
        + struct.pack("<HIH", 0, start, 0)
    )
    struct.pack_into("<II", fib, 0x9A + 33 * 8, 0, len(clx))
    return ole({"WordDocument": bytes(fib) + text.encode("utf-16-le"), "1Table": clx})


def ods(*tables: str, styles: str = "") -> bytes:
    """An OpenDocument workbook of these tables."""
    content = (
        f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped(
        {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content},
        stored=("mimetype",),
    )


def ods_table(name: str, *rows: str, attributes: str = "") -> str:
    """A sheet; each row is the XML of its cells."""
    listed = "".join(
        row if row.startswith("<table:table-row") else f"<table:table-row>{row}</table:table-row>"
        for row in rows
    )
    return f'<table:table table:name="{name}" {attributes}>{listed}</table:table>'


def ods_cells(*texts: str, attributes: str = "") -> str:
    """Cells of text, all with these attributes."""
    return "".join(
        f"<table:table-cell {attributes}>{''.join(f'<text:p>{line}</text:p>' for line in text.split(chr(10)) if line)}</table:table-cell>"
        for text in texts
    )


def xls(
    rows: Sequence[Sequence[str | float]],
    name: str = "Feuil1",
    *,
    merged: Sequence[tuple[int, int, int, int]] = (),
) -> bytes:
    """An Excel 97 workbook of one sheet; `merged` are first row, last row, first column, last column."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    cells = b""
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if isinstance(value, str):
                cells += record(
                    0x0204,
                    struct.pack("<HHHHB", row, column, 0, len(value), 1)
                    + value.encode("utf-16-le"),
                )
            else:
                cells += record(0x0203, struct.pack("<HHHd", row, column, 0, value))
    sheet = (
        record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
        + cells
        + record(
            0x00E5,
            struct.pack("<H", len(merged))
            + b"".join(struct.pack("<HHHH", *entry) for entry in merged),
        )
        + record(0x0A)
    )
    opening = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    title = struct.pack("<BB", len(name), 0) + name.encode("latin-1")
    offset = len(opening) + 4 + 6 + len(title) + 4
    return ole(
        {
            "Workbook": opening
            + record(0x0085, struct.pack("<IBB", offset, 0, 0) + title)
            + record(0x0A)
            + sheet
        }
    )


def pdf(
    pages: Sequence[str],
    *,
    extra: str = "",
    catalog: str = "",
    annotations: Mapping[int, str] | None = None,
    others: Sequence[str] = (),
) -> bytes:
    """A PDF of A4 pages; each page is its drawing operators, Helvetica being /F1 and its bold /F2.

    `extra` is added to the trailer, `catalog` to the catalogue, `annotations` to pages by place; `others` are objects from 5 on.
    """
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica{} /Encoding /WinAnsiEncoding >>"
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        "",
        font.format(""),
        font.format("-Bold"),
        *others,
    ]
    kids = []
    for place, page in enumerate(pages):
        noted = f"/Annots [{annotations[place]}]" if annotations and place in annotations else ""
        content = page.encode("cp1252").decode("latin-1")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        resources = "<< /Font << /F1 3 0 R /F2 4 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources {resources} /Contents {len(objects)} 0 R {noted} >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R {extra}>>\nstartxref\n{len(body)}\n%%EOF"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


def shown(x: float, top: float, text: str, *, size: float = 11, is_bold: bool = False) -> str:
    """The operators that show `text` at `x`, `top` points below the upper edge."""
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F{2 if is_bold else 1} {size} Tf {x} {842 - top} Td ({escaped}) Tj ET\n"


def shown_lines(x: float, top: float, lines: Sequence[str], *, leading: float = 14) -> str:
    """The operators that show `lines` one under the other."""
    return "".join(shown(x, top + leading * place, line) for place, line in enumerate(lines))


Tree = Mapping[str, "bytes | Tree"]


def compound(tree: Tree) -> bytes:
    """An OLE 2 compound file of folders and streams; streams below 4096 bytes lie in the mini stream."""
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    chain: list[int] = []
    mini_chain: list[int] = []
    body, mini = bytearray(), bytearray()
    entries: list[bytes] = []

    def stored(content: bytes) -> int:
        first, n_sectors = len(chain), -(-len(content) // 512)
        chain.extend([*range(first + 1, first + n_sectors), end] if n_sectors else [])
        body.extend(content.ljust(512 * n_sectors, b"\0"))
        return first if n_sectors else end

    def stored_small(content: bytes) -> int:
        first, n_sectors = len(mini_chain), -(-len(content) // 64)
        mini_chain.extend([*range(first + 1, first + n_sectors), end] if n_sectors else [])
        mini.extend(content.ljust(64 * n_sectors, b"\0"))
        return first if n_sectors else end

    def added(held: Tree) -> int:
        """Add the entries of a folder as a chain of right neighbours; the place of the first, or of none."""
        places = [len(entries) + place for place in range(len(held))]
        entries.extend([b""] * len(held))
        for place, (name, content) in zip(places, sorted(held.items()), strict=True):
            right = place + 1 if place != places[-1] else free
            if isinstance(content, bytes):
                start = stored(content) if len(content) >= 4096 else stored_small(content)
                entries[place] = _ole_entry(name, 2, start, len(content), right=right)
            else:
                entries[place] = _ole_entry(name, 1, 0, 0, child=added(content), right=right)
        return places[0] if places else free

    entries.append(b"")
    child = added(tree)
    n_mini = len(mini)
    entries[0] = _ole_entry("Root Entry", 5, stored(bytes(mini)), n_mini, child=child)
    entries += [b"\0" * 128] * (-len(entries) % 4)
    directory = stored(b"".join(entries))
    n_mini_table = -(-4 * len(mini_chain) // 512)
    mini_table = (
        stored(struct.pack(f"<{len(mini_chain)}I", *mini_chain).ljust(512 * n_mini_table, b"\xff"))
        if mini_chain
        else end
    )
    n_tables = next(count for count in range(1, 100) if 128 * count >= len(chain) + count)
    tables = [*range(len(chain), len(chain) + n_tables)]
    chain += [0xFFFFFFFD] * n_tables
    table = struct.pack(f"<{128 * n_tables}I", *chain, *[free] * (128 * n_tables - len(chain)))
    header = struct.pack(
        "<8s16sHHHHH6sIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        n_tables,
        directory,
        0,
        4096,
    )
    header += struct.pack("<IIII", mini_table, n_mini_table, end, 0) + struct.pack(
        "<109I", *tables, *[free] * (109 - n_tables)
    )
    return header + bytes(body) + table


def msg_properties(
    texts: Mapping[int, str | bytes], numbers: Mapping[int, int] | None = None, *, header: int = 8
) -> dict[str, bytes]:
    """The streams of an Outlook folder: texts in 16 bits, bytes as binary; `header` is 32 for a message, 24 for one inside another."""
    fixed = b"".join(
        struct.pack("<HHIII", 3, number, 6, value, 0) for number, value in (numbers or {}).items()
    )
    streams = {
        f"__substg1.0_{number:04X}{'001F' if isinstance(text, str) else '0102'}": text.encode(
            "utf-16-le"
        )
        if isinstance(text, str)
        else text
        for number, text in texts.items()
    }
    return {"__properties_version1.0": b"\0" * header + fixed, **streams}


def msg(
    texts: Mapping[int, str | bytes],
    *,
    numbers: Mapping[int, int] | None = None,
    folders: Tree | None = None,
) -> bytes:
    """An Outlook message (.msg) with these properties by number, and the folders of its recipients and attachments."""
    return compound({**msg_properties(texts, numbers, header=32), **(folders or {})})


A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def pptx(
    slides: Sequence[str],
    *,
    notes: Mapping[int, str] | None = None,
    hidden: Sequence[int] = (),
    order: Sequence[int] | None = None,
) -> bytes:
    """A presentation: each slide is the XML of its shapes; `notes` and `hidden` go by the slide's place, `order` is that of showing."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="{A}" xmlns:r="{office}"'
    package = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'

    def tree(shapes: str) -> str:
        return f"<p:cSld><p:spTree><p:nvGrpSpPr/><p:grpSpPr/>{shapes}</p:spTree></p:cSld>"

    def related(number: int, kind: str, target: str) -> str:
        return f'<Relationship Id="rId{number}" Type="{office}/{kind}" Target="{target}"/>'

    places = range(len(slides)) if order is None else order
    listed = "".join(f'<p:sldId id="{256 + place}" r:id="rId{place}"/>' for place in places)
    targets = "".join(
        related(place, "slide", f"slides/slide{place}.xml") for place in range(len(slides))
    )
    files = {
        "[Content_Types].xml": "<Types/>",
        "ppt/presentation.xml": f"<p:presentation {main}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": f"<Relationships {package}>{targets}</Relationships>",
    }
    for place, shapes in enumerate(slides):
        files[f"ppt/slides/slide{place}.xml"] = (
            f"<p:sld {main}{' show=' + chr(34) + '0' + chr(34) if place in hidden else ''}>{tree(shapes)}</p:sld>"
        )
    for place, shapes in (notes or {}).items():
        files[f"ppt/notesSlides/notesSlide{place}.xml"] = (
            f"<p:notes {main}>{tree(shapes)}</p:notes>"
        )
        target = related(1, "notesSlide", f"../notesSlides/notesSlide{place}.xml")
        files[f"ppt/slides/_rels/slide{place}.xml.rels"] = (
            f"<Relationships {package}>{target}</Relationships>"
        )
    return zipped(files)


def p_shape(kind: str, *paragraphs: str) -> str:
    """A shape of a slide: `kind` is the placeholder's attributes, "" for a free one; paragraphs are text, or XML."""
    texts = "".join(
        text if text.startswith("<") else f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
        for text in paragraphs
    )
    place = f"<p:ph {kind}/>" if kind else ""
    return f"<p:sp><p:nvSpPr><p:cNvPr/><p:cNvSpPr/><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody><a:bodyPr/>{texts}</p:txBody></p:sp>"
