"""What a grid is made of."""

from dataclasses import dataclass

from pipeline.tables import AXES


@dataclass(frozen=True)
class Code:
    """A code of the grid: `parent_id` is the rubrique it details, if any; `lexicon` holds words that speak for it."""

    code: str
    axis: str  # rubrique, posture or pilier
    label: str
    definition: str
    include: str = ""
    exclude: str = ""
    examples: tuple[str, ...] = ()
    parent_id: str | None = None
    lexicon: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """Label, definition and inclusions in one text, for a reader or an encoder."""
        return " ".join(part for part in (f"{self.label}.", self.definition, self.include, *self.examples) if part)


@dataclass(frozen=True)
class Question:
    """A question of the world café."""

    question: str  # q1, q2, …
    label: str


@dataclass(frozen=True)
class Grid:
    """The codes in the grid's order, and its questions; `version` is the grid's own."""

    grid_id: str
    version: str
    codes: tuple[Code, ...]
    questions: tuple[Question, ...]
    families: tuple[tuple[str, str], ...]  # id and label of the rubriques that only group others

    def axis(self, axis: str) -> tuple[Code, ...]:
        """The codes of one axis, in the grid's order."""
        return tuple(code for code in self.codes if code.axis == axis)

    @property
    def by_axis(self) -> tuple[Code, ...]:
        """The codes axis by axis, in the order of the data dictionary: the columns of what taggers answer."""
        return tuple(code for axis in AXES for code in self.axis(axis))

    def label_of(self, code: str) -> str:
        """The label of a code or family; the code itself where the grid does not know it."""
        known = {entry.code: entry.label for entry in self.codes} | dict(self.families)
        return known.get(code, code)
