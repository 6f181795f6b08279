"""Read what tools export: conversations as text, JSON files, mind maps, and maps in KML or GPX.

A message gives its author's blocks; what the app itself writes gives `meta` blocks. The forms of
the lines and the app's own words are in data/lexicon/messageries.txt, the places of the words in
JSON and pages in exports.yaml. A KMZ is a zip of KML, from Google My Maps or Google Earth.
"""

import html
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from lxml import etree

from pipeline.errors import ReadError
from pipeline.files import data_path, load_yaml
from pipeline.ingest.columns import is_question
from pipeline.ingest.parts import FileContent, RawBlock, RawPart, decode, no_text, parse_json
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.readers.container import parse_xml
from pipeline.ingest.readers.transcripts import Cue, blocks_of_cues, is_prose
from pipeline.ingest.words import (
    clean,
    first_names,
    has_letters,
    is_speaker,
    lexicon_sections,
    lines_of_section,
    matches,
    may_be_speaker,
    starts_low,
    strip_markup,
    unreadable_signs,
)

_DAY = (
    r"(?:[^\W\d_]{2,8}\.?,?\s+)?"
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[-/.]\d{2}[-/.]\d{2}"
    r"|\d{1,2}(?:er)?\s[^\W\d_]{3,9}\.?,?\s\d{4}|[^\W\d_]{3,9}\.?\s\d{1,2},\s\d{4})"
)
_HOUR = r"\d{1,2}(?:[:.]\d{2}(?:[:.]\d{2})?|\s?h\s?\d{2})(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_WHEN = rf"(?:{_DAY}(?:,|\sà|\sat|T)?\s*(?:[àa]\s)?{_HOUR}|{_HOUR},?\s(?:le\s)?{_DAY})"
_PLACEHOLDERS = {
    "QUAND": _WHEN,
    "HEURE": _HOUR,
    "NOM": r"(?P<name>[^:«»\"“”<>\[\]]{1,60}?)",
    "TEXTE": r"(?P<rest>\S.*)?",
}
_MARK = re.compile("(?::\\s|^)\u200e")  # iOS marks its own words with it
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_PHONE = re.compile(r"\+?\d(?:[\s.()-]{0,2}\d){7,14}")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MAX_NAME_WORDS = 6
_MAX_HEAD_LINES = 6
_CODE = re.compile(r"\b[UW][A-Z0-9]{6,14}\b")  # of a member of a Slack workspace
_IN_MEETING = "de réunion"  # such a chat is written while people talk
SLACK = "conversation Slack"
ANYBODY = "intervenant"  # shown as a number or a nickname only

_EXPORT_AGAIN = "l'exporter de nouveau depuis l'outil d'origine"
_MIN_SHARE = 0.6  # of the items that have the keys of an export
_MIN_WORDS = 4  # of a record's longest text, for records to be read as a table
_MAX_COLUMNS, _MAX_NODES = 200, 100_000
# of a survey's question in JSON: what its answers are called, and what it asks
_CODES, _LABELS = ("$xpath", "name", "$autoname", "code", "id"), ("label", "title", "question")

Export = Mapping[str, Any]

_DEEPEST = 6  # level of headings
_HEADER = ("structure", "latitude", "longitude", "geometry")
_PROSE = frozenset({"description", "desc", "notes", "gx_media_links"})
_PAIR = re.compile(r"^\s*([^:<>]{2,30}?)\s*:\s*(\S[^<>]*?)\s*$")
_MAX_LINE = 500  # of a description
_EXPORT_MAP_AGAIN = "l'exporter de nouveau depuis l'outil de cartographie"

Row = dict[str, str]


@dataclass
class Message:
    """A message by `author`, None for a notice of the app; `app` is its form's name."""

    author: str | None
    lines: list[str]
    opens_with_notice: bool = False
    app: str = ""
    has_header: bool = False  # its lines up to the first blank one are fields


@dataclass
class _Conversation:
    head: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def as_chat(part: RawPart) -> RawPart:
    """Return `part` with the author of each message if its blocks are a conversation."""
    if not is_prose(part):
        return part
    lines = [f"{'- ' if block.kind == 'bullet' else ''}{block.text}" for block in part.blocks]
    chat = read_chat(lines)
    return (
        part
        if chat is None
        else replace(part, blocks=chat.blocks, channel=chat.channel, taken_for=chat.taken_for)
    )


def read_chat(lines: Sequence[str]) -> RawPart | None:
    """Return the part of a conversation exported as text; None if `lines` are none.

    >>> [block.speaker for block in read_chat(["12/03/26, 14:05 - Anne Riou: un bus"]).blocks]
    ['Anne Riou']
    """
    chat = _Conversation()
    for line in lines:
        message = _opened_message(line)
        if message:
            chat.messages.append(message)
        elif chat.messages:
            chat.messages[-1].lines.append(line)
        elif shown := clean(line):
            chat.head.append(shown)
            if len(chat.head) > _MAX_HEAD_LINES:
                return None
    if not _is_chat(chat.messages):
        return None
    apps = Counter(message.app for message in chat.messages if message.author)
    head = [RawBlock(line, "meta", reason="circumstance") for line in chat.head]
    return part_of_messages(chat.messages, apps.most_common(1)[0][0], head=head)


def part_of_messages(
    messages: Sequence[Message],
    app: str,
    *,
    head: Sequence[RawBlock] = (),
    title: str | None = None,
    warnings: tuple[str, ...] = (),
) -> RawPart:
    """Return the part of a conversation in `app`, "" for an unknown one."""
    blocks = [*head, *(block for message in messages for block in _message_blocks(message))]
    taken_for = " ".join(filter(None, ["conversation", app]))
    channel = "transcript" if app.startswith(_IN_MEETING) else "mail"
    return RawPart(
        tuple(blocks), title=title, channel=channel, warnings=warnings, taken_for=taken_for
    )


def _opened_message(line: str) -> Message | None:
    shown = _INVISIBLE.sub("", line).replace("\u00a0", " ").replace("\u202f", " ").strip()
    if not shown or not any(character.isdigit() for character in shown):
        return None
    for app, pattern, is_weak in _forms():
        match = pattern.fullmatch(shown)
        if match is None:
            continue
        groups = match.groupdict()
        name, rest = (groups.get("name") or "").strip(), clean(groups.get("rest") or "")
        if name and (len(name.split()) > _MAX_NAME_WORDS or (is_weak and not _is_name(name))):
            continue
        has_header = "HEADER" in groups
        is_notice = bool(_MARK.search(line.lstrip("\u200e")))
        return Message(name or None, [rest], is_notice, app, has_header)
    return None


def _is_name(text: str) -> bool:
    return may_be_speaker(_plain_name(text)) and not text.isupper()


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str], bool], ...]:
    """Return (app, pattern, whether only a person's name makes it sure) of each form of line."""
    forms: list[tuple[str, re.Pattern[str], bool]] = []
    for line in lines_of_section("messageries", "lignes"):
        app, _, template = line.partition(" | ")
        is_weak = app.endswith("?")
        for word, expression in _PLACEHOLDERS.items():
            template = template.replace(word, expression)
        template = template.replace("CHAMPS", "(?P<HEADER>)")
        forms.append((app.rstrip("?- "), re.compile(template, re.IGNORECASE), is_weak))
    return tuple(forms)


def _is_chat(messages: Sequence[Message]) -> bool:
    """Whether a message has a sure author, or an author writes twice: no agenda does."""
    authors = Counter(message.author for message in messages if message.author)
    is_sure = any(is_speaker(_plain_name(author)) or _PHONE.search(author) for author in authors)
    return is_sure or any(count > 1 for count in authors.values())


def _message_blocks(message: Message) -> Iterator[RawBlock]:
    if message.author is None:
        shown = clean(" ".join(message.lines))
        if shown:
            yield RawBlock(shown, "meta", reason="application")
        return
    suffix = lexicon_sections("messageries")["suffixe"]
    written: list[str] = []
    is_header = message.has_header
    for i, line in enumerate(message.lines):
        text = suffix.sub("", line)
        shown = clean(text)
        is_header = is_header and (i == 0 or bool(shown))
        reason = ""
        if shown:
            is_notice = is_header or (i == 0 and message.opens_with_notice)
            reason = "application" if is_notice else reason_of_line(shown)
        if reason:
            yield from _paragraphs(written, message.author)
            yield RawBlock(shown, "meta", reason=reason)
            written = []
        else:
            written.append(text)
        if edited := suffix.search(line):
            yield from _paragraphs(written, message.author)
            written = []
            yield RawBlock(clean(edited[0]), "meta", reason="application")
    yield from _paragraphs(written, message.author)


def reason_of_line(text: str) -> str:
    """Return why a line of a message is not its author's words, "" if it is."""
    if any(matches("messageries", section, text, whole=True) for section in ("media", "avis")):
        return "application"
    if _LINK.fullmatch(text):
        return "web address"
    is_emoji = any(unicodedata.category(character) == "So" for character in text)
    has_number = any(map(str.isdigit, text)) and not is_emoji and not text.startswith("+")
    return "" if has_letters(text) or has_number else "mark"


def _paragraphs(lines: Sequence[str], author: str) -> Iterator[RawBlock]:
    """Call a number or a nickname « intervenant »: it names nobody."""
    name = _plain_name(author)
    words = name.split()
    is_whole_name = len(words) > 1 and all(word[:1].isupper() for word in words)
    has_first_name = any(word in first_names() for word in name.title().split())
    is_named = is_whole_name or has_first_name or is_speaker(name) or _CODE.fullmatch(name)
    speaker = name if is_named else ANYBODY
    spaced: list[str] = []  # an app wraps no line: one with a capital is another paragraph
    for line in lines:
        spaced += [line] if starts_low(line) else ["", line]
    for block in blocks_of_lines(spaced, is_mail=True):
        yield replace(block, speaker=speaker)


def _plain_name(author: str) -> str:
    return " ".join(re.sub(r"[^\w\s.'’()-]", " ", author).split())


def name_members(blocks: Sequence[RawBlock], members: Mapping[str, str]) -> tuple[RawBlock, ...]:
    """Return the blocks of a Slack conversation with the names of `members` for their codes."""

    def name_of(match: re.Match[str]) -> str:
        return members.get(match[0], ANYBODY)

    return tuple(
        replace(
            block,
            text=_CODE.sub(name_of, block.text),
            speaker=_plain_name(_CODE.sub(name_of, block.speaker)) if block.speaker else None,
        )
        for block in blocks
    )


def read_json(file: FileContent) -> tuple[RawPart, ...]:
    """Return a map's text as one meta block, else the words of a known export.

    Raises `ReadError` for JSON that does not parse, and for JSON of an unknown form.
    """
    text = decode(file.content).removeprefix("\ufeff")
    try:
        content = parse_json(text)
    except (ValueError, RecursionError) as error:
        expected = "un fichier .json ou .geojson complet"
        raise ReadError("fichier JSON illisible", expected, _EXPORT_AGAIN) from error
    if is_map(content):
        kind = "carte uMap" if "layers" in content else "carte"
        return (RawPart((RawBlock(text, "meta"),), taken_for=kind),)
    part = _part_of(content, unreadable_signs(text))
    if part is None:
        raise ReadError(
            "fichier JSON qui n'est ni une carte, ni une transcription, ni une conversation",
            "une carte (.geojson, .umap), ou l'export d'une transcription ou d'une messagerie",
            "exporter ce fichier en .csv, .xlsx ou .txt depuis son outil, puis le redéposer",
        )
    if not (part.blocks or part.rows or part.left_out):
        raise no_text("fichier JSON")
    return (part,)


def is_map(content: Any) -> bool:
    """Whether the object is GeoJSON with features, or a uMap export; older ones lack the type."""
    if not isinstance(content, dict):
        return False
    layers = content.get("layers")
    is_layered = isinstance(layers, list)
    is_umap = is_layered and (content.get("type") == "umap" or any(map(is_map, layers or ())))
    return content.get("type") in ("FeatureCollection", "Feature") or is_umap


def _part_of(content: Any, warnings: tuple[str, ...]) -> RawPart | None:
    for annex in exports()["annexes"]:
        items = _items_at(content, ".")
        if _have(items, annex["cles"]):
            people = [
                (_first(item, annex["personne"]), _text(_at(item, annex["identifiant"])))
                for item in (items if "personne" in annex else ())
            ]
            return RawPart(
                (),
                people=tuple(person for person in people if all(person)),
                taken_for=annex["nom"],
                left_out=((annex["partie"], annex["raison"]),),
            )
    for export in exports()["json"]:
        for path in export["liste"]:
            items = _items_at(content, path)
            if _is_of(items, export):
                return _read_export(content, items, export, warnings)
    return _part_of_records(content)


@cache
def exports() -> dict[str, list[dict[str, Any]]]:
    """Return data/lexicon/exports.yaml."""
    forms: dict[str, list[dict[str, Any]]] = load_yaml(data_path("lexicon", "exports.yaml"))
    return forms


def _items_at(content: Any, path: str) -> list[dict[str, Any]]:
    """Return the objects of the list, or lists, at `path`."""
    if path == ".":
        found = content if isinstance(content, list) else [content]
    else:
        found = _at(content, path)
        if "*" in path and isinstance(found, list):
            found = [item for inner in found if isinstance(inner, list) for item in inner]
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _at(content: Any, path: str) -> Any:
    step, _, rest = path.partition(".")
    if step == "*":
        inner = [_at(item, rest) if rest else item for item in content if item is not None]
        return inner if isinstance(content, list) else None
    if isinstance(content, dict):
        value = content.get(step)
    elif isinstance(content, list) and step.isdigit() and int(step) < len(content):
        value = content[int(step)]
    else:
        return None
    return _at(value, rest) if rest and value is not None else value


def _have(items: Sequence[dict[str, Any]], keys: Sequence[str]) -> bool:
    n_items = sum(all(key in item for key in keys) for item in items)
    return bool(items) and n_items >= _MIN_SHARE * len(items)


def _is_of(items: Sequence[dict[str, Any]], export: Export) -> bool:
    if not items or not _have(items, export.get("cles", ())):
        return False
    if "seules" in export and any(set(item) - set(export["seules"]) for item in items):
        return False
    has_text = [bool(_first(item, export["texte"]).strip()) for item in items]
    is_told = any(_first(item, export.get("auteur", ())) for item in items)
    is_sure = bool(export.get("cles") or export.get("seules"))
    return any(has_text) and (is_sure or (is_told and sum(has_text) >= _MIN_SHARE * len(items)))


def _first(item: dict[str, Any], paths: Sequence[str]) -> str:
    texts = (_text(_at(item, path)) for path in paths)
    return next((text for text in texts if text.strip()), "")


def _text(value: Any) -> str:
    """Join the pieces of a text: Telegram cuts it at links and bold words."""
    if isinstance(value, list):
        pieces = (piece.get("text") if isinstance(piece, dict) else piece for piece in value)
        return "".join(piece for piece in pieces if isinstance(piece, str))
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value) if is_plain else ""


def _read_export(
    content: Any, items: Sequence[dict[str, Any]], export: Export, warnings: tuple[str, ...]
) -> RawPart:
    if export["genre"] == "transcription":
        blocks = blocks_of_cues(list(_cues(items, export)))
        taken_for = " ".join(filter(None, ["transcription", export["nom"]]))
        return RawPart(tuple(blocks), channel="transcript", warnings=warnings, taken_for=taken_for)
    title = _text(_at(content, export["titre"])) if "titre" in export else ""
    messages = [_message(item, export) for item in items]
    return part_of_messages(messages, export["nom"], title=clean(title) or None, warnings=warnings)


def _cues(items: Sequence[dict[str, Any]], export: Export) -> Iterator[Cue]:
    unit = float(export.get("diviseur", 1))
    for item in items:
        text = clean(_first(item, export["texte"]))
        start = _seconds(_at(item, export["debut"])) if "debut" in export else 0.0
        end = _seconds(_at(item, export["fin"])) if "fin" in export else start
        speaker = clean(_first(item, export.get("auteur", ()))).replace("_", " ")
        if text:
            yield Cue(start / unit, max(start, end) / unit, text, speaker or None)


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e12 and math.isfinite(value) else 0.0


def _message(item: dict[str, Any], export: Export) -> Message:
    is_notice = any(item.get(key) not in values for key, values in export.get("propos", {}).items())
    author = clean(_first(item, export["auteur"]))
    lines = plain_message(_first(item, export["texte"])).split("\n")
    if is_notice and author and not lines[0].startswith(author):
        lines[0] = f"{author} {lines[0]}"
    return Message(None if is_notice else author or "?", lines)


def plain_message(text: str) -> str:
    """Return a message without its app's marks: mentions, links, emphasis, HTML."""
    if re.match(r"\s*<(?:p|div|span|br)\b", text, re.IGNORECASE):
        text = strip_markup(text)
    for pattern, shown in _marks():
        text = pattern.sub(shown, text)
    return html.unescape(text)


@cache
def _marks() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), shown) for pattern, shown in exports()["balisage"])


def _part_of_records(content: Any) -> RawPart | None:
    """Return the largest list of records as a table if one of its texts is a sentence.

    Surveys keep the questions apart from the answers, which have codes for keys.
    """
    nodes = _nodes_of(content)
    lists = [_items_at(node, ".") for node in nodes if isinstance(node, list)]
    items = max(lists, key=lambda own: sum(map(len, own)), default=[])
    flat = [_flattened(item) for item in items]
    keys = list(dict.fromkeys(key for item in flat for key in item))
    n_words = max((len(text.split()) for item in flat for text in item.values()), default=0)
    if len(flat) < 2 or not 1 < len(keys) <= _MAX_COLUMNS or n_words < _MIN_WORDS:
        return None
    answers = {id(node) for item in items for node in (item, *item.values())}
    legends = [node for node in nodes if isinstance(node, dict) and id(node) not in answers]
    labels = _labels_of(legends, keys)
    rows = [tuple(clean(labels.get(key, key)) for key in keys)]
    told = content.items() if isinstance(content, dict) else ()
    asked = [clean(text) for _, text in told if isinstance(text, str) and is_question(text)]
    if len(asked) == 1:  # of all records
        blank = ("",) * len(keys)
        rows[:0] = [("Question", asked[0], *blank[2:]), blank]
    rows += [tuple(clean(item.get(key, "")) for key in keys) for item in flat]
    return RawPart((), rows=tuple(rows), taken_for="tableau JSON")


def _nodes_of(content: Any) -> list[Any]:
    """Return the lists and objects of a JSON file, the outer ones first."""
    nodes = [content]
    for node in nodes:
        if len(nodes) > _MAX_NODES:
            break
        inner = node.values() if isinstance(node, dict) else node
        nodes += [value for value in inner if isinstance(value, dict | list)]
    return nodes


def _flattened(item: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Return the texts of a record, those of its groups as "group/key"."""
    texts: dict[str, str] = {}
    for key, value in item.items():
        if isinstance(value, dict) and not above:
            texts |= _flattened(value, f"{key}/")
        elif not isinstance(value, dict):
            texts[f"{above}{key}"] = _text(value)
    return texts


def _labels_of(legends: Sequence[dict[str, Any]], keys: Sequence[str]) -> dict[str, str]:
    """Return what the keys of the records ask: a label by code, or an object a question."""
    codes = {name: key for key in keys for name in (key.split("/")[-1], key)}
    labels: dict[str, str] = {}
    for legend in legends:
        names = [_text(legend.get(name)) for name in _CODES]
        name = next((codes[name] for name in names if name in codes), None)
        told = next(filter(None, (_first(legend, (path, f"{path}.0")) for path in _LABELS)), "")
        if name and told:
            labels.setdefault(name, told)
        by_code = {codes[key]: _text(value) for key, value in legend.items() if key in codes}
        if any(len(text.split()) >= _MIN_WORDS for text in by_code.values()):
            labels = by_code | labels
    return labels


def read_mind_map(file: FileContent) -> tuple[RawPart, ...]:
    """Return a tree of ideas: what has branches is a heading, what has none is said.

    OPML has nodes `outline`, FreeMind and Freeplane `node`. Raises `ReadError` for malformed XML,
    any DTD, or no idea.
    """
    root = parse_xml(file.content, "carte mentale")
    blocks: list[RawBlock] = []
    waiting = [(node, 1) for node in reversed(root.findall("node") or root.findall("body/outline"))]
    while waiting:
        node, level = waiting.pop()
        inner = [*node.findall(node.tag)]
        rich = ("".join(map(str, own.itertext())) for own in node.findall("richcontent"))
        text = clean(strip_markup(node.get("text") or node.get("TEXT") or " ".join(rich)))
        if text:
            kind = "heading" if inner else "bullet"
            blocks.append(RawBlock(text, kind, min(level, _DEEPEST) if inner else 0))
        waiting += [(child, level + bool(text)) for child in reversed(inner)]
    if not blocks:
        raise no_text("fichier")
    return (RawPart(tuple(blocks), title=clean(root.findtext("head/title") or "") or None),)


def read_kml(file: FileContent) -> tuple[RawPart, ...]:
    """Return the placemarks as rows: name, coordinates, zone, other data.

    A description keeps only lines such as « Commune : Guéret ». Raises `ReadError` for malformed
    XML, any DTD, or no placemark.
    """
    root = parse_xml(file.content, "fichier KML ou GPX")
    rows = [*map(_placemark, root.iter("{*}Placemark")), *map(_waypoint, root.iter("{*}wpt"))]
    if not rows:
        expected = "au moins un repère nommé"
        raise ReadError("carte KML ou GPX sans repère", expected, _EXPORT_MAP_AGAIN)
    header = tuple(dict.fromkeys([*_HEADER, *(key for row in rows for key in row)]))
    return (
        RawPart((), rows=(header, *(tuple(row.get(key, "") for key in header) for row in rows))),
    )


def _placemark(mark: etree._Element) -> Row:
    row = {"structure": _text_at(mark, "{*}name")}
    for data in mark.iter("{*}Data", "{*}SimpleData"):
        text = _text_at(data, "{*}value") or (data.text or "").strip()
        name = str(data.get("name") or "")
        if text and name and name.lower() not in _PROSE:
            row.setdefault(name, text)
    pairs = _pairs_in(mark.findtext("{*}description") or "")
    row |= {key: text for key, text in pairs if key not in row}
    point = mark.find(".//{*}Point/{*}coordinates")
    if point is not None:
        row["longitude"], row["latitude"] = next(iter(_coordinates(point.text)), ("", ""))
    outlines = mark.iterfind(".//{*}outerBoundaryIs//{*}coordinates")
    rings = [ring for outline in outlines if (ring := _ring(outline))]
    if rings:
        geometry = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
        row["geometry"] = json.dumps(geometry, separators=(",", ":"))
    return row


def _waypoint(point: etree._Element) -> Row:
    row = {
        "structure": _text_at(point, "{*}name"),
        "latitude": point.get("lat", ""),
        "longitude": point.get("lon", ""),
    }
    kind = _text_at(point, "{*}type")
    return row | ({"type": kind} if kind else {})


def _text_at(element: etree._Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())


def _pairs_in(description: str) -> Iterator[tuple[str, str]]:
    for line in re.split(r"<br\s*/?>|\n|</p>", description):
        pair = _PAIR.match(re.sub(r"<[^<>]*>", "", line[:_MAX_LINE]))
        if pair and pair[1].lower() not in ("http", "https"):
            yield pair[1], pair[2]


def _coordinates(text: str | None) -> list[tuple[str, str]]:
    entries = (entry.split(",") for entry in (text or "").split())
    return [(numbers[0], numbers[1]) for numbers in entries if len(numbers) >= 2]


def _ring(outline: etree._Element) -> list[list[float]]:
    try:
        return [[float(lon), float(lat)] for lon, lat in _coordinates(outline.text)]
    except ValueError:
        return []
