"""What a grid is made of."""

from dataclasses import dataclass

from pipeline.grid.axes import STANDARD, Axis


@dataclass(frozen=True)
class Code:
    """A code of the grid: `parent_id` is the group of codes that it stands in, if any; `lexicon` holds words that speak for it."""

    code: str
    axis: str
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
    """The codes in the grid's order, and its questions; `version` is the grid's own, `own_axes` those that are not standard."""

    grid_id: str
    version: str
    codes: tuple[Code, ...]
    questions: tuple[Question, ...]
    families: tuple[tuple[str, str], ...]  # id and label of the rubriques that only group others
    own_axes: tuple[Axis, ...] = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that have codes: rubrique, posture, pilier, then the grid's own in its order."""
        used = {code.axis for code in self.codes}
        return tuple(axis for axis in (*STANDARD.values(), *self.own_axes) if axis.axis in used)

    @property
    def exclusive(self) -> frozenset[str]:
        """The axes of which every unit bears exactly one code."""
        return frozenset(axis.axis for axis in self.axes if axis.is_exclusive)

    @property
    def telling(self) -> tuple[str, ...]:
        """The axes of which a unit may bear no code, so that a code tells something; all axes where there is no such axis."""
        return tuple(axis.axis for axis in self.axes if not axis.is_exclusive) or tuple(axis.axis for axis in self.axes)

    def axis(self, axis: str) -> tuple[Code, ...]:
        """The codes of one axis, in the grid's order."""
        return tuple(code for code in self.codes if code.axis == axis)

    @property
    def by_axis(self) -> tuple[Code, ...]:
        """The codes axis by axis, in the order of `axes`: the columns of what taggers answer."""
        return tuple(code for axis in self.axes for code in self.axis(axis.axis))

    def label_of(self, code: str) -> str:
        """The label of a code or family; the code itself where the grid does not know it."""
        known = {entry.code: entry.label for entry in self.codes} | dict(self.families)
        return known.get(code, code)
