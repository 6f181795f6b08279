"""What people decide: one class a kind, read from and written to rows of the append-only table.

A class says what its decision applies to, when it still holds, how it reads in French, and whether
its value was typed. Kinds on codes are in tags.py, on themes in themes.py; the others are here.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pipeline.settings.sections import RankSettings, RankWeights

if TYPE_CHECKING:
    from pipeline.decisions.replay import ThemeReplay

Code = tuple[str, str]  # axis and code
Subject = tuple[str, ...]
GROUPS = MappingProxyType(
    {
        "etiquettes": "étiquettes",
        "themes": "thèmes",
        "ponderations": "pondérations",
        "annulations": "annulations",
        "memos": "mémos",
    }
)  # by which the journal filters


class Names(Protocol):
    """The words for what a decision speaks of, in the reader's language."""

    def say(self, sentence: str, **words: str) -> str:
        """`sentence`, French, translated and with `words` in its blanks."""

    def quoted(self, text: str | None) -> str:
        """`text` between quotation marks."""

    def joined(self, texts: Sequence[str]) -> str:
        """`texts` as a list in a sentence."""

    def passage(self, unit_id: str | None) -> str:
        """The first words of a passage."""

    def theme(self, theme_id: str | None) -> str:
        """The name that a theme or family bears now."""

    def code(self, code: str | None) -> str:
        """The label of a code."""

    def name_before(self, decision: "Decision") -> str:
        """What the theme or family of a renaming was called before it."""


@dataclass(frozen=True)
class Reviewed:
    """The tables after all active decisions; `codes` by unit, `exclusive` by axis of the grid."""

    themes: "ThemeReplay"
    codes: Mapping[str, AbstractSet[Code]]
    exclusive: Mapping[str, bool]
    weightings: "Mapping[str, Weighting]"
    weighting_in_use: str


def text(value: object) -> str | None:
    """`value` as text without blanks around it, None where it is missing or blank."""
    return value.strip() or None if isinstance(value, str) else None


def read_json(value: object) -> Any:
    """What a cell holds as JSON, None where it does not read."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except json.JSONDecodeError:
        return None


def as_json(value: object) -> str:
    """`value` as a cell holds it."""
    return json.dumps(value, ensure_ascii=False)


def in_value(
    read: Callable[[Any], Any] = text, write: Callable[[Any], str | None] = text
) -> Mapping[str, Any]:
    """The metadata of a field that the column `value` holds."""
    return {"column": "value", "read": read, "write": write}


@dataclass(frozen=True)
class Decision:
    """Who decided, when and why; its number is 0 until it is in the store."""

    action: ClassVar[str]
    group: ClassVar[str]
    template: ClassVar[str]  # its sentence without the subject, French, with blanks
    blank_template: ClassVar[str] = ""  # the same where its value is blank
    has_typed_value: ClassVar[bool] = False

    decision_id: int = field(default=0, kw_only=True)
    decided_at: str = field(default="", kw_only=True)
    author: str = field(default="", kw_only=True)
    why: str | None = field(default=None, kw_only=True)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """The decision of a row of DECISIONS; what does not read is blank."""
        values: dict[str, Any] = {"decision_id": int(row.get("decision_id") or 0)}
        for each in dataclasses.fields(cls)[1:]:
            read = each.metadata.get("read", text)
            values[each.name] = read(row.get(each.metadata.get("column", each.name)))
        values |= {name: values[name] or "" for name in ("decided_at", "author")}
        return cls(**values)

    def row(self) -> dict[str, Any]:
        """The columns of DECISIONS that are not blank."""
        cells: dict[str, Any] = {"action": self.action}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            cell = each.metadata["write"](value) if "write" in each.metadata else value
            if cell:
                cells[each.metadata.get("column", each.name)] = cell
        return cells

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        """The column `value` without the names of people in what was typed there."""
        return mask(value) if cls.has_typed_value else value

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """What it is about: a later decision that changes one of these may have replaced it."""
        raise NotImplementedError

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """What it changes: most often, what it is about."""
        return self.applies_to(exclusive)

    def rests_on(self) -> tuple[str, ...]:
        """The themes that must still hold the passages of then for it to be applied."""
        return ()

    def apply(self, replay: "ThemeReplay") -> None:
        """Change the themes of `replay`; decisions on anything else change none."""

    def missing(self, reviewed: Reviewed) -> str | None:
        """Why it has nothing to apply to, in French, None where it has."""
        return self.fault(reviewed)

    def fault(self, reviewed: Reviewed) -> str | None:
        """Why what it says means nothing, where its passage and theme are there."""
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        """Whether the reviewed tables are as it wants them; it has something to apply to."""
        raise NotImplementedError

    def why_not(self) -> str:
        """Why it does not hold although nothing is missing and no later decision replaced it."""
        return "Une autre décision a réuni ou écarté ce thème."

    def sentence(self, names: Names) -> str:
        """What it does: « rejette « Mobilité » sur « Il n'y a plus de bus… » »."""
        value = self.row().get("value")
        template = self.template if value else self.blank_template or self.template
        return names.say(template, **self.words(names, value))

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        """What fills the blanks of its sentence; `value` is its column."""
        return {"value": names.quoted(value)}


@dataclass(frozen=True)
class PassageDecision(Decision):
    """A decision on one passage."""

    unit_id: str | None

    def missing(self, reviewed: Reviewed) -> str | None:
        if self.unit_id not in reviewed.themes.unit_ids:
            return "Le passage n'existe plus : son document a changé ou a été retiré."
        return super().missing(reviewed)

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"passage": names.passage(self.unit_id)}


# --- memos


@dataclass(frozen=True)
class NoteMemo(PassageDecision):
    """Notes a memo on a passage; it changes no table."""

    action = "note_memo"
    group = "memos"
    template = "note un mémo sur {passage} : {value}"
    has_typed_value = True

    memo: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("memo", str(self.unit_id), str(self.memo))}

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.memo else "Le mémo est vide."

    def holds(self, reviewed: Reviewed) -> bool:
        return True


def memos_by_unit(active: Iterable[Decision]) -> dict[str, list[NoteMemo]]:
    """Return the memos of each passage that has some, in order."""
    memos: dict[str, list[NoteMemo]] = {}
    for row in active:
        if isinstance(row, NoteMemo) and row.unit_id and row.memo:
            memos.setdefault(row.unit_id, []).append(row)
    return memos


# --- undoings


def _number(value: object) -> int:
    """The number that a cell names; 0, which is nobody's, where it names none."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else 0


@dataclass(frozen=True)
class Undo(Decision):
    """Takes an earlier decision back, be it an undoing."""

    action = "undo"
    group = "annulations"
    template = "annule la décision n° {n}"

    target: int = field(metadata=in_value(_number, str))

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"n": str(self.target)}


def undone_by(decisions: Iterable[Decision]) -> dict[int, int]:
    """Return decision → the first active undoing of it.

    An undoing that was undone undoes nothing, nor does one of a decision that does not exist.
    """
    newest_first = sorted(decisions, key=lambda decision: decision.decision_id, reverse=True)
    numbers = {decision.decision_id for decision in newest_first}
    by: dict[int, int] = {}
    for decision in newest_first:
        if not isinstance(decision, Undo) or decision.decision_id in by:
            continue
        if decision.target in numbers and decision.target < decision.decision_id:
            by[decision.target] = decision.decision_id
    return by


# --- weightings


@dataclass(frozen=True)
class Weighting:
    """Weights under a `name`, as a decision saved them; those of etude.toml have no name."""

    name: str
    weights: RankWeights
    author: str = ""
    decided_at: str = ""
    decision_id: int = 0


@dataclass(frozen=True)
class SaveWeighting(Decision):
    """Saves weights of criteria under a name; a criterion left out weighs nothing."""

    action = "save_weighting"
    group = "ponderations"
    template = "enregistre la pondération {name}"
    has_typed_value = True

    content: Any = field(metadata=in_value(read_json, as_json))  # {"name": …, "weights": {…}}

    @classmethod
    def named(cls, name: str, weights: Mapping[str, float]) -> Self:
        """Save `weights` under `name`."""
        return cls({"name": name, "weights": dict(weights)})

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        content = read_json(value)
        if not isinstance(content, dict) or not isinstance(content.get("name"), str):
            return mask(value)
        return as_json(content | {"name": mask(content["name"])})

    def _part(self, name: str) -> Any:
        return self.content.get(name) if isinstance(self.content, dict) else None

    @property
    def name(self) -> str:
        """The name that the weights bear."""
        return text(self._part("name")) or ""

    def weighting(self) -> Weighting | str:
        """The weighting, or why it does not read, in French."""
        weights = self._part("weights")
        if not isinstance(weights, dict) or not self.name:
            return "La décision ne dit ni le nom ni les poids d'une pondération."
        unknown = sorted(set(weights) - set(RankWeights.model_fields))
        if unknown:
            return f"La pondération cite un critère inconnu : « {unknown[0]} »."
        if not all(_is_weight(weight) for weight in weights.values()):
            return "Un poids de la pondération n'est pas un nombre d'au moins 0."
        if not any(weights.values()):
            return "La pondération n'a aucun poids au-dessus de 0."
        every = RankWeights(**dict.fromkeys(RankWeights.model_fields, 0.0) | weights)
        return Weighting(self.name, every, self.author, self.decided_at, self.decision_id)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return set() if self._fault() else {("weighting", self.name)}

    def fault(self, reviewed: Reviewed) -> str | None:
        return self._fault()

    def _fault(self) -> str | None:
        weighting = self.weighting()
        return weighting if isinstance(weighting, str) else None

    def holds(self, reviewed: Reviewed) -> bool:
        saved = reviewed.weightings.get(self.name)
        return saved is not None and saved.decision_id == self.decision_id

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"name": names.quoted(self.name)}


def _is_weight(weight: Any) -> bool:
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    return is_number and math.isfinite(weight) and weight >= 0


@dataclass(frozen=True)
class UseWeighting(Decision):
    """Ranks by a saved weighting, or by the weights of etude.toml where `name` is blank."""

    action = "use_weighting"
    group = "ponderations"
    template = "classe par la pondération {value}"
    blank_template = "classe par les poids de l’étude"
    has_typed_value = True

    name: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("weighting in use",)}

    def fault(self, reviewed: Reviewed) -> str | None:
        if not self.name or self.name in reviewed.weightings:
            return None
        return f"La pondération « {self.name} » n'existe pas."

    def holds(self, reviewed: Reviewed) -> bool:
        return (self.name or "") == reviewed.weighting_in_use


def saved_weightings(active: Iterable[Decision]) -> dict[str, Weighting]:
    """Return the weightings by name, as each was last saved; what does not read is left out."""
    read = [row.weighting() for row in active if isinstance(row, SaveWeighting)]
    return {saved.name: saved for saved in read if isinstance(saved, Weighting)}


def weighting_in_use(active: Sequence[Decision]) -> str:
    """Return the name last chosen among the weightings that exist; blank for etude.toml's."""
    saved = saved_weightings(active)
    chosen = [row.name or "" for row in active if isinstance(row, UseWeighting)]
    return next((name for name in reversed(chosen) if not name or name in saved), "")


def weights_in_use(active: Sequence[Decision], settings: RankSettings) -> Weighting:
    """Return the weighting last chosen among those that exist, else that of `settings`."""
    own = Weighting("", settings.weights)
    return saved_weightings(active).get(weighting_in_use(active), own)


KINDS: tuple[type[Decision], ...] = (NoteMemo, Undo, SaveWeighting, UseWeighting)
