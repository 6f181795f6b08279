"""The data dictionary: one schema per table. docs/dictionnaire.md is generated from it.

Suffixes: `_id` identifier, `n_…` count, `*_share` and `*_score` 0..1, `*_char` Unicode code points
(half-open), `*_at` UTC, `is_`/`has_` boolean, `_km` kilometres. Every text is pseudonymised; only
`path` keeps the depot's own file names.
"""

from pipeline.tables import material, results
from pipeline.tables.schema import Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        material.WORKSHOPS,
        material.DOCUMENTS,
        material.BLOCKS,
        material.REJECTS,
        material.ATTENDANCE,
        material.STRUCTURES,
        material.CATCHMENTS,
        material.UNITS,
        material.LEDGER,
        material.RECEIPTS,
        material.TAGS,
        material.SECOND_TAGS,
        results.THEMES,
        results.THEME_FAMILIES,
        results.THEME_MEMBERS,
        results.UNIT_PLACES,
        results.THEME_CHANGES,
        results.THEME_PROFILES,
        results.THEME_QUOTES,
        results.THEME_OPINIONS,
        results.MERGE_PROPOSALS,
        results.THEME_PROPOSALS,
        results.THEME_FLAGS,
        results.THEME_AGREEMENT,
        results.PRIORITIES,
        results.PRIORITY_NOTES,
        results.RANK_CHECKS,
        results.LATE_EFFECTS,
        results.CONTRASTS,
        results.FACTOR_POINTS,
        results.LEXICAL_CLASSES,
        results.LEXICAL_MEMBERS,
        results.TERRITORY_LINKS,
        results.TERRITORY_TREE,
        results.THEME_REACH,
        results.EVOLUTIONS,
        results.OFFERS,
        results.VOICES,
        results.THEME_VOICES,
        results.GAPS,
        results.MAP_PROBLEMS,
        material.DECISION_EFFECTS,
        material.DECISION_GROUNDS,
        material.AGREEMENT,
        material.REVIEW_QUEUE,
    )
}
