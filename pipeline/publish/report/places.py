"""What a report counts by: tables where the notes name some, else documents, since no world café is claimed that nobody told of.

In:   the passages of a study or workshop
Out:  Places, words for sentences and columns
"""

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.publish.text import count, typography, word
from pipeline.rank import CRITERIA


@dataclass(frozen=True)
class Places:
    """Words for where a subject was said; `column` heads a column of textes.yaml."""

    lieu: str
    lieux: str
    dans: str
    retenus: str
    column: str

    @property
    def words(self) -> dict[str, str]:
        """What the sentences of textes.yaml have in their braces."""
        return {"lieu": self.lieu, "lieux": self.lieux, "dans": self.dans, "retenus": self.retenus}

    def many(self, n: int) -> str:
        """1 table, 2 documents."""
        return count(n, self.lieu, self.lieux)

    def criterion(self, name: str) -> tuple[str, str]:
        """Label and explanation of a criterion of the ranking, without tables where there are none."""
        label, explanation = CRITERIA[name].label, CRITERIA[name].explanation
        if self != TABLES:
            label = word("colonnes", self.column) if name == "c_tables" else label
            explanation = explanation.replace("une table", "un document").replace("tables", self.lieux)
        return typography(word("criteres", label)), typography(explanation)


TABLES = Places("table", "tables", "à", "tables retenues", "tables")
DOCUMENTS = Places("document", "documents", "dans", "documents retenus", "documents")
BOTH = Places("table ou document", "tables ou documents", "dans", "tables ou documents retenus", "tables_documents")


def places_of(has_tables: Collection[bool]) -> Places:
    """What several workshops count by together, from whether each has tables; none at all is counted by tables."""
    return BOTH if len(set(has_tables)) > 1 else TABLES if all(has_tables) else DOCUMENTS
