"""A question that no document says: proposed from headings, asked once, answered in atelier.yaml."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.ingest import ingest_workshop
from pipeline.ingest.locate.titles import proposed
from pipeline.pseudonymise import pseudonymise
from pipeline.segment import segment_documents
from pipeline.settings import Settings
from pipeline.show.asking import questions_to_ask

# Written before the rule; then a second list, written after it: at its first run 42 of the 45
# proposed were right, and 42 of 48 proposed; two rules were corrected since.
HEADINGS = """
q4 Pistes d'action
q4 Propositions
q4 Leviers identifiés
q4 Et demain ?
q4 Préconisations du groupe
q4 Actions à mener
q4 Perspectives
q4 Pour aller plus loin : ce que l'on propose
q4 Idées de projets
q4 Feuille de route
q4 Solutions envisagées
q4 Axes d'amélioration
q4 Souhaits pour la suite
q4 Recommandations
q4 Ce que nous voudrions voir changer
q4 Suites à donner
q4 Plan d'actions
q4 Rêvons un peu
q4 Attentes et suggestions
q4 Comment mieux travailler ensemble ?
q1 Constats
q1 Enjeux
q1 Problématiques soulevées
q1 Freins
q1 Diagnostic
q1 Besoins repérés
q1 Menaces
q1 Points noirs
q1 Ce qui manque
q1 Difficultés rencontrées par les habitants
q1 Alertes du terrain
q1 Fragilités du territoire
q1 Manques et attentes
q1 Préoccupations
q1 Ce qui nous inquiète
q1 État des lieux des besoins
q1 Les obstacles
q1 Faiblesses du territoire
q1 Défis à relever
q1 Besoins non couverts
q2 Ce qui existe déjà
q2 Initiatives locales
q2 Réussites
q2 Atouts
q2 Points forts
q2 Ressources du territoire
q2 Ce qui fonctionne bien
q2 Bonnes pratiques
q2 Forces du territoire
q2 Dispositifs en place
q2 Les réponses existantes
q2 Nos fiertés
q2 Acquis
q2 Expériences inspirantes
q2 Points d'appui
q2 Ce qu'il faut préserver
q3 Difficultés des structures
q3 Fonctionnement interne
q3 La vie de nos associations
q3 Côté équipes : forces et fragilités
q3 Nos moyens humains et financiers
q3 Bénévolat et gouvernance
q3 Les employeurs et leurs équipes
q3 Forces et faiblesses de nos organisations
q3 Ce qui coince dans nos structures
q3 Organisation interne et coopération entre salariés
q3 Difficultés de recrutement dans nos services
q3 La santé financière de nos associations
none Introduction
none Mobilité
none Accès aux soins
none Déroulé de la soirée
none Tour de table
none Présentation de la démarche
none Échanges avec la salle
none Jeunesse et sports
none Ordre du jour
none Atelier 3 – Alimentation
none Conclusion
none Annexes
none Prochaines étapes du calendrier
none Remerciements
none Mot d'accueil du président
none Commerce et centre-bourg
none Questions diverses
none Synthèse des échanges
none Le groupe des élus
none Liste des participants
none Logement : débat
none Groupe « grand âge »
none Paroles d'habitants
none Retour sur la précédente réunion
none Points abordés
none Éducation, enfance, famille
none Intervention de la sous-préfète
none Calendrier
"""
FRESH = """
q1 Problématiques identifiées sur le secteur
q1 Ce qui freine l'accès aux droits
q1 Points de blocage
q1 Les besoins des familles monoparentales
q1 Enjeux du vieillissement
q1 Constats du groupe 3
q1 Nuisances et points à surveiller
q1 Carences repérées
q1 Difficultés d'accès aux soins
q1 Les sujets de préoccupation des habitants
q1 Risques et fragilités
q1 Les attentes exprimées
q1 Irritants du quotidien
q2 Ressources mobilisables
q2 Ce qui se fait déjà sur la commune
q2 Actions existantes
q2 Expériences menées ailleurs et chez nous
q2 Les plus du quartier
q2 Points positifs
q2 Dynamiques à l'œuvre
q2 Partenaires et dispositifs existants
q2 Réussites à partager
q2 Offre actuelle
q2 Les forces vives
q2 Leviers déjà actionnés
q4 Préconisations
q4 Pistes de travail
q4 Propositions d'actions
q4 Idées d'action pour 2027
q4 Leviers d'action
q4 Axes de progrès
q4 Les solutions imaginées
q4 Actions prioritaires
q4 Demandes aux élus
q4 Et après ?
q4 Projets à lancer
q4 Ce qu'il faudrait mettre en place
q4 Améliorations souhaitées
q4 Orientations proposées
q4 Perspectives 2027
q3 Gouvernance de l'association
q3 Les moyens des structures
q3 Problèmes de recrutement dans les équipes
q3 Fonctionnement du réseau associatif : forces et limites
q3 Freins internes aux structures
q3 Modèle économique et financement des associations
q3 Conditions de travail des salariés
q3 Épuisement des bénévoles
none Participants et excusés
none Rappel de la commande
none Méthodologie
none Habitat
none Transports et stationnement
none Propos introductifs
none Informations du bureau
none Approbation du compte rendu précédent
none Agenda
none Présentation du diagnostic
none Temps 1 : travail en groupe
none Restitution de la table 4
none Échanges
none Bilan de la saison
none Dates à retenir
none Café et clôture
none Sous-groupe « alimentation »
none Travaux rue de la Gare
none Culture et patrimoine
none Vie scolaire
none Séniors
none Questions des habitants
none Signature du contrat
none Délibérations
none Le projet de santé
"""


def _told(headings: str) -> tuple[int, int, int]:
    """Return how many headings have a proposal, how many rightly, and how many should."""
    n_proposed = n_right = n_expected = 0
    for line in headings.strip().split("\n"):
        expected, heading = line.split(" ", 1)
        question = proposed(heading)
        n_expected += expected != "none"
        n_proposed += question is not None
        n_right += question == expected
    return n_proposed, n_right, n_expected


@pytest.mark.parametrize(
    ("headings", "precision", "coverage"), [(HEADINGS, 0.97, 0.97), (FRESH, 0.9, 0.85)]
)
def test_headings_of_minutes_propose_a_question_and_mostly_the_right_one(
    headings: str, precision: float, coverage: float
) -> None:
    n_proposed, n_right, n_expected = _told(headings)
    assert n_right / n_proposed >= precision
    assert n_right / n_expected >= coverage


MINUTES = """# Compte rendu de la réunion

La séance commence par un film sur le bocage.

## Constats partagés

- le car du soir est supprimé
- deux médecins partent en juin

## Pistes et leviers

- ouvrir la salle le samedi
"""
THEMES = "# Notes\n\n## Mobilité\n\n- un car le soir\n\n## Santé\n\n- une sage-femme\n"


def _tables(root: Path, manifest: str = "") -> dict[str, pd.DataFrame]:
    folder = root / "Trégor"
    folder.mkdir(exist_ok=True)
    files = {"cr.md": MINUTES, "themes.md": THEMES, "atelier.yaml": manifest or "lieu: Plouha"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = Settings()
    raw = ingest_workshop(folder, depot=root, settings=settings.ingest)
    tables, _ = pseudonymise(raw, settings=settings.pseudonymise)
    units = segment_documents(tables["documents"], tables["blocks"], settings=settings.segment)
    return tables | {"units": units}


def _asked(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str | None, int]]:
    return [tuple(row.values())[1:] for row in questions_to_ask(tables)]


def _questions(tables: dict[str, pd.DataFrame]) -> dict[str, str | None]:
    units = tables["units"]
    return {
        text: None if pd.isna(question) else question
        for text, question in zip(units["text"], units["question"], strict=True)
    }


def test_a_question_is_asked_once_a_section_that_proposes_one_and_once_for_the_rest(
    tmp_path: Path,
) -> None:
    found = _asked(_tables(tmp_path))
    assert ("themes.md", None, 2) in found
    assert {target for target, _, _ in found} <= {
        "cr.md",
        "cr.md > Constats partagés",
        "cr.md > Pistes et leviers",
        "themes.md",
    }


ANSWERS = [  # atelier.yaml, what becomes of « un car le soir », « une sage-femme »
    ("questions: {themes.md: q1}", "q1", "q1"),
    ("questions: {'THEMES*': question 3}", "q3", "q3"),
    ("questions: {'themes.md > Santé': q2}", None, "q2"),
    ("questions: {'themes.md > santé :': 2, 'themes.md': q1}", "q1", "q2"),
    ("questions: {'*.md > Mobilité': aucune}", "autre", None),
    ("questions: {autre.md: q1}", None, None),
    ("questions: {themes.md: q7}", None, None),
]


@pytest.mark.slow
@pytest.mark.parametrize(("manifest", "first", "second"), ANSWERS)
def test_an_answer_in_the_manifest_holds_for_its_document_or_section(
    tmp_path: Path, manifest: str, first: str | None, second: str | None
) -> None:
    tables = _tables(tmp_path, manifest)
    questions = _questions(tables)
    assert (questions["un car le soir"], questions["une sage-femme"]) == (first, second)
    waiting = [target for target, _, _ in _asked(tables) if target.startswith("themes")]
    assert bool(waiting) == (None in (first, second))


CHANNELS_TOLD = [
    ("postit", "postit"),
    ("post-its", "postit"),
    ("transcription", "transcript"),
    ("courriel", "mail"),
    ("Téléphone", "telephone"),
    ("restitution", "resume"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("word", "channel"), CHANNELS_TOLD)
def test_tables_and_channels_are_told_by_document_too(
    tmp_path: Path, word: str, channel: str
) -> None:
    units = _tables(tmp_path, f"tables: {{themes.md: 4}}\ncanaux: {{themes.md: {word}}}")["units"]
    told = units.loc[units["text"] == "une sage-femme", ["table_number", "channel"]]
    assert told.to_numpy().tolist() == [[4, channel]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manifest", "reasons"),
    [
        ("questions: {themes.md: q7}", ["réponse illisible pour « themes.md »"]),
        ("questions: q1", ["valeur illisible pour « questions »"]),
        ("questions: {absent.md: q1}", ["aucun document ne s'appelle « absent.md »"]),
        ("tables: {themes.md: [1, 2]}", ["réponse illisible pour « themes.md »"]),
        ("canaux: {themes.md: radio}", ["réponse illisible pour « themes.md »"]),
    ],
)
def test_an_answer_that_cannot_hold_is_a_reject(
    tmp_path: Path, manifest: str, reasons: list[str]
) -> None:
    rejects = _tables(tmp_path, manifest)["rejects"]
    assert rejects.loc[rejects["path"].str.endswith("yaml"), "reason"].tolist() == reasons
