"""A study of any size, made up on disk as people would send it: for measuring what a whole run costs and finds.

    python tests/benchmarks/made_study.py STUDY N_PASSAGES

Passages are those of the example study, of which nothing was learnt, drawn again and mixed with others on the same theme. They lie in notes
of tables, a third in Word, under headings of their questions; each workshop has a list of who came. `gold.jsonl` beside the depot tells
each line's theme and codes.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import docx
import numpy as np

from pipeline.study import Study

SOURCE = Path("data/demo/gold/units.jsonl")
DROPPED, RUN = 1 / 3, 5  # share of a passage's words; words in a row of another
PER_TABLE, PER_WORKSHOP, PER_TERRITORY = 25, 150, 6 * 150  # passages
N_PEOPLE = 20  # a workshop
QUESTIONS = {
    "q1": "Question 1 : besoins et menaces",
    "q2": "Question 2 : ce qui marche",
    "q3": "Question 3 : nos forces et difficultés internes",
}
QUESTIONS |= {"q4": "Question 4 : ce qu'il faudrait améliorer"}
KINDS = (
    "Association",
    "Les Jardins",
    "La Fabrique",
    "Atelier",
    "Coopérative",
    "Maison",
    "Collectif",
    "Le Comptoir",
    "Ressourcerie",
)
OF = (
    "du Moulin",
    "des Tilleuls",
    "Solidaire",
    "de la Vallée",
    "du Bocage",
    "des Trois Rivières",
    "Cyclo",
    "des Lavandières",
    "Papillon",
)
PLACES = (
    "Bleu",
    "du Nord",
    "et Compagnie",
    "en Partage",
    "Vagabonde",
    "d'à côté",
    "des Possibles",
    "du Canal",
    "Bergeronnette",
    "Pivoine",
)
FIRST_NAMES = (
    "Camille",
    "Lucie",
    "Karim",
    "Benoît",
    "Fatou",
    "Hélène",
    "Yann",
    "Sophie",
    "Mehdi",
    "Claire",
)
NAMES = (
    "Delattre",
    "Vasseur",
    "Benali",
    "Morvan",
    "Lefranc",
    "Diallo",
    "Roussel",
    "Ferrand",
    "Kowalski",
    "Thibaut",
)

Passage = dict[str, Any]


def main() -> None:
    """Make one study."""
    make_study(Path(sys.argv[1]), int(sys.argv[2]))


def make_study(root: Path, size: int) -> Study:
    """Return a study of `size` passages, not yet run; the same size gives the same files but for Word's own dates."""
    study = Study.create(root)
    draw = np.random.default_rng(size)
    passages = source_passages()
    by_theme: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_theme[str(passage["theme"])].append(passage)
    gold: list[Passage] = []
    for at, first in enumerate(range(0, size, PER_WORKSHOP)):
        territory = first // PER_TERRITORY + 1
        folder = (
            study.depot
            / f"Territoire {territory:03d} 2026-{1 + at // 28 % 12:02d}-{1 + at % 28:02d} n{at:04d}"
        )
        drawn = [
            passages[int(place)]
            for place in draw.integers(0, len(passages), min(PER_WORKSHOP, size - first))
        ]
        said = [
            passage | {"text": changed(passage, by_theme[str(passage["theme"])], draw)}
            for passage in drawn
        ]
        gold += _write_workshop(folder, f"Territoire {territory:03d}", said, draw)
    (root / "gold.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in gold), encoding="utf-8"
    )
    return study


def source_passages() -> list[Passage]:
    """The example study's labelled passages, each with a question of the notes.

    One study's alone: two studies speak of the same subjects under themes of their own, and to join them would count as a fault.
    """
    passages = [json.loads(line) for line in SOURCE.read_text(encoding="utf-8").splitlines()]
    return [
        passage | {"question": passage["question"] if passage["question"] in QUESTIONS else "q1"}
        for passage in passages
    ]


def changed(passage: Passage, alike: list[Passage], draw: np.random.Generator) -> str:
    """Two thirds of the passage's words, in order, and five words in a row of two others on its theme.

    Nearer copies reward whoever finds copies; docs/benchmarks.md tells what they gave.
    """
    words = [word for word in passage["text"].split() if draw.random() > DROPPED] or passage[
        "text"
    ].split()
    for _ in range(2):
        other = alike[int(draw.integers(0, len(alike)))]["text"].split()
        first = int(draw.integers(0, max(1, len(other) - RUN + 1)))
        words += other[first : first + RUN]
    return " ".join(words).strip(" -•*")


def _write_workshop(
    folder: Path, territory: str, said: list[Passage], draw: np.random.Generator
) -> list[Passage]:
    """Write one folder; return a gold row a line."""
    folder.mkdir(parents=True)
    tables = range(0, len(said), PER_TABLE)
    (folder / "atelier.yaml").write_text(
        f"territoire: {territory}\ntables: {len(tables)}\n", encoding="utf-8"
    )
    people = [
        ";".join(str(draw.choice(words)) for words in (FIRST_NAMES, NAMES))
        + f";{_structure(draw)};oui"
        for _ in range(N_PEOPLE)
    ]
    (folder / "Emargement.csv").write_text(
        "Prénom;Nom;Structure;Signature\n" + "\n".join(people) + "\n", encoding="utf-8"
    )
    gold: list[Passage] = []
    for number, first in enumerate(tables, start=1):
        name = f"Table {number}.{'docx' if number % 3 == 0 else 'txt'}"
        lines: list[tuple[str, Passage | None]] = []
        here = said[first : first + PER_TABLE]
        for question, title in QUESTIONS.items():
            asked = [passage for passage in here if passage["question"] == question]
            lines += (
                [(title, None), *((f"- {passage['text']}", passage) for passage in asked)]
                if asked
                else []
            )
        _write_notes(folder / name, [line for line, _ in lines])
        keys = ("text", "theme", "rubriques", "posture", "question")
        gold += [
            {"path": f"{folder.name}/{name}"} | {key: passage[key] for key in keys}
            for _, passage in lines
            if passage
        ]
    return gold


def _structure(draw: np.random.Generator) -> str:
    return " ".join(str(draw.choice(words)) for words in (KINDS, OF, PLACES))


def _write_notes(path: Path, lines: list[str]) -> None:
    if path.suffix == ".txt":
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    document.save(str(path))


if __name__ == "__main__":
    main()
