"""The data dictionary: one schema per table. docs/dictionnaire.md is generated from it.

Suffixes: `_id` identifier, `n_…` count, `*_share` and `*_score` 0..1, `*_char` Unicode code points
(half-open), `*_at` UTC, `is_`/`has_` boolean, `_km` kilometres. Every text is pseudonymised; only
`path` keeps the depot's own file names.
"""

from pipeline.tables import material, results
from pipeline.tables.schema import Table

_OF_REVIEW = ("decision_effects", "decision_grounds", "agreement", "review_queue")
_EVERY = [
    table
    for module in (material, results)
    for table in vars(module).values()
    if isinstance(table, Table) and table is not material.DECISIONS  # which are no file
]
# in the order of the two modules, those of reviewing last
TABLES: dict[str, Table] = {
    table.name: table for table in sorted(_EVERY, key=lambda table: table.name in _OF_REVIEW)
}
