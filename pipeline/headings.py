"""The heading under which each unit was written.

In:   units, documents, blocks
Out:  units with a `heading` column: the last heading before the unit in its document; blank where there is none
"""

import pandas as pd


def with_headings(units: pd.DataFrame, documents: pd.DataFrame, blocks: pd.DataFrame) -> pd.DataFrame:
    """Return `units`, in their order, with the text of their heading."""
    texts = dict(zip(documents["document_id"], documents["text"], strict=True))
    headings = blocks[(blocks["kind"] == "heading") & blocks["document_id"].isin(texts)].sort_values("start_char", kind="stable")
    by_document: dict[str, list[tuple[int, str]]] = {}
    for document_id, start, end in headings[["document_id", "start_char", "end_char"]].to_numpy(dtype=object).tolist():
        by_document.setdefault(document_id, []).append((start, texts[document_id][start:end]))
    found = [
        next((text for start, text in reversed(by_document.get(document_id, [])) if start <= at), None)
        for document_id, at in units[["document_id", "start_char"]].to_numpy(dtype=object).tolist()
    ]
    return units.assign(heading=pd.Series(found, index=units.index, dtype=object))
