"""Valid files of every format, from which the changed ones are made: the example's, those of the second study, and some made here."""

import gzip
from pathlib import Path

import pandas as pd

from pipeline.files import data_path, parquet_bytes
from pipeline.ingest.parts import sniff
from support import made_files as made

_MAX_BYTES = 150_000  # a larger file only slows the search down
_FOLDERS = (data_path("demo"), Path(__file__).parents[1] / "habits" / "depot")
_SAID = "Rouvrir la gare de Figeac, dit-on."
_TABLE = made.w_table(["Idée", "Commune"], ["un lavoir", "Figeac"], ["un four", "Cajarc"])
_NOTE = f'<w:footnotes xmlns:w="{made.W}"><w:footnote w:id="1"><w:p><w:r><w:t>une note</w:t></w:r></w:p></w:footnote></w:footnotes>'
_KML = (
    '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><Placemark><name>Le Four</name><description>'
    "Commune : Figeac&lt;br&gt;Type : association</description><Point><coordinates>2.03,44.6,0</coordinates></Point></Placemark><Placemark>"
    "<name>Zone</name><Polygon><outerBoundaryIs><LinearRing><coordinates>2,44 3,44 3,45 2,44</coordinates></LinearRing></outerBoundaryIs>"
    "</Polygon></Placemark></Folder></Document></kml>"
)
_OPML = (
    '<?xml version="1.0"?><opml version="2.0"><head><title>Table 2</title></head><body><outline text="Ce qui manque">'
    '<outline text="un lavoir"/><outline text="un four"><outline text="à Cajarc"/></outline></outline></body></opml>'
)
_GPX = '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="44.6" lon="2.03"><name>Le Four</name></wpt></gpx>'
_MAIL = (
    "From: Anne Riou <a@example.org>\nTo: b@example.org\nSubject: =?utf-8?q?Suite_=C3=A0_donner?=\nMIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nBonjour,\n\nIl manque un abribus.\n\n'
    "Cordialement,\nAnne\n\nLe 1 juin 2026, Bob <b@example.org> a écrit :\n> des idées ?\n--b\nContent-Type: text/plain\n"
    'Content-Disposition: attachment; filename="n.txt"\n\n- un four\n--b--\n'
)
_HTML = (
    "<!doctype html><html><head><meta charset=utf-8><title>Pad</title></head><body><h1>Table 4</h1><p>Un <b>lavoir</b> à Figeac.</p><ul>"
    "<li>un four<ul><li>un bac</ul></ul><table><tr><th>Idée<th>Commune<tr><td rowspan=2>un pont<td>Cajarc</table><blockquote type=cite>x"
    "</blockquote></body></html>"
)
_RTF = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss Arial;}}\pard\b Table 3\b0\par\pard\li720 {\listtext\'b7}un lavoir \'e0 Figeac\par"
_RTF += rb"\trowd\cellx3000\cellx6000\intbl un four\cell Cajarc\cell\row\u8217?{\footnote une note}\par}"


_CHATS = {  # one of each form of export
    "_chat.txt": "[12/03/2026, 14:05:33] Anne Riou: Un lavoir\nà Figeac\n[12/03/2026, 14:06:00] Bob: \u200eimage omitted\n",
    "signal.txt": "From: Anne Riou (+33639980114)\nType: incoming\nSent: x\n\nun four\n",
    "meeting_saved_chat.txt": "17:42:03 De Anne Riou à Tout le monde:\n\tun lavoir\n",
    "fil.txt": "De : Anne Riou <a@b.fr>\nEnvoyé : lundi\nÀ : Bob Riou\nObjet : TR: x\n\nUn four.\n\nDe : Zoé Lac\nEnvoyé : x\nÀ : y\nObjet : z\n\nUn bac.\n> cité\n",
    "whisper.tsv": "start\tend\ttext\n0\t900\tUn lavoir.\n900\t1500\tHum.\n1500\t2500\tUn four.\n",
    "dictee.txt": "on a un lavoir et la halle " * 20,
    "whisper.json": '{"text":"x","segments":[{"start":0.0,"end":1.5,"text":" Un lavoir d\'accord","speaker":"SPEAKER_00"}]}',
    "result.json": '{"name":"T","messages":[{"id":1,"type":"message","date":"x","from":"Anne Riou","text":["un ",{"type":"link","text":"four"}]}]}',
    "2026-05-07.json": '[{"type":"message","ts":"1.2","user":"U06AB98ZK","text":"<@U06AB98ZK> *un* four :+1:"}]',
    "users.json": '[{"id":"U06AB98ZK","profile":{"real_name":"Anne Riou"}}]',
    "messages.html": '<div class="message default"><div class="from_name">Anne</div><div class="text">un<br>four</div></div>'
    * 2,
    "pad.md": '---\ntitle: x\n---\n[TOC]\n:::info\n> un four [name=Anne] [time=x]\n\n[gallery ids="1"]\n',
}


def seeds() -> dict[str, list[tuple[str, bytes]]]:
    """Return (name, content) of the valid files by the format that their content has."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for name, content in [*_made(), *_kept()]:
        found.setdefault(sniff(content, name), []).append((name, content))
    return {kind: files for kind, files in sorted(found.items()) if kind not in ("image", "binary")}


def _kept() -> list[tuple[str, bytes]]:
    paths = [
        path
        for folder in _FOLDERS
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".jsonl", ".yaml")
    ]
    return [
        (path.name, path.read_bytes()) for path in paths if 0 < path.stat().st_size <= _MAX_BYTES
    ]


def _made() -> list[tuple[str, bytes]]:
    chats = [(name, content.encode()) for name, content in _CHATS.items()]
    ideas = pd.DataFrame({"Idée": ["un lavoir", _SAID], "Commune": ["Figeac", None]})
    table = ("idees.parquet", parquet_bytes(ideas))
    return [*_offices(), *_compounds(), *_texts(), *chats, table]


def _offices() -> list[tuple[str, bytes]]:
    reference = '<w:p><w:r><w:t>un lavoir</w:t><w:footnoteReference w:id="1"/></w:r></w:p>'
    document = made.docx(
        made.w_p("Table 4", '<w:pStyle w:val="Titre1"/>') + reference + _TABLE, footnotes=_NOTE
    )
    slides = made.pptx(
        [
            made.p_shape('type="title"', "Table 2")
            + made.p_shape('type="body"', "un lavoir", "un four")
        ],
        notes={0: _SAID},
    )
    book = made.xlsx(
        {
            "Liste": [["Nom", "Structure"], ["Anne Riou", "Le Four"], ["Bob", 4.5]],
            "Carte": [["nom", "lat"], ["x", 44.6]],
        }
    )
    text = made.odt(
        f'<text:h text:outline-level="1">Table 1</text:h><text:list><text:list-item><text:p>{_SAID}</text:p></text:list-item></text:list>'
    )
    sheet = made.ods(
        made.ods_table("a", made.ods_cells("Nom", "Structure"), made.ods_cells("Anne", "Le Four"))
    )
    show = made.zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.presentation",
            "content.xml": f"<office:document-content {made.ODF}><office:body><office:presentation><draw:page><draw:frame><draw:text-box>"
            f"<text:p>{_SAID}</text:p></draw:text-box></draw:frame></draw:page></office:presentation></office:body></office:document-content>",
        },
        stored=("mimetype",),
    )
    page = made.pdf(
        [
            made.shown(50, 60, "Table 3", size=16, is_bold=True)
            + made.shown_lines(50, 90, [_SAID] * 12),
            made.shown(50, 60, "un four"),
        ]
    )
    archive = made.zipped(
        {
            "T1/note.docx": document,
            "T1/note.txt": _SAID,
            "mail.eml": _MAIL,
            "dedans.zip": made.zipped({"n.md": "# Q1\n- x"}),
        }
    )
    return [
        ("a.docx", document), ("a.pptx", slides), ("a.xlsx", book), ("a.odt", text), ("a.ods", sheet), ("a.odp", show), ("a.pdf", page),
        ("a.zip", archive),
    ]  # fmt: skip


def _compounds() -> list[tuple[str, bytes]]:
    properties = made.msg_properties({0x3707: "n.txt", 0x3701: b"- un four\n"}, {0x3705: 1})
    letter = made.msg(
        {0x0037: "suite", 0x1000: _SAID * 4, 0x0C1A: "Anne"},
        folders={"__attach_version1.0_#00000000": properties},
    )
    return [
        ("a.doc", made.doc([_SAID] * 8)),
        ("a.xls", made.xls([["Nom", "Note"], ["Anne", 4.5]], merged=[(0, 0, 0, 1)])),
        ("a.msg", letter),
    ]


def _texts() -> list[tuple[str, bytes]]:
    letter = _MAIL.encode()
    spoken = "WEBVTT\n\nNOTE salle 2\n\n00:00.000 --> 00:02.000\n<v Anne>un lavoir\n\n00:02.000 --> 00:03.000\nBob : un four\n"
    titles = "1\n00:00:01,000 --> 00:00:02,000\nAnne : un lavoir\n\n2\n00:00:02,000 --> 00:00:03,000\n- un four\n"
    point = '"geometry":{"type":"Point","coordinates":[2,44.6]}'
    place = f'{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"nom":"Le Four"}},{point}}}]}}'
    texts = {
        "a.txt": f"Table 4 - Q1\n- {_SAID}\n- un lavoir à Cajarc\n\nANNE : un four\n[00:01:02] Bob : un bac\n",
        "a.md": f"---\ntitle: Notes\n---\n# Q1\n- **{_SAID}**\n- [lien](http://x)\n\n| Idée | Lieu |\n|---|---|\n| a | b |\n<!-- x -->\n",
        "a.csv": 'Nom;Structure;Commune\nAnne Riou;"Le ""Four""";Figeac\nBob Le Goff;;Cajarc\n',
        "a.html": _HTML, "a.vtt": spoken, "a.srt": titles, "a.geojson": place, "a.kml": _KML, "a.gpx": _GPX, "a.opml": _OPML,
    }  # fmt: skip
    mails = b"".join(
        b"From anne@example.org Mon Jun  1 10:00:00 2026\n" + letter + b"\n" for _ in range(3)
    )
    held = [(name, text.encode()) for name, text in texts.items()]
    return [
        *held,
        ("a.eml", letter),
        ("a.mbox", mails),
        ("a.rtf", _RTF),
        ("a.gz", gzip.compress(b"un four", mtime=0)),
    ]
