"""Compare a study's territories, in a run or alone."""

from collections.abc import Collection, Mapping

import pandas as pd

from pipeline.compare.contrasts import compare_territories, follow_territories
from pipeline.compare.needs import list_map_problems, list_needs, list_voices, voices_of_themes
from pipeline.compare.reach import reach_themes
from pipeline.compare.readings import link_territories, read_territories
from pipeline.counting import counted_members
from pipeline.grid.codes import POSTURE
from pipeline.offer import list_offers
from pipeline.settings import Settings
from pipeline.store import Store

COMPARED = (
    "contrasts",
    "factor_points",
    "lexical_classes",
    "lexical_members",
    "territory_links",
    "territory_tree",
    "theme_reach",
    "evolutions",
    "offers",
    "voices",
    "theme_voices",
    "needs",
    "map_problems",
)


def comparison(
    tables: Mapping[str, pd.DataFrame],
    settings: Settings,
    exclusive: Collection[str] = (POSTURE,),
    cache: Store | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables of the comparison; `exclusive` are the axes with one code a passage.

    A theme is said where a counted unit says it.
    """
    units, tags, members = tables["units"], tables["tags"], tables["theme_members"]
    counted = counted_members(members)
    workshops, structures = tables["workshops"], tables["structures"]
    attendance, compare = tables["attendance"], settings.compare
    contrasts = compare_territories(
        units, tags, members, workshops, settings=compare, exclusive=exclusive
    )
    offers = list_offers(units, tags, structures, cache=cache)
    readings = read_territories(
        units,
        members,
        contrasts,
        workshops,
        settings=compare,
        cache=cache,
    )
    links = link_territories(units, counted, workshops, settings=compare)
    evolutions = follow_territories(
        units, tags, members, workshops, settings=compare, exclusive=exclusive, cache=cache
    )
    expected = settings.etude.expected_structure_types
    return {
        "contrasts": contrasts,
        **readings._asdict(),
        **links._asdict(),
        "theme_reach": reach_themes(
            units,
            members,
            contrasts,
            tables["priorities"],
            workshops,
            min_tables=compare.min_tables,
        ),
        "evolutions": evolutions,
        "offers": offers,
        "voices": list_voices(attendance, structures, workshops, expected_structure_types=expected),
        "theme_voices": voices_of_themes(units, counted, attendance),
        "needs": list_needs({**tables, "theme_members": counted, "offers": offers}),
        "map_problems": list_map_problems(structures, tables["catchments"]),
    }
