"""Measure how much of a made set of pictures is read: words, sentences and papers, kind by kind.

    PYTHONPATH=tests python tests/benchmarks/pictures.py [--each 5] [--engine tesseract]

Recall and precision are of words, accents included; `papers` is the share of post-its, paragraphs and bullets that come back as one block,
nine letters of ten right; the word error rate is that of each paper against the block most like it. Tesseract (Debian's tesseract-ocr and
tesseract-ocr-fra) is called only here, on the same pictures and with the same layout: it is what the model was chosen over.
"""

import argparse
import csv
import io
import re
import subprocess
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator

import numpy as np
from PIL import Image
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from pipeline.errors import ReadError
from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers import pictures
from pipeline.ingest.readers.pictures import LineReader, Pixels, WrittenLine, load_line_reader
from support.made_pictures import Picture, made_pictures

_SAME = 90  # of 100, the likeness of a paper that is read whole


def main() -> None:
    """Print one line a kind of picture, then one for all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=5, help="pictures of each kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--engine", choices=("rapidocr", "tesseract"), default="rapidocr")
    parser.add_argument("--misread", action="store_true", help="also print what is not read whole")
    asked = parser.parse_args()
    read_lines = tesseract if asked.engine == "tesseract" else load_line_reader()
    if read_lines is None:
        parser.error("install the extra first: pip install '.[ocr]'")
    measures: dict[str, list[Measure]] = {}
    for picture in made_pictures(asked.each, seed=asked.seed):
        measure = Measure(picture, read_lines)
        measures.setdefault(picture.kind, []).append(measure)
        if asked.misread:
            print(*measure.misread, sep="\n")
    for kind, own in measures.items():
        print(f"{kind:26}", line_of(own))
    print(f"{'all':26}", line_of([measure for own in measures.values() for measure in own]))


class Measure:
    """What was read of one picture."""

    def __init__(self, picture: Picture, read_lines: LineReader) -> None:
        start = time.process_time()
        file = FileContent(picture.content, f"a{picture.extension}", read_lines=read_lines)
        try:
            blocks = [block for part in pictures.read_picture(file) for block in part.blocks]
        except ReadError:
            blocks = []
        self.seconds = time.process_time() - start
        texts = [block.text for block in blocks if block.kind != "meta"]
        expected, found = words_of(" ".join(picture.papers)), words_of(" ".join(texts))
        self.n_expected, self.n_found = len(expected), len(found)
        self.n_right = (Counter(expected) & Counter(found)).total()
        self.n_aside = sum(len(words_of(block.text)) for block in blocks if block.kind == "meta")
        self.n_papers = len(picture.papers)
        self.n_errors, self.n_whole = 0, 0
        self.misread: list[str] = []
        for paper in picture.papers:
            likest = max(texts, key=lambda text: fuzz.ratio(plain(paper), plain(text)), default="")
            self.n_errors += min(
                Levenshtein.distance(words_of(paper), words_of(likest)), len(words_of(paper))
            )
            if fuzz.ratio(plain(paper), plain(likest)) >= _SAME:
                self.n_whole += 1
            else:
                self.misread.append(f"{picture.kind}: {paper!r} -> {likest!r}")


def line_of(measures: list[Measure]) -> str:
    """Return the figures of several pictures."""
    n_expected = sum(measure.n_expected for measure in measures)
    n_right = sum(measure.n_right for measure in measures)
    n_found = sum(measure.n_found for measure in measures)
    return (
        f"pictures {len(measures):3} words {n_expected:5} recall {n_right / n_expected:.3f} "
        f"precision {n_right / max(n_found, 1):.3f} "
        f"error rate {sum(measure.n_errors for measure in measures) / n_expected:.3f} "
        f"papers {sum(m.n_whole for m in measures) / sum(m.n_papers for m in measures):.3f} "
        f"aside {sum(measure.n_aside for measure in measures) / n_expected:.3f} "
        f"seconds {max(measure.seconds for measure in measures):.1f}"
    )


def plain(text: str) -> str:
    """Return the words of `text` with a space between two."""
    return " ".join(words_of(text))


def words_of(text: str) -> list[str]:
    """Return the words in small letters, accents kept."""
    return re.findall(r"\w+", unicodedata.normalize("NFC", text.lower()).replace("œ", "oe"))


def tesseract(pixels: Pixels) -> list[WrittenLine]:
    """Return the lines that Tesseract reads on a picture, looking for text anywhere."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    command = ["tesseract", "-", "-", "-l", "fra", "--psm", "11", "tsv"]
    output = subprocess.run(command, input=buffer.getvalue(), capture_output=True, check=True)
    lines: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in _words_of_tesseract(output.stdout.decode()):
        key = (row["block_num"], row["par_num"], row["line_num"])
        lines.setdefault(key, []).append(row)
    return [_line(rows, pixels) for rows in lines.values()]


def _words_of_tesseract(table: str) -> Iterator[dict[str, str]]:
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == "5" and (row["text"] or "").strip():
            yield row


def _line(rows: list[dict[str, str]], pixels: Pixels) -> WrittenLine:
    lefts, tops = [int(row["left"]) for row in rows], [int(row["top"]) for row in rows]
    left, top = min(lefts), min(tops)
    right = max(x + int(row["width"]) for x, row in zip(lefts, rows, strict=True))
    bottom = max(y + int(row["height"]) for y, row in zip(tops, rows, strict=True))
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=float)
    confidence = sum(float(row["conf"]) for row in rows) / len(rows) / 100
    text = " ".join(row["text"] for row in rows)
    # Tesseract's confidence is lower than the model's for the same share of right lines
    return WrittenLine(text, min(confidence * 2, 1.0), corners, pictures.colour_of(pixels, corners))


if __name__ == "__main__":
    main()
