"""Put what several passages say of one offer on one line, under its structure.

In:   offers as passages say them, structures, attendance, workshops
Out:  the same rows with their structure, their year and the offer_id of their line

« 112 bénéficiaires » of a mail and « 112 personnes formées » of a table are one line. Two numbers
of one structure and one thing are one line too, and nobody adds them up.
"""

import datetime
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.communes import name_of
from pipeline.offer.carriers import essential
from pipeline.offer.phrases import offer_lexicon, words_of
from pipeline.offer.quantities import lexicon
from pipeline.structure_names import word_group
from pipeline.text import fold

Row = dict[str, Any]

_MIN_TELLING = 20  # a smaller number may be the same by chance
_STEM = 5  # first letters of a word that make two words one
_MIN_CORE = 6  # letters of a name's own word that is enough to recognise it
_PARTICLES = frozenset({"en", "a", "au", "par", "etat", "circu", "servi"})  # « en état »
_SMALL = {"l", "d", "de"}
_ALONE = r"\b(?:la |le |l')({word})\b(?! (?:de|du|des)\b| d')"


def assign_structures(
    rows: Sequence[Row], structures: pd.DataFrame, attendance: pd.DataFrame | None
) -> None:
    """Complete structure_id and structure_name by what else is known of each workshop.

    « la ressourcerie » is the only one of the list; « la marmite » is « La Marmite du Trichon ».
    """
    names = dict(zip(structures["structure_id"], structures["name"], strict=True))
    here = _structures_of_workshops(structures, attendance)
    codes = structures[["structure_id", "commune_code"]].dropna()
    communes = {
        str(key): set(fold(name_of(str(code))).split())
        for key, code in codes.itertuples(index=False, name=None)
    }
    for workshop_id, of_workshop in _grouped(rows, "workshop_id").items():
        ids = here.get(str(workshop_id)) or set(names)
        known = {key: essential(str(names[key])) for key in sorted(ids) if key in names}
        for row in of_workshop:
            if row["structure_id"] is None:
                row["structure_id"] = _known_as(row, known) or _known_by_commune(
                    row, known, communes
                )
        _name_by_passages(of_workshop)
    for row in rows:
        if row["structure_id"] is not None:
            row["structure_name"] = str(names[row["structure_id"]])


def _grouped(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _structures_of_workshops(
    structures: pd.DataFrame, attendance: pd.DataFrame | None
) -> dict[str, set[str]]:
    """The structures on the map or the attendance list of each workshop."""
    here: dict[str, set[str]] = defaultdict(set)
    for key, workshop_ids in structures[["structure_id", "map_workshop_ids"]].itertuples(
        index=False, name=None
    ):
        for workshop_id in re.findall(r'"([^"]+)"', "" if pd.isna(workshop_ids) else workshop_ids):
            here[workshop_id].add(str(key))
    if attendance is not None:
        present = attendance[["workshop_id", "structure_id"]].dropna()
        for workshop_id, key in present.itertuples(index=False, name=None):
            here[str(workshop_id)].add(str(key))
    return here


def _known_as(row: Row, known: Mapping[str, str]) -> str | None:
    """The structure of the workshop that alone can be meant."""
    said = row["structure_name"] or (row["structure_kind"] if row["is_definite"] else "")
    words = essential(said or "").split()
    if words:
        matches = [key for key, name in known.items() if _is_shortened(words, name.split())]
        if len(matches) == 1:
            return matches[0]
    if row["structure_name"]:
        return None
    text = fold(row["text"], keep_signs=True)
    cores = {key: _own_word(name) for key, name in known.items()}
    uses = Counter(cores.values())
    matches = [
        key
        for key, core in cores.items()
        if core and uses[core] == 1 and re.search(_ALONE.format(word=re.escape(core)), text)
    ]
    return matches[0] if len(matches) == 1 else None


def _known_by_commune(
    row: Row, known: Mapping[str, str], communes: Mapping[str, set[str]]
) -> str | None:
    """« le camion-épicerie de Vervins » is the only épicerie of Vervins."""
    said = set(essential(row["structure_name"] or "").split())
    kinds = said & (words_of("metiers") | set(lexicon()["metiers"])) - _SMALL
    matches = [
        key
        for key, name in known.items()
        if kinds & set(name.split()) and communes.get(key) and communes[key] <= said
    ]
    return matches[0] if len(matches) == 1 else None


def _is_shortened(words: Sequence[str], full: Sequence[str]) -> bool:
    """Whether all `words` are in the full name, from its start or with one of its own words."""
    if not set(words) <= set(full):
        return False
    common = words_of("metiers") | words_of("statuts") | set(lexicon()["metiers"])
    return full[: len(words)] == list(words) or any(word not in common for word in words)


def _own_word(name: str) -> str:
    """« marmite » of « marmite du trichon »; "" where it is a common word of structures."""
    common = set(lexicon()["metiers"]) | words_of("metiers") | words_of("statuts")
    common |= word_group("generiques") | word_group("descripteurs")
    words = [word for word in name.split() if word not in common]
    first = words[0] if words else ""
    return first if len(first) >= _MIN_CORE and first[-1] != "s" else ""


def _name_by_passages(rows: Sequence[Row]) -> None:
    """Let « le chantier d'insertion » be the only named one, and names be written in one way."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["structure_id"] is None and row["structure_name"]:
            spellings[essential(row["structure_name"])].add(row["structure_name"])
    best = {key: max(names, key=lambda name: (len(name), name)) for key, names in spellings.items()}
    for row in rows:
        if row["structure_id"] is not None:
            continue
        if row["structure_name"]:
            row["structure_name"] = best[essential(row["structure_name"])]
        elif row["structure_kind"] and row["is_definite"]:
            kind = essential(row["structure_kind"])
            matches = [name for key, name in best.items() if f"{key} ".startswith(f"{kind} ")]
            row["structure_name"] = matches[0] if len(matches) == 1 else None


def set_years(rows: Iterable[Row], workshops: pd.DataFrame | None) -> None:
    """Turn years relative to the workshop's into years; unknown without its date."""
    dates: dict[str, Any] = {}
    if workshops is not None:
        dates = dict(zip(workshops["workshop_id"], workshops["date"], strict=True))
    for row in rows:
        year = row["year"]
        if year is None or year > 0:
            continue
        held = _year(dates.get(row["workshop_id"]))
        row["year"] = held + year if held else None


def _year(day: Any) -> int | None:
    if isinstance(day, datetime.date):
        return day.year
    match = re.match(r"(\d{4})", str(day))
    return int(match[1]) if match else None


def number_lines(rows: Sequence[Row]) -> None:
    """Set the offer_id of each row; the rows of a line get the structure that one of them names.

    So does what the same passage says beside: « 640 vélos, 1 380 adhérents ».
    """
    for line in _lines(rows):
        _share_structure(line)
    for of_passage in _grouped(rows, "unit_id").values():
        if len({_named(row) for row in of_passage} - {""}) == 1:
            _share_structure(of_passage)
    lines = _lines(rows)
    for line in lines:
        _share_structure(line)
    for (key, n), line in zip(_keys(lines), lines, strict=True):
        digest = hashlib.sha256(f"{key} {n}".encode()).hexdigest()[:12]
        for row in line:
            row["offer_id"] = digest


def _named(row: Row) -> str:
    return str(row["structure_id"] or essential(row["structure_name"] or ""))


def _lines(rows: Sequence[Row]) -> list[list[Row]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        for key in _blocks(row):
            groups[key].append(i)
    pairs = {pair for members in groups.values() for pair in combinations(members, 2)}
    same = np.array([pair for pair in sorted(pairs) if _is_one(*(rows[i] for i in pair))], int)
    firsts, seconds = same.reshape(-1, 2).T
    graph = coo_array((np.ones(len(same)), (firsts, seconds)), shape=(len(rows), len(rows)))
    lines = defaultdict(list)
    for number, row in zip(connected_components(graph)[1], rows, strict=True):
        lines[number].append(row)
    return list(lines.values())


def _blocks(row: Row) -> Iterator[tuple[Any, ...]]:
    """Keys that two rows of one line share, so that not all pairs are compared."""
    carrier = _named(row) or f"{row['workshop_id']} {row['structure_kind']}"
    if row["quantity"] is None:
        yield carrier, activity_key(row["activity"])
        return
    yield carrier, _family(row)
    yield row["workshop_id"], _family(row), row["quantity_low"], row["quantity_high"]


def _keys(lines: Iterable[Sequence[Row]]) -> list[tuple[str, int]]:
    """A line's structure, unit and activity, and its rank among those that share them."""
    uses: Counter[str] = Counter()
    keys = []
    for line in lines:
        first = line[0]
        words = " ".join(sorted(activity_key(first["activity"])))
        key = "|".join((_carrier(first), _family(first), words))
        keys.append((key, uses[key]))
        uses[key] += 1
    return keys


def _carrier(row: Row) -> str:
    by_name = f"{row['workshop_id']} {essential(row['structure_name'] or '')}"
    return row["structure_id"] or f"{by_name} {row['structure_kind'] or ''}"


def _share_structure(line: Sequence[Row]) -> None:
    named = next((row for row in line if row["structure_id"] is not None), None)
    named = named or next((row for row in line if row["structure_name"]), None)
    kind = next((row["structure_kind"] for row in line if row["structure_kind"]), None)
    for row in line:
        if named is not None:
            row["structure_id"] = named["structure_id"]
            row["structure_name"] = named["structure_name"]
        row["structure_kind"] = row["structure_kind"] or kind


def _family(row: Row) -> str:
    """What a quantity counts, whoever says it: bénéficiaires are personnes."""
    if row["quantity"] is None:
        return "-"
    noun = row["quantity_unit"].split(" par ")[0]
    families = offer_lexicon()["memes_unites"]
    return next((str(name) for name, units in families.items() if noun in units), noun)


def _is_one(first: Row, second: Row) -> bool:
    """Whether two rows of one unit say the same of one offer."""
    if first["quantity"] is None:
        key = activity_key(first["activity"])
        is_same = key == activity_key(second["activity"])
        return is_same and _is_one_carrier(first, second, named=True)
    if not _is_one_pace(first, second):
        return False
    bounds = [(row["quantity_low"], row["quantity_high"]) for row in (first, second)]
    if bounds[0] == bounds[1]:
        is_telling = first["quantity"] >= _MIN_TELLING or _are_alike(first, second)
        is_named = _is_one_carrier(first, second, named=True)
        return is_named or (is_telling and _is_one_carrier(first, second, named=False))
    if first["unit_id"] == second["unit_id"] or not _is_one_carrier(first, second, named=True):
        return False
    return first["quantity_unit"].split(" par ")[0] in words_of("moyens") or _are_alike(
        first, second
    )


def _is_one_pace(first: Row, second: Row) -> bool:
    paces = [row["quantity_unit"].partition(" par ")[2] for row in (first, second)]
    return paces[0] == paces[1] or not all(paces)


def _is_one_carrier(first: Row, second: Row, *, named: bool) -> bool:
    """Whether both may be of one structure; if `named`, whether both say so."""
    keys = [_named(first), _named(second)]
    if all(keys):
        return bool(keys[0] == keys[1])
    kinds = [set(essential(row["structure_kind"] or "").split()) for row in (first, second)]
    if named:
        is_same_kind = bool(kinds[0]) and kinds[0] == kinds[1]
        return not any(keys) and is_same_kind and first["is_definite"] and second["is_definite"]
    names = [
        kind | set(essential(row["structure_name"] or "").split())
        for kind, row in zip(kinds, (first, second), strict=True)
    ]
    return not all(names) or names[0] <= names[1] or names[1] <= names[0]


def _are_alike(first: Row, second: Row) -> bool:
    left, right = activity_key(first["activity"]), activity_key(second["activity"])
    return bool(left & right) and (left <= right or right <= left)


def activity_key(activity: str | None) -> frozenset[str]:
    """Return the stems of an activity's words, with one for participles that say the same.

    « vélos réparés » and « vélos remis en circulation » have one key.
    """
    plain = essential(activity or "").split()
    return frozenset(_gesture(word)[:_STEM] for word in plain) - _PARTICLES


def _gesture(word: str) -> str:
    forms = (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("e"))
    return next((_gestures()[form] for form in forms if form in _gestures()), word)


@cache
def _gestures() -> dict[str, str]:
    groups = offer_lexicon()["memes_gestes"]
    return {str(word): str(name) for name, words in groups.items() for word in words}
