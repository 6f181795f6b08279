"""Codes as people accept, reject, add and confirm them, and which codes a passage bears then.

Of an exclusive axis, such as posture, a passage bears one code: the last one accepted. In the reviewed tables, where people
only rejected codes of such an axis, it bears the machine's best one left, unless somebody confirmed its codes.

In:   tags and units of the machine, active decisions
Out:  tags; the codes of a passage, for one person or for all
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

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
from pipeline.tables.material import TAGS

_KEY = ["unit_id", "axis", "code"]
Words = list[tuple[Code, bool]]  # codes of a passage and whether each stays


@dataclass(frozen=True)
class TagDecision(PassageDecision):
    """A decision on codes of a passage."""

    group = "etiquettes"

    def words(self, others: Iterable[Code]) -> Words:
        """What it says, code by code; `others` are the codes that it may take away without naming them."""
        raise NotImplementedError


def _read_coders(value: object) -> tuple[str, ...]:
    content = read_json(value)
    coders = content.get("arbitrates") if isinstance(content, dict) else None
    return tuple(map(str, coders)) if isinstance(coders, list) else ()


def _write_coders(coders: Iterable[str]) -> str | None:
    named = sorted(coders)
    return as_json({"arbitrates": named}) if named else None


@dataclass(frozen=True)
class _CodeDecision(TagDecision):
    """A decision on one code; `between` names the coders whose disagreement it settles, if any."""

    puts: ClassVar[bool] = True
    template: ClassVar[str]

    axis: str | None
    code: str | None
    between: tuple[str, ...] = field(default=(), metadata=in_value(_read_coders, _write_coders))

    @property
    def key(self) -> Code:
        """Axis and code."""
        return str(self.axis), str(self.code)

    def words(self, others: Iterable[Code]) -> Words:
        return [(self.key, self.puts)]

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {self._subject(exclusive), ("all codes", str(self.unit_id))}

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {self._subject(exclusive), ("a code", str(self.unit_id))}

    def _subject(self, exclusive: Mapping[str, bool]) -> Subject:
        is_exclusive = exclusive.get(self.axis or "", False)
        return ("tag", str(self.unit_id), str(self.axis) if is_exclusive else ":".join(self.key))

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
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
        passage = names.passage(self.unit_id)
        said = names.say(self.template, code=names.code(self.code), passage=passage)
        if not self.between:
            return said
        coders = names.joined(self.between)
        return names.say("arbitre entre {coders} : {said}", coders=coders, said=said)


@dataclass(frozen=True)
class AcceptTag(_CodeDecision):
    """Keeps a code that the machine considered."""

    action = "accept_tag"
    template = "accepte {code} sur {passage}"


@dataclass(frozen=True)
class AddTag(_CodeDecision):
    """Puts a code that the machine did not consider."""

    action = "add_tag"
    template = "ajoute {code} sur {passage}"


@dataclass(frozen=True)
class RejectTag(_CodeDecision):
    """Takes a code away."""

    action = "reject_tag"
    puts = False
    template = "rejette {code} sur {passage}"


def _read_codes(value: object) -> tuple[Code, ...] | None:
    listed = read_json(value)
    if not isinstance(listed, list) or not all(_is_code(entry) for entry in listed):
        return None
    return tuple(dict.fromkeys((axis, code) for axis, code in listed))


def _is_code(entry: object) -> bool:
    is_pair = isinstance(entry, list) and len(entry) == 2
    return is_pair and all(isinstance(part, str) and part.strip() for part in entry)  # type: ignore[attr-defined]  # a list


def _write_codes(codes: Iterable[Code] | None) -> str | None:
    return None if codes is None else as_json([list(code) for code in codes])


@dataclass(frozen=True)
class ConfirmUnit(TagDecision):
    """Says all the codes of a passage, each once; no code says that it bears none, None that the decision does not read."""

    action = "confirm_unit"

    codes: tuple[Code, ...] | None = field(metadata=in_value(_read_codes, _write_codes))

    def words(self, others: Iterable[Code]) -> Words:
        if self.codes is None:
            return []
        left = sorted(set(others) - set(self.codes))
        return [(code, True) for code in self.codes] + [(code, False) for code in left]

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("a code", str(self.unit_id))}

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("a code", str(self.unit_id)), ("all codes", str(self.unit_id))}

    def missing(self, reviewed: Reviewed) -> str | None:
        if (reason := super().missing(reviewed)) is not None:
            return reason
        if self.codes is None:
            return "La décision ne dit pas la liste des codes du passage."
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        borne = reviewed.codes.get(self.unit_id or "", frozenset())
        wanted, found = (
            {code for code in codes if code[0] in reviewed.exclusive}
            for codes in (self.codes or (), borne)
        )
        return wanted == found

    def why_not(self) -> str:
        return (
            "La liste donne plusieurs codes d'un axe qui n'en admet qu'un : "
            "seul le dernier est gardé."
        )

    def sentence(self, names: Names) -> str:
        codes = ", ".join(names.code(code) for _axis, code in self.codes or ())
        passage = names.passage(self.unit_id)
        return names.say(
            "valide {passage} : {codes}",
            passage=passage,
            codes=codes or names.say("aucune étiquette"),
        )


KINDS: tuple[type[Decision], ...] = (AcceptTag, AddTag, RejectTag, ConfirmUnit)


def put_code(
    unit_id: str,
    code: Code,
    *,
    is_proposed: bool,
    between: Sequence[str] = (),
    why: str | None = None,
) -> TagDecision:
    """Return the decision that puts `code` on a passage; `is_proposed` where the machine considered it."""
    return (AcceptTag if is_proposed else AddTag)(unit_id, *code, tuple(between), why=why)


# --- which codes does a passage bear -----------------------------------------------------------------


@dataclass(frozen=True)
class PassageCodes:
    """The codes of one passage after decisions.

    `last_words` hold every code that somebody judged, by the decision that did so last and whether it puts the code;
    `one_of_axis` the code left of each exclusive axis on which one was accepted.
    """

    last_words: Mapping[Code, tuple[TagDecision, bool]]
    one_of_axis: Mapping[str, str]
    exclusive: Collection[str]

    def bears(self, code: Code, *, is_put: bool) -> bool:
        """Whether the passage bears `code`, which the machine put on it or not."""
        axis, name = code
        if axis in self.exclusive and axis in self.one_of_axis:
            return self.one_of_axis[axis] == name
        return self.last_words[code][1] if code in self.last_words else is_put

    def borne(self, put: Iterable[Code]) -> frozenset[Code]:
        """The codes that the passage bears, the machine having `put` these."""
        on_it = set(put)
        every = on_it | self.last_words.keys()
        return frozenset(code for code in every if self.bears(code, is_put=code in on_it))


def codes_after(
    decisions: Iterable[TagDecision], put: Iterable[Code], exclusive: Collection[str]
) -> PassageCodes:
    """Apply `decisions` on one passage, those of one person or of all, in order, to the codes `put` there."""
    last_words: dict[Code, tuple[TagDecision, bool]] = {}
    known = set(put)
    for decision in decisions:
        for code, stays in decision.words(known | last_words.keys()):
            last_words.pop(code, None)  # the last word comes last
            last_words[code] = decision, stays
    accepted = [code for code, (_decision, stays) in last_words.items() if stays]
    return PassageCodes(
        last_words, {axis: code for axis, code in accepted if axis in exclusive}, exclusive
    )


def is_coded(
    put: Iterable[Code], decisions: Iterable[Decision], exclusive: Collection[str]
) -> bool:
    """Return whether `decisions`, the active ones of one person on a passage, say all its codes.

    They do once the person confirmed the passage, or once every code that the machine `put` there has that person's word
    and one code at least stays: to refuse some codes and leave says nothing of the others, and only a confirmation says that
    a passage bears no code. To put a code of an `exclusive` axis is a word on the others of that axis. Arbitrations, which
    settle what two other people coded, do not count.
    """
    words: dict[Code, bool] = {}
    for decision in decisions:
        if isinstance(decision, ConfirmUnit) and decision.codes is not None:
            return True
        if isinstance(decision, _CodeDecision) and not decision.between:
            words[decision.key] = decision.puts
    replaced = {axis for (axis, _code), stays in words.items() if stays and axis in exclusive}
    return any(words.values()) and all(code in words or code[0] in replaced for code in put)


def is_arbitration(decision: Decision) -> bool:
    """Whether it settles what other people coded, and is not its author's own coding."""
    return isinstance(decision, _CodeDecision) and bool(decision.between)


def confirmed_units(active: Iterable[Decision]) -> set[str]:
    """Return the passages of which somebody said all the codes."""
    return {
        decision.unit_id
        for decision in active
        if isinstance(decision, ConfirmUnit) and decision.unit_id and decision.codes is not None
    }


def judged_units(active: Iterable[Decision]) -> set[str]:
    """Return the passages on which somebody put, refused or confirmed codes."""
    return {
        row.unit_id
        for row in active
        if isinstance(row, TagDecision) and row.unit_id
        if not isinstance(row, ConfirmUnit) or row.codes is not None
    }


def machine_codes(tags: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, set[Code]]:
    """Return the codes that the machine put on those of `unit_ids` on which it put some."""
    is_put = (tags["source"] == "machine") & tags["is_assigned"].astype(bool)
    return _codes_by_unit(tags[is_put & tags["unit_id"].isin(list(unit_ids))])


def coded_units(
    active: Iterable[Decision], tags: pd.DataFrame, *, exclusive: Collection[str]
) -> dict[str, set[str]]:
    """Return the passages that each author coded, see `is_coded`; `tags` are the machine's, before any decision."""
    by_author: defaultdict[str, list[TagDecision]] = defaultdict(list)
    for decision in active:
        if isinstance(decision, TagDecision) and decision.unit_id:
            by_author[decision.author].append(decision)
    units = {str(decision.unit_id) for rows in by_author.values() for decision in rows}
    put = machine_codes(tags, units)
    return {
        author: {
            unit_id
            for unit_id, mine in by_unit(decisions).items()
            if is_coded(put.get(unit_id, ()), mine, exclusive)
        }
        for author, decisions in by_author.items()
    }


def by_unit(decisions: Iterable[Decision]) -> dict[str, list[TagDecision]]:
    """The decisions on codes by passage, in order."""
    rows: defaultdict[str, list[TagDecision]] = defaultdict(list)
    for decision in decisions:
        if isinstance(decision, TagDecision) and decision.unit_id:
            rows[decision.unit_id].append(decision)
    return dict(rows)


def words_in_order(
    active: Iterable[Decision], tags: pd.DataFrame
) -> Iterator[tuple[TagDecision, Code, bool]]:
    """Yield every word on a code in order: confirmations are written out, one word a code.

    A confirmation puts the codes that it lists, and takes away every other one that the machine put on the passage, or that
    somebody judged there before.
    """
    listed = [row for row in active if isinstance(row, TagDecision) and row.unit_id]
    known = _codes_to_confirm(tags, confirmed_units(listed))
    for decision in listed:
        codes = known.setdefault(str(decision.unit_id), set())
        for code, stays in decision.words(codes):
            yield decision, code, stays
            codes.add(code)


def _codes_to_confirm(tags: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, set[Code]]:
    """The codes that the machine put on the passages, or that a row of a person is about."""
    is_known = tags["is_assigned"].astype(bool) | (tags["source"] == "person")
    return _codes_by_unit(tags[is_known & tags["unit_id"].isin(list(unit_ids))])


def _codes_by_unit(tags: pd.DataFrame) -> dict[str, set[Code]]:
    codes: defaultdict[str, set[Code]] = defaultdict(set)
    for unit_id, axis, code in tags[_KEY].itertuples(index=False, name=None):
        codes[unit_id].add((axis, code))
    return dict(codes)


# --- the reviewed tags -------------------------------------------------------------------------------


def review_tags(
    tags: pd.DataFrame,
    unit_ids: Collection[str],
    active: Iterable[Decision],
    exclusive: Mapping[str, bool],
) -> pd.DataFrame:
    """Return the reviewed tags, the machine's rows first, in their order.

    A person's last word is a row of its own (source `person`, score 1 or 0); the machine's row stays, with is_assigned as
    decided. A decision without unit, axis or code, or on an axis that is not in `exclusive`, the grid's, changes nothing.
    """
    one_only = {axis for axis, is_exclusive in exclusive.items() if is_exclusive}
    decisions = {unit: rows for unit, rows in by_unit(active).items() if unit in unit_ids}
    machine = tags[tags["source"] == "machine"]
    proposed = _proposed(machine, decisions)
    known = _codes_to_confirm(tags, confirmed_units(active))
    verdicts: list[dict[str, Any]] = []
    kept: dict[tuple[str, str], str] = {}
    for unit_id, rows in decisions.items():
        read = [row for row in rows if _is_on_grid(row, exclusive)]
        codes = codes_after(read, known.get(unit_id, ()), one_only)
        left = _with_one_code(codes, proposed.get(unit_id, []), is_open=not confirmed_units(read))
        kept |= {(unit_id, axis): code for axis, code in left.items()}
        verdicts += _verdicts(unit_id, codes, left, exclusive)
    if not verdicts:
        return tags
    table = pd.DataFrame(verdicts)
    before = tags[tags["source"] == "person"].merge(
        table[_KEY], on=_KEY, how="left", indicator="is_in", validate="one_to_one"
    )
    untouched = before.loc[before["is_in"] == "left_only", list(tags.columns)]
    parts = [_on_machine(machine, table, kept), untouched, _persons_rows(table, machine)]
    return TAGS.check(pd.concat(parts, ignore_index=True))


def _is_on_grid(decision: TagDecision, exclusive: Mapping[str, bool]) -> bool:
    if isinstance(decision, _CodeDecision):
        return bool(decision.code) and decision.axis in exclusive
    return True


def _proposed(machine: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, list[Code]]:
    """The codes that the machine considered on each passage, the best first."""
    rows = machine[machine["unit_id"].isin(list(unit_ids))]
    ranked = rows.sort_values(["score", "code"], ascending=[False, True], kind="stable")
    codes: defaultdict[str, list[Code]] = defaultdict(list)
    for unit_id, axis, code in ranked[_KEY].itertuples(index=False, name=None):
        codes[unit_id].append((axis, code))
    return codes


def _with_one_code(codes: PassageCodes, proposed: list[Code], *, is_open: bool) -> dict[str, str]:
    """The code left of each exclusive axis: the last accepted, else where none is (`is_open`) the best that nobody rejected."""
    left = dict(codes.one_of_axis)
    judged = {axis for axis, _code in codes.last_words if axis in codes.exclusive}
    for axis in judged - left.keys() if is_open else ():
        considered = [code for code in proposed if code[0] == axis]
        best = [code for code in considered if code not in codes.last_words] or considered
        if best:
            left[axis] = best[0][1]
    return left


def _verdicts(
    unit_id: str, codes: PassageCodes, left: Mapping[str, str], exclusive: Mapping[str, bool]
) -> Iterator[dict[str, Any]]:
    """One row a judged code; none for a rejection without effect, no other code of its axis having been proposed."""
    for (axis, code), (decision, stays) in codes.last_words.items():
        is_left = left.get(axis) == code
        if axis not in exclusive or (exclusive[axis] and is_left and not stays):
            continue
        yield {
            "unit_id": unit_id,
            "axis": axis,
            "code": code,
            "decision_id": decision.decision_id,
            "is_decided": is_left if exclusive[axis] else stays,
        }


def _on_machine(
    machine: pd.DataFrame, verdicts: pd.DataFrame, kept: dict[tuple[str, str], str]
) -> pd.DataFrame:
    """The machine's rows with is_assigned as decided."""
    joined = machine.merge(
        verdicts[[*_KEY, "is_decided"]], on=_KEY, how="left", validate="one_to_one"
    )
    decided = joined["is_decided"].astype("boolean")
    assigned = decided.fillna(joined["is_assigned"].astype("boolean"))
    pairs = zip(joined["unit_id"], joined["axis"], strict=True)
    code = pd.Series([kept.get(pair) for pair in pairs], index=joined.index, dtype=object)
    is_assigned = assigned.where(code.isna(), code == joined["code"])
    return machine.assign(is_assigned=is_assigned.astype(bool).to_numpy())


def _persons_rows(verdicts: pd.DataFrame, machine: pd.DataFrame) -> pd.DataFrame:
    """One row of source `person` a verdict, sorted by key, with the machine's evidence where it had any."""
    joined = verdicts.merge(
        machine[[*_KEY, "evidence"]], on=_KEY, how="left", validate="one_to_one"
    ).sort_values(_KEY)
    return pd.DataFrame(
        {
            **{name: joined[name] for name in _KEY},
            "score": joined["is_decided"].astype(float),
            "is_assigned": joined["is_decided"],
            "evidence": joined["evidence"].fillna("[]"),
            "source": "person",
            "model_version": "décision " + joined["decision_id"].astype(str),
        }
    )
