"""Read JSON files: maps, transcripts, conversations and lists of answers.

Where the words are in each tool's export is in data/lexicon/exports.yaml.
"""

import html
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pipeline.errors import ReadError
from pipeline.files import data_path, load_yaml
from pipeline.ingest.parts import RawBlock, RawPart, decode, parse_json
from pipeline.ingest.readers.chats import Message, part_of_messages
from pipeline.ingest.readers.source import FileContent, no_text
from pipeline.ingest.readers.transcripts import Cue, blocks_of_cues
from pipeline.ingest.readers.wording import clean, unreadable_signs
from pipeline.ingest.words import strip_markup

_EXPORT_AGAIN = "l'exporter de nouveau depuis l'outil d'origine"
_MIN_SHARE = 0.6  # of the items that have the keys of an export
_MIN_WORDS = 4  # of a record's longest text, for records to be read as a table
_MAX_COLUMNS = 200

Export = Mapping[str, Any]


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
    return _part_of_records(_items_at(content, "."))


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


def _part_of_records(items: Sequence[dict[str, Any]]) -> RawPart | None:
    """Return a list of flat records as a table if one of its texts is a sentence."""
    flat = [
        {key: _text(value) for key, value in item.items() if not isinstance(value, dict)}
        for item in items
    ]
    keys = list(dict.fromkeys(key for item in flat for key in item if isinstance(key, str)))
    n_words = max((len(text.split()) for item in flat for text in item.values()), default=0)
    if len(flat) < 2 or not 1 < len(keys) <= _MAX_COLUMNS or n_words < _MIN_WORDS:
        return None
    rows = [tuple(keys), *(tuple(clean(item.get(key, "")) for key in keys) for item in flat)]
    return RawPart((), rows=tuple(rows), taken_for="tableau JSON")
