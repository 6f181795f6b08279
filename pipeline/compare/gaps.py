"""Find the needs that no known structure answers, for a person to check.

In:   units, tags, themes, theme_members, structures, attendance, workshops; the shipped encoder
Out:  gaps   one row a workshop and subject

A gap is a claim about absence, so it takes much to make one: two tables say the need, and what they
say is surely of one subject; and nothing that is even perhaps of its family answers. A structure
that came or is on the map answers by its name or by what passages say of it, a passage by telling
of something that works or is on offer. Needs of the structures themselves (money, premises, board
members) are left out: no neighbour answers those.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.catalogue import Catalogue, load_catalogue
from models.embedder import Embedder
from models.rows import Matrix, unit_rows
from models.subject_classifier import LIKELY, SubjectClassifier, families_of
from pipeline.compare.mentions import structures_named
from pipeline.counting import circles_of, postures_by_unit
from pipeline.grid.codes import RUBRIQUE
from pipeline.structure_names import families_of_name
from pipeline.tables.results import GAPS
from pipeline.tables.schema import GAP_STATES
from pipeline.text import lexicon, plain_texts

_NEEDS = frozenset({"difficulte", "demande"})
_WISHES = _NEEDS | {"proposition"}
_ANSWER, _OFFER, _INNOVATION = "force", "offre", "innovation"
_PUBLIC, _NETWORK = "collectivité", "réseau d'accompagnement"
_N_TABLES = 2
_OF_FAMILY = 0.3  # least probability that a passage's need is of its theme's family
_SURE = 0.7  # that its passages together are
# Greatest probability that what exists is of the need's family and still does not answer it. A
# structure whose name alone is known may do anything.
_MOST_PASSAGE, _MOST_TOLD, _MOST_NAMED = LIKELY, 0.2, 0.1
_MOST_ALIKE = 0.45  # cosine of an answer with the need
_N_ASKED = 2  # structures
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Read:
    """Passages with what they are about: `families` (n, n_families)."""

    rows: pd.DataFrame
    families: Matrix
    classifier: SubjectClassifier

    @cached_property
    def vectors(self) -> Matrix:
        """Return what the passages are about beside the study's, (n, d) of norm 1."""
        vectors = self.classifier.vectors(list(self.rows["text"]))
        return unit_rows(vectors - self.classifier.middle)

    @property
    def family(self) -> int:
        """Return that of the theme of a need's passages."""
        return int(self.rows["family"].iloc[0])

    @property
    def n_tables(self) -> int:
        """Return how many say it."""
        return int(self.rows.loc[self.rows["is_said"], "circle_id"].nunique())

    def at(self, places: ArrayLike) -> "_Read":
        numbers = np.asarray(places, dtype=np.int64)
        return _Read(self.rows.iloc[numbers], self.families[numbers], self.classifier)


_IDS = ("unit_id", "workshop_id", "theme_id", "circle_id", "text")


@dataclass(frozen=True)
class _Structure:
    structure_id: str
    structure_type: str
    families: Matrix  # (n_families,)
    named: frozenset[int]  # families that its name says
    is_told: bool  # passages speak of it

    @property
    def is_neighbour(self) -> bool:
        return self.structure_type not in (_PUBLIC, _NETWORK)

    def may_answer(self, family: int) -> bool:
        if family in self.named:
            return True
        most = _MOST_TOLD if self.is_told else _MOST_NAMED
        return self.is_neighbour and bool(self.families[family] >= most)


def list_gaps(tables: Mapping[str, pd.DataFrame], encoder: Embedder) -> pd.DataFrame:
    """Return the gaps of each workshop, those of most tables first, all to be checked."""
    passages = _passages(tables)
    quick = passages.astype(dict.fromkeys(_IDS, object))  # cut into many small parts
    needs, answers = quick[passages["family"].notna()], quick[passages["is_answer"]]
    if needs.empty:
        return GAPS.empty()
    classifier = SubjectClassifier(list(passages["text"]), encoder)
    read_needs, read_answers = _read(needs, classifier), _read(answers, classifier)
    structures = _structures(tables, passages, classifier)
    here = structures_by_workshop(tables)
    answers_at = read_answers.rows.groupby("workshop_id").indices
    open_needs: list[tuple[_Read, list[_Structure]]] = []
    for workshop_id, of_themes in _said_enough(read_needs).items():
        of_room = [structures[name] for name in here[workshop_id]]
        answered = read_answers.at(answers_at.get(workshop_id, ()))
        open_needs += (
            (need, of_room) for need in of_themes if not _is_answered(need, answered, of_room)
        )
    gaps = list(_gaps_of(open_needs, classifier))
    log.info("besoins sans réponse connue : %d", len(gaps))
    gaps.sort(key=lambda row: (row["workshop_id"], -row["n_tables"], row["subject_id"]))
    return GAPS.build({(row["workshop_id"], row["subject_id"]): row for row in gaps}.values())


def _passages(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return all passages; `family` is that of a counted need's theme, None for what is no gap."""
    assigned = tables["tags"][tables["tags"]["is_assigned"].astype(bool)]
    posture_of = postures_by_unit(tables["tags"])
    rubriques = assigned[assigned["axis"] == RUBRIQUE]
    exists = rubriques["code"].str.split(".").str[0].isin([_OFFER, _INNOVATION])
    members = tables["theme_members"][["unit_id", "theme_id", "is_counted"]]
    circles = circles_of(tables["units"], tables["workshops"]).of_unit
    rows = (
        plain_texts(tables["units"][["unit_id", "workshop_id", "text"]])
        .merge(circles[["unit_id", "circle_id", "is_said"]], on="unit_id", validate="one_to_one")
        .merge(members, on="unit_id", how="left", validate="one_to_one")
        .sort_values("unit_id", ignore_index=True)
    )
    posture = rows["unit_id"].map(posture_of).astype(object)
    is_offer = rows["unit_id"].isin(rubriques.loc[exists, "unit_id"]) & ~posture.isin(_WISHES)
    is_need = posture.isin(_NEEDS) & rows["is_counted"].eq(True)
    family = rows["theme_id"].map(_families_of_themes(tables["themes"])).astype(object)
    return rows.assign(
        is_answer=(posture == _ANSWER) | is_offer, family=family.where(is_need & family.notna())
    )


def _families_of_themes(themes: pd.DataFrame) -> dict[str, int]:
    """Return the family of each theme whose subject is sure and is a need of people."""
    catalogue = load_catalogue()
    left_out = lexicon("besoins_des_structures")["familles"]
    families = {
        subject_id: family
        for subject_id, family in catalogue.families_by_id.items()
        if catalogue.families[family].subject_id not in left_out
    }
    named = themes[themes["subject_id"].isin(families)]
    return dict(zip(named["theme_id"], named["subject_id"].map(families), strict=True))


def _read(rows: pd.DataFrame, classifier: SubjectClassifier) -> _Read:
    families = classifier.read([[text] for text in rows["text"]]).families
    return _Read(rows, families, classifier)


def _structures(
    tables: Mapping[str, pd.DataFrame], passages: pd.DataFrame, classifier: SubjectClassifier
) -> dict[str, _Structure]:
    """A structure is about its name and what passages say of it."""
    rows = tables["structures"].sort_values("structure_id")
    texts_of: dict[str, list[str]] = defaultdict(list)
    territories = tables["workshops"]["territory"]
    for text, structure_ids in structures_named(passages["text"].tolist(), rows, territories):
        for structure_id in structure_ids:
            texts_of[structure_id].append(text)
    groups = [[str(row["name"]), *texts_of[row["structure_id"]]] for row in rows.to_dict("records")]
    families = classifier.read(groups).families
    number = load_catalogue().families_by_id
    return {
        row["structure_id"]: _Structure(
            row["structure_id"],
            str(row["structure_type"]),
            families[i],
            frozenset(number[family] for family in families_of_name(str(row["name"]))),
            bool(texts_of[row["structure_id"]]),
        )
        for i, row in enumerate(rows.to_dict("records"))
    }


def _said_enough(needs: _Read) -> dict[str, list[_Read]]:
    """Return by workshop the needs that enough tables say: a theme's passages of its family."""
    family = needs.rows["family"].to_numpy(dtype=np.int64)
    likely = np.flatnonzero(needs.families[np.arange(len(family)), family] >= _OF_FAMILY)
    needs = needs.at(likely)
    keys = ["workshop_id", "theme_id"]
    n_tables = needs.rows[needs.rows["is_said"]].groupby(keys)["circle_id"].nunique()
    places = needs.rows.groupby(keys).indices
    enough: dict[str, list[_Read]] = {}
    for key in n_tables.index[n_tables >= _N_TABLES]:
        enough.setdefault(key[0], []).append(needs.at(places[key]))
    return enough


def _gaps_of(
    needs: Sequence[tuple[_Read, Sequence[_Structure]]], classifier: SubjectClassifier
) -> Iterator[dict[str, Any]]:
    """Yield the gaps of needs that nothing answers, each with the structures of its workshop."""
    catalogue = load_catalogue()
    subjects = classifier.subjects([list(need.rows["text"]) for need, _ in needs])
    families = families_of(subjects)
    for i, (need, structures) in enumerate(needs):
        subject_id = _subject_of(subjects[i], need.family, catalogue)
        is_sure = families[i, need.family] >= _SURE
        is_of_people = subject_id not in lexicon("besoins_des_structures")["sujets"]
        if is_sure and is_of_people:
            yield {
                "workshop_id": str(need.rows["workshop_id"].iloc[0]),
                "subject_id": subject_id,
                "title": _title(subject_id, catalogue),
                "n_tables": need.n_tables,
                "n_units": len(need.rows),
                "quotes": json.dumps(_surest_first(need)),
                "ask": json.dumps(_to_ask(structures, need.family)),
                "state": GAP_STATES[0],
            }


def _subject_of(subjects: Matrix, family: int, catalogue: Catalogue) -> str:
    """Return the likely broad subject of the family, else the family."""
    best = int(subjects.argmax())
    if subjects[best] >= LIKELY and catalogue.family_of[best] == family:
        return catalogue.subjects[best].subject_id
    return catalogue.families[family].subject_id


def _title(subject_id: str, catalogue: Catalogue) -> str:
    every = (*catalogue.families, *catalogue.subjects)
    return next(one.title for one in every if one.subject_id == subject_id)


def _is_answered(need: _Read, answers: _Read, structures: Sequence[_Structure]) -> bool:
    family = need.family
    if any(structure.may_answer(family) for structure in structures):
        return True
    if (answers.families[:, family] >= _MOST_PASSAGE).any():
        return True
    middle = unit_rows(need.vectors.mean(axis=0, keepdims=True))
    return bool(((answers.vectors @ middle.T) >= _MOST_ALIKE).any())


def _surest_first(need: _Read) -> list[str]:
    order = np.argsort(-need.families[:, need.family], kind="stable")
    return [str(unit_id) for unit_id in need.rows["unit_id"].iloc[order]]


def _to_ask(structures: Sequence[_Structure], family: int) -> list[str]:
    """Return the structures that passages tell of for the need's subject more than for any other.

    None where there is none: who governs, or does something else, need not know.
    """
    of_subject = [one for one in structures if one.is_told and one.families.argmax() == family]
    of_subject.sort(key=lambda one: (-one.families[family], one.structure_id))
    return [one.structure_id for one in of_subject[:_N_ASKED]]


def structures_by_workshop(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Return the structures of each workshop's room and map; an unclaimed one is of all."""
    attendance, structures = tables["attendance"], tables["structures"]
    came: dict[str, set[str]] = defaultdict(set)
    for workshop_id, structure_id in (
        attendance[["workshop_id", "structure_id"]].dropna().itertuples(index=False)
    ):
        came[structure_id].add(workshop_id)
    structures_of: dict[str, list[str]] = {
        str(workshop_id): [] for workshop_id in tables["workshops"]["workshop_id"]
    }
    for structure_id, text in zip(
        structures["structure_id"], structures["map_workshop_ids"], strict=True
    ):
        mapped = set() if pd.isna(text) else set(json.loads(text))
        claimed = came[structure_id] | mapped
        for workshop_id in claimed & structures_of.keys() if claimed else structures_of:
            structures_of[workshop_id].append(str(structure_id))
    return structures_of
