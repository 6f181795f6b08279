"""Tables of the results: themes, priorities, territories, offers and needs."""

from pipeline.tables.schema import (
    AXIS_MEANING,
    CHANGES,
    GAP_STATES,
    LIKENESS,
    REACHES,
    TRENDS,
    VERDICTS,
    Column,
    Table,
)

THEMES = Table(
    "themes",
    "A group of units about the same thing.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Stable across runs"),
        Column("label", "text", "Title in French"),
        Column(
            "statement",
            "text",
            "A sentence: as a need, an answer or a proposal, by what most of its units are",
            nullable=True,
        ),
        Column(
            "subject_id",
            "text",
            "Subject of the catalogue that names it; none where a person is to choose a name",
            nullable=True,
        ),
        Column(
            "name_source",
            "text",
            "Where the title comes from",
            values=("catalogue", "phrase", "person"),
            earlier="phrase",
        ),
        Column(
            "proposals",
            "json",
            "List of subjects that may name it, likeliest first: subject_id, title, statement",
            earlier="[]",
        ),
        Column("keywords", "json", "List of lemmas and phrases, most specific first"),
        Column("description", "text", "A sentence that people said of it, or its statement"),
        Column("n_units", "int", "Units in it", "units", low=0),
        Column(
            "n_tables",
            "int",
            "Distinct tables where it was said, over counted units; a rapporteur's summary is "
            "none; documents where a workshop's notes name no table",
            "tables",
            low=0,
        ),
        Column("n_tables_high", "int", "Those over all its units", "tables", low=0, earlier=0),
        Column("n_workshops", "int", "Distinct workshops, over counted units", "workshops", low=0),
        Column(
            "stability",
            "float",
            "Share of resamples in which its units stay together",
            "0..1",
            low=0,
            high=1,
            nullable=True,
        ),
        Column(
            "unity",
            "float",
            "Mean probability of its units: how likely it is one subject",
            "0..1",
            low=0,
            high=1,
            earlier=0,
        ),
        Column(
            "kind",
            "text",
            "What its units mostly are",
            values=("besoin", "réponse", "proposition", "mixte"),
        ),
        Column(
            "parent_id", "text", "family_id of the family of themes it belongs to", nullable=True
        ),
        Column(
            "is_signed_off",
            "bool",
            "Whether a person has read its units and stands by the title and the counts",
            earlier=False,
        ),
        Column("quotes", "json", "List of unit_id, most central first"),
    ),
)

THEME_FAMILIES = Table(
    "theme_families",
    "A family of the catalogue's subjects that themes belong to; fewer than six themes have none.",
    ("family_id",),
    (
        Column("family_id", "text", "Stable across runs; parent_id of its themes"),
        Column("label", "text", "Short name in French"),
        Column("n_themes", "int", "Themes in it", "themes", low=0),
        Column("n_units", "int", "Units of its themes", "units", low=0),
        Column(
            "n_tables",
            "int",
            "Distinct tables where one of its themes was said, as in themes",
            "tables",
            low=0,
        ),
        Column("n_workshops", "int", "Distinct workshops", "workshops", low=0),
    ),
)

THEME_MEMBERS = Table(
    "theme_members",
    "Which theme a unit belongs to; a unit absent from here is set aside.",
    ("unit_id",),
    (
        Column("unit_id", "text", "Member"),
        Column("theme_id", "text", "Its theme"),
        Column(
            "strength",
            "float",
            "Closeness to the theme's other units and, as the catalogue sees it, to its subject",
            "0..1",
            low=0,
            high=1,
        ),
        Column(
            "probability",
            "float",
            "That it is about the theme's subject; 1 where a person said so",
            "0..1",
            low=0,
            high=1,
            earlier=0,
        ),
        Column(
            "is_counted",
            "bool",
            "Whether tables, workshops, actors and rapporteurs are counted over it; else it is "
            "to be checked",
            earlier=True,
        ),
    ),
)

UNIT_PLACES = Table(
    "unit_places",
    "Where each unit lies on a map of what was said: those of a theme together, like "
    "themes near. The axes mean nothing.",
    ("unit_id",),
    (
        Column("unit_id", "text", "Unit, with a theme or set aside"),
        Column("x", "float", "From left to right; on the scale of y", "0..1", low=0, high=1),
        Column("y", "float", "From bottom to top", "0..1", low=0, high=1),
    ),
)

THEME_CHANGES = Table(
    "theme_changes",
    "What became of each theme since the run before, as the machine groups units; "
    "decisions are replayed on top.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Theme of this run, or of the one before where it is gone"),
        Column("label", "text", "Its name, the last one where it is gone"),
        Column("change", "text", "What happened", values=CHANGES),
        Column("n_before", "int", "Units in the run before", "units", low=0),
        Column("n_after", "int", "Units now", "units", low=0),
        Column("n_common", "int", "Units in both", "units", low=0),
        Column(
            "other_theme_ids",
            "json",
            "List of themes that it took in, that left it, or that its units went to",
        ),
        Column("sentence", "text", "In plain French"),
    ),
)

THEME_PROFILES = Table(
    "theme_profiles",
    "How often each code of the grid is on the units of a theme.",
    ("theme_id", "axis", "code"),
    (
        Column("theme_id", "text", "Theme"),
        Column("axis", "text", AXIS_MEANING),
        Column("code", "text", "Code of the grid"),
        Column("n_units", "int", "Units of the theme that carry it", "units", low=1),
        Column("n_tables", "int", "Tables where one of them was said", "tables", low=0),
        Column("share", "float", "Units that carry it / units of the theme", "0..1", low=0, high=1),
    ),
)

THEME_QUOTES = Table(
    "theme_quotes",
    "Three central passages of each theme, and one that says a disagreement where there is one.",
    ("theme_id", "unit_id"),
    (
        Column("theme_id", "text", "Theme"),
        Column("unit_id", "text", "Passage"),
        Column("quote_order", "int", "Order in which to read them", low=1),
        Column(
            "role",
            "text",
            "Central, or one that says a disagreement",
            values=("centrale", "contraire"),
        ),
        Column("posture", "text", "Its posture", nullable=True),
    ),
)

# What people need, what works, what they ask for, what they propose: in this order.
OPINION_POSTURES = ("difficulte", "force", "demande", "proposition")

THEME_OPINIONS = Table(
    "theme_opinions",
    "What is said under a theme: its counted units of one posture that say nearly the same thing.",
    ("theme_id", "opinion_order"),
    (
        Column("theme_id", "text", "Theme"),
        Column("opinion_order", "int", "By posture, then those of most tables first", low=1),
        Column("posture", "text", "Posture of its units", values=OPINION_POSTURES),
        Column("unit_id", "text", "The unit to quote for it"),
        Column("unit_ids", "json", "List of unit_id, that one first"),
        Column("n_units", "int", "Units that say it", "units", low=1),
        Column("n_tables", "int", "Tables where it was said", "tables", low=0),
        Column("n_workshops", "int", "Workshops where it was said", "workshops", low=1),
        Column(
            "faces",
            "int",
            "opinion_order of the need that this answer is about, or of the answer to this need",
            nullable=True,
            low=1,
        ),
    ),
)

MERGE_PROPOSALS = Table(
    "merge_proposals",
    "Two themes that may be one, of all pairs; a person decides.",
    ("theme_id", "other_theme_id"),
    (
        Column("theme_id", "text", "The larger theme"),
        Column("other_theme_id", "text", "The other one"),
        Column("cosine", "float", "Between the centres of the two themes", low=-1, high=1),
        Column(
            "overlap",
            "float",
            "Units of both as close to the other's centre as to their own",
            "0..1",
            low=0,
            high=1,
        ),
        Column("sentence", "text", "In plain French"),
    ),
)

THEME_PROPOSALS = Table(
    "theme_proposals",
    "What a language model, where the study allows one, would call the machine's themes, "
    "say of them and merge; a person decides.",
    ("theme_id", "subject", "value"),
    (
        Column("theme_id", "text", "Theme of the machine"),
        Column("subject", "text", "What is proposed", values=("nom", "description", "réunion")),
        Column("value", "text", "The name, the description, or the theme_id to merge with"),
        Column("reason", "text", "Why, in the model's words, for a merger", nullable=True),
        Column(
            "quotes",
            "json",
            "List of [unit_id, words], each word for word in its passage, persons' numbers "
            "left out",
        ),
        Column("model_version", "text", "Which model, told what"),
    ),
)

THEME_FLAGS = Table(
    "theme_flags",
    "What to look at first when reviewing a theme.",
    ("theme_id", "flag"),
    (
        Column("theme_id", "text", "Theme"),
        Column(
            "flag", "text", "Catch-all: large, and its units far apart", values=("fourre-tout",)
        ),
        Column("cohesion", "float", "Mean cosine of its units with its centre", low=-1, high=1),
        Column("sentence", "text", "In plain French"),
    ),
)

THEME_AGREEMENT = Table(
    "theme_agreement",
    "How alike the themes come out when they are made again; no row where there are too "
    "few units to tell.",
    ("trial",),
    (
        Column(
            "trial",
            "text",
            "Other seeds, or 80 % of the units",
            values=("graines", "sous_echantillons"),
        ),
        Column("n_runs", "int", "Times they were made", low=2),
        Column(
            "n_units", "int", "Units they were made of, before any are left out", "units", low=1
        ),
        Column(
            "mean_index",
            "float",
            "Mean adjusted Rand index of two runs: 1 the same, 0 as alike as by chance",
            low=-1,
            high=1,
        ),
        Column("sentence", "text", "In plain French"),
    ),
)

PRIORITIES = Table(
    "priorities",
    "A theme proposed for the study's attention, ranked for the study and for each workshop.",
    ("scope", "theme_id"),
    (
        Column("scope", "text", "`study` or a workshop_id"),
        Column("theme_id", "text", "Ranked theme"),
        Column("rank", "int", "1 is first", low=1),
        Column("score", "float", "Weighted mean of the criteria", "0..1", low=0, high=1),
        Column("c_.*", "float", "One column a criterion", "0..1", low=0, high=1, is_pattern=True),
        Column("p_top1", "float", "Share of draws in which it is first", "0..1", low=0, high=1),
        Column(
            "p_top3",
            "float",
            "Share of draws in which it is among the first three",
            "0..1",
            low=0,
            high=1,
        ),
        Column(
            "p_top5",
            "float",
            "Share of draws in which it is among the first five",
            "0..1",
            low=0,
            high=1,
        ),
        Column("rank_low", "int", "Best rank of the 90 % interval", low=1),
        Column("rank_high", "int", "Worst rank of the 90 % interval", low=1),
    ),
)

PRIORITY_NOTES = Table(
    "priority_notes",
    "What each criterion of a priority counted, and how sure its place is, in one French sentence.",
    ("scope", "theme_id", "subject"),
    (
        Column("scope", "text", "`study` or a workshop_id"),
        Column("theme_id", "text", "Ranked theme"),
        Column(
            "subject",
            "text",
            "Column of priorities that the sentence is about: a criterion, p_top1, p_top3 "
            "or p_top5",
        ),
        Column("value", "float", "Its value", "0..1", low=0, high=1),
        Column("sentence", "text", "What was counted"),
    ),
)

RANK_CHECKS = Table(
    "rank_checks",
    "Whether the first priorities of a scope would be others by another way of ranking.",
    ("scope", "check"),
    (
        Column("scope", "text", "`study` or a workshop_id"),
        Column(
            "check",
            "text",
            "Other methods, weights drawn without preference, or the ranking without mails "
            "and calls",
            values=("topsis", "vikor", "poids_libres", "a_distance"),
        ),
        Column(
            "n_first",
            "int",
            "First priorities compared: five, or all where there are fewer",
            "themes",
            low=0,
        ),
        Column("n_common", "int", "Those that the other way also puts first", "themes", low=0),
        Column(
            "agreement",
            "float",
            "Kendall's tau between both rankings of all themes",
            "-1..1",
            low=-1,
            high=1,
        ),
        Column("sentence", "text", "In plain French"),
    ),
)

LATE_EFFECTS = Table(
    "late_effects",
    "What mails and calls received after the workshop change to a theme's rank.",
    ("scope", "theme_id"),
    (
        Column("scope", "text", "`study` or a workshop_id"),
        Column("theme_id", "text", "Ranked theme"),
        Column(
            "rank_without",
            "int",
            "Rank by the room alone; blank where only mails and calls speak of it",
            nullable=True,
            low=1,
        ),
        Column("rank_with", "int", "Rank by everything", low=1),
        Column("sentence", "text", "In plain French"),
    ),
)


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
        Column(
            "share",
            "float",
            "Tables where it was said / tables of the territory",
            "0..1",
            low=0,
            high=1,
        ),
        Column(
            "specificity",
            "float",
            "Lafon's specificity: signed -log10 of the hypergeometric tail, by units",
        ),
        Column(
            "share_low",
            "float",
            "Lower bound of the 90 % interval of share, workshops and tables resampled",
            "0..1",
            low=0,
            high=1,
        ),
        Column("share_high", "float", "Upper bound", "0..1", low=0, high=1),
        Column(
            "log_odds",
            "float",
            "Smoothed log-odds ratio against the other territories (informative Dirichlet "
            "prior), by units",
        ),
        Column("log_odds_z", "float", "log_odds over its standard error"),
        Column(
            "q_value",
            "float",
            "One-sided p-value of the verdict's test, adjusted for all cells tested; 1 untested",
            "0..1",
            low=0,
            high=1,
        ),
        Column("verdict", "text", "In plain French", values=VERDICTS),
        Column(
            "is_lead",
            "bool",
            "Looks more present here, without control of error over all cells: to be "
            "checked, never affirmed",
        ),
    ),
)

FACTOR_POINTS = Table(
    "factor_points",
    "A territory, theme or lemma on the plane of a correspondence analysis of tables of "
    "the world café.",
    ("analysis", "kind", "point"),
    (
        Column(
            "analysis", "text", "Territories by themes or by lemmas", values=("themes", "lemmes")
        ),
        Column("kind", "text", "What the point is", values=("territoire", "thème", "lemme")),
        Column("point", "text", "Territory, theme_id or lemma"),
        Column("weight", "float", "Its mass", "0..1", low=0, high=1),
        Column("x", "float", "Principal coordinate on the first axis"),
        Column(
            "y", "float", "Principal coordinate on the second axis; 0 where there is one axis only"
        ),
        Column(
            "contribution_x", "float", "Part of the first axis that it makes", "0..1", low=0, high=1
        ),
        Column(
            "contribution_y",
            "float",
            "Part of the second axis that it makes",
            "0..1",
            low=0,
            high=1,
        ),
        Column(
            "quality", "float", "How well the plane shows it (sum of cos²)", "0..1", low=0, high=1
        ),
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
        Column(
            "kind",
            "text",
            "What the mark is; only lemmas made the classes",
            values=("lemme", "thème", "territoire", "question"),
        ),
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
        Column(
            "likeness", "float", "What both have in common (1 - Bray-Curtis)", "0..1", low=0, high=1
        ),
        Column(
            "likeness_low",
            "float",
            "Lower bound of its 90 % interval, tables resampled",
            "0..1",
            low=0,
            high=1,
        ),
        Column("likeness_high", "float", "Upper bound", "0..1", low=0, high=1),
        Column(
            "likeness_by_chance",
            "float",
            "Mean likeness of the same tables dealt out at random",
            "0..1",
            low=0,
            high=1,
        ),
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
        Column(
            "likeness", "float", "Mean likeness of the two groups that join", "0..1", low=0, high=1
        ),
        Column(
            "support",
            "float",
            "Share of redrawn tables in which the same group comes out",
            "0..1",
            low=0,
            high=1,
        ),
    ),
)

THEME_REACH = Table(
    "theme_reach",
    "Whether a theme is shared by the territories or one territory's own; territories "
    "with too little material are left out.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Theme"),
        Column("reach", "text", "In plain French", values=REACHES),
        Column("more_in", "json", "List of the territories where it is more present"),
        Column("less_in", "json", "List of those where it is less present"),
        Column("said_in", "json", "List of those where a table said it"),
        Column(
            "first_in",
            "json",
            "List of those where it is among the first five priorities of a workshop",
        ),
        Column("n_territories", "int", "Territories with enough material", "territories", low=0),
        Column(
            "only_in",
            "text",
            "Territory where alone counted units say it, at three tables or more, if so",
            nullable=True,
        ),
        Column(
            "chance",
            "float",
            "Chance of as many of its tables there, were they dealt at random; tables elsewhere "
            "left to check are taken to say it",
            "0..1",
            low=0,
            high=1,
            nullable=True,
        ),
        Column("rests_on", "text", "What only_in rests on, in French", nullable=True),
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
        Column(
            "share_before",
            "float",
            "Share of tables that said it at the first",
            "0..1",
            low=0,
            high=1,
        ),
        Column(
            "share_after",
            "float",
            "Share of tables that said it at the next",
            "0..1",
            low=0,
            high=1,
        ),
        Column(
            "q_value",
            "float",
            "As in contrasts, the two workshops set against each other",
            "0..1",
            low=0,
            high=1,
        ),
        Column("verdict", "text", "In plain French", values=TRENDS),
    ),
)

OFFERS = Table(
    "offers",
    "An existing good or service that a passage names, with a quantity where it gives one.",
    ("unit_id", "activity", "quantity", "quantity_unit"),
    (
        Column("unit_id", "text", "Passage that says it"),
        Column(
            "offer_id",
            "text",
            "Line that it is part of: what several passages say of one offer has one",
            earlier="",
        ),
        Column(
            "structure_id",
            "text",
            "Structure of the list or map that carries it",
            nullable=True,
        ),
        Column(
            "structure_name",
            "text",
            "Its name on the list or map, else as passages name it",
            nullable=True,
        ),
        Column(
            "structure_kind",
            "text",
            "What carries it where the passage says so (« conserverie »)",
            nullable=True,
        ),
        Column(
            "activity",
            "text",
            "What is done, as a noun phrase of the passage; blank where it names none",
            nullable=True,
        ),
        Column("public", "text", "Whom it is for, in the passage's words", nullable=True),
        Column("year", "int", "Year of the quantity, where it is said", nullable=True),
        Column(
            "sector",
            "text",
            "Family of subjects, by the structure's name or what the passage says",
            nullable=True,
        ),
        Column("pillars", "json", "Codes of the piliers of the passage"),
        Column(
            "quantity", "float", "Number; the middle of a range", "quantity_unit", nullable=True
        ),
        Column("quantity_unit", "text", "What the number counts", nullable=True),
        Column(
            "quantity_low",
            "float",
            "Lower bound where a range is said, else the number",
            "quantity_unit",
            nullable=True,
        ),
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
        Column(
            "is_in_scope",
            "bool",
            "Expected type, or commune of the workshop's intercommunal authority",
        ),
        Column("n_on_map", "int", "Structures on the map", "structures", low=0),
        Column("n_present", "int", "Structures that attended", "structures", low=0),
        Column("is_absent", "bool", "Expected and nobody came"),
    ),
)

THEME_VOICES = Table(
    "theme_voices",
    "Which types of actor are known to carry a theme; most passages of notes have no "
    "known speaker.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Theme"),
        Column("n_units", "int", "Units in it", "units", low=0),
        Column(
            "n_units_known",
            "int",
            "Those whose speaker is on an attendance list with a type",
            "units",
            low=0,
        ),
        Column("n_speakers", "int", "Such speakers", "people", low=0),
        Column("structure_types", "json", "List of their types"),
        Column("is_single_type", "bool", "Two such speakers or more, all of one type"),
    ),
)

GAPS = Table(
    "gaps",
    "A need of people that no structure of the room, the map or the passages is known to answer; "
    "to be checked until a person has decided.",
    ("workshop_id", "subject_id"),
    (
        Column("workshop_id", "text", "Workshop"),
        Column("subject_id", "text", "Subject or family of the catalogue that the need is about"),
        Column("title", "text", "Its title"),
        Column("n_tables", "int", "Tables, or documents where there is none, that say it", low=2),
        Column("n_units", "int", "Counted passages that say it as a difficulty or a demand", low=2),
        Column("quotes", "json", "List of their unit_id, the surest first"),
        Column("ask", "json", "List of structure_id to check it with"),
        Column("state", "text", "What people decided", values=GAP_STATES),
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
