"""A grid that brings its own axes and no standard one, in every format that a grid may have; and a study's depot that it can code."""

from pathlib import Path

import xlsxwriter

GRID_YAML = """id: jeunesse
version: 1
axes:
  - id: echelle
    libelle: Échelle
    definition: À quel niveau le passage demande d'agir.
    choix: un
    codes:
      - {id: commune, libelle: Commune, definition: "La mairie, le village ou le quartier.", lexique: [mairie, maire, village]}
      - {id: interco, libelle: Intercommunalité, definition: "La communauté de communes.", lexique: [intercommunalité, interco]}
      - {id: region, libelle: Région, definition: "Le conseil régional, la région entière.", lexique: [région, régional]}
  - id: public
    libelle: Publics
    codes:
      - {id: jeunes, libelle: Jeunes, definition: "Les collégiens, lycéens et jeunes adultes.", lexique: [jeunes, lycéens, étudiants]}
      - {id: aines, libelle: Aînés, definition: "Les personnes âgées et les retraités.", lexique: [aînés, retraités, personnes âgées]}
      - id: foyers
        libelle: Foyers
        sous_codes:
          - {id: familles, libelle: Familles, definition: "Les parents et leurs enfants.", lexique: [familles, parents, enfants]}
questions:
  - {id: q1, libelle: "Qui a besoin de quoi ?"}
"""

ROWS = [
    ["Axe", "Code", "Libellé", "Définition", "Famille", "Lexique", "Choix"],
    ["axe", "echelle", "Échelle", "À quel niveau le passage demande d'agir.", "", "", "un"],
    [
        "Échelle",
        "commune",
        "Commune",
        "La mairie, le village ou le quartier.",
        "",
        "mairie ; maire ; village",
        "",
    ],
    [
        "Échelle",
        "interco",
        "Intercommunalité",
        "La communauté de communes.",
        "",
        "intercommunalité ; interco",
        "",
    ],
    [
        "Échelle",
        "region",
        "Région",
        "Le conseil régional, la région entière.",
        "",
        "région ; régional",
        "",
    ],
    ["axe", "public", "Publics", "", "", "", ""],
    [
        "Public",
        "jeunes",
        "Jeunes",
        "Les collégiens, lycéens et jeunes adultes.",
        "",
        "jeunes ; lycéens ; étudiants",
        "",
    ],
    [
        "Publics",
        "aines",
        "Aînés",
        "Les personnes âgées et les retraités.",
        "",
        "aînés ; retraités ; personnes âgées",
        "",
    ],
    [
        "publics",
        "familles",
        "Familles",
        "Les parents et leurs enfants.",
        "Foyers",
        "familles ; parents ; enfants",
        "",
    ],
    ["question", "q1", "Qui a besoin de quoi ?", "", "", "", ""],
]


def yaml_grid(folder: Path) -> Path:
    path = folder / "jeunesse.yaml"
    path.write_text(GRID_YAML, encoding="utf-8")
    return path


def csv_grid(folder: Path) -> Path:
    path = folder / "jeunesse.csv"
    path.write_text("\n".join("\t".join(row) for row in ROWS), encoding="utf-8")
    return path


def xlsx_grid(folder: Path) -> Path:
    path = folder / "jeunesse.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("Codes")
        for order, row in enumerate(ROWS):
            sheet.write_row(order, 0, row)
    return path
