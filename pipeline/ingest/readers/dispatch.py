"""Choose the reader of a file by what it holds, and refuse in French what no reader can read.

In:   a source
Out:  its parts
"""

from collections.abc import Callable

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart, sniff
from pipeline.ingest.readers.container import read_archive
from pipeline.ingest.readers.docx import read_docx
from pipeline.ingest.readers.html_page import read_html, read_html_rows
from pipeline.ingest.readers.kml import read_kml
from pipeline.ingest.readers.mail import read_mail, read_mailbox
from pipeline.ingest.readers.markdown import read_markdown
from pipeline.ingest.readers.odt import read_odp, read_odt
from pipeline.ingest.readers.outlook import read_outlook
from pipeline.ingest.readers.pdf import read_pdf
from pipeline.ingest.readers.plain import read_json, read_plain
from pipeline.ingest.readers.rtf import read_rtf
from pipeline.ingest.readers.sheets import read_delimited, read_ods, read_sheets
from pipeline.ingest.readers.slides import read_slides
from pipeline.ingest.readers.source import Source, protected
from pipeline.ingest.readers.spoken import as_chat, as_transcript, read_subtitles
from pipeline.ingest.readers.word97 import read_word97

_READERS: dict[str, Callable[[Source], tuple[RawPart, ...]]] = {
    "csv": read_delimited,
    "doc": read_word97,
    "docx": read_docx,
    "eml": lambda source: read_mail(source, read_source),
    "html": lambda source: (
        read_html_rows(source) if ".xls" in source.name.lower() else read_html(source)
    ),
    "json": read_json,
    "kml": read_kml,
    "mbox": lambda source: read_mailbox(source, read_source),
    "md": read_markdown,
    "ods": read_ods,
    "msg": lambda source: read_outlook(source, read_source),
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
    "zip": lambda source: read_archive(source, read_source),
}
_PROSE = frozenset(
    {"doc", "docx", "html", "md", "odt", "pdf", "rtf"}
)  # in which a transcript may have been saved
_TEXT_ADVICE = "un texte, un tableau, un courriel ou un PDF"
_REFUSALS = {
    "archive": (
        "archive autre que .zip (7z, rar, tar, gz)",
        "la décompresser dans le dossier de l'atelier, ou la refaire en .zip",
    ),
    "audio": ("enregistrement sonore", "déposer sa transcription (.vtt, .srt, .docx ou .txt)"),
    "binary": ("format inconnu", "l'enregistrer en .docx, .odt, .pdf, .xlsx, .csv ou .txt"),
    "cloud": (
        "fichier resté dans le nuage",
        "le télécharger sur l'ordinateur (clic droit) puis le redéposer",
    ),
    "image": (
        "image ou photo",
        "recopier ce qui y est écrit dans un .docx ou un .xlsx, ou en reconnaître le texte (OCR)",
    ),
    "pages": ("document Apple (Pages, Numbers ou Keynote)", "l'exporter en .docx, .xlsx ou .pdf"),
    "slides": ("ancien diaporama (.ppt)", "l'ouvrir et l'enregistrer en .pptx ou .pdf"),
    "tnef": (
        "pièce jointe d'Outlook (winmail.dat)",
        "demander à l'expéditeur de renvoyer son message au format HTML ou texte",
    ),
    "video": ("vidéo", "déposer sa transcription (.vtt, .srt, .docx ou .txt)"),
    "xml": ("fichier XML", "l'exporter en .docx, .odt, .csv ou .geojson"),
}


def read_source(source: Source) -> tuple[RawPart, ...]:
    """Return the parts of `source`.

    Raises `ReadError` for an empty file, an unreadable one, one of a format without a reader, and one with more text than the limits allow.
    """
    if not source.content:
        raise ReadError(
            "fichier vide (0 octet)",
            _TEXT_ADVICE,
            "retrouver le fichier complet et le redéposer, ou le retirer",
        )
    found = sniff(source.content, source.name)
    if found == "encrypted":
        raise protected("fichier Word, Excel ou PowerPoint")
    if found in _REFUSALS:
        reason, advice = _REFUSALS[found]
        raise ReadError(reason, _TEXT_ADVICE, advice)
    parts = _READERS[found](source)
    if found in _PROSE:
        parts = tuple(as_transcript(as_chat(part)) for part in parts)
    n_chars = sum(len(block.text) for part in parts for block in part.blocks) + sum(
        len(cell) for part in parts for row in part.rows for cell in row
    )
    n_blocks = sum(len(part.blocks) for part in parts)
    if n_chars > source.limits.max_chars or n_blocks > source.limits.max_blocks:
        raise ReadError(
            f"document démesuré ({n_chars} signes, {n_blocks} paragraphes)",
            "un document d'atelier",
            "vérifier que c'est le bon fichier, ou le découper",
        )
    return parts
