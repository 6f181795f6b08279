"""Time and memory of a whole comparison: 100 territories, 60 themes, 100,000 passages, made up.

Run it as a script: `PYTHONPATH=.:tests python tests/benchmarks/comparison_scale.py`.
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from flows import publish_study as flow
from pipeline.settings import Settings
from pipeline.tables.material import ATTENDANCE, CATCHMENTS, STRUCTURES, TAGS, UNITS, WORKSHOPS
from pipeline.tables.results import PRIORITIES, THEME_MEMBERS

N_TERRITORIES, N_TABLES, N_THEMES, N_UNITS = 100, 10, 60, 100_000
_CODES = (
    (
        "rubrique",
        (
            "offre",
            "enjeux.social",
            "enjeux.environnemental",
            "organisation",
            "innovation.territoire",
        ),
    ),
)
_POSTURES = ("constat", "difficulte", "force", "proposition", "demande")
_WORDS = (
    *("eau", "marais", "haie", "bois", "bus", "vélo", "cantine", "légume", "local"),
    *("loyer", "bénévole", "textile", "emploi", "insertion", "marché", "banque", "école", "santé"),
)


def made_up(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The tables of such a study; three words and sometimes a number make a passage."""
    territory, table, theme = (
        rng.integers(0, n, N_UNITS) for n in (N_TERRITORIES, N_TABLES, N_THEMES)
    )
    words = rng.choice(_WORDS, (N_UNITS, 3))
    texts = [
        f"le {a} et la {b} avec {n} {c}s"
        for (a, b, c), n in zip(words, rng.integers(2, 90, N_UNITS), strict=True)
    ]
    ids = [f"u{place:06d}" for place in range(N_UNITS)]
    names = [f"atelier-{place:03d}" for place in range(N_TERRITORIES)]
    units = {
        "unit_id": ids,
        "text": texts,
        "workshop_id": [names[place] for place in territory],
        "table_number": table + 1,
    }
    units |= {
        "document_id": [f"d{a}-{b}" for a, b in zip(territory, table, strict=True)],
        "question": "q1",
        "channel": "notes",
    }
    units |= {
        "unit_order": range(N_UNITS),
        "start_char": 0,
        "end_char": [len(text) for text in texts],
        "speaker": None,
    }
    held = [
        {
            "workshop_id": name,
            "territory": name,
            "date": "2026-03-01",
            "place": None,
            "epci_code": None,
            "n_tables": N_TABLES,
            "folder": name,
        }
        for name in names
    ]
    axes = [*_CODES, ("posture", _POSTURES)]
    tags = [_tags(ids, axis, rng.choice(codes, N_UNITS)) for axis, codes in axes]
    members = {
        "unit_id": ids,
        "theme_id": [f"t{place:02d}" for place in theme],
        "strength": 0.8,
        "probability": 0.8,
        "is_counted": True,
    }
    return {
        "units": UNITS.build(pd.DataFrame(units).to_dict("records")),
        "tags": TAGS.build(pd.concat(tags).to_dict("records")),
        "theme_members": THEME_MEMBERS.build(pd.DataFrame(members).to_dict("records")),
        "workshops": WORKSHOPS.build(held),
        **{table.name: table.empty() for table in (ATTENDANCE, STRUCTURES, CATCHMENTS, PRIORITIES)},
    }


def _tags(ids: list[str], axis: str, codes: Any) -> pd.DataFrame:
    kept = {
        "score": 0.9,
        "is_assigned": True,
        "evidence": "[]",
        "source": "machine",
        "model_version": "essai",
    }
    return pd.DataFrame({"unit_id": ids, "axis": axis, "code": codes, **kept})


def timed(name: str, spent: dict[str, float]) -> Callable[..., Any]:
    """The flow's own function of that name, whose time is added to `spent`."""
    told = getattr(flow, name)

    def call(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        found = told(*args, **options)
        spent[name] = time.perf_counter() - start
        return found

    return call


def main() -> None:
    """Print the time of each step, of all, and the peak memory of the process."""
    tables, spent = made_up(np.random.default_rng(0)), {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps = (
        "compare_territories",
        "read_territories",
        "link_territories",
        "reach_themes",
        "follow_territories",
        "list_offers",
        "list_gaps",
    )
    for name in steps:
        setattr(flow, name, timed(name, spent))
    cpu, start = time.process_time(), time.perf_counter()
    compared = flow.comparison(tables, Settings())
    for name in steps:
        sys.stdout.write(f"{name:<22} {spent[name]:6.1f} s\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"en tout {time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} s de processeur ; "
    )
    sys.stdout.write(
        f"mémoire {peak:.0f} Mo ({before:.0f} avant) ; {len(compared['contrasts'])} contrastes, {len(compared['offers'])} offres\n"
    )


if __name__ == "__main__":
    main()
