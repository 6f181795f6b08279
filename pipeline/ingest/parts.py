"""Define what a reader gets and returns: a file's bytes, its parts as laid out, refusals, answers.

Formats are told by bytes, then by name; encodings are told here too. The answer of the child that
reads is a line of JSON, framed by its length; nothing is ever unpickled.
"""

import codecs
import errno
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Annotated, Any

import ftfy
from annotated_types import Interval

from pipeline.errors import ReadError

if TYPE_CHECKING:
    from pipeline.ingest.readers.pictures import LineReader

MEGABYTE = 1_000_000
Count = Annotated[int, Interval(ge=0, lt=2**31)]


@dataclass(frozen=True)
class RawBlock:
    """A heading, paragraph, bullet, cell or cue in reading order.

    `text` has no bullet sign, number or time code.
    """

    text: str
    kind: str = "paragraph"  # one of pipeline.tables.BLOCK_KINDS
    level: Count | None = None  # heading 1..6, bullet 0..
    speaker: str | None = None  # as written in the file
    columns: tuple[tuple[str, str], ...] = ()  # (header, cell) of a table's row
    column: Count | None = None  # index in `columns` of the text
    reason: str = ""  # of a `meta` block: a key of pipeline.tables.schema.ASIDES, "" for "other"
    channel: str | None = None  # where it differs from the part's
    n_votes: Count | None = None  # of a contribution to a consultation
    color: str = ""  # of its letters, in French; "" for black
    table_number: Count | None = None  # that its colour, its column or the title itself names


@dataclass(frozen=True)
class RawPart:
    """A document: a whole file, or a mail, attachment, sheet or archived file in it."""

    blocks: tuple[RawBlock, ...]
    name: str = ""  # the `#part` of its path, "" for a whole file
    title: str | None = None
    channel: str | None = None  # where the format tells: mail, transcript
    people: tuple[tuple[str, str], ...] = ()  # (name, mail address) of correspondents
    rows: tuple[tuple[str, ...], ...] = ()  # of a sheet or table file, blanks as ""; () for prose
    warnings: tuple[str, ...] = ()  # in French, without its content
    taken_for: str = ""  # in French, what it was recognised as, such as « conversation WhatsApp »
    left_out: tuple[tuple[str, str], ...] = ()  # (French name of a piece, key of ASIDES)
    n_words_dropped: Count = 0  # words of the file that are in no block and no row
    is_machine_read: bool = False  # from a picture, by a model
    error: tuple[str, str] | None = None  # French reason and advice


_MAGIC = {
    "image": (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*"),
    "audio": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"OggS", b"fLaC"),
    "video": (b"\x1aE\xdf\xa3",),
    "archive": (b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"),
    "binary": (b"MZ", b"\x7fELF"),
    "tnef": (b"\x78\x9f\x3e\x22",),
    "parquet": (b"PAR1",),
}
_ZIP, _OLE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ISO_BRANDS = {b"hei": "image", b"mif": "image", b"avi": "image", b"M4A": "audio"}
_RIFF_KINDS = {b"WEBP": "image", b"WAVE": "audio"}
_TEXT_EXTENSIONS = {
    "md": (".md", ".markdown"),
    "csv": (".csv", ".tsv", ".tab"),
    "html": (".htm", ".html", ".xhtml"),
    "vtt": (".vtt",),
    "srt": (".srt",),
    "eml": (".eml",),
    "mbox": (".mbox",),
    "json": (".json", ".geojson", ".umap", ".jsonl", ".ndjson"),
}
_ZIP_EXTENSIONS = {
    "odt": (".odt", ".ott"),
    "ods": (".ods",),
    "odp": (".odp",),
    "docx": (".docx", ".docm", ".dotx"),
    "xlsx": (".xlsx", ".xlsm", ".xlsb"),
    "pptx": (".pptx", ".ppsx"),
    "pages": (".pages", ".numbers", ".key"),
}
_ZIP_FILES = {
    "docx": re.compile(r"word/document\d*\.xml"),
    "xlsx": re.compile(r"xl/workbook\d*\.(?:xml|bin)"),
    "pptx": re.compile(r"ppt/presentation\d*\.xml"),
    "pages": re.compile(r"(?:.*/)?index(?:/[^/]*\.iwa|\.zip|\.(?:apxl|xml)\.gz)"),
}
_ODF = {"odt": b"text", "ods": b"spreadsheet", "odp": b"presentation"}
_OLE_STREAMS = {
    "EncryptedPackage": "encrypted",
    "WordDocument": "doc",
    "Workbook": "xls",
    "Book": "xls",
    "PowerPoint Document": "slides",
    "__properties_version1.0": "msg",
}
_TIME = r"\d{1,2}:\d\d(?::\d\d)?[.,]\d{1,3}"
_SRT = re.compile(rf"\A\s*(?:\d+\s*\n)?\s*{_TIME}\s*-->\s*{_TIME}")
_XML_OPENING = r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
_HTML = re.compile(
    rf"{_XML_OPENING}<(?:!doctype html|html|head|body|table|div|p)\b", re.IGNORECASE | re.DOTALL
)
_KML = re.compile(rf"{_XML_OPENING}<(?:\w+:)?(?:kml|gpx)\b", re.DOTALL)
_MIND_MAP = re.compile(rf"{_XML_OPENING}<(?:opml|map)\b", re.DOTALL)
_HEADER = re.compile(
    r"^(?:from|to|subject|date|message-id|mime-version|received|return-path|de|content-type"
    r"|x-[\w-]+|delivered-to):",
    re.IGNORECASE,
)
_MBOX = re.compile(r"\AFrom \S+.*\n(?:>?[\w-]+:|\s)")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GOOD_LETTERS = frozenset("éèêëàâçùûüôîïœÉÈÊÀÂÇÙÔÎÏŒ")
_GOOD_SIGNS = frozenset("’‘“”«»–—…•€°²³½·\u00a0\u202f→")
# by preference where two read equally well
_SINGLE_BYTE = ("cp1252", "mac_roman", "cp850", "iso8859_15")


_NEVER_READ = (*_MAGIC["archive"], *_MAGIC["binary"])
_BY_NAME = {
    ".icloud": "cloud",
    **dict.fromkeys((".url", ".webloc", ".desktop", ".lnk", ".website"), "shortcut"),
}


REFUSED_AT_ONCE: dict[str, tuple[str, str]] = {  # what no setting lets anybody read, and what to do
    "empty": (
        "fichier vide (0 octet)",
        "retrouver le fichier complet et le redéposer, ou le retirer",
    ),
    "archive": (
        "archive autre que .zip (7z, rar, tar, gz)",
        "la décompresser dans le dossier de l'atelier, ou la refaire en .zip",
    ),
    "binary": ("format inconnu", "l'enregistrer en .docx, .odt, .pdf, .xlsx, .csv ou .txt"),
    "shortcut": (
        "raccourci vers une page ou un programme : ce n'est pas une note",
        "déposer le document lui-même, ou une page enregistrée en .html",
    ),
}


def refused_at_once(head: bytes, name: str) -> tuple[str, str] | None:
    """Return why a file that starts with `head` can never be read, None where it may be."""
    if not head:
        return REFUSED_AT_ONCE["empty"]
    is_known = PurePath(name.lower()).suffix in _BY_NAME or head.startswith(_NEVER_READ)
    return REFUSED_AT_ONCE.get(sniff(head, name)) if is_known or head[257:262] == b"ustar" else None


def sniff(content: bytes, name: str) -> str:
    """Return the format of `content`: a reader's key, else image, audio, encrypted, slides…"""
    extension = PurePath(name.lower()).suffix
    if extension in _BY_NAME:
        return _BY_NAME[extension]
    if content.startswith(_ZIP):
        return _in_zip(content, extension)
    if content.startswith(_OLE):
        streams = _OLE_STREAMS.items()
        kinds = [kind for stream, kind in streams if stream.encode("utf-16-le") in content]
        own = extension[1:]  # one may embed another
        return own if own in kinds else next(iter(kinds), "binary")
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content.lstrip()[:5] == b"{\\rtf":
        return "rtf"
    if content[257:262] == b"ustar":
        return "archive"
    if content[4:8] == b"ftyp":
        return _ISO_BRANDS.get(content[8:11], "video")
    if content.startswith(b"RIFF"):
        return _RIFF_KINDS.get(content[8:12], "video")
    media = (kind for kind, magic in _MAGIC.items() if content.startswith(magic))
    return next(media, None) or _in_text(content, extension)


def _by_extension(extension: str, formats: Mapping[str, Sequence[str]], default: str) -> str:
    return next((kind for kind, own in formats.items() if extension in own), default)


def _in_zip(content: bytes, extension: str) -> str:
    by_extension = _by_extension(extension, _ZIP_EXTENSIONS, "zip")
    mimetype = b""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as container:
            names = container.namelist()
            if "mimetype" in names and container.getinfo("mimetype").file_size < 200:
                mimetype = container.read("mimetype")[:100]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError):
        return by_extension  # unreadable directory; NotImplementedError is a RuntimeError
    for kind, mark in _ODF.items():
        if b"opendocument." + mark in mimetype:
            return kind
    for kind, pattern in _ZIP_FILES.items():
        if any(pattern.fullmatch(name.lower()) for name in names):
            return kind
    return by_extension


def _in_text(content: bytes, extension: str) -> str:
    encoding = _by_mark(content)
    if encoding is None and _is_binary(content[:4096]):
        return "binary"
    start = content[:4096].decode(encoding or "latin-1", errors="replace").lstrip("\ufeff")
    lines = start.replace("\r\n", "\n")
    openings = {
        "vtt": start.startswith("WEBVTT"),
        "srt": _SRT.match(start),
        "mbox": _MBOX.match(lines),
        "eml": _is_mail(lines),
        "html": _HTML.match(start),
    }
    if kind := next((kind for kind, is_so in openings.items() if is_so), None):
        return kind
    by_extension = _by_extension(extension, _TEXT_EXTENSIONS, "txt")
    if _KML.match(start):
        return "kml"
    if _MIND_MAP.match(start):
        return "opml"
    if start.lstrip().startswith("<?xml"):
        flat = (kind for kind, mark in _ODF.items() if b"<office:" + mark in content)
        return next(flat, "kml" if extension in (".kml", ".gpx") else "xml")
    return by_extension


def _is_mail(start: str) -> bool:
    head = start.split("\n\n")[0].split("\n")
    return bool(_HEADER.match(head[0])) and sum(map(bool, map(_HEADER.match, head))) >= 3


def _is_binary(content: bytes) -> bool:
    """Whether more than 1 byte in 20 is a control character."""
    controls = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in content)
    return controls * 20 > len(content)


def _by_mark(content: bytes) -> str | None:
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if marked or len(content) < 4:
        return marked
    # without a mark, a zero every second byte tells
    even, odd = (half.count(0) / len(half) for half in (content[:4096:2], content[1:4096:2]))
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None


def parse_json(text: str) -> Any:
    """Return the content of JSON text, or of objects on a line each; half characters replaced.

    Raises `ValueError` or `RecursionError` for text that is none.
    """
    try:
        content = json.loads(text)
    except ValueError:
        content = [json.loads(line) for line in text.split("\n") if line.strip()]
        if len(content) < 2 or not all(isinstance(item, dict) for item in content):
            raise
    if "\\u" in text:  # no table holds half a character
        content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    return content


def decode(content: bytes, declared: str | None = None) -> str:
    """Return the text of `content` with `\\n` line ends, double encoding (« Ã© ») repaired.

    It is in the encoding of its mark, UTF-8, `declared`, or what reads most like French. Raises
    `ReadError` for bytes that are no text.
    """
    marked = _by_mark(content)
    if marked is None and content.count(0) * 100 > len(content):
        raise ReadError(
            "contenu binaire",
            "un fichier de texte",
            "vérifier le fichier, ou l'enregistrer en .docx, .odt ou .txt (UTF-8)",
        )
    text = content.decode(marked, errors="replace") if marked else _unmarked(content, declared)
    lines = _LINE_END.sub("\n", text.replace("\x00", "")).split("\n")
    return "\n".join(line if line.isascii() else ftfy.fix_encoding(line) for line in lines)


_LINE_END = re.compile(r"\r{1,3}\n|\r")
_HEAD_BYTES, _LONGEST_LINE = 200_000, 4 * MEGABYTE


def lines_of(file: IO[bytes]) -> Iterator[str]:
    r"""Yield the lines of a text of any size, each with its `\n`, one in memory at a time.

    They are decoded as `decode` does, by what the file's first bytes tell; double encoding stays.
    """
    head = file.read(_HEAD_BYTES)
    marked = _by_mark(head)
    decode(head if marked else head.rpartition(b"\n")[0] or head)  # refuses what is no text
    file.seek(0)
    if marked:
        opened: Any = file
        reader = io.TextIOWrapper(opened, encoding=marked, errors="replace", newline="")
        written: Iterator[str] = iter(partial(reader.readline, _LONGEST_LINE), "")
    else:
        texts = {name: head.decode(name, errors="replace") for name in _SINGLE_BYTE}
        encoding = max(texts, key=lambda name: _french_score(texts[name]))
        raw = iter(partial(file.readline, _LONGEST_LINE), b"")
        written = (best_french(line, (encoding,)) for line in raw)
    for line in written:
        text = line.replace("\x00", "").rstrip("\r\n")
        for piece in _LINE_END.split(text) if "\r" in text else (text,):
            yield piece + "\n"


def _unmarked(content: bytes, declared: str | None) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if _share_of_utf8(content) < 0.5:
        return _declared(content, declared) or best_french(content, _SINGLE_BYTE)
    # two files pasted together
    return "\n".join(best_french(line, ("cp1252",)) for line in content.split(b"\n"))


def _declared(content: bytes, declared: str | None) -> str | None:
    """Return None where that fails or gives signs foreign to French."""
    name = (declared or "").lower().replace("_", "-")
    if name in ("", "us-ascii", "ascii", "utf-8", "utf8"):
        return None
    try:
        text = content.decode("cp1252" if name in ("iso-8859-1", "latin1", "latin-1") else name)
    except (LookupError, ValueError):
        return None
    return text if _french_score(text) >= 0 else None


def best_french(content: bytes, encodings: Sequence[str]) -> str:
    """Return `content` as UTF-8, else in the one of `encodings` that reads most like French."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        texts = (content.decode(encoding, errors="replace") for encoding in encodings)
        return max(texts, key=_french_score)


def _french_score(text: str) -> int:
    """Count accented letters in words for, strange signs against."""
    score = 0
    for match in re.finditer(r"[^\x00-\x7f]", text[:200_000]):
        sign, i = match[0], match.start()
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        in_word = before.isalpha() and after.isalpha()
        if sign in _GOOD_LETTERS:
            score += 1 if sign.isupper() and before.islower() else 3
        elif sign in "’‘" or (sign in _GOOD_SIGNS and not in_word):
            score += 2
        elif sign == "\ufffd" or "\x80" <= sign <= "\x9f":
            score -= 6
        else:
            score -= 4 if in_word else 2
    return score


def _share_of_utf8(content: bytes) -> float:
    """Return the share of non-ASCII bytes in well-formed UTF-8, 0..1."""
    content = content[:200_000]
    n_high = sum(byte > 127 for byte in content)
    sequences = re.findall(rb"[\xc3-\xc5][\x80-\xbf]|[\xe2][\x80-\xbf]{2}", content)
    return sum(map(len, sequences)) / max(1, n_high)


@dataclass(frozen=True)
class Limits:
    """Cap what a file may unfold into; a file beyond a cap is refused whole."""

    max_bytes: int = 50 * MEGABYTE
    max_entries: int = 10_000  # in a zip container
    max_unzipped_bytes: int = 500 * MEGABYTE
    max_ratio: int = 300  # unzipped to zipped; a large blank sheet's XML reaches 150
    max_depth: int = 5  # nested attachments
    max_parts: int = 20_000  # mails of a mailbox, sheets of a workbook
    max_chars: int = 20_000_000  # all parts
    max_blocks: int = 50_000
    max_rows: int = 20_000  # of a table; finding what its columns hold takes a millisecond a row


@dataclass(frozen=True)
class FileContent:
    """The bytes of a file or attachment; `depth` counts its containers."""

    content: bytes
    name: str
    limits: Limits = Limits()
    depth: int = 0
    n_archives: int = 0  # containers that are archives
    read_lines: "LineReader | None" = None  # reads pictures, where that is installed and wanted

    def inner(self, content: bytes, name: str) -> "FileContent":
        """Return an attachment of this file; raise `ReadError` if too large or too deep."""
        if self.depth >= self.limits.max_depth:
            raise ReadError(
                "trop de fichiers emboîtés (pièces jointes, archives)",
                f"{self.limits.max_depth} niveaux au plus",
                "enregistrer le fichier à part dans le dossier de l'atelier",
            )
        self.check_size(len(content))
        return replace(self, content=content, name=name, depth=self.depth + 1)

    def check_size(self, n_bytes: int) -> None:
        """Raise `ReadError` where an inner file exceeds the size limit."""
        if n_bytes > self.limits.max_bytes:
            raise too_large(n_bytes, self.limits.max_bytes)


ReadSource = Callable[[FileContent], tuple[RawPart, ...]]


def too_large(n_bytes: int, max_bytes: int) -> ReadError:
    """Return the refusal of a file larger than the study allows."""
    return ReadError(
        f"fichier de {_megabytes(n_bytes)} Mo",
        f"{_megabytes(max_bytes)} Mo au plus",
        "découper le fichier ou en retirer les images, "
        "ou relever « max_file_mb » dans etude.toml, section [ingest]",
    )


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / MEGABYTE:.1f}".replace(".", ",").removesuffix(",0")


def too_much(what: str) -> ReadError:
    """Return the refusal of too much text; `what` counts it."""
    return ReadError(
        f"document démesuré ({what})",
        "un document d'atelier",
        "vérifier que c'est le bon fichier, ou le découper",
    )


def too_many_rows(n_rows: int, max_rows: int) -> ReadError:
    """Return the refusal of a table that `ateliers add-table` would cut."""
    return ReadError(
        f"tableau de {n_rows} lignes",
        f"{max_rows} lignes au plus",
        "« ateliers add-table » le découpe dans le dépôt ; ou en faire plusieurs fichiers",
    )


def corrupt(what: str) -> ReadError:
    """Return the refusal of a damaged file; `what` has its article."""
    return ReadError(
        f"{what} est abîmé ou incomplet",
        "un fichier qui s'ouvre dans son logiciel",
        "l'ouvrir dans son logiciel, l'enregistrer de nouveau puis le redéposer ; "
        "s'il ne s'ouvre pas, en redemander une copie",
    )


def protected(what: str) -> ReadError:
    """Return the refusal of an encrypted file; `what` has no article."""
    return ReadError(
        f"{what} protégé par un mot de passe",
        "un fichier sans mot de passe",
        "l'ouvrir avec son mot de passe, l'enregistrer sans protection puis le redéposer",
    )


PICTURE = "image ou photo"
NO_TEXT_LAYER = "sans texte (scan)"
READ_BY_MACHINE = (
    "les faire lire par la machine (pip install 'ateliers-territoires[ocr]', "
    "et « ocr = true » dans etude.toml, section [ingest])"
)


def is_picture(error: "Error | None") -> bool:
    """Whether a file or part was refused only because it is a picture or a scan."""
    return error is not None and (error[0] == PICTURE or error[0].endswith(NO_TEXT_LAYER))


def no_text(what: str) -> ReadError:
    """Return the refusal of a blank file; `what` has no article."""
    return ReadError(
        f"{what} sans texte",
        "au moins un mot",
        "vérifier que c'est le bon fichier, ou le retirer du dossier",
    )


Error = tuple[str, str]  # French reason and advice
NO_MEMORY: Error = (
    "fichier qui demande trop de mémoire",
    "le découper, en retirer les images, ou l'enregistrer dans un autre format",
)
READ_AGAIN = "rien à corriger dans ce fichier : le prochain traitement le relira"
READY = b"ready"
MAX_ANSWER = 96_000_000  # bytes of an answer; readers' limits keep it well below
_FRAME = struct.Struct(">?Q")  # whether the child ends after this answer, its length
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR})


def is_passing(error: OSError) -> bool:
    """Whether another try may succeed: denied rights and link loops last."""
    return error.errno not in _LASTING


def away_error(why: str) -> Error:
    """Return the error of a file that was missing while it was read."""
    return f"fichier absent ou inaccessible pendant la lecture ({why})", READ_AGAIN


class TooLongError(ValueError):
    """An answer exceeds `MAX_ANSWER`."""


def frame(line: bytes, *, is_last: bool = False) -> bytes:
    """Return `line` with its frame for the pipe."""
    return _FRAME.pack(is_last, len(line)) + line


def read_frame(stream: IO[bytes]) -> tuple[bytes, bool]:
    """Return the next line and whether it is the last; (b"", True) if the child is gone.

    Raises `TooLongError` before reading a line over `MAX_ANSWER`.
    """
    header = stream.read(_FRAME.size)
    if len(header) < _FRAME.size:
        return b"", True
    is_last, n_bytes = _FRAME.unpack(header)
    if n_bytes > MAX_ANSWER:
        raise TooLongError
    line = stream.read(n_bytes)
    return (line, is_last) if len(line) == n_bytes else (b"", True)


def to_line(
    parts: tuple[RawPart, ...] = (),
    error: Error | None = None,
    *,
    can_pass: bool = False,
    failure: str = "",
) -> bytes:
    """Return the line for a file's parts or error, or for a `failure` that no reader foresaw.

    Half characters, which no table holds, become « ? ».
    """
    answer = [list(map(asdict, parts)), error, can_pass, failure]
    line = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    return line.encode("utf-8", "replace")
