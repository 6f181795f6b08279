"""What the command line shows: rich text on a terminal, plain text elsewhere, JSON where asked. Never a passage's text in an error."""

from pipeline.show.moves import (
    compared,
    exported,
    fetched,
    forgotten,
    imported,
    invited,
    restored,
    review_served,
    saved,
    service,
    taken,
)
from pipeline.show.results import (
    PSEUDONYMOUS,
    comparison,
    created,
    figures,
    outcome,
    published,
    status,
    trained,
)
from pipeline.show.writing import failure

__all__ = [
    "PSEUDONYMOUS",
    "compared",
    "comparison",
    "created",
    "exported",
    "failure",
    "fetched",
    "figures",
    "forgotten",
    "imported",
    "invited",
    "outcome",
    "published",
    "restored",
    "review_served",
    "saved",
    "service",
    "status",
    "taken",
    "trained",
]
