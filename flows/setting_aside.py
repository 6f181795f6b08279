"""Set aside the files and documents that a step of a run cannot treat, so that the rest goes on.

In:   what a step failed on, and a function that tells whether it fails on some of it
Out:  the fewest things to blame; a stage that takes documents out and leaves a reject for each
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from flows.budget import OverBudgetError
from flows.cache import Tables
from flows.execution import Stage, WorkshopFolder
from pipeline.depot import Unread
from pipeline.errors import AteliersError, TableError
from pipeline.ingest import reject_unread

if TYPE_CHECKING:
    from flows.workspace import Workspace

Thing = TypeVar("Thing")
FAULTS = (  # of our code at a content that it did not foresee
    OverBudgetError,
    TableError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    re.error,
)
_OF_DOCUMENTS = ("documents", "blocks", "units", "ledger")
_ADVICE = (
    "signaler ce défaut ; tout le reste est traité, et ceci le sera une fois le fichier changé"
)


def blame(things: Sequence[Thing], fails: Callable[[Sequence[Thing]], bool]) -> list[Thing]:
    """Return those of `things` on which a step fails; none where it fails on no half of them.

    >>> blame([1, 2, 3, 4, 5], lambda some: 4 in some)
    [4]
    """
    if len(things) < 2:
        return list(things)
    middle = len(things) // 2
    halves = (things[:middle], things[middle:])
    return [thing for half in halves if fails(half) for thing in blame(half, fails)]


def fault_in_words(doing: str, error: Exception) -> str:
    """Say which step failed, a feminine noun, without the error's message: it may quote people."""
    return f"{doing} ne s'est pas faite ({_kind_of(error)})"


def unread_folder(path: Path, error: Exception) -> Unread:
    """Return what is said of a workshop of which no file can be treated."""
    reason = f"l'atelier n'a pas pu être traité ({_kind_of(error)})"
    return Unread(path, path.name, reason, _ADVICE)


def _kind_of(error: Exception) -> str:
    return error.found if isinstance(error, AteliersError) else type(error).__name__


def unread_by_fault(path: Path, name: str, fault: str) -> Unread:
    """Return what is said of a file or document that is set aside."""
    return Unread(path, name, f"mis de côté : {fault}", _ADVICE)


def stage_without(reasons: Mapping[str, str]) -> Stage:
    """Return the stage that takes documents out of a workshop's tables, with a reject for each.

    `reasons` says why, by document_id; its result is cached like any other.
    """
    tables = (*_OF_DOCUMENTS, "receipts", "rejects")
    return Stage(
        "aside",
        "workshop",
        reads=tables,
        compute=partial(_take_out, reasons),
        depends_on=lambda *_: [f"{name}: {why}" for name, why in sorted(reasons.items())],
    )


def _take_out(
    reasons: Mapping[str, str], tables: Tables, _workspace: "Workspace", _folder: WorkshopFolder
) -> Tables:
    documents = tables["documents"]
    paths = {
        path: reasons[document_id]
        for document_id, path in zip(documents["document_id"], documents["path"], strict=True)
        if document_id in reasons
    }
    left: Tables = {name: _but(tables[name], "document_id", reasons) for name in _OF_DOCUMENTS}
    unread = [unread_by_fault(Path(path), path, why) for path, why in paths.items()]
    left["rejects"] = reject_unread(tables["rejects"], unread)
    return left | {"receipts": _but(tables["receipts"], "path", paths)}


def _but(rows: pd.DataFrame, column: str, values: Mapping[str, str]) -> pd.DataFrame:
    return rows[~rows[column].isin(list(values))].reset_index(drop=True)
