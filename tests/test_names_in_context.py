"""Names told from places, things and structures by the words around: `[[…]]` must go, everything else must stay as it is."""

import re

import pandas as pd
import pytest

from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.masks import Mask, Rewriting, settle_masks
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.vault import VAULT

PEOPLE = [
    ("Odile", "Leroy"),
    ("Luc", "Godin"),
    ("Marion", "Auray"),
    ("Josette", "Le Dantec"),
    ("Hugo", "Grand"),
    ("Rose", "Bertin"),
]
SURE = [("Yann", "Kermarrec"), ("Luce", "Beaumanoir-Penguilly"), ("Luc", "Évêque")]

BRANDS_AND_SIGNS = [
    "Leroy Merlin reprend les palettes, [[Leroy]] les charge",
    "deux poêles Godin à donner, [[Luc Godin]] les apporte",
    "le bistrot Chez Josette a rouvert, on dîne chez [[Josette]]",
    "Chez Josette, c'est le nom du bar, pas chez [[Josette]]",
    "on commande chez Kiloutou et chez Biocoop",
    "le GRETA forme, l'ETTI Armand d'Épinal recrute",
    "Maître Renard, c'est le nom du gîte",
    "La Petite Rose sert à midi, [[Rose Bertin]] fait la salle",
    "le grand café, le Grand Tour et [[Hugo Grand]]",
]
PLACES = [
    "le mur du four d'Auray a été refait, [[Marion Auray]] l'a vu",
    "à Auray le train passe, de Lannion à Auray aussi",
    "Auray, Lannion et Redon ont signé",
    "[[Mme|Auray]] n'est pas d'Auray",
    "l'idée d'[[Auray]], c'est le covoiturage",
    "les élus de Vincent, dans le Jura, et la bière de [[Vincent]]",
    "le PNR du Morvan aide les fermes",
]
RARE_NAMES = [
    "[[Wendeline]] raconte que la navette est pleine",
    "redemander à [[Sabiha]] la clé du four",
    "je ne vois plus [[Kaltoum]] le samedi",
    "[[Txomin]] et [[Maddi]] tiennent la buvette",
    "témoignage de [[Malia T.]], aide à domicile",
    "[[Nanou]] au bar, [[Titouan]] à la caisse",
    "[[M.|Avril]] sera là en avril, [[Mme|Janvier]] aussi",
    "[[Tonton|Pacôme]] garde le rucher",
    "[[Sandrine Hoareau]] écrit, et non [[Hoarau]]",
    "« on ne nous écoute pas », [[Kerbrat]], table 4",
    "c'est [[Kerbrat]] qui garde la caisse",
]
TIED_NAMES = [
    "[[Zorica]] et son mari cousent, la [[Zorica]] de la table 2 aussi",
    "une bénévole, [[Zorica]], et un élu",
    "[[Zorica]] + [[Lise]] : affiches, Biocoop et [[Lise]] : gâteaux",
    "Mesdames, Messieurs, MM. [[Achard]] et [[Mestre]], [[M.|Guyot]] et [[Mme|Abbé]]",
    "[[Jojo]] le mécano passe jeudi",
    "[[Jean de Kerguelen]] signe, un jean troué à recoudre",
    "[[LÉA]] a les clés, la DRAC non",
    "[[Y. B.]], 34 ans, et [[Nadia B]] témoignent",
    "pour 12, contre 1 ([[Duchemin]])",
]
SMALL_LETTERS = [
    "mme [[le goff]] et mr [[dupuis]] sont là, mme la maire aussi, madame [[rose]] arrive",
    "pas vu [[momo]], [[lulu]] et [[nono]] sont au four",
    "[[josette]] part à la retraite, la rose du jardin aussi",
    "[[jean-mi]], retraité, bricole au garage",
    "elle s'appelle [[prudence]] et gère la prudence du budget",
    "[[rose]] et [[marion]] ont les clés",
    "pour [[léa]], c'est loin, ben oui",
]

# Sigles written as words, in the plural or beside one another; short ones are nicknames too.
ACRONYMS = [
    "Les Amap et Scics du canton se connaissent mal",
    "Scics et Amaps à mettre en lien",
    "Ripess, Civam et Fadear cherchent des fermes",
    "Crefad dit que les dossiers traînent, Cuma aussi",
    "Crous et Caf paient, les Mjc et la Cress aident",
    "contact : Coorace",
    "selon Crajep, il faut former",
    "Gedar et Civam prêtent un semoir",
    "[[M.|Cuma]] demande un hangar",
    "[[Cuma Yilmaz]] demande un hangar",
    "Amap et [[Marion]] proposent un marché",
    "[[Szymanski]] et la Scop veulent un local",
    "[[Mel]] propose un jardin",
    "Amap et [[Tartempion]] proposent un marché",
    "Crefad et [[Dubrulleau]] cherchent un local",
    "Amap, [[Kerdelhuic]] et Scop ont signé",
    "Civam et Biofermes livrent, Ripess et Coorace aussi",
    "Garrigue et Unai demandent un local",
    "Cigales, Garrigue et Herrikoa financent des projets",
    "des prêts de Garrigue et d'Unai",
    "[[Marion]] et [[Unai]] demandent un local",
    "[[Mme|Garrigue]] et [[Sabiha]] demandent un local",
    "on a vu la garrigue et [[Unai]] lundi",
]
# « qu' » without its u opens no name.
MISSPELT_ELISIONS = [
    "Q'on nous écoute",
    "q'il vienne, et qu'on le dise",
    "N'en parlons plus, [[N'Diaye]] le sait",
    "ma voisine [[Yvette]] ne sort plus, mon cousin [[Gaétan]] non plus",
]
INITIALS = [
    "[[J-P.]] propose un four",
    "les clés sont chez [[M.-C.]], pas chez [[J.-P.]]",
    "[[A-M.]] et [[P-Y.]] ont raison",
    "[[J-P. Roumégoux]] anime",
    "[[Ph. D.]] propose une halle",
    "[[M. D.]] veut une salle, [[A.B.]] propose un four",
    "A. se loger\nB. se déplacer\nC. se nourrir",
    "Option A, option B",
]
NICKNAMES = [
    "Rapporteur : [[Pitch]]",
    "scribe : [[Caillou]]",
    "Secrétaire de séance : [[Bichette]], animatrice : [[Titi]]",
    "Rapporteur : table 4, scribe : Mairie, animateur : absent",
    "Animation : Musique",
]
COLOURS = [
    "Blanche = obstacle, Violette = idée, Bleu = appui",
    "[[Rose]] = obstacle, Bleu = appui",
    "Violette | #F4A261",
    "sur la gommette Violette, deux voix",
    "[[Rose Bertin]] a un vélo rouge",
    "[[Blanche]], élue, a un vélo rouge",
]

# A title, or somebody of the list, wins over whatever street, place or organisation stands before.
IN_A_PLACE = [
    "rue des Tanneurs chez [[Mme|Dupont]]",
    "La place de [[Mme|Belkacem]] est vide",
    "on se gare dans la rue de [[M.|Dupont]]",
    "Route de [[Mme|Aubry]] : nids de poule",
    "l'école de [[Madame|Renaud]] et le parc de [[Monsieur|Delattre]]",
    "l'association de [[Mme|Lemoine]], la SCIC de [[M.|Vannier]]",
    "rendez-vous au café de [[Odile Leroy]], place de [[Leroy]]",
    "la rue de [[Nadia Cherif]] est en travaux",
    "place du Marché chez [[Robert Lemoine]], à Lille chez [[Nadia Cherif]]",
    "Au bar de chez [[Maurice Lantier]], on trouve du pain",
    "On annule, car [[Karim]] est malade, et sa sœur [[Nadia]] aussi",
    "la boutique est chez mme [[dupont]]",
    "[[Mme|Moulin]], la ferme du haut",
]
# A listed surname that is no word, no town and no first name is the person wherever it stands, written as it may be.
SURE_SURNAMES = [
    "d'après [[kermarrec]], la chaudière ne passera pas l'hiver",
    "selon [[kermarrec]], le pont ne tiendra pas, selon [[Lambert]], la route non plus",
    "les [[kermarrec]] vendent, le [[kermarrec]] de la table 3, la ferme [[kermarrec]]",
    "avec [[beaumanoir]] on a fait le tour, [[Mme|Beaumanoir]] et [[PENGUILLY]] aussi",
    "on a vu les [[Kermarrec]] et la maison des [[Beaumanoir]]",
]
SAME_WORDS = ["l'évêque a béni la forêt, le grand café, rose ou blanc"]
# In a line of capitals the verb is no part of the name.
IN_CAPITALS = [
    "[[MME|LEROY]] DEMANDE UN PASSAGE PIETON",
    "une phrase ordinaire\n[[M.|GODIN]] PROPOSE UNE NAVETTE\net une autre",
    "[[MME|LE DANTEC]] RESTE SEULE AU HAMEAU",
    "[[M.|JEAN PETIT]] HABITE AU BOUT DU CHEMIN",
    "[[MME|PETIT]] DEMANDE UNE RAMPE, [[MME|LE BON]] PREFERE LE CAR",
    "[[MME|KERDONCUFF]] PRESIDENTE DU COMITE",
    "[[MME|HUGO GRAND]] ET [[M.|DE KERGUELEN]] PASSENT LE SOIR",
]
NAMES_OF_STREETS = [
    "rue Jean Jaurès, école Marie Curie, place du Général-de-Gaulle",
    "rue du Docteur Roux, avenue du Professeur-Calmette, rue de l'abbé Grégoire",
    "place Madame de Sévigné, rue Monsieur-le-Prince, rue M. Berthelot",
    "rue de Sœur-Rosalie, place de Mgr Affre",
    "le restaurant Chez Madame Rose et le Bistrot chez Simone",
    "le car Durand s'arrête place de la Liberté",
]
# A surname that is a word too, where only people stand.
COMMON_SURNAMES = [
    "voir avec [[Marchand]], d'après [[Boucher]], appeler [[Petit]]",
    "relancer [[Berger]] et [[Meunier]], la mère [[Poulain]] aussi",
    "comptez sur [[Masson]], lettre de [[Mercier]] reçue",
    "« Il y a du vent », dit [[Charpentier]]",
    "[[Marie Petit]] et [[Pierre Blanc]] tiennent la buvette",
    "les [[Dupont]] ont vendu le terrain, les gosses [[Duval]] attendent",
]
# What the form of a name tells, whether a list has it or not.
SHAPES = [
    "le fils [[Gringalet]] reprend la ferme, la mère [[Quintin]] vend ses œufs",
    "les deux sœurs [[Lagardère]] au marché, le terrain de la veuve [[Corbin]]",
    "Les [[Lefebvre]] sont partis, la ferme des [[Peyrelongue]] est à vendre",
    "Les [[Ruffiandol]] ont vendu, les Bretons ont vendu, les Cuma ont prêté",
    "le gros [[Bubule]] et le jeune [[Cazenave]], le vieux Redon et le grand café",
    "[[Gégé le Belge]] répare, [[Bubule]] le ferrailleur passe, [[Riri-la-Débrouille]] dort",
    "Selon [[O'Connell]], la halle est petite ; [[maeve o'connell]] aussi, pas à O'Tacos",
    "c'est [[garance vdm]] qui a la clé",
    "écrire à [[yann.kermadec]] sur le forum, le site redon.fr",
    "[[JP Boucher]] prend les notes, [[M-C Kerdoncuff]] aussi, la CC Redon paie",
    "[[V. d'Estrées-Vial]] demande le retrait",
    "[[ODILE KLINGENTHAL]] (RAPPORTEUSE) — GROUPE MOBILITÉ",
    "[[Olive]] (maraîchage), [[Nadia]] (mairie), [[Karim]] (CAF)",
    "le projet de [[Redon]] (le voisin, pas la commune) est refusé",
    "fâchés, entre [[Szymański]] et la Ligue, entre Redon et Nantes",
    "J'ai demandé à [[Nénette]], parlez à [[Momo]]",
]
# A form, a list of tasks or of votes, a copy of a mail: the field tells that a name follows.
FIELDS = [
    "Fiche / nom : [[BELLANGER]] / prénom : [[Yvette]] / suite : Mission Locale",
    "Plombier = [[Goulard]] // fuite",
    "PLOMBIER = [[GOULARD]] // FUITE",
    "cc : [[Zbysek]], [[Clotilde]]\nvoilà le devis",
    "Contre : [[Sidonie]]. Pour : [[Ihintza]], seule.",
    "Animatrice : Bonjour à tous",
]
CAPITALS_OF_FIRST_NAMES = [
    "PENSER ANNIVERSAIRE [[THIERRY]] + GÂTEAU",
    "RDV AVEC [[SANDRINE]] JEUDI, VOIR LE NOUVEAU ([[ERWAN]] ?)",
]
ASIDES = [
    "[[Ihintza]] (la basque, celle qui soude) propose un chantier",
    "Mon ancien chef, [[Le Goaziou]], râlait",
    "[[Lulu]] elle en peut plus",
    "Franchement [[Lulu]] elle trie",
    "[[Bob]], de son vrai nom [[Robert Vasseur]], cuisine",
    "appel de « [[Tonton]] » [[Bakary]], [[Yann]] « [[le Grand]] » [[Kerbrat]]",
    "Elle a vécu [[chez les|Tchoumba]] trois ans",
    "la p'tite [[Ngoc]] et la petite salle",
    "[[Etchegoyen]] ([[Géraud]]) : deux hectares",
    "[[Franckk]] tond, et c'est le tour de [[Chantall]]",
    "reçu de [[m.|castaingts]] la somme, à 12 m. environ",
    "elle lit même Ouest-France, le même Biocoop",
]
FIRMS_AND_GOODS = [
    "20 kg de Charlotte, 5 cageots de poires Williams, des crêpes Suzette",
    "Devis SARL Cadiou Frères : 4 200 €, Garage Brunel et Fils, Menuiserie Le Gall SAS",
    "Fondation Daniel et Nina Carasso : 5 000 €",
]
# What no rule tells, and the learnt model does.
LEARNT = [
    "Merci à [[Fontaine]] pour les plants",
    "c'est [[Bonnet]] qui a la remorque, on doit tout à [[Garnier]]",
    "proposition de [[Garnier]] : un car le soir",
    "[[Barbier]] refuse de signer",
    "Signé : [[Collet]]",
    "la place du docteur [[Vasseur]] est libre",
    "12/03;[[Etxegaray]];compost",
    "avec [[Dubois]] on a monté le dossier, chez [[Diakhaté]] aussi",
    "Présents : [[Claire Bois]]",
    "[[Boucher]] dit que non",
]
# What may be somebody and stays readable is a case to look at: `{{…}}`.
LEFT_TO_LOOK_AT = [
    "{{Blanche Noir}} anime le groupe du mardi",
    "la place de {{Karim}} est libre",
    "{{Marc Jardin}} gère la cuisine",
]
# masked or left wrongly today, and right before sentences were read (docs/decisions/0074)
KNOWN_FAULTS = [
    "FLORENCE EST LOIN, LA ROSE AUSSI, ENVOYER IBAN",
    "on remercie [[Nadia Dimanche]] pour le minibus, et dimanche [[Nadia]] dort",
    "[[Yohan]] garde le four, Ndole et gombo au menu",
]
FAMILIES = [
    "Les enfants {{Le Floch}} attendent le car",
    "La maison des {{Le Bihan}} est vide",
    "Chez les {{Morvan}}, la fibre coupe",
    "selon {{Le Corre}} il pleut",
    "on passe devant la place des {{Guivarch}} au marché",
]
NOTHING_TO_LOOK_AT = [
    "chez les Bretons, place des Tanneurs, rue des Vosges, la cité des Alpes et les Hauts de Redon",
    "avec Le Relais et La Poste, chez Le Crédit Agricole, selon La Croix, les gens du Mans",
    "avec la Région et le Département, selon le Maire et l'INSEE",
    "chez Biocoop, avec France Travail, contacter la CAF, merci à Redon",
    "Les Jardins de Cocagne et les Bretons, les Restos du Cœur, les Seniors",
    "Pour Noël, un marché solidaire ; en Mars, avec Leader, une halle",
    "rue Jean Jaurès, rue du Docteur Roux, avenue Victor-Hugo",
    "Les Scops et les Amaps, avec Ptce et Civam",
    "Idée",
    "A : oui\nB : non",
    "#FFEE00 et F4A261",
    "A. mobilité",
    "Jaune",
]


def _masks(text: str, structures: tuple[str, ...] = ()) -> list[Mask]:
    people = VAULT.build(
        {
            "participant_id": f"p{n}",
            "workshop_id": "w",
            "full_name": f"{first} {last}",
            "first_name": first,
            "last_name": last,
        }
        for n, (first, last) in enumerate([*PEOPLE, *SURE])
    )
    (masks,) = Masker(build_roster([pd.DataFrame(people)], structures, []), name_match=85).find(
        [(text, [])]
    )
    return masks


def _clean(text: str, structures: tuple[str, ...] = ()) -> str:
    return Rewriting(text, settle_masks(text, _masks(text, structures), (0, len(text)))).text


def _expected(example: str) -> str:
    return re.sub(
        r"\[\[(?:([^|\]]*)\|)?[^\]]*\]\]",
        lambda match: f"{match[1]} [personne]" if match[1] else "[personne]",
        example,
    )


def _plain(example: str) -> str:
    return re.sub(r"\[\[([^\]]*)\]\]", lambda match: match[1].replace("|", " "), example)


@pytest.mark.slow
@pytest.mark.parametrize(
    "example",
    [
        *(*BRANDS_AND_SIGNS, *PLACES, *RARE_NAMES, *TIED_NAMES, *SMALL_LETTERS, *SAME_WORDS),
        *(*ACRONYMS, *INITIALS, *NICKNAMES, *COLOURS, *MISSPELT_ELISIONS),
    ],
)
def test_a_name_is_hidden_and_its_namesake_stays(example: str) -> None:
    assert "[[" in example or _plain(example) == example
    assert _clean(_plain(example)) == _expected(example)


@pytest.mark.parametrize(
    "example",
    [*IN_A_PLACE, *COMMON_SURNAMES, *SURE_SURNAMES, *IN_CAPITALS, *SHAPES, *ASIDES[:-1], *LEARNT],
)
def test_a_person_is_hidden_whatever_place_or_word_the_name_is_taken_for(example: str) -> None:
    assert "[[" in example
    assert _clean(_plain(example)) == _expected(example)


@pytest.mark.xfail(strict=True, reason="the sentence misleads the model")
@pytest.mark.parametrize("example", KNOWN_FAULTS)
def test_a_name_is_told_from_what_bears_it(example: str) -> None:
    assert _clean(_plain(example)) == _expected(example)


@pytest.mark.parametrize("text", ["rose", "marais : l'hiver 23-24 encore ds toutes les têtes"])
def test_a_usual_word_in_small_letters_stays(text: str) -> None:
    assert _clean(text) == text


def test_a_first_name_is_a_colour_in_a_column_of_colours() -> None:
    roster = build_roster([], [], [])
    for cells, is_kept in ((["Vert", "Violette", "Bleu"], True), (["Paul", "Violette"], False)):
        text = "\n".join(cells)
        starts = [text.index(cell) for cell in cells]
        spans = [(start, start + len(cell)) for start, cell in zip(starts, cells, strict=True)]
        (masks,) = Masker(roster, name_match=85).find([(text, spans)])
        assert ("Violette" in Rewriting(text, masks).text) is is_kept


def test_a_structure_stays_under_its_short_name() -> None:
    name = "Ressourcerie Le Grenier d'Arques"
    for text in ("le Grenier refuse des dons", "convention Grenier d'Arques / déchèterie"):
        assert _clean(text, (name,)) == text


def test_an_address_does_not_swallow_who_lives_there() -> None:
    assert _clean("au 14 rue des Tanneurs chez Mme Dupont") == "au [adresse] chez Mme [personne]"
    assert _clean("5 place du Marché chez Robert Lemoine") == "[adresse] chez [personne]"


@pytest.mark.parametrize("example", [*FIELDS, *CAPITALS_OF_FIRST_NAMES, ASIDES[-1]])
def test_a_field_tells_that_a_name_follows_and_a_word_in_capitals_stays(example: str) -> None:
    assert _clean(_plain(example)) == _expected(example)


def test_an_address_ends_with_its_sentence() -> None:
    assert _clean("habite allée des Lilas. Se plaint") == "habite [adresse]. Se plaint"
    assert _clean("habite rue J. Moulin, à Redon") == "habite [adresse], à Redon"


@pytest.mark.parametrize("street", [*NAMES_OF_STREETS, *FIRMS_AND_GOODS])
def test_a_street_or_house_that_bears_a_name_stays(street: str) -> None:
    assert _clean(street) == street


@pytest.mark.parametrize("example", [*LEFT_TO_LOOK_AT, *FAMILIES, *NOTHING_TO_LOOK_AT])
def test_a_capital_in_a_person_s_place_is_a_case_to_look_at_and_no_other_is(example: str) -> None:
    text = re.sub(r"[{}]{2}", "", example)
    readable = [text[mask.start : mask.end] for mask in sorted(_masks(text)) if mask.is_readable]
    assert readable == re.findall(r"\{\{(.*?)\}\}", example)


def test_a_listed_surname_left_as_a_place_is_a_case_to_look_at() -> None:
    text = "le marché d'Auray est complet"
    (case,) = _masks(text)
    assert (case.is_readable, text[case.start : case.end]) == (True, "Auray")
    assert "lieu" in case.doubt
