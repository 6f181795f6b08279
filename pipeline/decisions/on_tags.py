"""Codes as people accepted, rejected or added them.

A person's word is a row of its own (source `person`, score 1 or 0); the machine's row stays, with is_assigned as decided. A unit keeps
exactly one posture: the last accepted one, or where people only rejected, the machine's best of those that are left.

In:   tags, units, decisions on tags in order
Out:  tags
"""

import pandas as pd

from pipeline.tables import TAGS

TAG_ACTIONS = ("accept_tag", "add_tag", "reject_tag")
_KEY = ["unit_id", "axis", "code"]
_POSTURE = "posture"


def review_tags(tags: pd.DataFrame, units: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Return the reviewed tags, the machine's rows first in their order; a decision without unit, axis or code changes nothing."""
    is_known = decisions["unit_id"].isin(units["unit_id"]) & decisions["axis"].notna() & decisions["code"].notna()
    verdicts = decisions[is_known].drop_duplicates(_KEY, keep="last")[[*_KEY, "decision_id", "action"]]
    if verdicts.empty:
        return tags
    verdicts = verdicts.assign(is_decided=verdicts["action"] != "reject_tag").drop(columns="action")
    machine = tags[tags["source"] == "machine"]
    verdicts, kept = _with_one_posture(verdicts, machine)
    decided = _on_machine(machine, verdicts, kept)
    said_before = tags[tags["source"] == "person"].merge(verdicts[_KEY], on=_KEY, how="left", indicator="is_in", validate="one_to_one")
    untouched = said_before.loc[said_before["is_in"] == "left_only", list(tags.columns)]
    return TAGS.check(pd.concat([decided, untouched, _persons_rows(verdicts, machine)], ignore_index=True))


def _with_one_posture(verdicts: pd.DataFrame, machine: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """`verdicts` with one posture accepted a unit at most, and the posture that each unit with such a verdict keeps.

    A rejection that would leave a unit without posture is dropped: no other code was proposed.
    """
    on_posture = verdicts[verdicts["axis"] == _POSTURE]
    accepted = on_posture[on_posture["is_decided"]].sort_values("decision_id").drop_duplicates("unit_id", keep="last")
    kept = dict(zip(accepted["unit_id"], accepted["code"], strict=True))
    proposed = machine[(machine["axis"] == _POSTURE) & machine["unit_id"].isin(on_posture["unit_id"])]
    rejected = set(zip(on_posture["unit_id"], on_posture["code"], strict=True))
    ranked = proposed.sort_values(["unit_id", "score", "code"], ascending=[True, False, True])
    for unit_id, codes in ranked.groupby("unit_id")["code"]:
        left = [code for code in codes if (unit_id, code) not in rejected]
        kept.setdefault(str(unit_id), str(left[0] if left else codes.iloc[0]))
    keeps = verdicts["unit_id"].map(kept) == verdicts["code"]
    is_posture = verdicts["axis"] == _POSTURE
    is_void = is_posture & keeps & ~verdicts["is_decided"]
    verdicts = verdicts.assign(is_decided=verdicts["is_decided"].where(~is_posture, keeps).astype(bool))
    return verdicts[~is_void], kept


def _on_machine(machine: pd.DataFrame, verdicts: pd.DataFrame, kept: dict[str, str]) -> pd.DataFrame:
    """The machine's rows with is_assigned as decided."""
    joined = machine.merge(verdicts[[*_KEY, "is_decided"]], on=_KEY, how="left", validate="one_to_one")
    assigned = joined["is_decided"].astype("boolean").fillna(joined["is_assigned"].astype("boolean"))
    is_settled = (joined["axis"] == _POSTURE) & joined["unit_id"].isin(kept)
    return machine.assign(is_assigned=assigned.where(~is_settled, joined["unit_id"].map(kept) == joined["code"]).astype(bool).to_numpy())


def _persons_rows(verdicts: pd.DataFrame, machine: pd.DataFrame) -> pd.DataFrame:
    """One row of source `person` a verdict, sorted by key, with the machine's evidence where it had any."""
    joined = verdicts.merge(machine[[*_KEY, "evidence"]], on=_KEY, how="left", validate="one_to_one").sort_values(_KEY)
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
