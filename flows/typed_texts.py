"""Mask names in typed texts, on their way into the store of decisions and out of it.

Mask again with `decisions_to_show`, since a name may be known only later. Where the vault is
locked, as for a review, titled names, first names, mail addresses and telephones are masked; the
next run masks the names that the vault knows. Memos may name colleagues who are no participants:
whom a kept memo names stays named wherever it is shown, even once the account is closed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from flows.encryption import is_encrypted, read_passphrase
from flows.vault import Vault
from pipeline.decisions import KINDS
from pipeline.decisions.memos import MemoDecision
from pipeline.pseudonymise import TypedTextMasker
from pipeline.pseudonymise.choices import Choices
from pipeline.pseudonymise.mentions import spelt
from pipeline.pseudonymise.vault import Registry
from pipeline.study import Study


def keep_decisions(
    study: Study,
    decisions: Iterable[Mapping[str, Any]],
    *,
    request_id: str | None = None,
    colleagues: Callable[[], Collection[str]] = tuple,
) -> list[int]:
    """Append `decisions` without names to the study's store, as `append_all` does."""
    rows = without_names(study, decisions, colleagues)
    return study.decisions.append_all(rows, request_id=request_id)


def decisions_to_show(study: Study) -> pd.DataFrame:
    """Return every decision with names masked; of those that memos name, participants' only."""
    decisions = study.decisions.read()
    shown = decisions[["action", "value", "why"]].astype(object)
    rows = shown.where(shown.notna(), None).to_dict("records")
    named = ({str(name): row[name] for name in row} for row in rows)
    masked = without_names(study, named, lambda: None)
    for name in ("value", "why"):
        cells, before = [row[name] for row in masked], decisions[name]
        decisions[name] = pd.Series(cells, index=before.index, dtype=before.dtype)
    return decisions


def followed_decisions(study: Study, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the decisions that `tables` follow; later ones wait for a run."""
    decisions = decisions_to_show(study)
    return decisions[decisions["decision_id"].isin(list(tables["decision_effects"]["decision_id"]))]


def without_names(
    study: Study,
    decisions: Iterable[Mapping[str, Any]],
    colleagues: Callable[[], Collection[str] | None] = tuple,
) -> list[dict[str, Any]]:
    """Return `decisions` without known names in typed texts; authors stay, in memos colleagues.

    Where `colleagues` gives None, memos may name anybody who is no participant.
    """
    rows = [dict(decision) for decision in decisions]
    if not any(row.get("why") or _is_typed(row) for row in rows):
        return rows  # a code taken or refused: nothing was typed, the vault is not asked
    mask_all = _masker(study).mask
    is_memo = [issubclass(KINDS.get(row["action"], object), MemoDecision) for row in rows]
    mask_memo = _masker(study, colleagues()).mask if any(is_memo) else mask_all
    for row, may_name in zip(rows, is_memo, strict=True):
        mask = mask_memo if may_name else mask_all
        if row.get("why"):
            row["why"] = mask(str(row["why"]))
        if _is_typed(row):
            row["value"] = KINDS[row["action"]].masked_value(str(row["value"]), mask)
    return rows


def typed_without_names(study: Study, text: str) -> str:
    """Return the typed `text` without the names of people."""
    return _masker(study).mask(text) if text else text


def paths_without_names(study: Study, paths: pd.Series) -> pd.Series:
    """Return `paths` of the depot as they may be published; the workshops' folders stay."""
    if paths.empty:
        return paths
    folders = paths.str.extract("^([^/]*/)?", expand=False).fillna("")
    names = pd.Series(
        [path.removeprefix(folder) for path, folder in zip(paths, folders, strict=True)],
        index=paths.index,
        dtype=paths.dtype,
    )
    return folders + _masker(study).mask_file_names(names)


def _is_typed(row: Mapping[str, Any]) -> bool:
    kind = KINDS.get(str(row.get("action")))
    return bool(row.get("value")) and kind is not None and kind.has_typed_value


def _masker(study: Study, colleagues: Collection[str] | None = ()) -> TypedTextMasker:
    paths = sorted(study.vault.glob("*.vault"))
    written = tuple((path.name, path.stat().st_mtime_ns) for path in paths)
    named = None if colleagues is None else frozenset(map(spelt, colleagues))
    return _read_masker(study.root, written, named)


@lru_cache(maxsize=4)
def _read_masker(
    root: Path, _written: tuple[tuple[str, int], ...], colleagues: frozenset[str] | None
) -> TypedTextMasker:
    study = Study.open(root)
    registry, choices = Registry(), Choices()
    paths = study.vault.glob("*.vault")
    is_locked = any(is_encrypted(path.read_bytes()) for path in paths)
    if not is_locked or read_passphrase(study) is not None:
        vault = Vault(study)
        registry, choices = vault.registry(), vault.choices()
    settings = study.settings.pseudonymise
    return TypedTextMasker(
        registry,
        choices=Choices(choices.keep | set(settings.keep), choices.hide | set(settings.hide)),
        colleagues=colleagues,
        structures=study.read_table("structures")["name"].dropna(),
        name_match=settings.name_match,
    )
