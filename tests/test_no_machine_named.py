"""No address of a machine and no login of a table's columns stays in what is read, so in nothing that is published or exported."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from flows.publication import _FILES, TABLES, export_study
from flows.run import run_study
from pipeline.ingest import ingest_workshop
from pipeline.pseudonymise import pseudonymise
from pipeline.settings.sections import IngestSettings, PseudonymiseSettings
from pipeline.study import Study
from support.report_text import pdf_text
from support.studies import group_any_size

SAYS = (
    "La cantine bio plaît aux enfants mais ferme trop tôt pour nous",
    "Nous voulons davantage de produits locaux dans les repas",
)


@pytest.mark.parametrize(
    ("title", "cells"),
    [
        ("Adresse IP", ("82.64.12.7", "2a01:cb08:8c2:5100:1d3f:22aa:9c1e:4f10")),
        ("Adresse IP", ("fe80::1%eth0", "fe80::9c1e:4f10%wlan0")),
        ("Identifiant", ("marie.lr", "jmorel35")),
        ("IP address", ("82.64.12.7", "82.64.12.9")),
        ("Nom d'utilisateur", ("jmorel35", "svt_admin")),
        ("Identifiant de connexion", ("jmorel35", "marie.lr")),
        ("Login", ("jmorel35", "marie.lr")),
        ("Identifiant", ("jmorel35", "marie-lr")),
        ("Navigateur", ("Chrome/120.4.1", "Firefox/121.7")),
        ("Adresse MAC", ("3c:22:fb:9a:10:7e", "a4c3f0112e9b")),
        ("User-Agent", ("Mozilla/5.0 (X11; Ubuntu)", "Mozilla/5.0 (iPhone)")),
    ],
)
def test_a_column_of_machines_or_accounts_is_hidden(
    title: str, cells: tuple[str, str], tmp_path: Path
) -> None:
    lines = [
        f"ID;{title};Que pensez-vous de la cantine ?",
        *(f"{n};{cell};{said}" for n, (cell, said) in enumerate(zip(cells, SAYS, strict=True), 1)),
    ]
    folder = tmp_path / "Redon 2026-03-02"
    folder.mkdir()
    (folder / "consultation.csv").write_text("\n".join(lines), encoding="utf-8")
    read = ingest_workshop(folder, depot=tmp_path, settings=IngestSettings())
    clean, _ = pseudonymise(read, settings=PseudonymiseSettings())
    (text,) = clean["documents"]["text"]
    assert all(said in text for said in SAYS)
    assert not [cell for cell in cells if cell in text]


TITLES = ("ID", "Adresse IP", "Adresse MAC", "Identifiant de connexion", "Navigateur", "Que pensez-vous de la cantine ?")  # fmt: skip
MACHINES = [
    ("82.64.12.7", "3c:22:fb:9a:10:7e", "jmorel35", "Mozilla/5.0 (X11; Ubuntu) Gecko/2010"),
    ("2a01:cb08:8c2:5100:1d3f:22aa:9c1e:4f10", "3C-22-FB-9A-10-7F", "svt_admin", "Chrome/120.4.1"),
    ("::ffff:90.3.77.214", "a4c3f0112e9b", "marie.lr", "Safari/605.1.15"),
    ("fe80::9c1e:4f10%wlan0", "3c22.fb9a.1080", "kdubois_72", "Firefox/121.7"),
]
ANSWERS = (
    *SAYS,
    "Le prix du repas a trop monté, il faut une aide pour les familles",
    "Il manque un potager pour que les élèves cultivent des légumes",
)


@pytest.fixture(scope="module")
def consulted(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A published study of one consultation whose platform kept machines and accounts, in a .csv."""
    study = group_any_size(Study.create(tmp_path_factory.mktemp("machines") / "etude"))
    folder = study.depot / "Redon 2026-03-02"
    folder.mkdir()
    held = io.StringIO()
    rows = [
        (str(n), *machine, answer)
        for n, (machine, answer) in enumerate(zip(MACHINES, ANSWERS, strict=True), 1)
    ]
    csv.writer(held, delimiter=";").writerows([TITLES, *rows])
    (folder / "consultation.csv").write_text(held.getvalue(), encoding="utf-8")
    run_study(study.root)
    return study


@pytest.mark.slow
def test_no_file_that_is_published_or_exported_holds_a_machine_or_an_account(
    consulted: Study,
) -> None:
    for form in (*_FILES, *TABLES):
        export_study(consulted, form, None)
    folders = (consulted.publications, consulted.root / "exports")
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in paths}
    assert {"documents.csv", "rapport.html", "rapport.pdf", "rapport.docx"} <= names
    assert {"etude.qdpx", "corpus-iramuteq.txt", "relecture.xlsx", "tableaux.xlsx"} <= names
    texts = {path: "\n".join(_texts(path.name, path.read_bytes(), path)) for path in paths}
    assert sum(ANSWERS[0] in text for text in texts.values()) > 4
    found = {
        (path.relative_to(consulted.root).as_posix(), cell)
        for path, text in texts.items()
        for machine in MACHINES
        for cell in machine
        if cell.casefold() in text.casefold()
    }
    assert sorted(found) == []


def _texts(name: str, content: bytes, path: Path | None = None) -> Iterator[str]:
    """Yield what a file says: each part of a container, a parquet's cells, the text of a PDF."""
    if name.endswith(".pdf") and path:
        yield pdf_text(path)
    elif name.endswith(".parquet"):
        yield pd.read_parquet(io.BytesIO(content)).to_csv()
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for part in archive.namelist():
                yield from _texts(part, archive.read(part))
    else:
        yield content.decode("utf-8", "ignore")
