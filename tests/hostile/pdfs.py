"""Hostile PDF files, made on the spot: what each is and what must become of it."""

import zlib
from collections.abc import Sequence

from hostile.case import READ, Case
from support.made_files import pdf, shown

_TEXT = shown(50, 50, "un lavoir a restaurer pour la fete")
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
_DAMAGED, _BLANK, _LATE = "abîmé|interrompue", "sans texte", "trop longue|mémoire|interrompue"


def raw_pdf(
    objects: Sequence[bytes], *, trailer: bytes = b"", lies_by: int = 0, root: bytes = b"1 0 R"
) -> bytes:
    """A PDF of these objects, numbered from 1; the places of its table are `lies_by` bytes off."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % (place + lies_by) for place in places)
    size = len(objects) + 1
    return body + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root %b %b >>\nstartxref\n%d\n%%%%EOF" % (
        size, table, size, root, trailer, len(body) + lies_by,
    )  # fmt: skip


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def _one_page(
    content: bytes,
    *,
    page: bytes = _PAGE,
    pages: bytes = b"[3 0 R] /Count 1",
    others: Sequence[bytes] = (),
    **claims: bytes,
) -> bytes:
    """A PDF of one page: object 3 the page, 4 its drawing, 5 its font, `others` from 6 on."""
    tree = b"<< /Type /Pages /Kids %b >>" % pages
    return raw_pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", tree, page, content, _FONT, *others], **claims
    )


def _packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return _stream(content, b"/Filter [%b]" % (b"/FlateDecode " * times))


def _drawn(operators: str | bytes) -> bytes:
    return _one_page(
        _stream(operators if isinstance(operators, bytes) else operators.encode("cp1252"))
    )


def _page_with(entries: bytes) -> bytes:
    return _PAGE.replace(b"/MediaBox [0 0 595 842]", entries)


def _tree(depth: int) -> bytes:
    """A page below `depth` nodes, one in the other."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    objects += [
        b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 1)
        for number in range(2, depth + 2)
    ]
    objects += [
        _PAGE.replace(b"/Contents 4", b"/Contents %d" % (depth + 3)).replace(
            b"/F1 5", b"/F1 %d" % (depth + 4)
        )
    ]
    return raw_pdf([*objects, _stream(_TEXT.encode()), _FONT])


def _forms(depth: int, n_calls: int, *, loops: bool = False) -> bytes:
    """A page that draws a form which draws the next one `n_calls` times, and so on; the last one draws text, or the first one."""
    calls = b"/X Do " * n_calls
    kind = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> /XObject << /X %d 0 R >> >>"
    forms = [_stream(calls, kind % (6 + number)) for number in range(1, depth)]
    forms += [_stream(calls if loops else _TEXT.encode(), kind % 6)]
    page = _PAGE.replace(b"/F1 5 0 R >>", b"/F1 5 0 R >> /XObject << /X 6 0 R >>")
    return _one_page(_stream(calls + _TEXT.encode()), page=page, others=forms)


def _image(entries: bytes, content: bytes = b"\x00" * 100) -> bytes:
    page = _PAGE.replace(b"/F1 5 0 R >>", b"/F1 5 0 R >> /XObject << /X 6 0 R >>")
    return _one_page(
        _stream(_TEXT.encode() + b" 500 0 0 500 0 0 cm /X Do"),
        page=page,
        others=[_stream(content, b"/Type /XObject /Subtype /Image " + entries)],
    )


def _type3() -> bytes:
    """A font whose letters are drawn with the font itself."""
    font = b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /FirstChar 65 /LastChar 65 /Widths [9]"
    font += b" /Encoding << /Differences [65 /A] >> /CharProcs << /A 7 0 R >> /Resources << /Font << /F1 6 0 R >> >> >>"
    drawing = _stream(b"9 0 d0 BT /F1 9 Tf (AAAA) Tj ET")
    return _one_page(
        _stream(b"BT /F1 9 Tf (AAAA) Tj ET"),
        page=_PAGE.replace(b"/F1 5", b"/F1 6"),
        others=[font, drawing],
    )


def _many_pages(n_pages: int) -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>",
        b"",
        _stream(_TEXT.encode()),
        _FONT,
    ]
    kids = b" ".join(b"%d 0 R" % (6 + number) for number in range(n_pages))
    objects[1] = objects[1] % (kids, n_pages)
    return raw_pdf([*objects, *[_PAGE] * n_pages])


def _encrypted(entries: bytes) -> bytes:
    return _one_page(
        _stream(_TEXT.encode()), trailer=b"/ID [<00> <00>] /Encrypt << %b >>" % entries
    )


_KEYS = b"/O <%b> /U <%b> /P -4" % (b"41" * 32, b"42" * 32)
TREES = (
    Case("arbre en boucle.pdf", lambda: _one_page(_stream(_TEXT.encode()), pages=b"[2 0 R 3 0 R 2 0 R] /Count 3"), f"{READ}|{_DAMAGED}|{_BLANK}"),
    Case("arbre profond.pdf", lambda: _tree(20_000), f"{READ}|{_DAMAGED}|{_BLANK}"),
    Case("compte menteur.pdf", lambda: _one_page(_stream(_TEXT.encode()), pages=b"[3 0 R] /Count 2000000000"), f"pages|{READ}|{_DAMAGED}|{_BLANK}"),
    Case("compte negatif.pdf", lambda: _one_page(_stream(_TEXT.encode()), pages=b"[3 0 R] /Count -7"), f"{READ}|{_DAMAGED}|{_BLANK}"),
    Case("sans page.pdf", lambda: _one_page(b"null", pages=b"[] /Count 0"), f"{_DAMAGED}|{_BLANK}"),
    Case("trop de pages.pdf", lambda: _many_pages(3001), "3001 pages"),
    Case("mille pages.pdf", lambda: _many_pages(1000), READ, is_slow=True),
    Case("racine absente.pdf", lambda: _one_page(_stream(_TEXT.encode()), root=b"99 0 R"), f"{READ}|{_DAMAGED}"),
    Case("table menteuse.pdf", lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", _PAGE, _stream(_TEXT.encode()), _FONT], lies_by=7), READ),
    Case("table en boucle.pdf", lambda: _one_page(_stream(_TEXT.encode()), trailer=b"/Prev 9").replace(b"/Prev 9", b"/Prev %d" % _one_page(_stream(_TEXT.encode()), trailer=b"/Prev 999").index(b"xref\n0")), f"{READ}|{_DAMAGED}"),
    Case("table enorme.pdf", lambda: _one_page(_stream(_TEXT.encode())).replace(b"xref\n0 6", b"xref\n0 999999999"), f"{READ}|{_DAMAGED}"),
    Case("taille enorme.pdf", lambda: _one_page(_stream(_TEXT.encode())).replace(b"/Size 6", b"/Size 2147483647"), f"{READ}|{_DAMAGED}"),
    Case("chiffre.pdf", lambda: _encrypted(b"/Filter /Standard /V 1 /R 2 " + _KEYS), "mot de passe"),
    Case("chiffre inconnu.pdf", lambda: _encrypted(b"/Filter /Inconnu /V 9 /R 9 " + _KEYS), "mot de passe"),
    Case("coupe.pdf", lambda: pdf([_TEXT] * 20)[:4000], f"{READ}|{_DAMAGED}|{_BLANK}"),
    Case("coupe tot.pdf", lambda: pdf([_TEXT])[:60], _DAMAGED),
    Case("charabia.pdf", lambda: b"%PDF-1.7\n" + b"obj endobj stream endstream xref trailer startxref << [ ( " * 20_000, f"{_DAMAGED}|{_BLANK}"),
    Case("longueur menteuse.pdf", lambda: pdf([_TEXT]).replace(b"/Length ", b"/Length 99999999"), f"{READ}|{_DAMAGED}|{_BLANK}"),
    Case("action.pdf", lambda: pdf([_TEXT], catalog="/OpenAction << /S /Launch /F (/bin/sh) >> /Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (while(1);) >>] >> >>"), READ),
    Case("formulaire.pdf", lambda: pdf([_TEXT], catalog="/AcroForm << /Fields [] /XFA (<xdp><a>) /CO [1 0 R] /DA (x) >>"), READ),
)  # fmt: skip
DRAWINGS = (
    Case("bombe.pdf", lambda: _one_page(_packed(b" " * 300_000_000)), f"{_BLANK}|{_DAMAGED}|{_LATE}", is_slow=True),
    Case("bombe double.pdf", lambda: _one_page(_packed(b" " * 100_000_000, 2)), f"{_BLANK}|{_DAMAGED}|{_LATE}"),
    Case("bombe centuple.pdf", lambda: _one_page(_packed(_TEXT.encode(), 100)), f"{READ}|{_BLANK}|{_DAMAGED}"),
    Case("predicteur.pdf", lambda: _one_page(_stream(zlib.compress(_TEXT.encode()), b"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 2147483647 /Colors 2147483647 /BitsPerComponent 32 >>")), f"{READ}|{_BLANK}|{_DAMAGED}"),
    Case("boite enorme.pdf", lambda: _one_page(_stream(_TEXT.encode()), page=_page_with(b"/MediaBox [0 0 1e9 99999999999]")), f"{READ}|{_BLANK}"),
    Case("boite infinie.pdf", lambda: _one_page(_stream(_TEXT.encode()), page=_page_with(b"/MediaBox [-1e999 nan 1e999 (x)] /UserUnit 1e30")), f"{READ}|{_BLANK}"),
    Case("boite nulle.pdf", lambda: _one_page(_stream(_TEXT.encode()), page=_page_with(b"/MediaBox [0 0 0 0] /Rotate 37")), f"{READ}|{_BLANK}"),
    Case("formes en boucle.pdf", lambda: _forms(3, 1, loops=True), f"{READ}|{_BLANK}"),
    Case("formes en arbre.pdf", lambda: _forms(9, 10), f"{READ}|{_LATE}|signes", is_slow=True),
    Case("police en boucle.pdf", _type3, f"{READ}|{_BLANK}|{_DAMAGED}"),
    Case("image enorme.pdf", lambda: _image(b"/Width 1000000 /Height 1000000 /ColorSpace /DeviceRGB /BitsPerComponent 8"), READ),
    Case("image jbig2.pdf", lambda: _image(b"/Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode"), READ),
    Case("image jpx.pdf", lambda: _image(b"/Width 9 /Height 9 /Filter /JPXDecode", b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\xff" * 500), READ),
    Case("tableaux profonds.pdf", lambda: _drawn(b"[" * 200_000 + b"]" * 200_000 + _TEXT.encode()), f"{READ}|{_BLANK}|{_DAMAGED}"),
    Case("objet profond.pdf", lambda: _one_page(_stream(_TEXT.encode()), others=[b"<< /A " * 100_000 + b"null" + b" >>" * 100_000], trailer=b"/Info 6 0 R"), f"{READ}|{_BLANK}|{_DAMAGED}"),
    Case("etats.pdf", lambda: _drawn("q " * 500_000 + _TEXT), f"{READ}|{_BLANK}"),
    Case("nombres.pdf", lambda: _drawn(f"BT /F1 {'9' * 5000} Tf {'9' * 100_000} -{'9' * 50_000}.{'9' * 5000} Td (un lavoir) Tj ET {_TEXT}"), f"{READ}|{_BLANK}"),
    Case("lettres nulles.pdf", lambda: _drawn(f"BT /F1 9 Tf 1 0 0 0.0000001 50 700 Tm (un lavoir) Tj ET BT /F1 0 Tf (x) Tj ET {_TEXT}"), READ),
    Case("lettres lointaines.pdf", lambda: _drawn(f"{_TEXT} BT /F1 9 Tf 1 0 0 1 999999999 700 Tm (un four) Tj ET"), READ),
    Case("lettres.pdf", lambda: _drawn(f"BT /F1 9 Tf 50 700 Td ({'lavoir ' * 40_000}) Tj ET"), f"{READ}|{_LATE}", is_slow=True),
    Case("lettres dispersees.pdf", lambda: _drawn("".join(shown(7 * n % 590, 11 * n % 800, "mot") for n in range(5_000))), f"{READ}|{_LATE}"),
    Case("beaucoup de lettres.pdf", lambda: _drawn(f"BT /F1 9 Tf 50 700 Td ({'lavoir ' * 400_000}) Tj ET"), f"{READ}|{_LATE}", is_slow=True),
    Case("traits.pdf", lambda: _drawn(_TEXT + "".join(f"{n % 590} {n % 800} m {n % 590} 800 l S 0 {n % 800} m 590 {n % 800} l S " for n in range(20_000))), f"{READ}|{_LATE}", is_slow=True),
    Case("cadres.pdf", lambda: _drawn(_TEXT + "".join(f"{9 * (n % 60)} {12 * (n // 60)} 9 12 re S " for n in range(4_000))), f"{READ}|{_LATE}", is_slow=True),
    Case("notes.pdf", lambda: pdf([_TEXT], annotations={0: "<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (un four) >> " * 5_000}), READ),
    Case("note en boucle.pdf", lambda: pdf([_TEXT], annotations={0: "5 0 R"}, others=["<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (un four) /Popup 5 0 R /Parent 5 0 R /IRT 5 0 R >>"]), READ),
)  # fmt: skip
