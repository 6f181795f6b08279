"""Ask once, of a document or section, which question it answers, as a line of atelier.yaml."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from pipeline.show.writing import line
from pipeline.text import counted, fold

CHOICES = "q1, q2, q3, q4, restitution, distance ou aucune"
_SHOWN = 12
Said = tuple[tuple[str, ...], str | None]  # a passage's headings, and the question they propose


def questions_to_ask(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return a row for each document or section whose question nobody knows, in path order.

    Its keys: `folder`, `target` ("cr.docx > Constats"), `proposed_question` (or None), `n_units`.
    """
    units = tables["units"].merge(
        tables["documents"][["document_id", "path"]], on="document_id", validate="m:1"
    )
    waiting = units[units["question"].isna()].sort_values("path", kind="stable")
    rows: list[dict[str, Any]] = []
    for path, own in groupby(waiting.to_dict("records"), key=lambda unit: _file(unit["path"])):
        folder, _, file = path.partition("/")
        asked: dict[str, list[str | None]] = {}
        headings: dict[str, str] = {}
        for heading, proposal in _ask(
            [_said({str(key): unit[key] for key in unit}) for unit in own], 0
        ):
            headings.setdefault(fold(heading), heading)
            asked.setdefault(fold(heading), []).append(proposal)
        for key, proposals in asked.items():
            proposal = proposals[0] if len(set(proposals)) == 1 else None
            target = " > ".join(filter(None, (file, headings[key])))
            rows.append({"folder": folder, "target": target, "proposed_question": proposal})
            rows[-1]["n_units"] = len(proposals)
    return rows


def show_questions(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the lines that would answer, by folder, ready to be copied."""
    if not rows:
        return
    line("Question inconnue, à dire une fois pour toutes (l'étiquetage y gagne beaucoup) :")
    for folder, own in groupby(rows[:_SHOWN], key=lambda row: row["folder"]):
        line(f"  dans {PurePosixPath(folder, 'atelier.yaml')}, corriger au besoin ({CHOICES}) :")
        line("    questions:")
        for row in own:
            proposal = row["proposed_question"]
            why = "proposé d'après les titres" if proposal else "à choisir"
            n_units = counted(row["n_units"], "passage")
            target = json.dumps(row["target"], ensure_ascii=False)
            line(f"      {target}: {proposal or '?'}  # {n_units}, {why}")
    if len(rows) > _SHOWN:
        line(f"  … et {counted(len(rows) - _SHOWN, 'autre')} : ateliers status --json")


def _file(path: str) -> str:
    return path.partition("#")[0]


def _said(unit: Mapping[str, Any]) -> Said:
    path, proposal = unit["heading_path"], unit["proposed_question"]
    headings = json.loads(path) if isinstance(path, str) else []
    # the file's headings are not those with hidden names
    shown = [heading.rstrip(" :") for heading in headings if "[" not in heading]
    return tuple(shown), proposal if isinstance(proposal, str) else None


def _ask(said: Sequence[Said], depth: int) -> Iterator[tuple[str, str | None]]:
    """Yield the outermost heading whose passages share a proposal, and it, once a passage.

    Passages without proposal are asked about with their whole document, "".
    """
    proposals = {proposal for _, proposal in said}
    if len(proposals) == 1:
        proposal = proposals.pop()
        heading = said[0][0][depth - 1] if depth and proposal else ""
        yield from [(heading, proposal)] * len(said)
        return
    by_heading: dict[str | None, list[Said]] = {}
    for headings, proposal in said:
        below = headings[depth] if depth < len(headings) else None
        by_heading.setdefault(below, []).append((headings, proposal))
    for below, own in by_heading.items():
        if below is None:
            heading = own[0][0][depth - 1] if depth else ""
            yield from [(heading, None)] * len(own)
        else:
            yield from _ask(own, depth + 1)
