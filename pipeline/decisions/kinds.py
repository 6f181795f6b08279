"""What people decide: one class a kind, read from and written to the rows of the append-only table.

A class says what its decision applies to, when it still holds and why not, how it reads in French, and whether its
value was typed. Kinds on codes are in tags.py, on themes and families in themes.py; undoings and weightings are here.
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
    """The tables once all active decisions are applied; `codes` by unit, `exclusive` by axis of the grid."""

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
    """Who decided, when and why; number 0 where it is not in the store yet."""

    action: ClassVar[str]
    group: ClassVar[str]
    has_typed_value: ClassVar[bool] = False

    decision_id: int = field(default=0, kw_only=True)
    decided_at: str = field(default="", kw_only=True)
    author: str = field(default="", kw_only=True)
    why: str | None = field(default=None, kw_only=True)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """The decision of a row of DECISIONS; what does not read is blank."""
        values = {
            each.name: each.metadata.get("read", text)(
                row.get(each.metadata.get("column", each.name))
            )
            for each in dataclasses.fields(cls)
            if each.name not in _NUMBERED
        }
        return cls(
            **values,
            decision_id=int(row.get("decision_id") or 0),
            decided_at=str(row.get("decided_at") or ""),
            author=str(row.get("author") or ""),
        )

    def row(self) -> dict[str, Any]:
        """The columns of DECISIONS that are not blank; the store gives number and time where they are missing."""
        cells: dict[str, Any] = {"action": self.action}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            cell = each.metadata["write"](value) if "write" in each.metadata else value
            if cell:
                cells[each.metadata.get("column", each.name)] = cell
        return cells

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        """The column `value` with the names of people in what was typed there masked."""
        return mask(value) if cls.has_typed_value else value

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """What it is about: a later decision that changes one of these may have replaced it."""
        raise NotImplementedError

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """What it changes: most often, what it is about."""
        return self.applies_to(exclusive)

    def rests_on(self) -> tuple[str, ...]:
        """The themes that it is right about only as long as they hold the same passages."""
        return ()

    def apply(self, replay: "ThemeReplay") -> None:
        """Change the themes of `replay`; most decisions on anything else change none."""

    def missing(self, reviewed: Reviewed) -> str | None:
        """Why it has nothing to apply to, in French, None where it has."""
        raise NotImplementedError

    def holds(self, reviewed: Reviewed) -> bool:
        """Whether the reviewed tables are as it, which has something to apply to, wants them."""
        raise NotImplementedError

    def why_not(self) -> str:
        """Why it does not show although it has something to apply to and was not replaced."""
        return "Une autre décision a réuni ou écarté ce thème."

    def sentence(self, names: Names) -> str:
        """What it does, without its subject: « rejette « Mobilité » sur « Il n'y a plus de bus… » »."""
        raise NotImplementedError


_NUMBERED = frozenset(("decision_id", "decided_at", "author"))


@dataclass(frozen=True)
class PassageDecision(Decision):
    """A decision on one passage."""

    unit_id: str | None

    def missing(self, reviewed: Reviewed) -> str | None:
        """The passage must be there."""
        if self.unit_id in reviewed.themes.unit_ids:
            return None
        return "Le passage n'existe plus : son document a changé ou a été retiré."


# --- memos -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoteMemo(PassageDecision):
    """Notes a memo on a passage; it changes no table."""

    action = "note_memo"
    group = "memos"
    has_typed_value = True

    memo: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("memo", str(self.unit_id), str(self.memo))}

    def missing(self, reviewed: Reviewed) -> str | None:
        return super().missing(reviewed) or (None if self.memo else "Le mémo est vide.")

    def holds(self, reviewed: Reviewed) -> bool:
        return True

    def sentence(self, names: Names) -> str:
        passage, memo = names.passage(self.unit_id), names.quoted(self.memo)
        return names.say("note un mémo sur {passage} : {memo}", passage=passage, memo=memo)


def memos_by_unit(active: Iterable[Decision]) -> dict[str, list[NoteMemo]]:
    """Return the memos of each passage that has some, in order."""
    memos: dict[str, list[NoteMemo]] = {}
    for row in active:
        if isinstance(row, NoteMemo) and row.unit_id and row.memo:
            memos.setdefault(row.unit_id, []).append(row)
    return memos


# --- undoings ----------------------------------------------------------------------------------------


def _number(value: object) -> int:
    """The number that a cell names; 0, which is nobody's, where it names none."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else 0


@dataclass(frozen=True)
class Undo(Decision):
    """Takes an earlier decision back, be it an undoing."""

    action = "undo"
    group = "annulations"

    target: int = field(metadata=in_value(_number, str))

    def sentence(self, names: Names) -> str:
        return names.say("annule la décision n° {n}", n=str(self.target))


def undone_by(decisions: Iterable[Decision]) -> dict[int, int]:
    """Return decision → the first active undoing of it.

    An undoing that was undone undoes nothing, nor does one of a decision that does not exist or comes later.
    """
    listed = sorted(decisions, key=lambda decision: decision.decision_id, reverse=True)
    numbers = {decision.decision_id for decision in listed}
    by: dict[int, int] = {}
    for decision in listed:
        if not isinstance(decision, Undo) or decision.decision_id in by:
            continue
        if decision.target in numbers and decision.target < decision.decision_id:
            by[decision.target] = decision.decision_id
    return by


# --- weightings --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weighting:
    """Weights under a `name`, as decision `decision_id` saved them; those of etude.toml have neither name nor author."""

    name: str
    weights: RankWeights
    author: str = ""
    decided_at: str = ""
    decision_id: int = 0


@dataclass(frozen=True)
class SaveWeighting(Decision):
    """Saves weights of criteria under a name; a criterion that `content` leaves out weighs nothing."""

    action = "save_weighting"
    group = "ponderations"
    has_typed_value = True

    content: Any = field(metadata=in_value(read_json, as_json))  # {"name": …, "weights": {…}}

    @classmethod
    def named(cls, name: str, weights: Mapping[str, float], *, why: str | None = None) -> Self:
        """Save `weights` under `name`."""
        return cls({"name": name, "weights": dict(weights)}, why=why)

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        """Only the name was typed."""
        content = read_json(value)
        if not isinstance(content, dict) or not isinstance(content.get("name"), str):
            return mask(value)
        return as_json(content | {"name": mask(content["name"])})

    @property
    def name(self) -> str:
        """The name that the weights bear, without blanks around it."""
        named = self.content.get("name") if isinstance(self.content, dict) else None
        return text(named) or ""

    def weighting(self) -> Weighting | str:
        """The weighting, or why it does not read, in French."""
        weights = self.content.get("weights") if isinstance(self.content, dict) else None
        if not isinstance(weights, dict) or not self.name:
            return "La décision ne dit ni le nom ni les poids d'une pondération."
        unknown = sorted(set(weights) - set(RankWeights.model_fields))
        if unknown:
            message = "La pondération cite un critère inconnu : « {criterion} »."
            return message.format(criterion=unknown[0])
        if not all(_is_weight(weight) for weight in weights.values()):
            return "Un poids de la pondération n'est pas un nombre d'au moins 0."
        if not any(weights.values()):
            return "La pondération n'a aucun poids au-dessus de 0."
        every = RankWeights(**dict.fromkeys(RankWeights.model_fields, 0.0) | weights)
        return Weighting(self.name, every, self.author, self.decided_at, self.decision_id)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """The name, unless it does not read."""
        weighting = self.weighting()
        return {("weighting", weighting.name)} if isinstance(weighting, Weighting) else set()

    def missing(self, reviewed: Reviewed) -> str | None:
        """It must read."""
        weighting = self.weighting()
        return weighting if isinstance(weighting, str) else None

    def holds(self, reviewed: Reviewed) -> bool:
        """As long as nobody saved other weights under its name."""
        saved = reviewed.weightings.get(self.name)
        return saved is not None and saved.decision_id == self.decision_id

    def sentence(self, names: Names) -> str:
        return names.say("enregistre la pondération {name}", name=names.quoted(self.name))


def _is_weight(weight: object) -> bool:
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    return is_number and math.isfinite(weight) and weight >= 0  # type: ignore[arg-type,operator]  # a number


@dataclass(frozen=True)
class UseWeighting(Decision):
    """Ranks the study by a saved weighting, or by the weights of etude.toml where `name` is blank."""

    action = "use_weighting"
    group = "ponderations"
    has_typed_value = True

    name: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """There is one ranking."""
        return {("weighting in use",)}

    def missing(self, reviewed: Reviewed) -> str | None:
        """The weighting must be saved."""
        if not self.name or self.name in reviewed.weightings:
            return None
        return f"La pondération « {self.name} » n'existe pas."

    def holds(self, reviewed: Reviewed) -> bool:
        """As long as no other was chosen."""
        return (self.name or "") == reviewed.weighting_in_use

    def sentence(self, names: Names) -> str:
        if not self.name:
            return names.say("classe par les poids de l’étude")
        return names.say("classe par la pondération {value}", value=names.quoted(self.name))


def saved_weightings(active: Iterable[Decision]) -> dict[str, Weighting]:
    """Return the weightings by name, as each was last saved; what does not read is left out."""
    read = [row.weighting() for row in active if isinstance(row, SaveWeighting)]
    return {saved.name: saved for saved in read if isinstance(saved, Weighting)}


def weighting_in_use(active: Sequence[Decision]) -> str:
    """Return the name last chosen among the weightings that exist; blank for the weights of etude.toml."""
    saved = saved_weightings(active)
    chosen = [row.name or "" for row in active if isinstance(row, UseWeighting)]
    return next((name for name in reversed(chosen) if not name or name in saved), "")


def weights_in_use(active: Sequence[Decision], settings: RankSettings) -> Weighting:
    """Return the weighting last chosen among those that exist, else the weights of `settings`, without a name."""
    own = Weighting("", settings.weights)
    return saved_weightings(active).get(weighting_in_use(active), own)


KINDS: tuple[type[Decision], ...] = (NoteMemo, Undo, SaveWeighting, UseWeighting)
