"""Refit the tagger for a study, and register it unless the tagger in use is better.

In:   units and tags; a gold .jsonl (or its folder) or .csv, with `text` and a column an axis:
      rubriques, posture, piliers, the grid's own by name
Out:  figures and counts before and after, notes on what was left out, and a model in `out`, or in
      its folder aside/ where it is worse than the one in use
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.embedder import mark_of
from models.encoders import NAME
from models.registry import (
    PASSAGE_COLUMNS,
    file_hashes,
    load_passages,
    load_tagger,
    save_tagger,
    shipped_rows,
)
from models.tagger import GridTagger
from models.tagger.decision import Axes
from models.tagger.features import Array, Mask, encode, texts_of
from models.tagger.learning import assigned_held_out, figures_of
from models.tagger.storage import grid_fingerprint, read_description
from pipeline.errors import ModelError
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import PILIER, RUBRIQUE, STANDARD, Axis, Grid
from pipeline.settings.sections import TagSettings
from pipeline.text import plain_texts

# A study's passage weighs as four of other territories, chosen on left-out styles
# (models/cards/tagger.md).
COUNTS = 4
LEAST_LABELLED = 20
ASIDE = "aside"  # the folder of the last tagger that was worse than the one in use
_MOST_LEFT_OUT = 10  # groups of documents, each left out in turn
_LIST_COLUMNS = {RUBRIQUE: "rubriques", PILIER: "piliers"}
_UNIT_COLUMNS = ("text", "question", "channel")
_DECIDING = ("micro_f1", "accuracy")  # of the first axis
StageListener = Callable[[str], None]


def _unheard(_stage: str) -> None:
    pass


@dataclass(frozen=True)
class Labelled:
    """Passages labelled by people: `units` (text, question, channel) and their codes.

    `judged` (n_units, n_codes) marks what they decided; `groups` are workshops; `notes` say in
    French what was left out. Units may have a `document_id`.
    """

    units: pd.DataFrame
    labels: list[set[str]]
    judged: Mask
    groups: list[str]
    notes: tuple[str, ...] = ()

    def joined(self, others: "Labelled") -> "Labelled":
        """Return both; for one text, labels of `others` win."""
        other_texts = set(others.units["text"])
        rows = [i for i, text in enumerate(self.units["text"]) if text not in other_texts]
        return Labelled(
            pd.concat([self.units.iloc[rows], others.units], ignore_index=True),
            [self.labels[i] for i in rows] + others.labels,
            np.vstack([self.judged[rows], others.judged]),
            [self.groups[i] for i in rows] + others.groups,
            self.notes + others.notes,
        )


def train_on_study(
    tables: Mapping[str, pd.DataFrame],
    grid: Grid,
    *,
    gold: Path | None = None,
    out: Path,
    settings: TagSettings | None = None,
    registered: Path | None = None,
    confirmed: Collection[str] = (),
    encoders: tuple[str, ...] = (NAME,),
    on_stage: StageListener = _unheard,
) -> dict[str, Any]:
    """Refit from people's decisions and from `gold`; register it unless it is worse.

    `confirmed` units have all their codes, maybe none. `encoders` are those read. `on_stage` hears
    « before », « learn » and « save » as they begin. Raises `ModelError` when fewer than 20
    passages are labelled or the gold file cannot be read.
    """
    units = plain_texts(tables["units"])
    labelled = reviewed_units(units, tables["tags"], grid, confirmed=confirmed)
    if gold is not None:
        labelled = labelled.joined(read_labels(gold, grid))
    return refit_tagger(
        grid,
        labelled,
        out=out,
        settings=settings,
        registered=registered,
        encoders=encoders,
        on_stage=on_stage,
    )


def reviewed_units(
    units: pd.DataFrame, tags: pd.DataFrame, grid: Grid, *, confirmed: Collection[str] = ()
) -> Labelled:
    """Return the units coded by a person or `confirmed`, and their codes."""
    by_people = tags[tags["source"] == "person"]
    reviewed = set(by_people["unit_id"]) | set(confirmed)
    units = units[units["unit_id"].isin(reviewed)].reset_index(drop=True)
    refused = by_people[~by_people["is_assigned"]]
    refused_pairs = set(zip(refused["unit_id"], refused["code"], strict=True))
    codes: dict[str, set[str]] = {unit_id: set() for unit_id in units["unit_id"]}
    assigned = tags[tags["is_assigned"]]
    for unit_id, code in zip(assigned["unit_id"], assigned["code"], strict=True):
        if unit_id in codes and (unit_id, code) not in refused_pairs:
            codes[unit_id].add(code)
    labels, notes = _known_codes([codes[unit_id] for unit_id in units["unit_id"]], grid)
    return Labelled(
        units.reindex(columns=[*_UNIT_COLUMNS, "document_id"]),
        labels,
        np.ones((len(units), len(grid.codes)), dtype=bool),
        [str(workshop) for workshop in units["workshop_id"]],
        notes,
    )


def read_labels(path: Path, grid: Grid) -> Labelled:
    """Return the labelled passages of a gold file; its faults become notes.

    Raises `ModelError` when it is missing, holds no passage, or labels none of the grid's axes.
    """
    file = path / "units.jsonl" if path.is_dir() else path
    columns = label_columns(grid)
    expected = f"un .jsonl ou un .csv avec text, {', '.join(columns.values())}"
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{file.name} illisible comme passages étiquetés",
            expected,
            "vérifier le chemin donné à --gold",
        ) from error
    notes: list[str] = []
    if file.suffix.lower() == ".csv":
        rows = _csv_rows(content, columns.values())
    else:
        rows = _json_rows(content, notes)
    texts = [row for row in rows if isinstance(row.get("text"), str) and row["text"].strip()]
    if len(texts) < len(rows):
        notes.append(_left_out(len(rows) - len(texts), "ligne", "sans « text », laissée"))
    labelled = [row for row in texts if any(name in row for name in columns.values())]
    if not labelled:
        raise ModelError(
            f"{file.name} : aucun passage étiqueté", expected, "vérifier les colonnes du fichier"
        )
    if len(labelled) < len(texts):
        notes.append(_left_out(len(texts) - len(labelled), "passage", "sans étiquette, laissé"))
    for name in columns.values():
        if n_blank := sum(name not in row for row in labelled):
            notes.append(
                f"« {name} » manque à {n_blank} passages : rien n'en est appris sur cet axe"
            )
    for axis in columns:
        if axis in grid.exclusive:
            notes += _refuse_several(labelled, columns[axis])
    labels, unknown = _known_codes(
        [
            {code for name in columns.values() for code in _cell_codes(row, name)}
            for row in labelled
        ],
        grid,
    )
    judged = [[columns[code.axis] in row for code in grid.by_axis] for row in labelled]
    units = pd.DataFrame(
        [{name: row.get(name) or None for name in _UNIT_COLUMNS} for row in labelled]
    )
    workshops = [str(row.get("workshop") or "gold").lower() for row in labelled]
    return Labelled(
        units,
        labels,
        np.array(judged, dtype=bool).reshape(len(labelled), len(grid.codes)),
        [re.sub(r"\W+", "-", workshop) for workshop in workshops],
        tuple(f"{file.name} : {note}" for note in (*notes, *unknown)),
    )


def label_columns(grid: Grid) -> dict[str, str]:
    """Return the gold file's column of each axis, in grid order."""
    return {axis.axis: _LIST_COLUMNS.get(axis.axis, axis.axis) for axis in grid.axes}


def _json_rows(content: str, notes: list[str]) -> list[dict[str, Any]]:
    rows, broken = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            broken.append(number)
    if broken:
        n_others = len(broken) - 1
        others = f" (et {n_others} autre{'s' if n_others > 1 else ''})" if n_others else ""
        notes.append(f"ligne {broken[0]} : pas un objet JSON{others}, laissée de côté")
    return rows


def _csv_rows(content: str, columns: Collection[str]) -> list[dict[str, Any]]:
    head = content.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(content), delimiter=max(";,\t", key=head.count))
    rows: list[dict[str, Any]] = []
    for cells in reader:
        row: dict[str, Any] = {
            str(name).strip().lower(): value
            for name, value in cells.items()
            if name is not None and isinstance(value, str)
        }
        for name in columns:
            if name in row:
                row[name] = [code for code in re.split(r"[;,|\s]+", row[name]) if code]
        rows.append(row)
    return rows


def _cell_codes(row: Mapping[str, Any], name: str) -> list[str]:
    value = row.get(name) or []
    return [str(code) for code in value] if isinstance(value, list) else [str(value)]


def _refuse_several(rows: list[dict[str, Any]], name: str) -> list[str]:
    crowded = [row for row in rows if len(set(_cell_codes(row, name))) > 1]
    for row in crowded:
        row[name] = []
    if not crowded:
        return []
    n = f"{len(crowded)} passage{'s' if len(crowded) > 1 else ''}"
    return [f"« {name} » : plusieurs codes, quand il en faut un seul, sur {n} : laissés de côté"]


def _known_codes(labels: list[set[str]], grid: Grid) -> tuple[list[set[str]], tuple[str, ...]]:
    grid_codes = {code.code for code in grid.codes}
    unknown = Counter(code for put in labels for code in put - grid_codes)
    if not unknown:
        return labels, ()
    counts = ", ".join(f"« {code} » ({n})" for code, n in sorted(unknown.items()))
    note = f"codes que la grille ne connaît pas, laissés de côté : {counts}"
    return [put & grid_codes for put in labels], (note,)


def _left_out(n: int, noun: str, reason: str) -> str:
    s = "" if n == 1 else "s"
    return f"{n} {noun}{s} {reason}{s} de côté"


def refit_tagger(
    grid: Grid,
    labelled: Labelled,
    *,
    out: Path,
    settings: TagSettings | None = None,
    registered: Path | None = None,
    encoders: tuple[str, ...] = (NAME,),
    on_stage: StageListener = _unheard,
) -> dict[str, Any]:
    """Fit on `labelled`, and on the shipped passages if the grid is theirs; register if no worse.

    Returns counts, figures before, after and by workshop, notes, and the file, set aside if worse.
    A registered one that reads no more, as after a change of encoder, is replaced by any. Raises
    `ModelError` when fewer than 20 passages are labelled.
    """
    n_units = len(labelled.units)
    if n_units < LEAST_LABELLED:
        raise ModelError(
            f"{n_units} passages étiquetés",
            f"{LEAST_LABELLED} au moins",
            "relire et étiqueter d'autres passages",
        )
    axes, targets = Axes.of(grid), GridTagger(grid).targets(labelled.labels)
    on_stage("before")
    in_use, fault = _tagger_in_use(grid, settings or TagSettings(), registered, encoders)
    assigned_before = _assigned_before(in_use, labelled, None if fault else registered)
    before = figures_of(assigned_before, targets, axes)
    on_stage("learn")
    tagger, assigned, n_shipped = _fit_on(grid, labelled, encoders)
    on_stage("save")
    after = figures_of(assigned, targets, axes)
    names = [f"{axis.axis}_{_DECIDING[axis.is_exclusive]}" for axis in grid.axes]
    deciding = next((name for name in names if name in after), None)
    is_better = deciding is None or after[deciding] >= before.get(deciding, 0.0) or bool(fault)
    groups = np.array(labelled.groups)
    figures: dict[str, Any] = {
        "n_units": n_units,
        "n_shipped_passages": n_shipped,
        "deciding": deciding,
        "left_out": _left_out_groups(labelled)[1],
        "before": before,
        "after": after,
        "counts": {
            axis.axis: _right_counts(
                assigned_before,
                assigned,
                targets,
                _compared_rows(axis, targets[:, columns], labelled.judged[:, columns]),
                columns,
            )
            for axis, columns in _columns_by_axis(grid)
            if columns.any()
        },
        "held_out": {
            group: figures_of(assigned[groups == group], targets[groups == group], axes)
            for group in sorted(set(labelled.groups))
        },
        "notes": [*fault, *labelled.notes, *_without_example(tagger, targets)],
        "is_registered": is_better,
    }
    folder = out if is_better else out / ASIDE
    path = folder / f"tagger-{_next_number(out):04d}.json"
    for old in set((out / ASIDE).glob("tagger-*.json")) - {registered}:
        old.unlink()
        old.with_suffix(".npz").unlink(missing_ok=True)
    _save(tagger, assigned, labelled, path, with_shipped=bool(n_shipped))
    return figures | {"file": path.relative_to(out).as_posix(), "version": tagger.version_}


def _next_number(out: Path) -> int:
    paths = [*out.glob("tagger-*.json"), *out.glob(f"{ASIDE}/tagger-*.json")]
    return max((int(path.stem.removeprefix("tagger-")) for path in paths), default=0) + 1


def _columns_by_axis(grid: Grid) -> list[tuple[Axis, Mask]]:
    axis_names = np.array([code.axis for code in grid.by_axis])
    return [(axis, axis_names == axis.axis) for axis in grid.axes]


def _compared_rows(axis: Axis, targets: Array, judged: Mask) -> Mask:
    """Return which units are judged on an axis, and have a code where the machine must put one."""
    has_code = targets.any(axis=1) if axis.is_exclusive else np.ones(len(targets), dtype=bool)
    return np.asarray(judged.all(axis=1) & has_code)


def _right_counts(
    before: Mask, after: Mask, targets: Array, rows: Mask, columns: Mask
) -> dict[str, int]:
    """Count the passages whose codes of an axis are exactly people's, before and after.

    Of people's `n_labels` on the `n_units` passages of `rows`, so many were found, and extra ones
    put. `n_gained` passages are right after only, `n_lost` before only.
    """
    wanted = targets[rows][:, columns] > 0
    put = {"before": before[rows][:, columns], "after": after[rows][:, columns]}
    right = {name: (codes == wanted).all(axis=1) for name, codes in put.items()}
    counts = {"n_units": len(wanted), "n_labels": int(wanted.sum())}
    for name, codes in put.items():
        counts[f"n_right_{name}"] = int(right[name].sum())
        counts[f"n_found_{name}"] = int((codes & wanted).sum())
        counts[f"n_extra_{name}"] = int((codes & ~wanted).sum())
    counts["n_gained"] = int((right["after"] & ~right["before"]).sum())
    counts["n_lost"] = int((right["before"] & ~right["after"]).sum())
    return counts


def _tagger_in_use(
    grid: Grid, settings: TagSettings, registered: Path | None, encoders: tuple[str, ...]
) -> tuple[GridTagger, tuple[str, ...]]:
    """Return a note and the shipped tagger if the registered one cannot be read."""
    try:
        tagger = load_tagger(grid, settings=settings, registered=registered, encoders=encoders)
        return tagger, ()
    except ModelError as error:
        if registered is None:
            raise
        fault = f"{error.found} : remplacé, et « avant » est le modèle livré"
        return load_tagger(grid, settings=settings, encoders=encoders), (fault,)


def _fit_on(
    grid: Grid, labelled: Labelled, encoders: tuple[str, ...]
) -> tuple[GridTagger, Mask, int]:
    """Return the tagger, held-out codes of the labelled passages, and the number of shipped ones.

    Shipped passages teach nothing about own axes. The model stores no passage of the study, which
    names people.
    """
    passages, passage_labels = _shipped_passages(grid)
    n_shipped, n_own = len(passages), len(labelled.units)
    columns = list(_UNIT_COLUMNS)
    frames = [frame[columns].astype(object) for frame in (passages, labelled.units)]
    labels = [*passage_labels, *labelled.labels]
    own_groups, _kind = _left_out_groups(labelled)
    groups = [*passages["file"], *own_groups]
    counts = np.array([1] * n_shipped + [COUNTS] * n_own)
    is_standard = np.array([code.axis in STANDARD for code in grid.by_axis], dtype=bool)
    judged = np.vstack([np.tile(is_standard, (n_shipped, 1)), labelled.judged])
    own_rows = encode(texts_of(labelled.units), encoders=encoders)
    tagger = GridTagger(grid, encoders=encoders).fit(
        pd.concat(frames, ignore_index=True),
        labels,
        groups,
        judged=judged,
        counts=counts,
        remembered=np.arange(n_shipped + n_own) < n_shipped,
        rows=np.vstack([shipped_rows(encoders), own_rows]) if n_shipped else own_rows,
    )
    assigned = assigned_held_out(
        tagger.held_out_,
        tagger.targets(labels),
        groups,
        Axes.of(grid),
        asked=sorted(set(own_groups)),
        judged=judged,
        counts=counts,
    )
    return tagger, assigned[n_shipped:], n_shipped


def _left_out_groups(labelled: Labelled) -> tuple[list[str], str]:
    """Return which passages are left out together, and what they share.

    Whole documents are where they are known, else workshops; those of one document, or of a file
    that names neither, are dealt into five.
    """
    groups = labelled.groups
    if "document_id" in labelled.units and labelled.units["document_id"].notna().all():
        numbers = {name: i for i, name in enumerate(dict.fromkeys(labelled.units["document_id"]))}
        if len(numbers) > 1:
            dealt = (numbers[name] % _MOST_LEFT_OUT for name in labelled.units["document_id"])
            return [f"étude : {number}" for number in dealt], "documents"
    if len(set(groups)) > 1:
        return [f"étude : {workshop}" for workshop in groups], "workshops"
    return [f"étude : {workshop} {i % 5}" for i, workshop in enumerate(groups)], "passages"


def _assigned_before(in_use: GridTagger, labelled: Labelled, registered: Path | None) -> Mask:
    """Take held-out codes for passages that the tagger learnt from."""
    assigned = in_use.tag(labelled.units).is_assigned
    if registered is None or not in_use.is_learnt:
        return assigned
    held_out = read_description(registered).get("held_out", {})
    names = in_use.classes_
    for row, text in enumerate(labelled.units["text"]):
        codes = held_out.get(_mark(text))
        if codes is not None:
            assigned[row] = np.isin(names, codes)
    return assigned


def _save(
    tagger: GridTagger, assigned: Mask, labelled: Labelled, path: Path, *, with_shipped: bool
) -> None:
    texts, names = list(labelled.units["text"]), tagger.classes_
    data = "\n".join([*texts, *(" ".join(sorted(put)) for put in labelled.labels)])
    made_from = {"étude": hashlib.sha256(data.encode()).hexdigest()}
    if with_shipped:
        made_from |= file_hashes()
    held_out = {_mark(text): names[row].tolist() for text, row in zip(texts, assigned, strict=True)}
    name = f"etude{mark_of(tagger.encoders)}"
    save_tagger(tagger, path, name=name, made_from=made_from, held_out=held_out)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_example(tagger: GridTagger, targets: Array) -> list[str]:
    codes = tagger.classes_[~targets.any(axis=0)]
    if not len(codes):
        return []
    names = ", ".join(f"« {code} »" for code in codes)
    return [f"aucun passage étiqueté {names} : ce que la machine en sait ne change guère"]


def _shipped_passages(grid: Grid) -> tuple[pd.DataFrame, list[set[str]]]:
    """Empty unless `grid` has the same standard axes."""
    codes = tuple(code for code in grid.codes if code.axis in STANDARD)
    standard = replace(grid, codes=codes, own_axes=())
    shipped = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    if grid_fingerprint(standard) == grid_fingerprint(shipped):
        return load_passages()
    return pd.DataFrame(columns=list(PASSAGE_COLUMNS)), []
