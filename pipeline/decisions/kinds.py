"""Define the kinds of decision, each a class that reads and writes rows of DECISIONS.

Kinds on codes are in tags.py, on themes in themes.py and sign_off.py, on needs without answer in
gaps.py, on what is no passage in passages.py, on words in spans.py, on what a passage is in
mending.py, memos and flags in memos.py, on the codebook in codebook.py, on how people code in
coding.py, on the machine in machine.py, the others here.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pipeline.settings.sections import RankSettings, RankWeights

if TYPE_CHECKING:
    from pipeline.decisions.lineage import Lineage
    from pipeline.decisions.replay import ThemeReplay

Code = tuple[str, str]  # axis and code
Subject = tuple[str, ...]
GapId = tuple[str, str]  # workshop_id and subject_id
GROUPS = {
    "etiquettes": "étiquettes",
    "decoupage": "découpage",
    "codage": "codage à plusieurs",
    "corrections": "corrections",
    "themes": "thèmes",
    "besoins": "besoins sans réponse",
    "ponderations": "pondérations",
    "annulations": "annulations",
    "memos": "mémos",
    "selections": "sélections",
    "drapeaux": "drapeaux",
    "depot": "dépôt",
    "grille": "grille",
    "machine": "machine",
}  # filters of the journal
GONE_PASSAGE = "Le passage n'existe plus : son document a changé ou a été retiré."
GONE_THEME = "Le thème n'existe plus : ses passages sont passés dans d'autres."


class Names(Protocol):
    """Names of passages, themes and codes, in the reader's language."""

    def say(self, sentence: str, **words: str) -> str:
        """Translate a French `sentence` and fill its blanks with `words`."""

    def quoted(self, text: str | None) -> str:
        """Put `text` in quotation marks."""

    def joined(self, texts: Sequence[str]) -> str:
        """List `texts` in a sentence."""

    def passage(self, unit_id: str | None) -> str:
        """Return a passage's first words."""

    def theme(self, theme_id: str | None) -> str:
        """Return a theme's or family's name."""

    def code(self, code: str | None) -> str:
        """Return a code's label."""

    def name_before(self, decision: "Decision") -> str:
        """Return the name just before a renaming."""


@dataclass(frozen=True)
class Reviewed:
    """The tables after all decisions; `codes` by unit, `exclusive` by axis.

    `gaps` and `notes` (memos, flags, selections) have the number of the last decision on each;
    `grid_codes` is None where the grid's codes are not told. `lost` says why a decision does not
    hold for what its passage became; `units` are the rows of passages that people corrected.
    """

    themes: "ThemeReplay"
    codes: Mapping[str, AbstractSet[Code]]
    exclusive: Mapping[str, bool]
    weightings: "Mapping[str, Weighting]"
    weighting_in_use: str
    gaps: Mapping[GapId, int]
    notes: Mapping[Subject, int]
    lineage: "Lineage"
    lost: Mapping[int, str]
    units: Mapping[str, Mapping[Any, Any]]
    grid_codes: AbstractSet[Code] | None = None


def text(value: object) -> str | None:
    """Return `value` as stripped text, None if missing or blank."""
    return value.strip() or None if isinstance(value, str) else None


def read_json(value: object) -> Any:
    """Return the JSON of a cell, None if invalid."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except json.JSONDecodeError:
        return None


def read_object(value: object) -> dict[str, Any]:
    """Return the JSON object of a cell, an empty one if it holds none."""
    content = read_json(value)
    return content if isinstance(content, dict) else {}


def as_json(value: object) -> str:
    """Return `value` as JSON for a cell."""
    return json.dumps(value, ensure_ascii=False)


def in_value(
    read: Callable[[Any], Any] = text, write: Callable[[Any], str | None] = text
) -> Mapping[str, Any]:
    """Return the metadata of a field stored in `value`."""
    return {"column": "value", "read": read, "write": write}


@dataclass(frozen=True)
class Decision:
    """Who decided, when and why; its number is 0 until it is stored."""

    action: ClassVar[str]
    group: ClassVar[str]
    template: ClassVar[str]  # French, without the subject
    blank_template: ClassVar[str] = ""  # for a blank value
    has_typed_value: ClassVar[bool] = False
    typed_parts: ClassVar[tuple[str, ...]] = ()  # of a JSON object; blank where all is typed
    awaits_run: ClassVar[bool] = True  # False where it changes no table
    idle_reason: ClassVar[str] = "Une autre décision a réuni ou écarté ce thème."

    decision_id: int = field(default=0, kw_only=True)
    decided_at: str = field(default="", kw_only=True)
    author: str = field(default="", kw_only=True)
    why: str | None = field(default=None, kw_only=True)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of DECISIONS; invalid cells are blank."""
        values: dict[str, Any] = {"decision_id": int(row.get("decision_id") or 0)}
        for each in dataclasses.fields(cls)[1:]:
            read = each.metadata.get("read", text)
            values[each.name] = read(row.get(each.metadata.get("column", each.name)))
        values |= {name: values[name] or "" for name in ("decided_at", "author")}
        return cls(**values)

    def row(self) -> dict[str, Any]:
        """Return the cells that are not blank."""
        cells: dict[str, Any] = {"action": self.action}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            cell = each.metadata["write"](value) if "write" in each.metadata else value
            if cell:
                cells[each.metadata.get("column", each.name)] = cell
        return cells

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        """Mask people's names in the typed text."""
        if not cls.has_typed_value:
            return value
        content = read_json(value) if cls.typed_parts else None
        if not isinstance(content, dict):
            return mask(value)
        typed = {name: content.get(name) for name in cls.typed_parts}
        masked = {name: mask(part) for name, part in typed.items() if isinstance(part, str)}
        return as_json(content | masked)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """Return its subjects: a later decision may replace it by changing one."""
        raise NotImplementedError

    def changes(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        """Return what it changes, by default its subjects."""
        return self.applies_to(exclusive)

    def rests_on(self) -> tuple[str, ...]:
        """Return the themes that must not have changed for it to apply."""
        return ()

    def apply(self, replay: "ThemeReplay") -> None:
        """Change the themes of `replay`; other kinds change none."""

    def missing(self, reviewed: Reviewed) -> str | None:
        """Say in French why it has nothing to apply to, if so."""
        return self.fault(reviewed)

    def fault(self, reviewed: Reviewed) -> str | None:
        """Say in French why it makes no sense, although its passage and theme exist."""
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        """Whether the reviewed tables agree with it; always where it changes none."""
        return True

    def why_not(self) -> str:
        """Say in French why it does not hold, nothing being missing or decided later."""
        return self.idle_reason

    def sentence(self, names: Names) -> str:
        """Say what it does: « rejette « Mobilité » sur « Il n'y a plus de bus… » »."""
        value = self.row().get("value")
        template = self.template if value else self.blank_template or self.template
        return names.say(template, **self.words(names, value))

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"value": names.quoted(value)}


@dataclass(frozen=True)
class PassageDecision(Decision):
    """A decision on one passage."""

    unit_id: str | None

    def missing(self, reviewed: Reviewed) -> str | None:
        if self.decision_id in reviewed.lost:
            return reviewed.lost[self.decision_id]
        if self.unit_id not in reviewed.themes.unit_ids:
            return GONE_PASSAGE
        return super().missing(reviewed)

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"passage": names.passage(self.unit_id)}


def _number(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else 0


@dataclass(frozen=True)
class Undo(Decision):
    """Undoes an earlier decision, which may be an undoing."""

    action = "undo"
    group = "annulations"
    template = "annule la décision n° {n}"

    target: int = field(metadata=in_value(_number, str))

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"n": str(self.target)}


def undone_by(decisions: Iterable[Decision]) -> dict[int, int]:
    """Map each undone decision to its first active undoing."""
    newest_first = sorted(decisions, key=lambda decision: decision.decision_id, reverse=True)
    numbers = {decision.decision_id for decision in newest_first}
    by: dict[int, int] = {}
    for decision in newest_first:
        if not isinstance(decision, Undo) or decision.decision_id in by:
            continue
        if decision.target in numbers and decision.target < decision.decision_id:
            by[decision.target] = decision.decision_id
    return by


@dataclass(frozen=True)
class Weighting:
    """Weights and their `name`, blank for those of etude.toml."""

    name: str
    weights: RankWeights
    author: str = ""
    decided_at: str = ""
    decision_id: int = 0


@dataclass(frozen=True)
class SaveWeighting(Decision):
    """Saves weights under a name; a missing criterion weighs 0."""

    action = "save_weighting"
    group = "ponderations"
    template = "enregistre la pondération {name}"
    has_typed_value = True
    typed_parts = ("name",)

    content: Any = field(metadata=in_value(read_json, as_json))  # {"name": …, "weights": {…}}

    @classmethod
    def named(cls, name: str, weights: Mapping[str, float]) -> Self:
        return cls({"name": name, "weights": dict(weights)})

    def _part(self, name: str) -> Any:
        return self.content.get(name) if isinstance(self.content, dict) else None

    @property
    def name(self) -> str:
        return text(self._part("name")) or ""

    def weighting(self) -> Weighting | str:
        """Return the weighting, or its fault in French."""
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
    """Ranks by a saved weighting, or by that of etude.toml if `name` is blank."""

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
    """Return each valid weighting by name, as last saved."""
    read = [row.weighting() for row in active if isinstance(row, SaveWeighting)]
    return {saved.name: saved for saved in read if isinstance(saved, Weighting)}


def weighting_in_use(active: Sequence[Decision]) -> str:
    """Return the last chosen name that exists, blank for etude.toml's."""
    saved = saved_weightings(active)
    chosen = [row.name or "" for row in active if isinstance(row, UseWeighting)]
    return next((name for name in reversed(chosen) if not name or name in saved), "")


def weights_in_use(active: Sequence[Decision], settings: RankSettings) -> Weighting:
    """Return the last chosen weighting that exists, else that of `settings`."""
    own = Weighting("", settings.weights)
    return saved_weightings(active).get(weighting_in_use(active), own)
