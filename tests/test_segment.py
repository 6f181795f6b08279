"""Where a passage ends: French examples, one block each, with the passages expected; `|` is the cut."""

import pandas as pd
import pytest

from pipeline.segment import MAX_CHARS, paths_without_units, segment_documents
from pipeline.settings.sections import SegmentSettings
from pipeline.tables.material import BLOCKS, DOCUMENTS

WRITTEN = [
    ("La tournée du médiabus s'arrête à Lormes. | Personne ne la remplace au sud du canton."),
    ("- de paperasse pour monter un dossier. | Le bureau s'use à ça."),
    ("+ de concerts au village"),
    ("M. Perrin et Mme. Roy tiennent la buvette. | Le maire prête la salle."),
    ("Le car ne passe plus. | [personne] conduit les voisins, M. [personne] aussi."),
    ("On a vu J.-M. Auclair et P. Nolot au marché de Corbigny."),
    (
        "3 pers. âgées sur 4 vivent seules, cf. étude du Pays, env. 1.500 foyers etc. | La mairie n'a pas de liste."
    ),
    ("Le gîte coûte 12.500 € par an, 5,5 ETP. | Résultat de l'an passé : moins 3 000 €."),
    ("effilage, tissage, teinture !!! tout est parti au Maroc… on garde les murs"),
    ("Qui paiera la chaudière du foyer ? La commune attend une réponse du Département."),
    ("« Le car passe à six heures. Après, plus rien. » | Les parents s'organisent entre eux."),
    ("Les salariées fixent leurs horaires ensemble. (Le Fournil de Clamecy)"),
    ("Une vieille dame vient chaque mardi. Elle repart avec son pain."),
    ("Le conseil compte neuf membres. | Il faudrait deux jeunes pour la suite."),
    (
        "Le président a lu le rapport moral. | Il précise que les comptes seront affichés en mairie pendant un mois entier."
    ),
    ("Bonjour. Voici ce que j'ai oublié de dire lundi."),
    ("Les apprentis abandonnent avant Noël ; certains dorment dans leur voiture."),
    (
        "Premièrement la route, coupée tout l'hiver, | deuxièmement le dentiste, dix mois d'attente, | et enfin les haies qu'on arrache"
    ),
    ("1. Budget du tiers-lieu ; 2. Élection du bureau ; 3. Questions diverses."),
    ("Candidature n° 4. Trois sœurs veulent rouvrir la boulangerie de Brinon."),
    ("plus de bénévoles pour la kermesse. | la mairie ne prête plus les barnums."),
    (
        "Le Café des Halles ouvre le soir. | (Le maire : on ne peut pas payer partout, il y a douze villages à servir)"
    ),
    (
        "La table 2 craint la fermeture du lycée. | Elle demande un internat. | Elle a aussi évoqué la cantine."
    ),
    ("À Clamecy, le deuxième groupe parle de l'eau. | Il propose une citerne par rue."),
    ("Pour les participants, le car est trop cher. | Ils voudraient un ticket à un euro."),
    ("Les deux tables saluent la ressourcerie. | Elles regrettent l'absence de mécano."),
    ("Table 5 : trop de friches. | Elle veut un inventaire."),
    ("La table 2 craint la fermeture du lycée. Elle est la seule."),
    ("La boulangère de Corvol arrête. Elle demande un repreneur."),
    ("Le groupe a cité la scierie. Elle demande un repreneur."),
    ("Voici ce qu'a dit la mairie. Ils proposent un terrain."),
    ("N'ayant pas de local, l'atelier « Récup. Couture » s'installe à l'école"),
]
SPOKEN = [
    (
        "nous le plus dur c'est les murs hein on trouve rien à louer | et puis les bénévoles faut arrêter de leur demander la lune"
    ),
    (
        "on a surtout parlé du froid dans les fermes, | et sinon l'argent arrive trop tard, on avance les salaires"
    ),
    (
        "le tri nous coûte plus cher que ce qu'il rapporte | et il faudrait que les mairies viennent voir avant d'acheter"
    ),
    (
        "les dossiers européens c'est trop lourd pour trois salariés | et la paperasse pour les gens aussi, ils viennent avec leur sac"
    ),
    ("on est une dizaine à tourner mais c'est toujours les mêmes, et nous on fatigue"),
    ("et puis euh l'eau on en manque dès le mois de juin"),
    ("on plante un kilomètre de haies et on en arrache trois de l'autre côté, c'est bête à dire"),
]
LAYOUT = [
    ("cell", "navette le samedi\n- four à pain partagé\n- clé du gymnase pour les jeunes", 3),
    ("cell", "navette le samedi\nentre Prémery et la gare", 1),
    ("cell", "loyer de la forge payé à deux\nfour à chaux remis en état", 2),
    ("cell", "loyer de la forge payé à deux,\nfour à chaux remis en état", 1),
    ("cell", "les gens de la vallée veulent un\nfour à chaux remis en état", 1),
    ("cell", "on paie le loyer à deux\net on partage la clé", 1),
    ("cell", "loyer partagé\nfour commun", 1),
    ("paragraph", "loyer de la forge payé à deux\nfour à chaux remis en état", 1),
    ("bullet", "halle couverte • parking vélo • toilettes publiques", 3),
    ("paragraph", "Le foyer rural accueille\ntrente enfants le mercredi.", 1),
    ("heading", "Question 2 : ce qui marche", 0),
    ("meta", "Présents : l'équipe du Pays", 0),
    ("cell", "— … —", 0),
    ("bullet", "- [personne] et Mme [personne] –", 0),
    ("cell", "[téléphone] / [courriel]", 0),
    ("paragraph", "Le foyer ferme à dix-huit heures. [personne].", 1),
    ("cell", "[personne] arrête", 1),
    ("cell", "12", 1),
    ("cell", "et", 1),
    ("cell", "", 0),
]


def _document(
    *blocks: tuple[str, str], path: str, first_path: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One document made of (kind, text) blocks."""
    text, rows = "", []
    for order, (kind, block) in enumerate(blocks):
        rows.append(
            {
                "document_id": "d",
                "block_order": order,
                "start_char": len(text),
                "end_char": len(text) + len(block),
                "kind": kind,
            }
        )
        rows[-1] |= {"table_number": 4, "question": "q2", "channel": "notes", "speaker": "p-1"}
        text += block + "\n"
    document: dict[str, object] = {
        "document_id": "d",
        "workshop_id": "w",
        "path": path,
        "sha256": "",
        "channel": "notes",
        "n_chars": len(text),
        "text": text,
        "first_path": first_path,
    }
    return DOCUMENTS.build([document]), BLOCKS.build(rows)


def _units(
    *blocks: tuple[str, str],
    path: str = "Nevers/table 1.docx",
    first_path: str | None = None,
    **settings: int,
) -> pd.DataFrame:
    """Its units."""
    return segment_documents(
        *_document(*blocks, path=path, first_path=first_path), settings=SegmentSettings(**settings)
    )


@pytest.mark.parametrize("example", WRITTEN)
def test_written_paragraphs_are_cut_where_a_new_idea_starts(example: str) -> None:
    assert list(_units(("paragraph", example.replace("| ", "")))["text"]) == example.split(" | ")


@pytest.mark.parametrize("example", SPOKEN)
def test_turns_without_full_stops_are_cut_at_a_change_of_subject(example: str) -> None:
    assert list(_units(("cue", example.replace("| ", "")))["text"]) == example.split(" | ")


@pytest.mark.parametrize("example", SPOKEN)
def test_the_same_words_in_a_bullet_are_left_whole(example: str) -> None:
    assert len(_units(("bullet", example.replace("| ", "")))) == 1


@pytest.mark.parametrize(("kind", "text", "n_units"), LAYOUT)
def test_layout_comes_first_and_headings_say_nothing(kind: str, text: str, n_units: int) -> None:
    assert len(_units((kind, text))) == n_units


def test_units_are_slices_of_the_text_in_reading_order_with_the_place_of_their_block() -> None:
    blocks = (
        ("paragraph", "  Un premier point clair. Un second point clair.  "),
        ("bullet", "- une laverie au bourg"),
    )
    units = _units(*blocks)
    text = "".join(block + "\n" for _, block in blocks)
    assert [
        text[start:end] for start, end in zip(units["start_char"], units["end_char"], strict=True)
    ] == list(units["text"])
    assert list(units["text"]) == [
        "Un premier point clair.",
        "Un second point clair.",
        "une laverie au bourg",
    ]
    assert list(units["unit_order"]) == [0, 1, 2]
    assert units[
        ["table_number", "question", "channel", "speaker"]
    ].drop_duplicates().values.tolist() == [[4, "q2", "notes", "p-1"]]


def test_no_word_is_lost_and_none_is_said_twice() -> None:
    examples = [example.replace("| ", "") for example in [*WRITTEN, *SPOKEN]]
    for kind in ("paragraph", "cue", "cell"):
        units = _units(*((kind, example) for example in examples), max_words=10)
        assert " ".join(units["text"]).split() == " ".join(examples).split()


def test_an_edited_neighbour_moves_no_unit_id() -> None:
    before = _units(
        ("bullet", "un four à pain"),
        ("bullet", "une navette le soir"),
        ("bullet", "un four à pain"),
    )
    after = _units(
        ("bullet", "deux fours à pain, un par bourg"),
        ("bullet", "une  navette le soir"),
        ("bullet", "un four à pain"),
    )
    assert before["unit_id"].is_unique
    assert before["unit_id"][1] == after["unit_id"][1]
    assert before["unit_id"][0] == after["unit_id"][2], (
        "the first occurrence of a text keeps the first occurrence's id"
    )
    assert (
        before["unit_id"][0]
        != _units(("bullet", "un four à pain"), path="Nevers/table 2.docx")["unit_id"][0]
    )


def test_a_passage_over_the_limit_is_cut_at_a_clause_and_a_short_one_joins_its_neighbour() -> None:
    long = "les fermes ferment une à une dans la vallée, mais les jeunes qui veulent s'installer ne trouvent pas de terres à louer"
    assert list(_units(("bullet", long), max_words=15)["text"]) == [
        long[: long.index(" mais")],
        long[long.index("mais") :],
    ]
    assert len(_units(("paragraph", "Oui. Le bus passe le mardi. Bon."), min_words=3)) == 1
    assert len(_units(("paragraph", "Oui. Le bus passe le mardi. Bon."), min_words=1)) == 3


def test_a_text_without_end_is_cut_at_blanks_and_loses_no_word() -> None:
    words = [f"mot{n}" for n in range(12_000)]
    units = _units(("paragraph", " ".join(words)))
    assert units["text"].str.len().max() <= MAX_CHARS
    assert " ".join(units["text"]).split() == words


def test_a_word_without_end_is_cut_too() -> None:
    assert "".join(_units(("cue", "é" * 5_000))["text"]) == "é" * 5_000


def test_documents_without_blocks_give_an_empty_table() -> None:
    assert _units().empty


SILENT = [
    ("paragraph", "[personne 3]", ["x.txt"]),
    ("paragraph", "Le bus passe le mardi.", []),
    ("heading", "Question 2", []),
]


@pytest.mark.parametrize(("kind", "text", "paths"), SILENT)
def test_a_document_that_says_names_alone_is_told(kind: str, text: str, paths: list[str]) -> None:
    documents, blocks = _document((kind, text), path="x.txt")
    units = segment_documents(documents, blocks, settings=SegmentSettings())
    assert paths_without_units(documents, blocks, units) == paths


def test_a_document_that_was_renamed_keeps_the_identity_of_its_passages() -> None:
    before = _units(("bullet", "un four à pain"), path="Nevers/table 1.docx")
    renamed = _units(
        ("bullet", "un four à pain"), path="Nevers, 3 mai/T1.docx", first_path="Nevers/table 1.docx"
    )
    assert renamed["unit_id"].tolist() == before["unit_id"].tolist()
    assert (
        _units(("bullet", "un four à pain"), path="Nevers, 3 mai/T1.docx")["unit_id"].tolist()
        != before["unit_id"].tolist()
    )
