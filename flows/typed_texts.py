"""What people typed, without names: on its way into the store of decisions, and again on its way out.

In:   a study, whose vault tells who is known; decisions
Out:  the same decisions, whose reasons, names of themes and families, descriptions and names of weights name nobody

Whoever writes decisions passes by `keep_decisions`; whatever leaves the study by `decisions_to_show`, since somebody may be
known only since. Where the vault is encrypted and its passphrase is not given, as to a review, titled names, first names,
mail addresses and telephones are still masked; the next run, which opens the vault, masks the names that it knows.

The decisions that a study's tables already follow: what was decided since waits for the next run.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.encryption import is_encrypted, read_passphrase
from flows.vault import Vault
from pipeline.decisions import KINDS
from pipeline.pseudonymise import TypedTextMasker
from pipeline.pseudonymise.choices import Choices
from pipeline.pseudonymise.vault import Registry
from pipeline.study import Study

if TYPE_CHECKING:
    import pandas as pd


def keep_decisions(
    study: Study, decisions: Iterable[Mapping[str, Any]], *, request_id: str | None = None
) -> list[int]:
    """Append `decisions` without names to the study's store and return their numbers, as `append_all` does."""
    return study.decisions.append_all(without_names(study, decisions), request_id=request_id)


def without_names(study: Study, decisions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `decisions` whose typed texts name nobody whom the study knows; authors stay."""
    rows = [dict(decision) for decision in decisions]
    if not any(row.get("why") or _is_typed(row) for row in rows):
        return rows  # a code taken or refused: nothing was typed, the vault is not asked
    mask = _mask(study)
    for row in rows:
        if row.get("why"):
            row["why"] = mask(str(row["why"]))
        if _is_typed(row):
            row["value"] = KINDS[row["action"]].masked_value(str(row["value"]), mask)
    return rows


def typed_without_names(study: Study, text: str) -> str:
    """Return `text`, typed by somebody, without the names of people."""
    return _mask(study)(text) if text else text


def decisions_to_show(study: Study) -> "pd.DataFrame":
    """Return every decision of the study as it may leave it."""
    decisions = study.decisions.read()
    shown = decisions[["action", "value", "why"]].astype(object)
    rows = shown.where(shown.notna(), None).to_dict("records")
    clean = without_names(study, ({str(name): cell for name, cell in row.items()} for row in rows))
    for name in ("value", "why"):
        cells = [row[name] for row in clean]
        decisions[name] = _as(decisions[name], cells)
    return decisions


def _as(column: "pd.Series", cells: list[str | None]) -> "pd.Series":
    import pandas as pd

    return pd.Series(cells, index=column.index, dtype=column.dtype)


def _is_typed(row: Mapping[str, Any]) -> bool:
    kind = KINDS.get(str(row.get("action")))
    return bool(row.get("value")) and kind is not None and kind.has_typed_value


def _mask(study: Study) -> Callable[[str], str]:
    """The mask of the study as its vault is now."""
    written = tuple(
        (path.name, path.stat().st_mtime_ns) for path in sorted(study.vault.glob("*.vault"))
    )
    return _made(study.root, written).mask


@lru_cache(maxsize=4)
def _made(root: Path, _written: tuple[tuple[str, int], ...]) -> TypedTextMasker:
    study = Study.open(root)
    registry, choices = Registry(), Choices()
    if _can_be_opened(study):
        vault = Vault(study)
        registry, choices = vault.registry(), vault.choices()
    settings = study.settings.pseudonymise
    chosen = Choices(choices.keep | set(settings.keep), choices.hide | set(settings.hide))
    structures = study.read_table("structures")["name"].dropna()
    return TypedTextMasker(
        registry, choices=chosen, structures=structures, name_match=settings.name_match
    )


def _can_be_opened(study: Study) -> bool:
    """Whether there is a vault that is plain, or whose passphrase is given."""
    paths = sorted(study.vault.glob("*.vault"))
    return read_passphrase(study) is not None or not any(
        is_encrypted(path.read_bytes()) for path in paths
    )


def followed_decisions(study: Study, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the decisions that were replayed when `tables` were made."""
    decisions = decisions_to_show(study)
    return decisions[decisions["decision_id"].isin(list(tables["decision_effects"]["decision_id"]))]
