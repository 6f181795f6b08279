"""Accept, reject, add and confirm codes, and compute the codes of a passage."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from pipeline.decisions.kinds import (
    Code,
    Decision,
    Names,
    PassageDecision,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_json,
)
from pipeline.grid.codes import POSTURE
from pipeline.tables.columns import cells_of, is_among

Words = list[tuple[Code, bool]]  # whether each code stays


@dataclass(frozen=True)
class TagDecision(PassageDecision):
    """A decision on codes of a passage."""

    group = "etiquettes"

    def code_words(self, others: Iterable[Code]) -> Words:
        """Return its codes; it may remove `others` without naming them."""
        raise NotImplementedError


def _read_coders(value: object) -> tuple[str, ...]:
    content = read_json(value)
    coders = content.get("arbitrates") if isinstance(content, dict) else None
    return tuple(map(str, coders)) if isinstance(coders, list) else ()


def _write_coders(coders: Iterable[str]) -> str | None:
    named = sorted(coders)
    return as_json({"arbitrates": named}) if named else None


@dataclass(frozen=True)
class CodeDecision(TagDecision):
    """A decision that puts or removes one code."""

    puts: ClassVar[bool] = True

    axis: str | None
    code: str | None

    @property
    def coders(self) -> tuple[str, ...]:
        """The coders between whom it arbitrates, if it does."""
        return ()

    @property
    def key(self) -> Code:
        return str(self.axis), str(self.code)

    def code_words(self, others: Iterable[Code]) -> Words:
        return [(self.key, self.puts)]

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {self._subject(exclusive), ("all codes", str(self.unit_id))}

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {self._subject(exclusive), ("a code", str(self.unit_id))}

    def _subject(self, exclusive: Mapping[str, bool]) -> Subject:
        is_exclusive = exclusive.get(self.axis or "", False)
        return ("tag", str(self.unit_id), str(self.axis) if is_exclusive else ":".join(self.key))

    def fault(self, reviewed: Reviewed) -> str | None:
        if self.axis and self.axis not in reviewed.exclusive:
            return f"La grille n'a plus l'axe « {self.axis} »."
        return None if self.axis and self.code else "Le code manque."

    def holds(self, reviewed: Reviewed) -> bool:
        return (self.key in reviewed.codes.get(self.unit_id or "", ())) == self.puts

    def why_not(self) -> str:
        if self.axis == POSTURE:
            return "Aucune autre posture n'a été proposée pour ce passage."
        return "Aucun autre code de cet axe n'a été proposé pour ce passage."

    def sentence(self, names: Names) -> str:
        sentence = super().sentence(names)
        if not self.coders:
            return sentence
        coders = names.joined(self.coders)
        return names.say("arbitre entre {coders} : {said}", coders=coders, said=sentence)

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"code": names.code(self.code)}


@dataclass(frozen=True)
class _WholePassage(CodeDecision):
    """A decision on one code of the whole passage; `between` names the coders if it arbitrates."""

    between: tuple[str, ...] = field(default=(), metadata=in_value(_read_coders, _write_coders))

    @property
    def coders(self) -> tuple[str, ...]:
        return self.between


@dataclass(frozen=True)
class AcceptTag(_WholePassage):
    """Keeps a code that the machine considered."""

    action = "accept_tag"
    template = "accepte {code} sur {passage}"


@dataclass(frozen=True)
class AddTag(_WholePassage):
    """Adds a code that the machine did not consider."""

    action = "add_tag"
    template = "ajoute {code} sur {passage}"


@dataclass(frozen=True)
class RejectTag(_WholePassage):
    """Removes a code."""

    action = "reject_tag"
    template = "rejette {code} sur {passage}"
    puts = False


def put_code(
    unit_id: str, code: Code, *, is_proposed: bool, between: Sequence[str] = ()
) -> CodeDecision:
    """Return the decision that puts `code` on a whole passage."""
    return (AcceptTag if is_proposed else AddTag)(unit_id, *code, tuple(between))


def _read_codes(value: object) -> tuple[Code, ...] | None:
    entries = read_json(value)
    if not isinstance(entries, list) or not all(_is_code(entry) for entry in entries):
        return None
    return tuple(dict.fromkeys((axis, code) for axis, code in entries))


def _is_code(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) != 2:
        return False
    return all(isinstance(part, str) and part.strip() for part in entry)


def _write_codes(codes: Iterable[Code] | None) -> str | None:
    return None if codes is None else as_json([list(code) for code in codes])


@dataclass(frozen=True)
class ConfirmUnit(TagDecision):
    """Confirms all codes of a passage; `codes` is None if invalid."""

    action = "confirm_unit"
    template = "valide {passage} : {codes}"
    idle_reason = (
        "La liste donne plusieurs codes d'un axe qui n'en admet qu'un : seul le dernier est gardé."
    )

    codes: tuple[Code, ...] | None = field(metadata=in_value(_read_codes, _write_codes))

    def code_words(self, others: Iterable[Code]) -> Words:
        if self.codes is None:
            return []
        left = sorted(set(others) - set(self.codes))
        return [(code, True) for code in self.codes] + [(code, False) for code in left]

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("a code", str(self.unit_id))}

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("a code", str(self.unit_id)), ("all codes", str(self.unit_id))}

    def fault(self, reviewed: Reviewed) -> str | None:
        is_blank = self.codes is None
        return "La décision ne dit pas la liste des codes du passage." if is_blank else None

    def holds(self, reviewed: Reviewed) -> bool:
        borne = reviewed.codes.get(self.unit_id or "", ())
        on_grid = [code for code in self.codes or () if code[0] in reviewed.exclusive]
        return set(on_grid) == {code for code in borne if code[0] in reviewed.exclusive}

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        codes = ", ".join(names.code(code) for _axis, code in self.codes or ())
        return super().words(names, value) | {"codes": codes or names.say("aucune étiquette")}


@dataclass(frozen=True)
class PassageCodes:
    """The codes of one passage after decisions.

    `last_words` say whether each judged code stays; `one_of_axis` is the last accepted code of each
    `exclusive` axis.
    """

    last_words: Mapping[Code, tuple[TagDecision, bool]]
    one_of_axis: Mapping[str, str]
    exclusive: Collection[str]

    def bears(self, code: Code, *, is_put: bool) -> bool:
        axis, name = code
        if axis in self.one_of_axis:
            return self.one_of_axis[axis] == name
        return self.last_words[code][1] if code in self.last_words else is_put

    def borne(self, put: Iterable[Code]) -> frozenset[Code]:
        on_it = set(put)
        every = on_it | self.last_words.keys()
        return frozenset(code for code in every if self.bears(code, is_put=code in on_it))


def codes_after(
    decisions: Iterable[TagDecision], put: Iterable[Code], exclusive: Collection[str]
) -> PassageCodes:
    """Apply decisions on one passage, in order, to the codes `put`."""
    last_words: dict[Code, tuple[TagDecision, bool]] = {}
    codes_on_it = set(put)
    for decision in decisions:
        for code, stays in decision.code_words(codes_on_it | last_words.keys()):
            last_words.pop(code, None)  # the last word comes last
            last_words[code] = decision, stays
    accepted = [code for code, (_decision, stays) in last_words.items() if stays]
    one_of_axis = {axis: code for axis, code in accepted if axis in exclusive}
    return PassageCodes(last_words, one_of_axis, exclusive)


def words_in_order(
    active: Iterable[Decision], tags: pd.DataFrame
) -> Iterator[tuple[TagDecision, Code, bool]]:
    """Yield each decision, code and whether it stays.

    A confirmation puts its codes and removes every other one, put or judged before.
    """
    decisions = [row for row in active if isinstance(row, TagDecision) and row.unit_id]
    codes_by_unit = codes_to_confirm(tags, confirmed_units(decisions))
    for decision in decisions:
        codes = codes_by_unit.setdefault(str(decision.unit_id), set())
        for code, stays in decision.code_words(codes):
            yield decision, code, stays
            codes.add(code)


def codes_to_confirm(tags: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, set[Code]]:
    """Return the codes that the machine put or a person judged."""
    is_known = tags["is_assigned"].astype(bool) | (tags["source"] == "person")
    return _codes_by_unit(tags[is_known & is_among(tags["unit_id"], unit_ids)])


def machine_codes(tags: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, set[Code]]:
    """Return the machine's codes, of passages that have some."""
    is_put = (tags["source"] == "machine") & tags["is_assigned"].astype(bool)
    return _codes_by_unit(tags[is_put & is_among(tags["unit_id"], unit_ids)])


def _codes_by_unit(tags: pd.DataFrame) -> dict[str, set[Code]]:
    codes: defaultdict[str, set[Code]] = defaultdict(set)
    for unit_id, axis, code in cells_of(tags, "unit_id", "axis", "code"):
        codes[unit_id].add((axis, code))
    return dict(codes)


def is_coded(
    put: Iterable[Code], decisions: Iterable[Decision], exclusive: Collection[str]
) -> bool:
    """Return whether one person's active `decisions` settle all codes of a passage.

    They do once the person confirmed it, or judged every code that the machine `put` and left one:
    rejections alone do not say that a passage has no code. A code put on an `exclusive` axis judges
    the whole axis. Arbitrations do not count.
    """
    words: dict[Code, bool] = {}
    for decision in decisions:
        if isinstance(decision, ConfirmUnit) and decision.codes is not None:
            return True
        if isinstance(decision, CodeDecision) and not decision.coders:
            words[decision.key] = decision.puts
    replaced = {axis for (axis, _code), stays in words.items() if stays and axis in exclusive}
    return any(words.values()) and all(code in words or code[0] in replaced for code in put)


def is_arbitration(decision: Decision) -> bool:
    """Whether it settles others' disagreement, and is not its author's coding."""
    return isinstance(decision, CodeDecision) and bool(decision.coders)


def confirmed_units(active: Iterable[Decision]) -> set[str]:
    """Return the passages that somebody confirmed."""
    confirmations = (row for row in active if isinstance(row, ConfirmUnit))
    return {row.unit_id for row in confirmations if row.unit_id and row.codes is not None}


def judged_units(active: Iterable[Decision]) -> set[str]:
    """Return the passages on which somebody put, rejected or confirmed codes."""
    rows = [row for row in active if isinstance(row, TagDecision)]
    on_one_code = {row.unit_id for row in rows if isinstance(row, CodeDecision) and row.unit_id}
    return on_one_code | confirmed_units(rows)


def by_unit(decisions: Iterable[Decision]) -> dict[str, list[TagDecision]]:
    """Return the decisions on codes by passage."""
    rows: defaultdict[str, list[TagDecision]] = defaultdict(list)
    for decision in decisions:
        if isinstance(decision, TagDecision) and decision.unit_id:
            rows[decision.unit_id].append(decision)
    return dict(rows)


def coded_units(
    active: Iterable[Decision], tags: pd.DataFrame, *, exclusive: Collection[str]
) -> dict[str, set[str]]:
    """Return the passages that each author coded (`is_coded`)."""
    rows_by_unit = by_unit(active)
    put = machine_codes(tags, rows_by_unit)
    coded: defaultdict[str, set[str]] = defaultdict(set)
    for unit_id, rows in rows_by_unit.items():
        for author in {row.author for row in rows}:
            own = [row for row in rows if row.author == author]
            if is_coded(put.get(unit_id, ()), own, exclusive):
                coded[author].add(unit_id)
    return dict(coded)
