"""Compare a study's territories, in a run or alone."""

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from models.embedder import Embedder, load_embedder
from pipeline.compare.contrasts import compare_territories, follow_territories
from pipeline.compare.gaps import list_gaps
from pipeline.compare.reach import reach_themes
from pipeline.compare.readings import link_territories, read_territories
from pipeline.compare.voices import list_map_problems, list_voices, voices_of_themes
from pipeline.counting import counted_members
from pipeline.decisions.gaps import settle_gaps
from pipeline.decisions.kinds import Decision
from pipeline.grid.codes import POSTURE
from pipeline.offer import list_offers
from pipeline.offer.families import with_families
from pipeline.settings import Settings
from pipeline.store import Store


def comparison(
    tables: Mapping[str, pd.DataFrame],
    settings: Settings,
    exclusive: Collection[str] = (POSTURE,),
    *,
    encoder: Embedder | None = None,
    active: Iterable[Decision] = (),
    cache: Store | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables of the comparison; `exclusive` are the axes with one code a passage.

    Subjects are read with `encoder`, by default the shipped one. Of people's decisions (`active`),
    those on needs without answer count.

    A theme is said where a counted unit says it.
    """
    encoder = encoder or load_embedder()
    units, tags, members = tables["units"], tables["tags"], tables["theme_members"]
    counted = counted_members(members)
    workshops, structures = tables["workshops"], tables["structures"]
    attendance, compare = tables["attendance"], settings.compare
    contrasts = compare_territories(
        units, tags, members, workshops, settings=compare, exclusive=exclusive
    )
    offers = list_offers(
        units, tags, structures, attendance=attendance, workshops=workshops, cache=cache
    )
    offers = with_families(offers, units, encoder)
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
        "gaps": settle_gaps(list_gaps(tables, encoder), active),
        "map_problems": list_map_problems(structures, tables["catchments"]),
    }
