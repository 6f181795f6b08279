"""What a reader returns: the parts of a file, as its author laid them out. Nothing here knows of workshops or grids.

What a file is, told by its bytes first and its name second, and how its text is encoded.
"""

import codecs
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath

import ftfy

from pipeline.errors import ReadError


@dataclass(frozen=True)
class RawBlock:
    """A heading, paragraph, bullet, cell or cue in reading order; `text` has no bullet sign, number or time code."""

    text: str
    kind: str = "paragraph"  # one of pipeline.tables.BLOCK_KINDS
    level: int | None = None  # heading 1..6, bullet 0..
    speaker: str | None = None  # as written in the file
    columns: tuple[
        tuple[str, str], ...
    ] = ()  # (header, cell) of the row it comes from, where it comes from a table
    column: int | None = None  # which of `columns` the text lies in


@dataclass(frozen=True)
class RawPart:
    """A document: a whole file (`name` empty), or a mail, attachment, sheet or archived file of it (`name` is the `#part` of its path)."""

    blocks: tuple[RawBlock, ...]
    name: str = ""
    title: str | None = None
    channel: str | None = None  # where the format itself tells: mail, transcript
    people: tuple[tuple[str, str], ...] = ()  # (name, mail address) of senders and recipients
    rows: tuple[
        tuple[str, ...], ...
    ] = ()  # every row of a sheet or table file, blanks as ""; () for prose
    warnings: tuple[str, ...] = field(
        default=()
    )  # what was skipped in it, in French, without its content
    error: tuple[str, str] | None = (
        None  # French reason and advice where this part alone, such as an attachment, could not be read
    )


_MEDIA = {
    b"\x89PNG": "image", b"\xff\xd8\xff": "image", b"GIF8": "image", b"BM": "image", b"II*\x00": "image", b"MM\x00*": "image",
    b"ID3": "audio", b"\xff\xfb": "audio", b"\xff\xf3": "audio", b"OggS": "audio", b"fLaC": "audio", b"\x1aE\xdf\xa3": "video",
    b"Rar!": "archive", b"7z\xbc\xaf\x27\x1c": "archive", b"\x1f\x8b": "archive", b"BZh": "archive", b"\xfd7zXZ": "archive",
    b"MZ": "binary", b"\x7fELF": "binary", b"\x78\x9f\x3e\x22": "tnef",
}  # fmt: skip
_TEXT_FORMATS = {
    ".md": "md", ".markdown": "md", ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".htm": "html", ".html": "html", ".xhtml": "html",
    ".vtt": "vtt", ".srt": "srt", ".eml": "eml", ".mbox": "mbox", ".json": "json", ".geojson": "json", ".umap": "json",
}  # fmt: skip
_ZIP_FILES = (
    (re.compile(r"word/document\d*\.xml"), "docx"), (re.compile(r"xl/workbook\d*\.(?:xml|bin)"), "xlsx"),
    (re.compile(r"ppt/presentation\d*\.xml"), "pptx"), (re.compile(r"(?:.*/)?index(?:/[^/]*\.iwa|\.zip|\.(?:apxl|xml)\.gz)"), "pages"),
)  # fmt: skip
_FLAT_ODF = (
    (b"<office:text", "odt"),
    (b"<office:spreadsheet", "ods"),
    (b"<office:presentation", "odp"),
)
_ODF = (
    (b"opendocument.text", "odt"),
    (b"opendocument.spreadsheet", "ods"),
    (b"opendocument.presentation", "odp"),
)
_OLE_STREAMS = {
    "EncryptedPackage": "encrypted", "WordDocument": "doc", "Workbook": "xls", "Book": "xls",
    "PowerPoint Document": "slides", "__properties_version1.0": "msg",
}  # fmt: skip
_ZIP_EXTENSIONS = {
    ".odt": "odt", ".ott": "odt", ".ods": "ods", ".odp": "odp", ".docx": "docx", ".docm": "docx", ".dotx": "docx", ".xlsx": "xlsx",
    ".xlsm": "xlsx", ".xlsb": "xlsx", ".pptx": "pptx", ".ppsx": "pptx", ".pages": "pages", ".numbers": "pages", ".key": "pages",
}  # fmt: skip
_TIME = r"\d{1,2}:\d\d(?::\d\d)?[.,]\d{1,3}"
_SRT = re.compile(rf"\A\s*(?:\d+\s*\n)?\s*{_TIME}\s*-->\s*{_TIME}")
_HTML = re.compile(
    r"\A\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|div|p)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = re.compile(
    r"^(?:from|to|subject|date|message-id|mime-version|received|return-path|de|content-type|x-[\w-]+|delivered-to):",
    re.IGNORECASE,
)
_MBOX = re.compile(r"\AFrom \S+.*\n(?:>?[\w-]+:|\s)")

_GOOD_LETTERS = frozenset("éèêëàâçùûüôîïœÉÈÊÀÂÇÙÔÎÏŒ")
_GOOD_SIGNS = frozenset("’‘“”«»–—…•€°²³½·\u00a0\u202f→")
_SINGLE_BYTE = (
    "cp1252",
    "mac_roman",
    "cp850",
    "iso8859_15",
)  # in order of preference where two read equally well


def sniff(content: bytes, name: str) -> str:
    """Return the format of `content`: a key of the readers, or what it is instead (image, audio, encrypted, slides, binary…)."""
    extension = PurePath(name.lower()).suffix
    if extension == ".icloud":
        return "cloud"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _in_zip(content, extension)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        held = [
            found for stream, found in _OLE_STREAMS.items() if stream.encode("utf-16-le") in content
        ]
        return (
            extension[1:] if extension[1:] in held else next(iter(held), "binary")
        )  # one may hold another as an object
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content.lstrip()[:5] == b"{\\rtf":
        return "rtf"
    if content[257:262] == b"ustar":
        return "archive"
    if content[4:8] == b"ftyp":
        return (
            "image"
            if content[8:11] in (b"hei", b"mif", b"avi")
            else "audio"
            if content[8:11] == b"M4A"
            else "video"
        )
    if content.startswith(b"RIFF"):
        return (
            "image"
            if content[8:12] == b"WEBP"
            else "audio"
            if content[8:12] == b"WAVE"
            else "video"
        )
    return next(
        (found for magic, found in _MEDIA.items() if content.startswith(magic)), None
    ) or _in_text(content, extension)


def _in_zip(content: bytes, extension: str) -> str:
    """The format of a zip container, by the files in it; by the extension where its directory is lost."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as container:
            names = container.namelist()
            kind = (
                container.read("mimetype")[:100]
                if "mimetype" in names and container.getinfo("mimetype").file_size < 200
                else b""
            )
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ):
        return _ZIP_EXTENSIONS.get(extension, "zip")
    by_kind = next((found for mark, found in _ODF if mark in kind), None)
    by_file = next(
        (
            found
            for pattern, found in _ZIP_FILES
            if any(pattern.fullmatch(name.lower()) for name in names)
        ),
        None,
    )
    return by_kind or by_file or _ZIP_EXTENSIONS.get(extension, "zip")


def _in_text(content: bytes, extension: str) -> str:
    """The format of a text, by how it begins, then by its extension; `binary` where it holds no text."""
    encoding = _by_mark(content)
    if encoding is None and _is_binary(content[:4096]):
        return "binary"
    start = content[:4096].decode(encoding or "latin-1", errors="replace").lstrip("\ufeff")
    if start.startswith("WEBVTT"):
        return "vtt"
    if _SRT.match(start):
        return "srt"
    if _MBOX.match(start.replace("\r\n", "\n")):
        return "mbox"
    if _is_mail(start):
        return "eml"
    if _HTML.match(start):
        return "html"
    if start.lstrip().startswith(("{", "[")) and extension in (".json", ".geojson", ".umap"):
        return "json"
    if re.match(
        r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:\w+:)?(?:kml|gpx)\b", start, re.DOTALL
    ):
        return "kml"
    if start.lstrip().startswith("<?xml"):
        return next(
            (found for mark, found in _FLAT_ODF if mark in content),
            "kml" if extension in (".kml", ".gpx") else "xml",
        )
    return _TEXT_FORMATS.get(extension, "txt")


def _is_mail(start: str) -> bool:
    """True where a text opens with at least two header lines of a message."""
    head = start.replace("\r\n", "\n").split("\n\n")[0].split("\n")
    return bool(_HEADER.match(head[0])) and sum(bool(_HEADER.match(line)) for line in head) >= 3


def _is_binary(content: bytes) -> bool:
    """True where more than one byte in twenty is a control character that no text holds."""
    controls = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in content)
    return controls * 20 > len(content)


def _by_mark(content: bytes) -> str | None:
    """The encoding that a byte-order mark, or zeroes at every second byte, give away."""
    marks: tuple[tuple[bytes, str], ...] = (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
    )
    marks += ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    marked = next((encoding for mark, encoding in marks if content.startswith(mark)), None)
    if marked or len(content) < 4:
        return marked
    even, odd = content[:4096:2], content[1:4096:2]
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    return (
        "utf-16-be" if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd) else None
    )


def decode(content: bytes, declared: str | None = None) -> str:
    """Return the text of `content`, line ends as `\\n`: by its mark, as UTF-8, as `declared`, or in what reads most like French.

    Text decoded twice (« Ã© ») is put right. Raises `ReadError` for bytes that are no text.
    """
    marked = _by_mark(content)
    if marked is None and content.count(0) * 100 > len(content):
        raise ReadError(
            "contenu binaire",
            "un fichier de texte",
            "vérifier le fichier, ou l'enregistrer en .docx, .odt ou .txt (UTF-8)",
        )
    text = content.decode(marked, errors="replace") if marked else _unmarked(content, declared)
    lines = (
        text.replace("\x00", "")
        .replace("\r\r\n", "\n")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .split("\n")
    )
    return "\n".join(ftfy.fix_encoding(line) if not line.isascii() else line for line in lines)


def _unmarked(content: bytes, declared: str | None) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    single = _declared(content, declared) or best_french(content, _SINGLE_BYTE)
    if _share_of_utf8(content) < 0.5:
        return single
    return "\n".join(
        map(partial(_mixed_line, fallback="cp1252"), content.split(b"\n"))
    )  # two files pasted together


def _declared(content: bytes, declared: str | None) -> str | None:
    """The text as its author declared it, unless that fails or gives signs that French does not have."""
    if not declared or declared.lower().replace("_", "-") in ("us-ascii", "ascii", "utf-8", "utf8"):
        return None
    try:
        text = content.decode(
            "cp1252" if declared.lower() in ("iso-8859-1", "latin1", "latin-1") else declared
        )
    except (LookupError, ValueError):
        return None
    return text if _french_score(text) >= 0 else None


def best_french(content: bytes, encodings: Sequence[str]) -> str:
    """Return `content` as UTF-8 where it is, else in that of `encodings` in which it reads most like French."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return max(
            (content.decode(encoding, errors="replace") for encoding in encodings),
            key=_french_score,
        )


def _french_score(text: str) -> int:
    """How French the signs beyond ASCII look: accented letters in words count for it, strange letters and signs in words against."""
    score = 0
    for found in re.finditer(r"[^\x00-\x7f]", text[:200_000]):
        sign, place = found[0], found.start()
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        in_word = before.isalpha() and after.isalpha()
        if sign in _GOOD_LETTERS:
            score += 1 if sign.isupper() and before.islower() else 3
        elif sign in "’‘" or (sign in _GOOD_SIGNS and not in_word):
            score += 2
        else:
            score -= 6 if sign == "\ufffd" or "\x80" <= sign <= "\x9f" else 4 if in_word else 2
    return score


def _share_of_utf8(content: bytes) -> float:
    """Share of the bytes beyond ASCII that sit in well-formed UTF-8 sequences, 0..1."""
    high = sum(byte > 127 for byte in content[:200_000])
    formed = sum(
        len(found)
        for found in re.findall(rb"[\xc3-\xc5][\x80-\xbf]|[\xe2][\x80-\xbf]{2}", content[:200_000])
    )
    return formed / max(1, high)


def _mixed_line(line: bytes, fallback: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode(fallback, errors="replace")
