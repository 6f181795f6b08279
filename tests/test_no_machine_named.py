"""No address of a machine and no login of a table's columns stays in what is read, so in nothing that is published or exported."""

from pathlib import Path

import pytest

from pipeline.ingest import ingest_workshop
from pipeline.pseudonymise import pseudonymise
from pipeline.settings.sections import IngestSettings, PseudonymiseSettings

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
