"""Choose a file's reader by its content."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from pipeline.errors import ReadError
from pipeline.ingest.parts import (
    PICTURE,
    READ_BY_MACHINE,
    FileContent,
    RawPart,
    protected,
    sniff,
    too_much,
)
from pipeline.ingest.readers.container import read_archive
from pipeline.ingest.readers.exports import as_chat, read_json, read_kml
from pipeline.ingest.readers.mail import read_mail, read_mailbox, read_outlook
from pipeline.ingest.readers.odf import read_odp, read_odt
from pipeline.ingest.readers.office import read_docx, read_slides
from pipeline.ingest.readers.pdf import read_pdf
from pipeline.ingest.readers.pictures import read_picture
from pipeline.ingest.readers.rtf import read_rtf
from pipeline.ingest.readers.sheets import read_delimited, read_ods, read_sheets
from pipeline.ingest.readers.texts import read_html, read_html_rows, read_markdown, read_plain
from pipeline.ingest.readers.transcripts import as_timed_rows, as_transcript, read_subtitles
from pipeline.ingest.readers.word97 import read_word97

READERS: dict[str, Callable[[FileContent], tuple[RawPart, ...]]] = {
    "csv": read_delimited,
    "doc": read_word97,
    "docx": read_docx,
    "eml": lambda file: read_mail(file, read_source),
    "html": lambda file: (read_html_rows if ".xls" in file.name.lower() else read_html)(file),
    "json": read_json,
    "kml": read_kml,
    "mbox": lambda file: read_mailbox(file, read_source),
    "md": read_markdown,
    "ods": read_ods,
    "msg": lambda file: read_outlook(file, read_source),
    "odp": read_odp,
    "odt": read_odt,
    "pdf": read_pdf,
    "pptx": read_slides,
    "rtf": read_rtf,
    "srt": read_subtitles,
    "txt": read_plain,
    "vtt": read_subtitles,
    "xls": read_sheets,
    "xlsx": read_sheets,
    "zip": lambda file: read_archive(file, read_source),
}
# May hold a transcript or conversation.
_PROSE = frozenset({"doc", "docx", "html", "md", "odt", "pdf", "rtf"})
_TAKEN_FOR = {
    "csv": "tableau (CSV)",
    "doc": "document Word",
    "docx": "document Word",
    "eml": "courriel",
    "html": "page web",
    "json": "fichier JSON",
    "kml": "carte (KML ou GPX)",
    "mbox": "courriel",
    "md": "notes en Markdown",
    "msg": "courriel",
    "odp": "diaporama",
    "ods": "classeur",
    "odt": "document LibreOffice",
    "pdf": "PDF",
    "pptx": "diaporama",
    "rtf": "document RTF",
    "srt": "sous-titres",
    "txt": "fichier texte",
    "vtt": "sous-titres",
    "xls": "classeur",
    "xlsx": "classeur",
}
_TABLES = frozenset({"csv", "ods", "txt", "xls", "xlsx"})
_EXPECTED = "un texte, un tableau, un courriel ou un PDF"
_TRANSCRIPT = "déposer sa transcription (.vtt, .srt, .docx ou .txt)"
_REFUSALS = {
    "archive": (
        "archive autre que .zip (7z, rar, tar, gz)",
        "la décompresser dans le dossier de l'atelier, ou la refaire en .zip",
    ),
    "audio": ("enregistrement sonore", _TRANSCRIPT),
    "binary": ("format inconnu", "l'enregistrer en .docx, .odt, .pdf, .xlsx, .csv ou .txt"),
    "cloud": (
        "fichier resté dans le nuage",
        "le télécharger sur l'ordinateur (clic droit) puis le redéposer",
    ),
    "image": (
        PICTURE,
        f"{READ_BY_MACHINE}, ou recopier ce qui y est écrit dans un .docx ou un .xlsx",
    ),
    "pages": ("document Apple (Pages, Numbers ou Keynote)", "l'exporter en .docx, .xlsx ou .pdf"),
    "slides": ("ancien diaporama (.ppt)", "l'ouvrir et l'enregistrer en .pptx ou .pdf"),
    "tnef": (
        "pièce jointe d'Outlook (winmail.dat)",
        "demander à l'expéditeur de renvoyer son message au format HTML ou texte",
    ),
    "video": ("vidéo", _TRANSCRIPT),
    "xml": ("fichier XML", "l'exporter en .docx, .odt, .csv ou .geojson"),
}


def read_source(file: FileContent) -> tuple[RawPart, ...]:
    """Return the parts of `file`.

    Raises `ReadError` for an empty, unreadable, unsupported or oversized file.
    """
    if not file.content:
        raise ReadError(
            "fichier vide (0 octet)",
            _EXPECTED,
            "retrouver le fichier complet et le redéposer, ou le retirer",
        )
    kind = sniff(file.content, file.name)
    if kind == "encrypted":
        raise protected("fichier Word, Excel ou PowerPoint")
    if kind == "image" and file.read_lines:
        return read_picture(file)
    if kind in _REFUSALS:
        reason, advice = _REFUSALS[kind]
        raise ReadError(reason, _EXPECTED, advice)
    parts = READERS[kind](file)
    if kind in _PROSE:
        parts = tuple(as_transcript(as_chat(part)) for part in parts)
    elif kind in _TABLES:
        parts = tuple(map(as_timed_rows, parts))
    parts = tuple(map(partial(_named, _TAKEN_FOR.get(kind, "")), parts))
    n_chars = sum(map(_n_chars, parts))
    n_blocks = sum(len(part.blocks) for part in parts)
    if n_chars > file.limits.max_chars or n_blocks > file.limits.max_blocks:
        raise too_much(f"{n_chars} signes, {n_blocks} paragraphes")
    return parts


def _named(taken_for: str, part: RawPart) -> RawPart:
    if part.channel == "transcript" and not part.taken_for:
        taken_for = f"transcription ({taken_for})"
    return replace(part, taken_for=part.taken_for or taken_for)


def _n_chars(part: RawPart) -> int:
    n_in_rows = sum(len(cell) for row in part.rows for cell in row)
    return n_in_rows + sum(len(block.text) for block in part.blocks)
