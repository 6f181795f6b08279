"""Say what became of each file, and of all that was read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.tables.schema import LEDGER_KINDS, OUT_OF_ROOM
from pipeline.text import Count

_KINDS = dict(
    zip(
        LEDGER_KINDS,
        (
            "dans des passages",
            "en titres",
            "en circonstances",
            "en noms de qui parle",
            "en mise en page",
            "en bruit",
            "en données personnelles",
        ),
        strict=True,
    )
)


def receipt_sentence(row: Any) -> str:
    """Return « notes : 412 mots, dont 398 dans 31 passages ; 4 sans question »."""
    n_in, n_kept, n_units = (Count(row[name]) for name in ("n_words_in", "n_words_kept", "n_units"))
    if n_units:
        kept = f"dont {n_kept} dans {n_units:passage|passages}"
        in_room = row["channel"] not in OUT_OF_ROOM
        without = [
            f"{Count(n_units - row[f'n_with_{column}'])} sans {noun}"
            for column, noun in (("table", "table"), ("question", "question"))
            if in_room and row[f"n_with_{column}"] < n_units
        ]
        kept = " ; ".join([kept, *without])
    else:
        kept = f"dont {n_kept} repris" if n_kept else "aucun passage"
    return f"{row['taken_for']} : {n_in:mot|mots}, {kept}"


def receipt_line(row: Mapping[str, Any]) -> str:
    """Return the sentence of a receipt, and its warning if any."""
    warning = row["warning"]
    told = f" → à regarder : {warning}" if isinstance(warning, str) else ""
    return f"{receipt_sentence(row)}{told}"


def told_first(receipts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the receipts as rows, those with a warning first, then by path."""
    ordered = receipts.assign(is_fine=receipts["warning"].isna()).sort_values(["is_fine", "path"])
    return [{str(name): value for name, value in row.items()} for row in ordered.to_dict("records")]


def shares_of_characters(ledger: pd.DataFrame) -> dict[str, float]:
    """Return the share (0..1) of characters of each kind, {} where nothing is read."""
    lengths = ledger["end_char"] - ledger["start_char"]
    by_kind = lengths.groupby(ledger["kind"]).sum()
    total = int(by_kind.sum())
    return {kind: by_kind[kind] / total for kind in LEDGER_KINDS if kind in by_kind and total}


def characters_sentence(shares: dict[str, float]) -> str:
    """Return « Caractères lus : 91 % dans des passages, 5 % en titres… »."""
    return f"Caractères lus : {', '.join(_parts(shares))}" if shares else ""


def _parts(shares: dict[str, float]) -> Iterator[str]:
    for kind, share in shares.items():
        rounded = round(100 * share)
        yield f"{rounded if rounded else 'moins de 1'} % {_KINDS[kind]}"


def are_unread(paths: Iterable[str], read: Iterable[str]) -> list[bool]:
    """Return which `paths` of rejects were not read; of one that was, a reject is a remark.

    A file is read where a part of it is: « a.xlsx » by « a.xlsx#1 », and not the other way round.
    """
    known = {name for path in read for name in (path, path.partition("#")[0])}
    return [path not in known for path in paths]
