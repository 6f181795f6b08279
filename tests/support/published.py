"""A small invented study with everything that a report shows: `tables()` are its tables, `report()` what is published of them."""

from pathlib import Path
from typing import Any

import pandas as pd
from python_calamine import CalamineWorkbook

from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import Grid
from pipeline.publish.report import build_report
from pipeline.publish.report.content import Report
from pipeline.publish.workbook import write_workbook
from pipeline.rank import rank_themes
from pipeline.settings.sections import PublishSettings, RankSettings
from pipeline.tables.material import ATTENDANCE, DOCUMENTS, REJECTS, STRUCTURES
from pipeline.tables.results import CONTRASTS, OFFERS, VOICES
from support.invented import DIE, ORTHEZ, said, study, workshops

Tables = dict[str, pd.DataFrame]
GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
VERBATIM = "on dit quoi ? 3 cars : <b>zéro</b> & l'arrêt d'Arthez, [personne] l'a vu 🚍 {{ 7*7 }}"


def passages() -> list[dict[str, Any]]:
    """Two workshops: cars is said at three tables of eight in both, lait at one, and two passages are set aside."""
    return [
        said("cars", 1, text=VERBATIM, rubrique="enjeux.social"),
        said(
            "cars",
            1,
            "q4",
            text="un minibus le samedi, porté par les communes",
            posture="proposition",
            rubrique="opportunites",
        ),
        said("cars", 2, text="les cars du soir ont disparu de la vallée"),
        said("cars", 2, "resume", channel="resume", text="on retient d'abord les cars"),
        said("cars", None, "distance", channel="mail", text="je n'ai plus de car depuis mars"),
        said("cars", 1, workshop_id=DIE, text="pas de car pour le lycée de Die"),
        said(
            "lait",
            3,
            "q2",
            text="la laiterie collecte 1 200 litres par jour",
            posture="force",
            rubrique="offre",
        ),
        said(None, 3, "q2", text="pause café", posture="constat"),
        said(
            None,
            2,
            text="la forêt brûle plus souvent",
            rubrique="enjeux.environnemental",
            workshop_id=DIE,
        ),
    ]


def tables(
    *said_passages: dict[str, Any], held: pd.DataFrame | None = None, **more: pd.DataFrame
) -> Tables:
    """All the tables of a small study, of the workshops `held`."""
    made = study(*(said_passages or passages())) | {
        "workshops": workshops() if held is None else held
    }
    made["documents"] = DOCUMENTS.build(
        {
            "document_id": name,
            "workshop_id": workshop_id,
            "path": f"{workshop_id}/{name}.txt",
            "sha256": "0",
            "channel": "notes",
            "title": f"Notes {place}",
            "n_chars": 1,
            "text": "x",
        }
        for place, (name, workshop_id) in enumerate(
            sorted(
                set(zip(made["units"]["document_id"], made["units"]["workshop_id"], strict=True))
            )
        )
    )
    ranked = [made[name] for name in ("units", "tags", "themes", "theme_members", "workshops")]
    made |= rank_themes(*ranked, settings=RankSettings(n_draws=60))._asdict()
    return made | _people() | {"contrasts": _contrasts(made["themes"])} | more


def _people() -> Tables:
    coop = {
        "structure_id": "coop-lait",
        "name": "Coop'Lait & fils",
        "structure_type": "coopérative",
        "commune_code": "orthez",
    }
    rows = [
        ("p1", ORTHEZ, "coop-lait", "coopérative", True),
        ("p2", ORTHEZ, "coop-lait", "coopérative", True),
        ("p3", ORTHEZ, None, None, True),
        ("p4", ORTHEZ, None, "élu", False),
        ("p1", DIE, None, "association", False),
    ]
    names = ("participant_id", "workshop_id", "structure_id", "structure_type", "has_signed")
    voices = [("structure_type", "collectivité"), ("commune", "arthez-de-bearn")]
    return {
        "attendance": ATTENDANCE.build(dict(zip(names, row, strict=True)) for row in rows),
        "structures": STRUCTURES.build(
            [coop | {"lat": 43.49, "lon": -0.77, "is_on_map": True, "is_in_attendance": True}]
        ),
        "voices": VOICES.build(
            {
                "workshop_id": ORTHEZ,
                "kind": kind,
                "value": value,
                "is_in_scope": True,
                "n_on_map": 1,
                "n_present": 0,
                "is_absent": True,
            }
            for kind, value in voices
        ),
        "offers": OFFERS.build(
            [
                {
                    "unit_id": "u006",
                    "offer_id": "o1",
                    "structure_id": "coop-lait",
                    "structure_name": "Coop'Lait & fils",
                    "activity": "collecte de lait",
                    "sector": "Alimentation",
                    "pillars": "[]",
                    "quantity_low": 1200.0,
                    "quantity_high": 1200.0,
                    "quantity": 1200.0,
                    "quantity_unit": "litres par jour",
                }
            ]
        ),
        "rejects": REJECTS.build(
            [
                {
                    "path": "orthez/photo.heic",
                    "reason": "image sans texte",
                    "advice": "saisir la photo dans un fichier texte",
                }
            ]
        ),
    }


def _contrasts(themes: pd.DataFrame) -> pd.DataFrame:
    numbers = {
        "n_units": 1,
        "n_tables": 1,
        "share": 0.25,
        "specificity": 0.0,
        "share_low": 0.0,
        "share_high": 0.5,
        "log_odds": 0.0,
        "log_odds_z": 0.0,
        "q_value": 1.0,
        "verdict": "comme ailleurs",
    }
    return CONTRASTS.build(
        {"subject": "theme", "subject_id": theme_id, "territory": territory} | numbers
        for theme_id in themes["theme_id"]
        for territory in ("orthez", "die")
    )


def report(made: Tables | None = None, **settings: int) -> Report:
    return build_report(
        made or tables(),
        grid=GRID,
        settings=PublishSettings(**settings),
        title="Étude d'essai",
        made_on="2025-06-01",
        least_units=60,
    )


def write_people(made: Tables, path: Path, *, grid: Grid = GRID, least_units: int = 0) -> Any:
    """Write the workbook that people read, and return it open."""
    write_workbook(made, path, grid=grid, title="Essai", least_count=3, least_units=least_units)
    return CalamineWorkbook.from_path(str(path))
