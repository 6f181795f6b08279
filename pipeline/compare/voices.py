"""Whose voice was missing: types of structure and communes on the map, or in the study's scope, against who came; who carries a theme.

In:   attendance, structures, workshops; units, theme_members
Out:  voices         one row a workshop and type of structure or commune
      theme_voices   one row a theme
"""

import json
import logging
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from pipeline.communes import members_of
from pipeline.tables import THEME_VOICES, VOICES

log = logging.getLogger(__name__)


def list_voices(
    attendance: pd.DataFrame, structures: pd.DataFrame, workshops: pd.DataFrame, *, expected_structure_types: Sequence[str]
) -> pd.DataFrame:
    """Return, for every workshop with an attendance list, every type and commune in scope, on its map or in its room.

    In scope are the expected types, and the communes of the workshop's intercommunal authority where it is known. Where the list tells
    the type of nobody who came, no type is said to be absent.
    """
    epci_of = workshops.set_index("workshop_id")["epci_code"]
    present = _present(attendance, structures)
    mapped = _on_map(structures, present, workshops)
    rows = []
    for workshop_id in sorted(set(workshops["workshop_id"]) & set(present["workshop_id"])):
        here, placed = (voices[voices["workshop_id"] == workshop_id] for voices in (present, mapped))
        communes = members_of(str(epci_of[workshop_id])) if pd.notna(epci_of[workshop_id]) else ()
        scopes = (("structure_type", "structure_type", expected_structure_types), ("commune", "commune_code", communes))
        for kind, column, expected in scopes:
            if kind == "structure_type" and here[column].isna().all():
                continue
            n_present = here.dropna(subset=[column]).groupby(column)["voice_id"].nunique()
            n_on_map = placed.dropna(subset=[column]).groupby(column)["voice_id"].nunique()
            for value in sorted({*expected, *n_present.index, *n_on_map.index}):
                came, shown = int(n_present.get(value, 0)), int(n_on_map.get(value, 0))
                row = {"workshop_id": workshop_id, "kind": kind, "value": value, "is_in_scope": value in expected}
                rows.append(row | {"n_on_map": shown, "n_present": came, "is_absent": came == 0})
    return VOICES.build(rows)


def _present(attendance: pd.DataFrame, structures: pd.DataFrame) -> pd.DataFrame:
    """Structures that came, and people who came for none: workshop_id, voice_id, structure_type, commune_code.

    Who did not sign did not come, unless nobody signed: then the list was typed without its signatures.
    """
    signed = attendance.groupby("workshop_id")["has_signed"].transform("any")
    came = attendance[attendance["has_signed"] | ~signed].merge(
        structures[["structure_id", "structure_type", "commune_code"]],
        on="structure_id",
        how="left",
        suffixes=("", "_of_structure"),
        validate="many_to_one",
    )
    return pd.DataFrame(
        {
            "workshop_id": came["workshop_id"],
            "voice_id": came["structure_id"].fillna(came["participant_id"]),
            "structure_type": came["structure_type"].fillna(came["structure_type_of_structure"]),
            "commune_code": came["commune_code_of_structure"].fillna(came["commune_code"]),
        }
    )


def _on_map(structures: pd.DataFrame, present: pd.DataFrame, workshops: pd.DataFrame) -> pd.DataFrame:
    """Structures of the map by workshop: those of its own map; where that is not known, by who came, commune or nearest neighbour.

    A structure that none of these places is left out and counted in the log.
    """
    mapped = structures[structures["is_on_map"]].rename(columns={"structure_id": "voice_id"})
    columns = ["workshop_id", "voice_id", "structure_type", "commune_code"]
    if len(workshops) == 1:
        return mapped.assign(workshop_id=workshops["workshop_id"].iloc[0])[columns]
    of_map = mapped["map_workshop_ids"].map(lambda text: [] if pd.isna(text) else json.loads(text))
    placed = mapped.assign(workshop_id=of_map).explode("workshop_id").dropna(subset=["workshop_id"])
    rest = _rest(mapped, placed)
    placed = _stacked(placed, _joined(rest, present[["workshop_id", "voice_id"]], "voice_id"))
    placed = _stacked(placed, _joined(_rest(mapped, placed), present[["workshop_id", "commune_code"]].dropna(), "commune_code"))
    placed = _stacked(placed, _nearest(_rest(mapped, placed), placed))
    log.info("structures de la carte : %d placées, %d laissées de côté", placed["voice_id"].nunique(), len(_rest(mapped, placed)))
    return placed[columns]


def _rest(mapped: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    return mapped[~mapped["voice_id"].isin(placed["voice_id"])]


def _stacked(placed: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([placed, more]) if len(more) else placed


def _joined(mapped: pd.DataFrame, workshop_by: pd.DataFrame, key: str) -> pd.DataFrame:
    return mapped.merge(workshop_by.drop_duplicates(), on=key, validate="many_to_many").drop_duplicates(["workshop_id", "voice_id"])


def _nearest(rest: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """`rest` with the workshop of its nearest placed structure; degrees of longitude are shortened as in France (cos 46.5°)."""
    located, known = rest.dropna(subset=["lat", "lon"]), placed.dropna(subset=["lat", "lon"]).sort_values(["workshop_id", "voice_id"])
    if known.empty:
        return located.head(0).assign(workshop_id=pd.Series(dtype=object))
    nearest = [
        known["workshop_id"].iloc[int(((known["lat"] - lat) ** 2 + (0.69 * (known["lon"] - lon)) ** 2).to_numpy().argmin())]
        for lat, lon in zip(located["lat"], located["lon"], strict=True)
    ]
    return located.assign(workshop_id=nearest)


def voices_of_themes(units: pd.DataFrame, theme_members: pd.DataFrame, attendance: pd.DataFrame) -> pd.DataFrame:
    """Return, for each theme, which types of actor are known to carry it; a theme that one type alone carries needs two of its people."""
    known = attendance.dropna(subset=["structure_type"]).sort_values(["participant_id", "structure_type"])
    type_of = dict(zip(known["participant_id"], known["structure_type"], strict=True))
    said = theme_members.merge(units[["unit_id", "speaker"]], on="unit_id", validate="one_to_one")
    rows = []
    for theme_id, here in said.groupby("theme_id", sort=True):
        speakers = [str(speaker) for speaker in here["speaker"].dropna() if speaker in type_of]
        types = Counter(type_of[speaker] for speaker in set(speakers))
        rows.append(
            {
                "theme_id": theme_id,
                "n_units": len(here),
                "n_units_known": len(speakers),
                "n_speakers": len(set(speakers)),
                "structure_types": json.dumps(sorted(types), ensure_ascii=False),
                "is_single_type": len(types) == 1 and types.total() > 1,
            }
        )
    return THEME_VOICES.build(rows)
