"""The study's documents as other tools know them: in order, under names that tell nothing of the depot's files.

In:   workshops, documents
Out:  rows of documents, each with a name of its own
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.exchange.xml_text import one_line
from pipeline.publish.report.passages import rows_of, workshop_names
from pipeline.publish.text import word


def named_documents(tables: Mapping[str, pd.DataFrame]) -> list[Any]:
    """The documents in the order of workshops and paths; `name` is the workshop and the title, with a number where two would share it."""
    names = workshop_names(tables["workshops"])
    places = {workshop_id: place for place, workshop_id in enumerate(names)}
    documents = tables["documents"]
    ordered = documents.assign(place=documents["workshop_id"].map(places)).sort_values(["place", "path", "document_id"])
    given: list[str] = []
    seen: dict[str, int] = defaultdict(int)
    for row in rows_of(ordered):
        title = one_line(row.title) if isinstance(row.title, str) else ""
        name = f"{names.get(row.workshop_id, row.workshop_id)} · {title or word('lieux', row.channel)}"
        seen[name.casefold()] += 1
        given.append(name if seen[name.casefold()] == 1 else f"{name} ({seen[name.casefold()]})")
    return list(rows_of(ordered.assign(name=given)))
