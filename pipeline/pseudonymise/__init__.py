"""Pseudonymise a workshop: the same tables without personal data, and the key for the vault.

In:   the tables of ingest_workshop, `people` included; the vault's key of earlier runs
Out:  the tables without `people`, names, telephones, mail and postal addresses replaced by fixed tokens; the key (VAULT)

Word lists: data/lexicon/personnes.yaml and prenoms.txt. Tokens are fixed, so that a passage's text does not depend on who was met first.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from pipeline.pseudonymise.contacts import Mask
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.places import find_places
from pipeline.pseudonymise.rewrite import Rewriting
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.structures import rename_structures
from pipeline.pseudonymise.vault import VAULT, number_people
from pipeline.settings import PseudonymiseSettings

__all__ = ["VAULT", "pseudonymise"]

_log = logging.getLogger(__name__)
ANONYMOUS_SPEAKER = "intervenant"


def pseudonymise(
    tables: dict[str, pd.DataFrame], *, known: pd.DataFrame, settings: PseudonymiseSettings
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return `tables` without personal data and without `people`, and the key of everyone met in this or an earlier run.

    Texts are rewritten and the offsets of blocks carried over exactly; `path` and `folder` stay as they are.
    """
    key, final_ids = number_people(tables["people"], known)
    roster = build_roster((tables["people"], key), tables["structures"]["name"].dropna(), settings.keep)
    places = find_places(tables["documents"]["text"], _communes(tables), roster)
    masker = Masker(replace(roster, places=places), name_match=settings.name_match)
    clean = {name: table.copy() for name, table in tables.items() if name != "people"}
    clean["documents"], clean["blocks"] = _rewrite_documents(clean["documents"], clean["blocks"], masker)
    clean["documents"]["title"] = masker.mask_texts(clean["documents"]["title"])
    clean["workshops"]["place"] = masker.mask_texts(clean["workshops"]["place"], persons_only=True)
    clean["blocks"]["speaker"] = _speakers(clean["blocks"]["speaker"], final_ids, masker)
    clean["attendance"] = _attendance(clean["attendance"], final_ids, masker)
    return rename_structures(clean, masker), key


def _communes(tables: dict[str, pd.DataFrame]) -> set[str]:
    """The territory and the communes as the tables name them; INSEE codes name none."""
    columns = (tables["workshops"]["territory"], tables["attendance"]["commune_code"], tables["structures"]["commune_code"])
    return {str(name) for column in columns for name in column.dropna()}


def _rewrite_documents(documents: pd.DataFrame, blocks: pd.DataFrame, masker: Masker) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables with every mask of the texts replaced; a mask never crosses the edge of a block."""
    spans_of: dict[object, list[tuple[int, int]]] = {}
    for document_id, start, end in zip(blocks["document_id"], blocks["start_char"], blocks["end_char"], strict=True):
        spans_of.setdefault(document_id, []).append((int(start), int(end)))
    texts = list(zip(documents["document_id"], documents["text"], strict=True))
    masks_of = masker.find([(text, spans_of.get(document_id, [])) for document_id, text in texts])
    rewritten = {
        document_id: Rewriting(text, masks, (edge for span in spans_of.get(document_id, []) for edge in span))
        for (document_id, text), masks in zip(texts, masks_of, strict=True)
    }
    _log_counts(rewriting.masks for rewriting in rewritten.values())
    clean = [rewritten[document_id].text for document_id in documents["document_id"]]
    documents["text"] = pd.Series(clean, index=documents.index, dtype=documents["text"].dtype)
    documents["n_chars"] = pd.Series([len(text) for text in clean], index=documents.index, dtype="Int64")
    for bound in ("start_char", "end_char"):
        blocks[bound] = [rewritten[document_id].move(int(at)) for document_id, at in zip(blocks["document_id"], blocks[bound], strict=True)]
    blocks[["start_char", "end_char"]] = blocks[["start_char", "end_char"]].astype("Int64")
    return documents, blocks


def _log_counts(masks: Iterable[list[Mask]]) -> None:
    tokens = pd.Series([mask.token for listed in masks for mask in listed], dtype=object)
    _log.info("masked %s", {str(token): int(count) for token, count in tokens.value_counts().sort_index().items()})


def _speakers(speakers: "pd.Series", final_ids: dict[str, str], masker: Masker) -> "pd.Series":
    """Provisional ids become final ones; a speaker still named becomes "intervenant", a role stays."""
    others = pd.Series(sorted({str(speaker) for speaker in speakers.dropna()} - set(final_ids)), dtype=speakers.dtype)
    masked = masker.mask_texts(others)
    final = dict(zip(others, masked.where(masked == others, ANONYMOUS_SPEAKER), strict=True)) | final_ids
    return speakers.map(final, na_action="ignore").astype(speakers.dtype)


def _attendance(attendance: pd.DataFrame, final_ids: dict[str, str], masker: Masker) -> pd.DataFrame:
    """The attendance under final ids, one row a person and structure, roles without names."""
    participants = [final_ids.get(participant, participant) for participant in attendance["participant_id"]]
    treated = attendance.assign(role=masker.mask_texts(attendance["role"]))
    treated["participant_id"] = pd.Series(participants, index=treated.index, dtype=attendance["participant_id"].dtype)
    return treated.drop_duplicates(["participant_id", "workshop_id", "structure_id"]).reset_index(drop=True)
