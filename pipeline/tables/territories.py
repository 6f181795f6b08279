"""Territories side by side: contrasts, planes, likeness; what is on offer, who is missing, which needs nobody answers."""

from pipeline.schema import Column, Table
from pipeline.tables.values import COVERAGES, LIKENESS, REACHES, TRENDS, VERDICTS

CONTRASTS = Table(
    "contrasts",
    "How present a theme or a code is in a territory against the others.",
    ("subject", "subject_id", "territory"),
    (
        Column("subject", "text", "What is compared", values=("theme", "code")),
        Column("subject_id", "text", "theme_id, or axis:code"),
        Column("territory", "text", "Territory"),
        Column("n_units", "int", "Units of it said here", "units", low=0),
        Column("n_tables", "int", "Tables here where it was said", "tables", low=0),
        Column("share", "float", "Tables where it was said / tables of the territory", "0..1", low=0, high=1),
        Column("specificity", "float", "Lafon's specificity: signed -log10 of the hypergeometric tail, by units"),
        Column("share_low", "float", "Lower bound of the 90 % interval of share, workshops and tables resampled", "0..1", low=0, high=1),
        Column("share_high", "float", "Upper bound", "0..1", low=0, high=1),
        Column("log_odds", "float", "Smoothed log-odds ratio against the other territories (informative Dirichlet prior), by units"),
        Column("log_odds_z", "float", "log_odds over its standard error"),
        Column(
            "q_value", "float", "One-sided p-value of the verdict's test, adjusted for all cells tested; 1 untested", "0..1", low=0, high=1
        ),
        Column("verdict", "text", "In plain French", values=VERDICTS),
        Column("is_lead", "bool", "Looks more present here, without control of error over all cells: to be checked, never affirmed"),
    ),
)

FACTOR_POINTS = Table(
    "factor_points",
    "A territory, theme or lemma on the plane of a correspondence analysis of tables of the world café.",
    ("analysis", "kind", "point"),
    (
        Column("analysis", "text", "Territories by themes or by lemmas", values=("themes", "lemmes")),
        Column("kind", "text", "What the point is", values=("territoire", "thème", "lemme")),
        Column("point", "text", "Territory, theme_id or lemma"),
        Column("weight", "float", "Its mass", "0..1", low=0, high=1),
        Column("x", "float", "Principal coordinate on the first axis"),
        Column("y", "float", "Principal coordinate on the second axis; 0 where there is one axis only"),
        Column("contribution_x", "float", "Part of the first axis that it makes", "0..1", low=0, high=1),
        Column("contribution_y", "float", "Part of the second axis that it makes", "0..1", low=0, high=1),
        Column("quality", "float", "How well the plane shows it (sum of cos²)", "0..1", low=0, high=1),
        Column("share_x", "float", "Part of the inertia on the first axis", "0..1", low=0, high=1),
        Column("share_y", "float", "Part of the inertia on the second axis", "0..1", low=0, high=1),
    ),
)

LEXICAL_CLASSES = Table(
    "lexical_classes",
    "What marks a class of Reinert's descending classification, by chi-square over 5 %.",
    ("class_number", "kind", "value"),
    (
        Column("class_number", "int", "Class, in the order of the cuts", low=1),
        Column("kind", "text", "What the mark is; only lemmas made the classes", values=("lemme", "thème", "territoire", "question")),
        Column("value", "text", "Lemma, theme_id, territory or question"),
        Column("chi_square", "float", "Chi-square of mark and class", low=0),
        Column("n_in_class", "int", "Units of the class that bear it", "units", low=0),
        Column("n_all", "int", "Classified units that bear it", "units", low=0),
        Column("n_units", "int", "Units of the class", "units", low=0),
    ),
)

LEXICAL_MEMBERS = Table(
    "lexical_members",
    "The lexical class of a unit; a unit without any frequent lemma has none.",
    ("unit_id",),
    (Column("unit_id", "text", "Unit"), Column("class_number", "int", "Its class", low=1)),
)

TERRITORY_LINKS = Table(
    "territory_links",
    "How alike two territories are by the shares of their tables that say each theme.",
    ("territory", "other"),
    (
        Column("territory", "text", "First by name"),
        Column("other", "text", "The other"),
        Column("likeness", "float", "What both have in common (1 - Bray-Curtis)", "0..1", low=0, high=1),
        Column("likeness_low", "float", "Lower bound of its 90 % interval, tables resampled", "0..1", low=0, high=1),
        Column("likeness_high", "float", "Upper bound", "0..1", low=0, high=1),
        Column("likeness_by_chance", "float", "Mean likeness of the same tables dealt out at random", "0..1", low=0, high=1),
        Column("verdict", "text", "In plain French", values=LIKENESS),
    ),
)

TERRITORY_TREE = Table(
    "territory_tree",
    "The joinings of territories by mean likeness, the closest first.",
    ("step",),
    (
        Column("step", "int", "Order of joining", low=1),
        Column("members", "json", "List of the territories joined so far in this group"),
        Column("likeness", "float", "Mean likeness of the two groups that join", "0..1", low=0, high=1),
        Column("support", "float", "Share of redrawn tables in which the same group comes out", "0..1", low=0, high=1),
    ),
)

THEME_REACH = Table(
    "theme_reach",
    "Whether a theme is shared by the territories or one territory's own; territories with too little material are left out.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Theme"),
        Column("reach", "text", "In plain French", values=REACHES),
        Column("more_in", "json", "List of the territories where it is more present"),
        Column("less_in", "json", "List of those where it is less present"),
        Column("said_in", "json", "List of those where a table said it"),
        Column("first_in", "json", "List of those where it is among the first five priorities of a workshop"),
        Column("n_territories", "int", "Territories with enough material", "territories", low=0),
    ),
)

EVOLUTIONS = Table(
    "evolutions",
    "What changed between two workshops of one territory that follow each other.",
    ("territory", "theme_id", "earlier_id", "later_id"),
    (
        Column("territory", "text", "Territory"),
        Column("theme_id", "text", "Theme"),
        Column("earlier_id", "text", "workshop_id of the first"),
        Column("later_id", "text", "workshop_id of the next"),
        Column("share_before", "float", "Share of tables that said it at the first", "0..1", low=0, high=1),
        Column("share_after", "float", "Share of tables that said it at the next", "0..1", low=0, high=1),
        Column("q_value", "float", "As in contrasts, the two workshops set against each other", "0..1", low=0, high=1),
        Column("verdict", "text", "In plain French", values=TRENDS),
    ),
)

OFFERS = Table(
    "offers",
    "An existing good or service that a passage names, with a quantity where it gives one.",
    ("unit_id", "activity", "quantity", "quantity_unit"),
    (
        Column("unit_id", "text", "Passage that says it"),
        Column("structure_id", "text", "Structure that carries it", nullable=True),
        Column("activity", "text", "What is done, as named in the passage"),
        Column("sector", "text", "Sector of activity, by the words of the activity, the structure or the passage", nullable=True),
        Column("pillars", "json", "Codes of the piliers of the passage"),
        Column("quantity", "float", "Number; the middle of a range", "quantity_unit", nullable=True),
        Column("quantity_unit", "text", "What the number counts", nullable=True),
        Column("quantity_low", "float", "Lower bound where a range is said, else the number", "quantity_unit", nullable=True),
        Column("quantity_high", "float", "Upper bound", "quantity_unit", nullable=True),
    ),
)

VOICES = Table(
    "voices",
    "Types of structure and communes expected at a workshop, and whether anybody came.",
    ("workshop_id", "kind", "value"),
    (
        Column("workshop_id", "text", "Workshop"),
        Column("kind", "text", "What is counted", values=("structure_type", "commune")),
        Column("value", "text", "Type of structure or commune"),
        Column("is_in_scope", "bool", "Expected type, or commune of the workshop's intercommunal authority"),
        Column("n_on_map", "int", "Structures on the map", "structures", low=0),
        Column("n_present", "int", "Structures that attended", "structures", low=0),
        Column("is_absent", "bool", "Expected and nobody came"),
    ),
)

THEME_VOICES = Table(
    "theme_voices",
    "Which types of actor are known to carry a theme; most passages of notes have no known speaker.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Theme"),
        Column("n_units", "int", "Units in it", "units", low=0),
        Column("n_units_known", "int", "Those whose speaker is on an attendance list with a type", "units", low=0),
        Column("n_speakers", "int", "Such speakers", "people", low=0),
        Column("structure_types", "json", "List of their types"),
        Column("is_single_type", "bool", "Two such speakers or more, all of one type"),
    ),
)

NEEDS = Table(
    "needs",
    "A need of one sector at a place, and whether a structure of that sector reaches it.",
    ("workshop_id", "sector", "place"),
    (
        Column("workshop_id", "text", "Workshop"),
        Column("sector", "text", "Sector of activity, by the words of the passages"),
        Column("place", "text", "INSEE code of the commune that the passages name, or `territoire`"),
        Column("n_structures", "int", "Structures of the sector on the workshop's map or list", "structures", low=0),
        Column("coverage", "text", "In plain French", values=COVERAGES),
        Column("n_units", "int", "Passages that say it as a difficulty or a demand", "units", low=0),
        Column("n_circles", "int", "Tables, or documents away from tables, that say it", low=0),
        Column("quotes", "json", "List of unit_id, five at most"),
    ),
)

MAP_PROBLEMS = Table(
    "map_problems",
    "What keeps the map from showing a structure or its catchment area; nothing is dropped for it.",
    ("structure_id", "problem"),
    (
        Column("structure_id", "text", "Structure"),
        Column("problem", "text", "What was found"),
        Column("advice", "text", "What to do"),
    ),
)
