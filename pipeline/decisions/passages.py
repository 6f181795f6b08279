"""Define what people decide of text that the program took for no passage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.decisions.kinds import Decision, Names, Reviewed, Subject, in_value


@dataclass(frozen=True)
class MakePassage(Decision):
    """Makes a passage of a heading or another text that was left out, from the next run on.

    `unit_id` is the one that the passage will have (`pipeline.segment.silent_ids`).
    """

    action = "make_passage"
    group = "decoupage"
    template = "fait un passage de {value}"
    has_typed_value = True  # a name in these words may be known only later

    unit_id: str | None
    said: str | None = field(metadata=in_value())

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("make_passage", str(self.unit_id))}

    def fault(self, reviewed: Reviewed) -> str | None:
        if self.unit_id in reviewed.themes.unit_ids:
            return None
        return "Ce texte n'est pas encore un passage, ou n'est plus dans son document."

    def holds(self, reviewed: Reviewed) -> bool:
        return self.unit_id in reviewed.themes.unit_ids

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return {"value": names.quoted(value)}


def made_passages(active: Iterable[Decision]) -> frozenset[str]:
    """Return the ids of the passages that people made."""
    return frozenset(row.unit_id for row in active if isinstance(row, MakePassage) and row.unit_id)
