"""What people's tools export, a made sample of each: what is said, what is not, who was there. Columns decide; a tool unknown is read as well."""

from itertools import chain

import pytest

from pipeline.ingest.attendance import read_attendance
from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.locate.cues import LocatedBlock
from pipeline.ingest.parts import RawPart
from pipeline.ingest.people import WorkshopPeople
from pipeline.ingest.sheets import SortedPart, passages_of_cell, sort_part
from pipeline.ingest.sheets.kinds import read_sheet
from pipeline.ingest.sheets.roles import legend_of
from pipeline.ingest.words import spelled_in
from pipeline.tables.schema import ASIDES

Rows = list[tuple[str, ...]]

BUSES, HALL, DESK = (
    "Les bus ne passent plus le soir",
    "La halle couverte tourne bien",
    "Un guichet unique pour tous",
)
DOCTOR, SHOP, TIME = (
    "Le médecin part sans remplaçant",
    "L'épicerie sert cent familles",
    "Du temps pour se voir",
)
NEED, WORKS, CHANGE = (
    "Quels besoins voyez-vous ?",
    "Qu'est-ce qui marche bien ?",
    "Que faudrait-il améliorer ?",
)
URL = "https://exemple.org/f/12"
IN_FORM = [f"q1 consultation {BUSES}", f"q2 consultation {HALL}"]
IN_FORM += [f"q1 consultation {DOCTOR}", f"q2 consultation {SHOP}"]


def _rows(header: str, *rows: str) -> Rows:
    return [tuple(cell.strip() for cell in row.split("|")) for row in (header, *rows)]


EXPORTS: list[
    tuple[str, str, Rows, list[str]]
] = [  # tool, what it is taken for, rows, what is said
    (
        "Google Forms",
        "réponses à un questionnaire",
        _rows(
            f"Horodateur|Adresse e-mail|{NEED}|{WORKS}",
            f"12/03/2026 14:05:33|anne@example.org|{BUSES}|{HALL}",
            f"12/03/2026 15:11:02|karim@example.org|{DOCTOR}|{SHOP}",
        ),
        IN_FORM,
    ),
    (
        "Framaforms",
        "réponses à un questionnaire",
        _rows(
            "Enquête sur le Bray||||||",
            f"Détails de l'envoi|||||{NEED}|{WORKS}",
            "Numéro de série|SID|Heure d'envoi|Brouillon|Adresse IP||",
            f"1|612|09/03/2026 - 16:23|0|90.12.4.17|{BUSES}|{HALL}",
            f"2|613|10/03/2026 - 06:45|0|90.12.4.18|{DOCTOR}|{SHOP}",
        ),
        IN_FORM,
    ),
    (
        "LimeSurvey",
        "réponses à un questionnaire",
        _rows(
            f"ID de la réponse|Date de soumission|Dernière page|Langue de départ|G01Q01. {NEED}|G02Q02. {WORKS}",
            f"4|2026-02-21 23:11:28|3|fr|{BUSES}|{HALL}",
            f"5|2026-02-23 04:13:45|3|fr|{DOCTOR}|{SHOP}",
        ),
        IN_FORM,
    ),
    (
        "LimeSurvey",  # codes over questions
        "réponses à un questionnaire",
        _rows(
            "id|submitdate|startlanguage|G01Q01|G01Q02",
            f"ID de la réponse|Date de soumission|Langue de départ|{NEED}|{WORKS}",
            f"4|2026-02-21 23:11:28|fr|{BUSES}|{HALL}",
            f"5|2026-02-23 04:13:45|fr|{DOCTOR}|{SHOP}",
        ),
        IN_FORM,
    ),
    (
        "Microsoft Forms",
        "réponses à un questionnaire",
        _rows(
            f"ID|Heure de début|Heure de fin|Adresse de messagerie|Nom|{NEED}|{WORKS}|Seriez-vous prêt à aider ?",
            f"1|2026-05-19 09:12|2026-05-19 09:19|anonymous||{BUSES}|{HALL}|Oui;Le soir;",
            f"2|2026-05-20 10:12|2026-05-20 10:19|anonymous||{DOCTOR}|{SHOP}|Non;",
        ),
        IN_FORM,
    ),
    (
        "Typeform",
        "réponses à un questionnaire",
        _rows(
            f"#|{NEED}|{WORKS}|Quelle note donnez-vous ?|Response Type|Start Date (UTC)|Submit Date (UTC)|Network ID",
            f"283ef904579ff6aa|{BUSES}|{HALL}|4|completed|2026-06-09 07:12:00|2026-06-09 07:19:00|4648e50b89",
            f"4e9d04c6e9ddc415|{DOCTOR}|{SHOP}|2|completed|2026-06-10 08:12:03|2026-06-10 08:19:04|850b9e242a",
        ),
        IN_FORM,
    ),
    (
        "Sphinx",
        "réponses à un questionnaire",
        _rows(
            f"CLE|DATE_SAISIE|PROGRESSION|ORIGINE|1. Vous vivez ici depuis|2. {NEED}|3. {WORKS}|DUREE_SAISIE",
            f"1007|13/01/2026 11:09|Terminé|Web|Plus de 20 ans|{BUSES}|{HALL}|312",
            f"1014|14/01/2026 12:18|Terminé|Web|Moins de 5 ans|{DOCTOR}|{SHOP}|128",
        ),
        IN_FORM,
    ),
    (
        "Decidim",
        "contributions d'une plateforme",
        _rows(
            "id|category/name/fr|participatory_space/id|component/id|title/fr|body/fr|state|answer/fr|votes|published_at|url",
            f"4410|Mobilité|12|88|Le soir|<p>{BUSES}</p>|accepted|<p>Étude en cours.</p>|5|2026-05-02 08:14:02 UTC|{URL}",
            f"4413|Santé|12|88|Soins|<p>{DOCTOR}</p><ul><li>{TIME}</li></ul>|rejected||9|2026-05-03 09:14:02 UTC|{URL}",
        ),
        [f"q4 consultation {text}" for text in (BUSES, DOCTOR, TIME)],
    ),
    (
        "Cap Collectif",
        "contributions d'une plateforme",
        _rows(
            "type|contributions_id|contributions_section_title|contributions_title|contributions_bodyText|contributions_createdAt|contributions_url|contributions_votesCount",
            f"opinion|T3Bpbmlvbjo1YjdmN2MzNS1mMWMy=|Besoins des habitants|Le soir|{BUSES}|2026-01-08 09:00:00|{URL}|3",
            f"opinion|T3BpbmlvbjowOTk5NGJlYy1mMWMy=|Agriculture|Une halle|{HALL}|2026-01-10 10:11:07|{URL}|4",
            "vote|||||2026-01-10 10:11:07||",
        ),
        [f"q1 consultation {BUSES}", f"- consultation {HALL}"],
    ),
    (
        "Grand Débat",
        "contributions d'une plateforme",
        _rows(
            f"id|reference|title|createdAt|authorId|authorType|authorZipCode|QUXVlc3Rpb246MjMx - {NEED}|QUXVlc3Rpb246MjMy - Avez-vous déjà été bénévole ?|QUXVlc3Rpb246MjMz - {WORKS}",
            f"UHJvcG9zYWw6NjVjNGU3OWItMWU3ZC0x|4-12|Bus|2026-01-23 17:11:05|VXNlcjoyNjFlZDJkNS0xZDBj=|Citoyen / Citoyenne|76220|{BUSES}|Oui|{HALL}",
            f"UHJvcG9zYWw6Y2FlM2EzOGYtMWU3ZC0x|4-13|Soin|2026-01-25 00:18:05|VXNlcjo2NjcwNzRkYi0xZDBj=|Citoyen / Citoyenne|76270|{DOCTOR}|Non|{SHOP}",
        ),
        IN_FORM,
    ),
    (
        "Consul",
        "contributions d'une plateforme",
        _rows(
            "id|title|description|external_url|cached_votes_up|comments_count|hot_score|created_at",
            f"210|Le soir|<p>{BUSES}</p>||0|2|170000|2026-05-03 10:00:00 UTC",
            f"211|Guichet|<p>{DESK}</p>|{URL}|12|0|170031|2026-05-04 11:00:00 UTC",
        ),
        [f"q4 consultation {BUSES}", f"q4 consultation {DESK}"],
    ),
    (
        "Civocracy",
        "contributions d'une plateforme",
        _rows(
            "Discussion|ID commentaire|ID parent|Auteur|Date|Commentaire|J'aime|Signalements|Statut",
            f"Comment améliorer les déplacements ?|55120||Camille R.|02/06/2026 09:00|{BUSES}|0|0|publié",
            f"Comment améliorer les déplacements ?|55129|55120|Jean-Luc|03/06/2026 10:13|{DESK}|1|0|publié",
        ),
        [f"q4 consultation {BUSES}", f"q4 consultation {DESK}"],
    ),
    (
        "Klaxoon",
        "mur d'idées",
        _rows(
            "Idée|Auteur|Catégorie|Couleur|Likes|Date de création|Type",
            f"{BUSES}|Lucie M.|Besoins|#FFF48D|4|12/03/2026 18:11|Texte",
            f"{HALL}|Participant 4|Ce qui marche|#B4E7A0|0|12/03/2026 18:18|Texte",
            "|Karim||#FFFFFF|0|12/03/2026 20:40|Image",
        ),
        [f"q1 postit {BUSES}", f"q2 postit {HALL}"],
    ),
    (
        "Miro",
        "mur d'idées",
        _rows(
            "Text|Frame|Created by|Color",
            f"{BUSES}|Besoins|Anne Riou|#FFF48D",
            f"{HALL}|Ce qui marche|Anonyme|#B4E7A0",
        ),
        [f"q1 postit {BUSES}", f"q2 postit {HALL}"],
    ),
    (
        "Mural",
        "mur d'idées",
        _rows(
            "ID|Text|BG Color|Position X|Position Y|Area|Votes|Last Updated By|Last Updated|Link To",
            f"0-1716457283572|{BUSES}|#FCFE7D|665.0|587.1|Besoins|0|Visiteur Renard|5/21/2026 2:03 PM|",
            f"0-1716561984359|{DESK}|#9EDCFA|163.4|310.4|Propositions|1|Sabrina Kaci|5/21/2026 2:08 PM|{URL}",
        ),
        [f"q1 postit {BUSES}", f"q4 postit {DESK}"],
    ),
    (
        "Padlet",
        "mur d'idées",
        _rows(
            "Author|Subject|Body|Attachment|Section|Created At|Comments|Reactions",
            f"Anonymous||<p>{BUSES}</p>||Besoins|2026-03-12 17:09:00 UTC||0",
            f"Solène Quesnel|Guichet|<p>{DESK}</p>||Propositions|2026-03-12 17:17:13 UTC||1",
            f"Anonymous|Photo de la table 2||{URL}.jpg|Besoins|2026-03-12 17:19:13 UTC||0",
        ),
        [f"q1 postit {BUSES}", f"q4 postit {DESK}"],
    ),
    (
        "Stormz",
        "mur d'idées",
        _rows(
            "Id|Titre|Description|Auteur|Étiquettes|Votes|Favoris|Créé le",
            f"5f3c4f826348|Le soir|{BUSES}|participant-1|Besoins|1|0|2026-02-04T14:06:12.000Z",
            f"5f3cc61712db|{DESK}||participant-2|Propositions|8|0|2026-02-04T14:15:12.000Z",
        ),
        [f"q1 postit {BUSES}", f"q4 postit {DESK}"],
    ),
    (
        "Wooclap",
        "réponses à un questionnaire",
        _rows(
            f"#|Participant|{NEED}|Le quartier a-t-il changé ?|{WORKS}|Score",
            f"1|Participant 1|{BUSES}|Oui, en mieux|{HALL}|",
            f"2|Participant 2|{DOCTOR}|Non|{SHOP}|",
        ),
        IN_FORM,
    ),
    (
        "Beekast",
        "mur d'idées",
        _rows(
            "Activité|Brainstorm : notre territoire||",
            "Catégorie|Contribution|Auteur|Votes",
            f"Besoins|{BUSES}|Gisèle|3",
            f"Forces du territoire|{HALL}|Anonyme|7",
        ),
        [f"q1 postit {BUSES}", f"q2 postit {HALL}"],
    ),
    (
        "Mentimeter",
        "notes en tableau",
        [(cell,) for cell in (NEED, "Open Ended", "", "Responses", BUSES, "RAS", DOCTOR)],
        [f"q1 consultation {BUSES}", f"q1 consultation {DOCTOR}"],
    ),
    (
        "nobody's",  # a tool that no file of words knows
        "réponses à un questionnaire",
        _rows(
            f"Jeton|Envoyé le|Prénom|Courriel|{NEED}|{WORKS}|Votre âge",
            f"a81f-77b2c|12/03/2026 14:05|Anne|anne@example.org|{BUSES}|{HALL}|30-45",
            f"b02c-19d0e|12/03/2026 15:11|Karim|karim@example.org|{DOCTOR}|{SHOP}|45-60",
        ),
        IN_FORM,
    ),
    (
        "nobody's platform",
        "contributions d'une plateforme",
        _rows(
            "N°|Titre|Contribution|Contributeur|Soutiens|Lien|Publié le",
            f"1|Le soir|{BUSES}|Camille|12|{URL}|02/06/2026 09:00",
            f"2|Guichet|{DESK}|Jean-Luc|3|{URL}|03/06/2026 10:13",
        ),
        [f"- consultation {BUSES}", f"- consultation {DESK}"],
    ),
    (
        "nobody's, placed on a map",  # whose titles may be all that is said
        "contributions d'une plateforme",
        _rows(
            "Réf|Espace|Nature|Titre|Texte|Auteur|Soutiens|Géolocalisation|Lien",
            f"A-1|Bien vivre dans le Bray demain|Proposition|Un bal mensuel|{DESK}|Camille|12|49.4412,1.6147|{URL}",
            f"A-2|Bien vivre dans le Bray demain|Proposition|Rouvrir le lavoir||Jean|3||{URL}",
            f"A-3|Bien vivre dans le Bray demain|Avis|Bus|{BUSES}|Lou|8||{URL}",
            f"A-4|Bien vivre dans le Bray demain|Avis||{SHOP}|Lou|2||{URL}",
        ),
        [
            "q4 consultation Un bal mensuel",
            f"q4 consultation {DESK}",
            "q4 consultation Rouvrir le lavoir",
            f"- consultation {BUSES}",
            f"- consultation {SHOP}",
        ],
    ),
    (
        "nobody's, of codes before titles",
        "réponses à un questionnaire",
        _rows(
            f"id. Numéro|submitdate. Envoyé le|G01Q01. {NEED}|G02Q05. {WORKS}|G02Q07[SQ001]. Vos soucis [Banque]",
            f"4|2026-03-12 14:05:51|{BUSES}|{HALL}|Difficile",
            f"7|2026-03-13 15:11:02|{DOCTOR}|{SHOP}|Très difficile",
        ),
        IN_FORM,
    ),
    (
        "nobody's poll",
        "réponses à un questionnaire",
        _rows(
            f"{NEED}|||",
            "Type|Question ouverte||",
            "Participant|Réponse|Soumis à|👍",
            f"Participant 1|{BUSES}|18:12:00|5",
            f"Participant 4|{DOCTOR}|18:13:09|",
        ),
        [f"q1 consultation {BUSES}", f"q1 consultation {DOCTOR}"],
    ),
    (
        "nobody's projects",
        "contributions d'une plateforme",
        _rows(
            "N°|Nom du projet|Description|Porteur|Coût|Votes papier|Votes en ligne",
            f"1|Four à pain|{DESK}|Anne Riou|8500|12|40",
            f"2|Halle|{HALL}|Bob Kerven|900|3|51",
            "|TOTAL||||15|91",
        ),
        [
            "- consultation Four à pain",
            f"- consultation {DESK}",
            f"- consultation {HALL}",
        ],
    ),
    (
        "Mentimeter",
        "réponses à un questionnaire",
        _rows(
            f"Question|{NEED}|",
            "Question type|Open ended|",
            "Respondents|2|",
            "||",
            "Response|Voter ID|Time",
            f"{BUSES}|v-88120|09:10:22",
            f"{DOCTOR}|v-88121|09:11:03",
        ),
        [f"q1 consultation {BUSES}", f"q1 consultation {DOCTOR}"],
    ),
    (
        "nobody's inquiry on the spot",
        "réponses à un questionnaire",
        _rows(
            f"start|Position GPS|Besoins/{NEED}|Atouts/{WORKS}|_uuid",
            f"2026-02-07T09:10:00.110+01:00|48.09100 -4.32111 12 4.8|{BUSES}|{HALL}|6f1b2a3c-1f2e",
            f"2026-02-07T10:11:01.111+01:00|48.09200 -4.31999 10 5.1|{DOCTOR}|{SHOP}|7a1b2a3c-9f2e",
        ),
        IN_FORM,
    ),
]
IDS = [tool for tool, *_ in EXPORTS]


def _located(rows: Rows) -> tuple[SortedPart, list[LocatedBlock]]:
    part = RawPart((), rows=tuple(rows))
    held = sort_part((), part.rows)
    return held, locate_blocks(part, held.blocks, names=["export.csv"])


@pytest.mark.parametrize(("tool", "taken_for", "rows", "said"), EXPORTS, ids=IDS)
def test_an_export_gives_what_people_wrote_and_nothing_else(
    tool: str, taken_for: str, rows: Rows, said: list[str]
) -> None:
    held, placed = _located(rows)
    passages = [block for block in placed if block.kind not in ("meta", "heading")]
    assert [f"{block.question or '-'} {block.channel} {block.text}" for block in passages] == said
    assert held.taken_for.startswith(taken_for)
    assert tool in held.taken_for or tool.startswith("nobody") or tool == "Mentimeter"
    assert (held.attendance, held.maps) == ((), ())
    assert {block.table_number for block in passages} == {None}


@pytest.mark.parametrize(("tool", "taken_for", "rows", "said"), EXPORTS, ids=IDS)
def test_every_word_of_an_export_is_in_a_block_with_a_reason(
    tool: str, taken_for: str, rows: Rows, said: list[str]
) -> None:
    held, _ = _located(rows)
    text = " ".join(block.text for block in held.blocks)
    cells = [cell for cell in chain.from_iterable(rows) if cell and not cell.startswith("<p>")]
    assert [cell for cell in cells if cell not in text] == []
    reasons = {block.reason for block in held.blocks if block.kind == "meta"}
    assert reasons <= set(ASIDES)
    assert {reason for _, reason in held.left_out} <= set(ASIDES)


TICKETS: list[tuple[str, Rows, list[str], list[str]]] = [  # tool, rows, who came, structures
    (
        "HelloAsso",
        _rows(
            "Référence commande|Statut de la commande|Nom participant|Prénom participant|Nom payeur|Prénom payeur|Email payeur|Tarif|Structure représentée|Émargement",
            "172|Validé|RIOU|Anne|RIOU|Anne|a@gmail.com|Entrée|La Criée|x",
            "173|Validé|KERVEN|Bob|RIOU|Anne|b@gmail.com|Entrée||",
            "174|Remboursé|MOREL|Lucie|MOREL|Lucie|l@gmail.com|Entrée|CCAS|",
        ),
        ["Anne RIOU"],
        ["La Criée"],
    ),
    (
        "Eventbrite",
        _rows(
            "Order #|Order Date|First Name|Last Name|Email|Ticket Type|Attendee #|Attendee Status|Job Title|Company",
            "112|1/12/26 9:03|Anne|Riou|anne@lacriee.org|Entrée|184|Checked In|Gérante|La Criée",
            "113|1/13/26 9:03|Bob|Kerven|bob@lacriee.org|Entrée|185|Checked In||",
            "114|1/14/26 9:03|Lucie|Morel|l@orange.fr|Entrée|186|Not Attending||",
            "115|1/15/26 9:03|Yann|Petit|y@orange.fr|Entrée|187|Deleted||",
        ),
        ["Anne Riou", "Bob Kerven"],
        ["La Criée"],
    ),
    (
        "Weezevent",
        _rows(
            "ID participant|Code-barres|Billet|Nom|Prénom|Email|Acheteur Nom|Acheteur Prénom|Contrôlé|Date de contrôle|Supprimé|Organisme",
            "881|870300924086|Gratuit|Riou|Anne|a@free.fr|Riou|Anne|Oui|21/05/2026 13:50|Non|La Criée",
            "882|367760299449|Gratuit|Kerven|Bob|b@free.fr|Riou|Anne|Non||Non|CCAS",
            "883|467760299449|Gratuit|Morel|Lucie|l@free.fr|Riou|Anne|Oui|21/05/2026 13:50|Oui|CCAS",
        ),
        ["Anne Riou"],
        ["La Criée"],
    ),
    (
        "Billetweb",
        _rows(
            "Billet|Code barre|Commande|Nom|Prénom|Email|Tarif|Statut|Payé|Date de passage|Votre structure|Vous venez comme",
            "A-1201|7715608529371674|773|Riou|Anne|a@free.fr|Entrée|Présent|Oui|2026-06-18 13:40:00|La Criée|salariée",
            "A-1202|0067102680739330|774|Kerven|Bob|b@free.fr|Entrée|Annulé|Oui|||habitant",
            "A-1203|0067102680739331|775|Morel|Lucie|l@free.fr|Entrée|Absent|Oui|||habitante",
        ),
        ["Anne Riou"],
        ["La Criée"],
    ),
    (
        "nobody's",
        _rows(
            "Nom|Prénom|Structure|Rôle|Mail|Signature|Observations",
            "Riou|Anne|La Criée||a@free.fr|x|à la place de Jérôme Pottier",
            "Pottier|Jérôme|La Criée||j@free.fr||",
            "Kerven|Bob||bénévole|bob@regie-bray.asso.fr|x|",
            "Morel|Lucie|habitante du bourg||l@mairie-bray.fr|x|",
            "Petit|Yann|CCAS||||remplacé par Zoé Le Goff",
            "Ali|Nour|service civique|||x|",
        ),
        ["Anne Riou", "Bob Kerven", "Lucie Morel", "Nour Ali", "Zoé Le Goff"],
        ["CCAS", "La Criée", "Regie Bray"],
    ),
]


@pytest.mark.parametrize(
    ("tool", "rows", "came", "structures"), TICKETS, ids=[t for t, *_ in TICKETS]
)
def test_who_came_is_told_from_who_registered(
    tool: str, rows: Rows, came: list[str], structures: list[str]
) -> None:
    held, placed = _located(rows)
    assert [block for block in placed if block.kind == "cell"] == []
    assert held.taken_for.startswith("liste de présence")
    people = WorkshopPeople("w")
    attendances = read_attendance(held.attendance, people)
    names = {person.full_name for person in people.people}
    present = {entry.participant_id for entry in attendances if entry.has_signed}
    by_id = {row.participant_id: row.full_name for row in people.table().itertuples()}
    assert sorted(by_id[one] for one in present) == came
    assert set(came) <= names
    signed = {entry.structure for entry in attendances if entry.has_signed and entry.structure}
    assert sorted(signed) == structures


def test_a_list_that_also_speaks_is_both() -> None:
    rows = _rows(
        "Nom|Prénom|Structure|Présent(e)|Ce que je voudrais dire",
        f"Riou|Anne|La Criée|x|{BUSES}",
        f"Kerven|Bob|CCAS|excusé|{DOCTOR}",
        "Morel|Lucie|AMAP|x|rien",
    )
    held, placed = _located(rows)
    assert held.taken_for == "liste de présence, avec des propos"
    assert [(b.speaker, b.text) for b in placed if b.kind == "cell"] == [
        ("Anne Riou", BUSES),
        ("Bob Kerven", DOCTOR),
    ]
    assert len(held.attendance) == 1


QUESTIONS = [  # the header of a form's column, its question
    (
        "Quels sont les besoins et menaces environnementaux et sociaux repérés sur le territoire ?",
        "q1",
    ),
    ("Quelles sont les réponses apportées par les acteurs qui fonctionnent bien ?", "q2"),
    (
        "Quelles grandes forces et difficultés en termes d'organisation, de gouvernance, de viabilité économique, de présence sur le territoire ?",
        "q3",
    ),
    ("Qu'est-ce qu'il faudrait améliorer ?", "q4"),
    ("Qu'avez-vous pensé de l'atelier ?", None),
    ("Que pourrait-on mieux faire la prochaine fois ?", None),
    ("Autre chose à ajouter ?", None),
    ("Un dernier mot ?", None),
]


def test_a_form_headed_by_many_questions_gives_each_answer_its_own() -> None:
    answers = [f"{BUSES} {number}" for number in range(len(QUESTIONS))]
    rows = [
        ("Horodateur", *(title for title, _ in QUESTIONS)),
        ("12/03/2026 14:05", *answers),
    ]
    part = RawPart((), rows=tuple(rows))
    placed = locate_blocks(part, sort_part((), part.rows).blocks, names=["Enquête (réponses).xlsx"])
    said = [(block.text, block.question) for block in placed if block.kind == "cell"]
    assert said == list(zip(answers, [question for _, question in QUESTIONS], strict=True))


SILENT = [  # sheets of which nothing is said
    _rows("Paramètre|Valeur", "Nom de l'atelier|Bray", "Date|18/06/2026", "Nombre de tables|6"),
    _rows("Titre|Atelier Bray", "Code|KX7P4QD", "Date d'export|12/03/2026 21:07"),
    _rows("Quelle priorité ?||", "Choix|Réponses|%", "Mobilité|3|33%", "Logement|2|22%"),
    _rows("Réponse|Votes|%", "À vélo, avec les enfants|6|40%", "En car, depuis le bourg|9|60%"),
    _rows("Couleur|Question|Code", f"bleu|{NEED}|Q1", f"vert|{WORKS}|Q2"),
    _rows("Table|Animatrice|Scribe|Salle", "1|Anne|Bob|sous le préau", "2|Lou|Bob|à la cantine"),
    _rows(
        "Heure|Contenu|Durée|Matériel",
        "17h30|Accueil des gens par le maire|20 min|des stylos",
        "18h05|Chacun écrit ce qui lui vient|45 min|des blocs",
    ),
    _rows(
        "Annuaire||||",
        "Structure|Statut|Commune|Mail|Ce qu'elles font",
        f"La Criée|association|Lannion|a@lacriee.org|{SHOP} et vend du pain",
        "AMAP du Léguer|association|Lannion||Des paniers de légumes toutes les semaines",
    ),
    _rows(
        "name|latitude|longitude|email|description",
        f"La Criée|48,73|-3,45|a@lacriee.org|{SHOP} et vend du pain",
        "AMAP du Léguer|48,74|-3,46|amap@example.org|Des paniers de légumes toutes les semaines",
    ),
    _rows("Nom|Commune|Latitude|Longitude|Commentaire", "AMAP|Lannion|48,73|-3,45|le jeudi"),
]


@pytest.mark.parametrize("rows", SILENT, ids=lambda rows: rows[0][0])
def test_settings_counts_and_maps_say_nothing(rows: Rows) -> None:
    held, placed = _located(rows)
    assert [block.text for block in placed if block.kind not in ("meta", "heading")] == []
    assert held.taken_for in ("réglages ou mode d'emploi", "carte de structures")


def test_what_each_said_in_the_room_is_notes_and_nothing_else_of_a_list() -> None:
    rows = _rows(
        "Prénom|Nom|Venue ?|Un besoin (tour de table)|Ce que mon association sait bien faire, ce qui est dur",
        f"Anne|Riou|oui|{BUSES}|{SHOP}",
        "Bob|Kerven|non||",
        f"Lou|Morel|oui|{DOCTOR}|/",
    )
    _, placed = _located(rows)
    said = [(b.question, b.channel, b.text) for b in placed if b.kind == "cell"]
    assert said == [("q1", "notes", BUSES), ("q3", "notes", SHOP), ("q1", "notes", DOCTOR)]


LEGENDS = [  # rows, what the colours ask
    (
        _rows("rose|ce qui nous manque", "bleu clair|ce qui marche déjà ici", "gris|hors sujet"),
        {"rose": "q1", "bleu clair": "q2"},
    ),
    (_rows("Code|Papier", "Q3|jaune", "Q4|Vert"), {"jaune": "q3", "vert": "q4"}),
    (_rows("jaune|besoins", "jaune|besoins", "vert|propositions"), {}),  # each a post-it's
    (_rows("table|texte", f"1|{BUSES}"), {}),
]


@pytest.mark.parametrize(("rows", "legend"), LEGENDS)
def test_a_legend_tells_what_colours_ask(rows: Rows, legend: dict[str, str]) -> None:
    assert legend_of(rows) == legend


def test_colours_ask_what_the_legend_says() -> None:
    rows = _rows("table|couleur|texte", f"1|Rose|{BUSES}", f"1|bleu|{HALL}", f"2|gris|{DESK}")
    held = sort_part((), rows, legend={"rose": "q1", "bleu": "q2"})
    placed = locate_blocks(RawPart((), rows=tuple(rows)), held.blocks, names=["export.csv"])
    said = [(b.question, b.text) for b in placed if b.kind == "cell"]
    assert said == [("q1", BUSES), ("q2", HALL), (None, DESK)]


WALLS = [  # the category and text of two post-its on a wall, what they answer
    ("Nos besoins", BUSES, "q1"),
    ("Parking à idées", DESK, None),
    ("En vrac", DESK, None),
    ("Nos propositions", "Nos propositions", "none said"),  # the area's own title
]


@pytest.mark.parametrize(("area", "text", "question"), WALLS)
def test_an_area_of_a_wall_asks_or_not(area: str, text: str, question: str | None) -> None:
    rows = _rows(
        "Text|BG Color|Area|Position X|Position Y",
        f"{text}|#FCFE7D|{area}|1|2",
        f"{HALL}|#FCFE7D|Nos réussites|1|9",
        f"{TIME}|#FCFE7D|Pistes d'action|1|9",
        f"{DOCTOR}|#FCFE7D|Nos besoins|1|9",
    )
    _, placed = _located(rows)
    said = {b.text: b.question for b in placed if b.kind == "cell"}
    assert said.get(text, "none said") == question


def test_huge_encoded_cells_shrink_to_their_size() -> None:
    rows = [
        ("Horodateur", NEED, "Signature dessinée"),
        ("12/03/2026 14:05", BUSES, "data:image/png;base64," + "iVBORw0KGgo" * 400),
        ("12/03/2026 14:06", DOCTOR, "data:image/png;base64," + "iVBORw0KGgo" * 400),
    ]
    held, _ = _located(rows)
    texts = [block.text for block in held.blocks if block.reason == "encoded"]
    assert texts == ["[données encodées : 4\u202f422 caractères]"] * 2


def test_votes_are_kept_and_a_row_without_is_none() -> None:
    rows = _rows(
        "id|title|body|votes|url|published_at",
        f"1|Le soir|{BUSES}|12|{URL}|2026-05-02",
        f"2|Guichet|{DESK}||{URL}|2026-05-03",
    )
    held, _ = _located(rows)
    assert [block.n_votes for block in held.blocks if block.kind == "cell"] == [12, None]


def test_titles_over_groups_of_columns_place_their_cells() -> None:
    rows = _rows(
        "|Table 1|Table 1|Table 2|Table 2",
        "Rapporteur|Besoins|Ce qui marche|Besoins|Ce qui marche",
        f"Anne|{BUSES}|{HALL}|{DOCTOR}|{SHOP}",
    )
    _, placed = _located(rows)
    assert [(b.table_number, b.question, b.text) for b in placed if b.kind == "cell"] == [
        (1, "q1", BUSES),
        (1, "q2", HALL),
        (2, "q1", DOCTOR),
        (2, "q2", SHOP),
    ]


def test_an_unknown_column_is_listed_and_no_passage() -> None:
    rows = _rows(
        f"Horodateur|{NEED}|Zorglub",
        f"12/03/2026 14:05|{BUSES}|bleu ciel",
        f"12/03/2026 14:06|{DOCTOR}|vert pré",
    )
    assert read_sheet(rows).left_out([1]) == (("Horodateur", "date"), ("Zorglub", "unknown column"))


SPELLINGS = [
    ("coeur herault", "Atelier du Cœur d'Hérault, le 3 mai", "Cœur d'Hérault"),
    ("Vallee Ance", "la Vallée de l'Ance", "Vallée de l'Ance"),
    ("Thierache", "rien ici", "Thierache"),
]


@pytest.mark.parametrize(("name", "text", "spelled"), SPELLINGS)
def test_a_territory_is_spelled_as_its_documents_do(name: str, text: str, spelled: str) -> None:
    assert spelled_in(name, [text]) == spelled


CELLS_WITH_SIGNS = [
    ("- de paperasse", ["- de paperasse"]),
    ("+ de concerts\n- manque de bus", ["+ de concerts", "manque de bus"]),
    ("- d’attente\n- le bac\n+ vite", ["- d’attente", "le bac", "+ vite"]),
    ("- de l'eau propre", ["de l'eau propre"]),
]


@pytest.mark.parametrize(("cell", "passages"), CELLS_WITH_SIGNS)
def test_a_sign_that_is_a_word_stays_in_a_cell(cell: str, passages: list[str]) -> None:
    assert passages_of_cell(cell) == passages
