"""Codes as people accepted, rejected or added them.

A person's word is a row of its own (source `person`, score 1 or 0); the machine's row stays, with is_assigned as decided. Of an exclusive
axis, such as posture, a unit keeps exactly one code: the last accepted one, or where people only rejected, the machine's best left; on
a unit whose codes somebody confirmed, it keeps none unless one is accepted.

In:   tags, units, judgements of codes in order, the units confirmed, the exclusive axes
Out:  tags
"""

from collections.abc import Collection

import pandas as pd

from pipeline.tables.material import TAGS

_KEY = ["unit_id", "axis", "code"]
_OF_UNIT = ["unit_id", "axis"]


def review_tags(
    tags: pd.DataFrame,
    units: pd.DataFrame,
    judged: pd.DataFrame,
    exclusive: Collection[str],
    *,
    confirmed: Collection[str] = (),
) -> pd.DataFrame:
    """Return the reviewed tags, the machine's rows first in their order; a judgement without unit, axis or code changes nothing."""
    is_known = (
        judged["unit_id"].isin(units["unit_id"]) & judged["axis"].notna() & judged["code"].notna()
    )
    verdicts = judged[is_known].drop_duplicates(_KEY, keep="last")[[*_KEY, "decision_id", "action"]]
    if verdicts.empty:
        return tags
    verdicts = verdicts.assign(is_decided=verdicts["action"] != "reject_tag").drop(columns="action")
    machine = tags[tags["source"] == "machine"]
    verdicts, kept = _with_one_code(verdicts, machine, exclusive, confirmed)
    decided = _on_machine(machine, verdicts, kept)
    said_before = tags[tags["source"] == "person"].merge(
        verdicts[_KEY], on=_KEY, how="left", indicator="is_in", validate="one_to_one"
    )
    untouched = said_before.loc[said_before["is_in"] == "left_only", list(tags.columns)]
    return TAGS.check(
        pd.concat([decided, untouched, _persons_rows(verdicts, machine)], ignore_index=True)
    )


def _with_one_code(
    verdicts: pd.DataFrame,
    machine: pd.DataFrame,
    exclusive: Collection[str],
    confirmed: Collection[str],
) -> tuple[pd.DataFrame, dict[tuple[str, str], str]]:
    """`verdicts` with one code of each exclusive axis accepted a unit at most, and the code that each unit and axis so judged keeps.

    A rejection that would leave a unit without code on such an axis is dropped, as no other code was proposed, unless the unit is
    `confirmed`: there, what nobody accepts does not stand.
    """
    is_exclusive = verdicts["axis"].isin(exclusive)
    judged = verdicts[is_exclusive]
    accepted = (
        judged[judged["is_decided"]]
        .sort_values("decision_id", kind="stable")
        .drop_duplicates(_OF_UNIT, keep="last")
    )
    kept = dict(zip(_pairs(accepted), accepted["code"], strict=True))
    open_pairs = judged.loc[~judged["unit_id"].isin(list(confirmed)), _OF_UNIT].drop_duplicates()
    proposed = machine.merge(open_pairs, on=_OF_UNIT, validate="many_to_one")
    rejected = set(judged[_KEY].itertuples(index=False, name=None))
    ranked = proposed.sort_values([*_OF_UNIT, "score", "code"], ascending=[True, True, False, True])
    for (unit_id, axis), codes in ranked.groupby(_OF_UNIT)["code"]:
        left = [code for code in codes if (unit_id, axis, code) not in rejected]
        kept.setdefault((str(unit_id), str(axis)), str(left[0] if left else codes.iloc[0]))
    keeps = (
        pd.Series([kept.get(pair) for pair in _pairs(verdicts)], index=verdicts.index, dtype=object)
        == verdicts["code"]
    )
    is_void = is_exclusive & keeps & ~verdicts["is_decided"]
    verdicts = verdicts.assign(
        is_decided=verdicts["is_decided"].where(~is_exclusive, keeps).astype(bool)
    )
    return verdicts[~is_void], kept


def _pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Unit and axis of each row."""
    return list(rows[_OF_UNIT].itertuples(index=False, name=None))


def _on_machine(
    machine: pd.DataFrame, verdicts: pd.DataFrame, kept: dict[tuple[str, str], str]
) -> pd.DataFrame:
    """The machine's rows with is_assigned as decided."""
    joined = machine.merge(
        verdicts[[*_KEY, "is_decided"]], on=_KEY, how="left", validate="one_to_one"
    )
    assigned = (
        joined["is_decided"].astype("boolean").fillna(joined["is_assigned"].astype("boolean"))
    )
    code = pd.Series([kept.get(pair) for pair in _pairs(joined)], index=joined.index, dtype=object)
    return machine.assign(
        is_assigned=assigned.where(code.isna(), code == joined["code"]).astype(bool).to_numpy()
    )


def _persons_rows(verdicts: pd.DataFrame, machine: pd.DataFrame) -> pd.DataFrame:
    """One row of source `person` a verdict, sorted by key, with the machine's evidence where it had any."""
    joined = verdicts.merge(
        machine[[*_KEY, "evidence"]], on=_KEY, how="left", validate="one_to_one"
    ).sort_values(_KEY)
    return pd.DataFrame(
        {
            **{name: joined[name] for name in _KEY},
            "score": joined["is_decided"].astype(float),
            "is_assigned": joined["is_decided"],
            "evidence": joined["evidence"].fillna("[]"),
            "source": "person",
            "model_version": "décision " + joined["decision_id"].astype(str),
        }
    )
