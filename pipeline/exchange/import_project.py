"""People's codings in another tool's project, as decisions.

In:   Project; tables as reviewed, grid, decisions already taken
Out:  Taken
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.exchange.codebook import THEME, Entry, build_codebook, identifier_in, walk
from pipeline.exchange.codings import MACHINE
from pipeline.exchange.guids import guid
from pipeline.exchange.placing import Placer
from pipeline.exchange.project_file import FileCode, Project, Selection
from pipeline.exchange.taken import Decision, Taken, counted_reasons, settled_time, take_new
from pipeline.grid import Grid
from pipeline.words import counted, fold

_WHY = "importé d'un projet REFI-QDA"
_AUTHOR_CHARS = 80
BY_MACHINE = "codages de la machine, laissés tels quels"
NO_AUTHOR = "codage sans auteur (le donner par --author)"
GROUP = "code qui n'en est pas un : une branche de l'arbre"
UNKNOWN_CODE = "code inconnu de la grille et des thèmes"
SECOND_THEME = "second thème d'une personne sur un même passage"


def take_project(
    project: Project, tables: Mapping[str, pd.DataFrame], grid: Grid, *, decisions: pd.DataFrame, author: str | None = None
) -> Taken:
    """Return what people coded in `project` as decisions of theirs; `author` takes the codings that name nobody."""
    reader = _Reader(project, tables, grid, author)
    read = _with_one_theme(list(reader.decisions()), reader.reasons)
    new, n_known = take_new(read, decisions, tables["tags"])
    unknown = [f"code inconnu : « {name} », {counted(n, 'codage')}" for name, n in sorted(reader.unknown_codes.items())]
    left = [f"{what} : {n}" for what, n in project.left.items()]
    return Taken(new, n_known, counted_reasons(reader.reasons), (*unknown, *left))


class _Reader:
    """Reads a project's codings one by one, and keeps why some were left out."""

    def __init__(self, project: Project, tables: Mapping[str, pd.DataFrame], grid: Grid, author: str | None) -> None:
        self._project, self._author = project, author
        self._placer = Placer(tables)
        self._codes = _KnownCodes(build_codebook(grid, tables["themes"], tables["theme_families"]))
        tags = tables["tags"]
        proposed = tags[(tags["source"] == "machine") & tags["is_assigned"]]
        self._proposed = set(proposed[["unit_id", "axis", "code"]].itertuples(index=False, name=None))
        self.reasons: list[str] = []
        self.unknown_codes: Counter[str] = Counter()

    def decisions(self) -> Iterator[Decision]:
        """A decision each time that a person put a code on a unit, in the order of the file."""
        for source in self._project.sources:
            for selection, placed in zip(source.selections, self._placer.place(source), strict=True):
                coder = self._coder(selection)
                entry = self._entry(selection) if coder else None
                if coder is None or entry is None:
                    continue
                if not placed.unit_ids:
                    self.reasons.append(placed.why)
                for unit_id in placed.unit_ids:
                    yield self._decision(unit_id, entry, coder, selection.coded_at)

    def _coder(self, selection: Selection) -> str | None:
        """Who coded; None, with the reason kept, for the machine and for nobody."""
        name = self._project.users.get(selection.user, "")
        if selection.user == guid("user", MACHINE) or name.casefold().partition(" ")[0] == MACHINE:
            self.reasons.append(BY_MACHINE)
            return None
        coder = name[:_AUTHOR_CHARS] or self._author
        if not coder:
            self.reasons.append(NO_AUTHOR)
        return coder or None

    def _entry(self, selection: Selection) -> Entry | None:
        """Our code; None, with the reason kept, for a code that is not ours."""
        written = self._project.codes.get(selection.code)
        entry = self._codes.find(written) if written else None
        if entry is not None and entry.is_codable:
            return entry
        self.reasons.append(GROUP if entry else UNKNOWN_CODE)
        if entry is None:
            self.unknown_codes[written.name if written else "?"] += 1
        return None

    def _decision(self, unit_id: str, entry: Entry, coder: str, coded_at: str) -> Decision:
        decision: dict[str, Any] = {"author": coder, "unit_id": unit_id, "why": _WHY, "decided_at": settled_time(coded_at)}
        if entry.axis == THEME:
            return decision | {"action": "move_unit", "value": entry.code}
        is_proposed = (unit_id, entry.axis, entry.code) in self._proposed
        return decision | {"action": "accept_tag" if is_proposed else "add_tag", "axis": entry.axis, "code": entry.code}


class _KnownCodes:
    """Our codes by GUID, by the identifier in their description and by name, since tools keep one or another of them."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        listed = list(walk(entries))
        self._by_guid = {entry.guid: entry for entry in listed}
        self._by_code = {entry.code: entry for entry in listed if entry.is_codable}
        folded = Counter(fold(entry.name) for entry in listed)
        self._by_name = {fold(entry.name): entry for entry in listed if folded[fold(entry.name)] == 1}

    def find(self, written: FileCode) -> Entry | None:
        """Our code that `written` stands for, if any."""
        return (
            self._by_guid.get(written.guid)
            or self._by_code.get(identifier_in(written.description) or "")
            or self._by_name.get(fold(written.name))
            or self._by_code.get(written.name)
        )


def _with_one_theme(read: list[Decision], reasons: list[str]) -> list[Decision]:
    """`read` with each unit in one theme at most by one person: the last one put."""
    kept: dict[tuple[str, str], int] = {}
    ordered = sorted(range(len(read)), key=lambda place: (read[place]["decided_at"], place))
    for place in ordered:
        if read[place]["action"] == "move_unit":
            key = read[place]["author"], read[place]["unit_id"]
            if key in kept and read[kept[key]]["value"] != read[place]["value"]:
                reasons.append(SECOND_THEME)
            kept[key] = place
    last = set(kept.values())
    return [decision for place, decision in enumerate(read) if decision["action"] != "move_unit" or place in last]
