"""How the time of each step over a text grows with it, on patterns that held up a step once or might."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from models.registry import load_tagger
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.ingest import ingest_workshop
from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.sandbox import FileReading
from pipeline.ledger import account_characters, complete_receipts
from pipeline.offer import list_offers
from pipeline.pseudonymise import pseudonymise
from pipeline.segment import segment_documents
from pipeline.settings.sections import (
    IngestSettings,
    PseudonymiseSettings,
    SegmentSettings,
    TagSettings,
)
from pipeline.tables.material import STRUCTURES, TAGS
from pipeline.tag import tag_units

_ALIKE = 700  # characters
NBSP = "\u00a0"
PATTERNS = {
    "letters": "a",
    "accents": "é",
    "capitals": "A",
    "base64": "iVBORw0KGgoAAAANSUhEUgAAB9",
    "digits": "0612",
    "titles": "M. ",
    "many titles": "M. et Mme ",
    "addresses": "https://",
    "web": "www.",
    "web words": "www.a.fr ",
    "shouted": "LES GENS DU QUARTIER ",
    "initials": "J.-P. ",
    "numbers": "06 12 34 ",
    "long numbers": "1 000 ",
    "at": "@",
    "mails": "a@b.",
    "dashes": "- ",
    "long dashes": "–",
    "commas": ", ",
    "points": ".",
    "points and blanks": ". ",
    "apostrophes": "l'",
    "curly apostrophes": "d’",
    "double names": "Jean-",
    "names": "Jean Martin ",
    "brackets": "(",
    "brackets closed": "(a",
    "square brackets": "[",
    "pictures": "![",
    "links": "[a](",
    "quotes": "« ",
    "straight quotes": '"a ',
    "blanks": " ",
    "hard blanks": NBSP,
    "emoji": "🙂",
    "emoji words": "🙂 oui ",
    "streets": "rue ",
    "streets of": "rue de la ",
    "time codes": "00:01:02 ",
    "bullets": "• a ",
    "stars": "*",
    "starred": "**a ",
    "underscores": "_a",
    "colons": "a : ",
    "semicolons": "a ; ",
    "slashes": "a/",
    "hashes": "#",
    "tags": "<a ",
    "comments": "<!--",
    "pipes": "|a",
    "questions": "Et ? ",
    "dates": "le 12/03/2024 ",
    "euros": "12 € ",
    "hyphened": "a-",
    "small words": "et de la ",
    "sentences": "On manque de bus. ",
    "speech": "alors donc on va voir ce que ça donne ",
    "lines": "oui\n",
    "names in lines": "Anne : oui\n",
    "labels in lines": "A :\n",
    "bullet lines": "- \n",
    "blank lines": "\n",
}


def line_of(pattern: str, n_chars: int) -> str:
    """A sentence, then `pattern` over and over on one line."""
    repeated = (PATTERNS[pattern] * (n_chars // len(PATTERNS[pattern]) + 1))[:n_chars]
    if (
        " " in PATTERNS[pattern]
    ):  # a word of its own here and there, so that nothing read once serves again
        parts = (repeated[i : i + _ALIKE] for i in range(0, n_chars, _ALIKE))
        repeated = "".join(f"{part} {i} " for i, part in enumerate(parts))
    return f"On manque de bus le soir.\n\n{repeated}\n\nLe marché est ouvert le samedi.\n"


class _Here:
    """Readers that read in this process, whose time is counted."""

    def of(self, _settings: IngestSettings) -> "_Here":
        return self

    def read(self, asked: Any) -> Iterator[tuple[int, FileReading]]:
        for place, path in asked:
            yield place, FileReading(path, read_source(FileContent(path.read_bytes(), path.name)))


class Steps:
    """The steps over a text, each made ready once, so that no loading is counted."""

    def __init__(self) -> None:
        self._grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
        self._tagger = load_tagger(self._grid, settings=TagSettings())

    def run(self, folder: Path, text: str, suffix: str) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Yield the name of each step and what to call for it, in order."""
        workshop = folder / "Bray 2026-05-19"
        workshop.mkdir(parents=True, exist_ok=True)
        for other in workshop.iterdir():
            other.unlink()
        body = f"<html><body><p>{text}</p></body></html>" if suffix == ".html" else text
        (workshop / f"notes{suffix}").write_text(body, encoding="utf-8")
        made = SimpleNamespace()

        def read() -> None:
            made.raw = ingest_workshop(
                workshop, depot=folder, settings=IngestSettings(), readers=_Here()
            )

        def mask() -> None:
            made.clean, _ = pseudonymise(made.raw, settings=PseudonymiseSettings())

        def segment() -> None:
            documents, blocks = made.clean["documents"], made.clean["blocks"]
            made.units = segment_documents(documents, blocks, settings=SegmentSettings())
            ledger = account_characters(documents, blocks, made.units)
            complete_receipts(made.clean["receipts"], documents, ledger, made.units)

        def tag() -> None:
            tag_units(made.units, tagger=self._tagger, grid=self._grid, settings=TagSettings())

        def offer() -> None:
            tags = TAGS.build(
                {
                    "unit_id": unit_id,
                    "axis": axis,
                    "code": code,
                    "score": 1.0,
                    "is_assigned": True,
                    "evidence": "[]",
                    "source": "machine",
                    "model_version": "x",
                }
                for unit_id in made.units["unit_id"]
                for axis, code in (("rubrique", "offre"), ("posture", "force"))
            )
            list_offers(made.units, tags, STRUCTURES.empty())

        yield from (
            ("read", read),
            ("mask", mask),
            ("segment", segment),
            ("tag", tag),
            ("offer", offer),
        )


class TooLongError(Exception):
    """A step took more than it may."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop the block after `seconds` of processor."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def seconds_of(step: Callable[[], Any], most: float) -> float:
    """The processor time of a step; infinite where it takes more than `most`."""
    started = time.process_time()
    try:
        with limited(most):
            step()
    except TooLongError:
        return float("inf")
    return time.process_time() - started
