"""Choose a file's reader by its content."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pipeline.errors import ReadError
from pipeline.ingest.parts import (
    PICTURE,
    READ_BY_MACHINE,
    REFUSED_AT_ONCE,
    FileContent,
    RawPart,
    protected,
    sniff,
    too_many_rows,
    too_much,
)
from pipeline.ingest.readers.blocks import set_struck_apart
from pipeline.ingest.readers.container import read_archive
from pipeline.ingest.readers.encoded import drop_from_bytes, drop_from_part
from pipeline.ingest.readers.exports import as_chat, read_json, read_kml, read_mind_map
from pipeline.ingest.readers.mail import read_mail, read_mailbox, read_outlook
from pipeline.ingest.readers.odf import read_odp, read_odt
from pipeline.ingest.readers.office import read_docx, read_slides
from pipeline.ingest.readers.pdf import read_pdf
from pipeline.ingest.readers.pictures import read_picture
from pipeline.ingest.readers.rtf import read_rtf
from pipeline.ingest.readers.sheets import (
    read_delimited,
    read_ods,
    read_parquet,
    read_sheets,
)
from pipeline.ingest.readers.texts import read_markdown, read_page, read_plain
from pipeline.ingest.readers.transcripts import as_timed_rows, as_transcript, read_subtitles
from pipeline.ingest.readers.word97 import read_word97


class Format(NamedTuple):
    """How a format is read, what it is taken for, and what the blocks or rows may turn out to be.

    "prose" may be a conversation or a transcript, a "table" timed segments.
    """

    read: Callable[[FileContent], tuple[RawPart, ...]]
    taken_for: str = ""
    holds: str = ""


READERS = {
    "csv": Format(read_delimited, "tableau (CSV)", "table"),
    "doc": Format(read_word97, "document Word", "prose"),
    "docx": Format(read_docx, "document Word", "prose"),
    "eml": Format(lambda file: read_mail(file, read_source), "courriel"),
    "html": Format(read_page, "page web", "prose"),
    "json": Format(read_json, "fichier JSON"),
    "kml": Format(read_kml, "carte (KML ou GPX)"),
    "mbox": Format(lambda file: read_mailbox(file, read_source), "courriel"),
    "md": Format(read_markdown, "notes en Markdown", "prose"),
    "opml": Format(read_mind_map, "carte mentale"),
    "msg": Format(lambda file: read_outlook(file, read_source), "courriel"),
    "odp": Format(read_odp, "diaporama"),
    "ods": Format(read_ods, "classeur", "table"),
    "odt": Format(read_odt, "document LibreOffice", "prose"),
    "parquet": Format(read_parquet, "tableau (Parquet)", "table"),
    "pdf": Format(read_pdf, "PDF", "prose"),
    "pptx": Format(read_slides, "diaporama"),
    "rtf": Format(read_rtf, "document RTF", "prose"),
    "srt": Format(read_subtitles, "sous-titres"),
    "txt": Format(read_plain, "fichier texte", "table"),
    "vtt": Format(read_subtitles, "sous-titres"),
    "xls": Format(read_sheets, "classeur", "table"),
    "xlsx": Format(read_sheets, "classeur", "table"),
    "zip": Format(lambda file: read_archive(file, read_source)),
}
_TEXTS = frozenset({"csv", "html", "json", "kml", "md", "opml", "srt", "txt", "vtt"})
_EXPECTED = "un texte, un tableau, un courriel ou un PDF"
_TRANSCRIPT = "déposer sa transcription (.vtt, .srt, .docx ou .txt)"
_REFUSALS = REFUSED_AT_ONCE | {
    "audio": ("enregistrement sonore", _TRANSCRIPT),
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
        reason, advice = REFUSED_AT_ONCE["empty"]
        raise ReadError(reason, _EXPECTED, advice)
    kind = sniff(file.content, file.name)
    if kind == "encrypted":
        raise protected("fichier Word, Excel ou PowerPoint")
    if kind == "image" and file.read_lines:
        return read_picture(file)
    if kind in _REFUSALS:
        reason, advice = _REFUSALS[kind]
        raise ReadError(reason, _EXPECTED, advice)
    read, taken_for, holds = READERS[kind]
    content, encoded = drop_from_bytes(file.content) if kind in _TEXTS else (file.content, [])
    parts = read(replace(file, content=content))
    parts = tuple(drop_from_part(part, [] if i else encoded) for i, part in enumerate(parts))
    if holds == "prose":
        parts = tuple(as_transcript(as_chat(part)) for part in parts)
    elif holds == "table":
        parts = tuple(map(as_timed_rows, parts))
    parts = tuple(set_struck_apart(_named(taken_for, part)) for part in parts)
    n_chars = sum(map(_n_chars, parts))
    n_blocks = sum(len(part.blocks) for part in parts)
    if n_chars > file.limits.max_chars or n_blocks > file.limits.max_blocks:
        raise too_much(f"{n_chars} signes, {n_blocks} paragraphes")
    n_rows = max((sum(map(any, part.rows)) for part in parts), default=0)
    if n_rows > file.limits.max_rows:
        raise too_many_rows(n_rows, file.limits.max_rows)
    return parts


def _named(taken_for: str, part: RawPart) -> RawPart:
    if part.channel == "transcript" and not part.taken_for:
        taken_for = f"transcription ({taken_for})"
    return replace(part, taken_for=part.taken_for or taken_for)


def _n_chars(part: RawPart) -> int:
    n_in_rows = sum(len(cell) for row in part.rows for cell in row)
    return n_in_rows + sum(len(block.text) for block in part.blocks)
