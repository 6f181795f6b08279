"""No personal datum of the example study in any file that is published or exported: each is opened, whatever it is, and searched whole."""

import csv
import json
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from flows.publication import export_study, publish_whole
from flows.publish_study import write_comparison
from flows.vault import Vault
from pipeline.files import data_path
from pipeline.study import Study
from support.file_texts import texts_of

FORMS = ("qdpx", "qdc", "iramuteq", "relecture", "xlsx", "techniques", "csv", "parquet", "geojson")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_PHONE = re.compile(r"(?<!\d)(?:0|\+33 ?)[1-9](?:[ .-]?\d{2}){4}(?!\d)")


def folded(text: str) -> str:
    """Small letters without accents, single blanks, whatever dash."""
    letters = (
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    )
    return " ".join(
        re.sub("[\u2010-\u2015\u00ad]", "-", "".join(letters)).replace("\u2019", "'").split()
    )


def cells_of(path: Path) -> Iterator[str]:
    """The cells of an attendance list."""
    if path.suffix == ".csv":
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from (cell for row in csv.reader(lines, delimiter=";") for cell in row)
    else:
        book = CalamineWorkbook.from_path(str(path))
        yield from (
            str(cell)
            for name in book.sheet_names
            for row in book.get_sheet_by_name(name).to_python()
            for cell in row
        )


def people_of(study: Study) -> dict[str, set[str]]:
    """What tells a person, folded: whole names in any order, words of gold/pii.jsonl, addresses of mail; and telephones as digits."""
    told = [
        json.loads(line)
        for line in data_path("demo", "gold", "pii.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    persons = [one for one in Vault(study).registry().persons.values() if one.is_listed]
    listed = [cell for path in study.depot.rglob("*margement*") for cell in cells_of(path)]
    names = {f"{one.first_name} {one.last_name}" for one in persons} | {
        f"{one.last_name} {one.first_name}" for one in persons
    }
    names |= {f"{one.first_name[:1]}. {one.last_name}" for one in persons if one.first_name}
    phones = [
        found
        for text in (*listed, *(row["quote"] for row in told))
        for found in _PHONE.findall(text)
    ]
    return {
        "names": {
            folded(name)
            for name in (*names, *(row["quote"] for row in told if row["kind"] != "PHONE"))
        },
        "mails": {folded(found) for cell in listed for found in _MAIL.findall(cell)},
        "phones": {re.sub(r"\D", "", phone)[-9:] for phone in phones},
    }


def named_in(text: str, people: dict[str, set[str]]) -> set[str]:
    """What of `people` stands in `text` as whole words."""
    plain, digits = folded(text), re.sub(r"(?<=\d)[\s.\-\u00a0\u202f]+(?=\d)", "", text)
    words = {*people["names"], *people["mails"]}
    found = {
        word
        for word in words
        if word in plain and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain)
    }
    return found | {
        phone
        for phone in people["phones"]
        if re.search(rf"(?<!\d)(?:0|33|0033){phone}(?!\d)", digits)
    }


@pytest.mark.slow
def test_nobody_is_named_in_any_file_of_the_example(demo_study: Study, tmp_path: Path) -> None:
    study = Study(tmp_path / "etude")
    shutil.copytree(demo_study.root, study.root)
    people = people_of(study)
    assert len(people["names"]) > 150 and len(people["phones"]) > 5 and people["mails"]
    run = study.last_run()
    assert run is not None
    publish_whole(study.root, run)
    write_comparison(study.root)
    for form in FORMS:
        export_study(study, form, study.root / "exports" / form)
    files = [
        path
        for folder in (study.publications, study.root / "exports")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    kinds = {
        "html",
        "docx",
        "pdf",
        "pptx",
        "xlsx",
        "csv",
        "parquet",
        "qdpx",
        "qdc",
        "txt",
        "json",
        "geojson",
        "svg",
    }
    assert {path.suffix[1:] for path in files} >= kinds
    found = {
        (path.name, word)
        for path in files
        for text in texts_of(path.name, path.read_bytes())
        for word in named_in(text, people)
    }
    assert found == set()


WRITTEN = [
    "Mme Zoé DURAND-Lévy l'a dit",
    "durand-levy zoe",
    "Z. Durand-Lévy",
    "Z.\u00a0Durand\u2011Lévy",
    "06.12.34.56.78",
    "+33 6 12 34 56 78",
    "ZOE@exemple.fr",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_the_search_finds_a_person_however_written(text: str) -> None:
    people = {
        "names": {"zoe durand-levy", "durand-levy zoe", "z. durand-levy"},
        "mails": {"zoe@exemple.fr"},
        "phones": {"612345678"},
    }
    assert len(named_in(text, people)) == 1
    assert named_in("Zoé et M. Durand, 06 12 34 56 79, zoe@exemple.fra", people) == set()
