"""Tables of the results: themes, priorities, territories, offers and needs."""

from pipeline.tables.schema import (
    AXIS_MEANING,
    CHANGES,
    GAP_STATES,
    LIKENESS,
    REACHES,
    TRENDS,
    VERDICTS,
    count,
    flag,
    json,
    number,
    share,
    table,
    text,
    whole,
)

THEMES = table(
    "themes",
    "A group of units about the same thing.",
    ("theme_id",),
    text("theme_id", "Stable across runs"),
    text("label", "Title in French"),
    text(
        "statement",
        "A sentence: as a need, an answer or a proposal, by what most of its units are",
        nullable=True,
    ),
    text(
        "subject_id",
        "Subject of the catalogue that names it; none where a person is to choose a name",
        nullable=True,
    ),
    text(
        "name_source",
        "Where the title comes from",
        values=("catalogue", "phrase", "person"),
        earlier="phrase",
    ),
    json(
        "proposals",
        "List of subjects that may name it, likeliest first: subject_id, title, statement",
        earlier="[]",
    ),
    json("keywords", "List of lemmas and phrases, most specific first"),
    text("description", "A sentence that people said of it, or its statement"),
    count("n_units", "Units in it", "units"),
    count(
        "n_tables",
        "Distinct tables where it was said, over counted units; a rapporteur's summary is "
        "none; documents where a workshop's notes name no table",
        "tables",
    ),
    number(
        "n_tables_expected",
        "Tables expected to speak of it, over all its units and those of other themes that may "
        "be about it too; `n_tables` once signed off",
        "tables",
        low=0,
        earlier=0,
    ),
    count("n_tables_low", "Tables that speak of it, 90 times in 100 as many", "tables", earlier=0),
    count("n_tables_high", "90 times in 100 no more", "tables", earlier=0),
    count("n_workshops", "Distinct workshops, over counted units", "workshops"),
    share("stability", "Share of resamples in which its units stay together", nullable=True),
    share("unity", "Mean probability of its units: how likely it is one subject", earlier=0),
    text(
        "kind",
        "What its units mostly are",
        values=("besoin", "réponse", "proposition", "mixte"),
    ),
    text("parent_id", "family_id of the family of themes it belongs to", nullable=True),
    flag(
        "is_signed_off",
        "Whether a person has read its units and stands by the title and the counts",
        earlier=False,
    ),
    json("quotes", "List of unit_id, most central first"),
)

THEME_FAMILIES = table(
    "theme_families",
    "A family of the catalogue's subjects that themes belong to; fewer than six themes have none.",
    ("family_id",),
    text("family_id", "Stable across runs; parent_id of its themes"),
    text("label", "Short name in French"),
    count("n_themes", "Themes in it", "themes"),
    count("n_units", "Units of its themes", "units"),
    count("n_tables", "Distinct tables where one of its themes was said, as in themes", "tables"),
    count("n_workshops", "Distinct workshops", "workshops"),
)

THEME_MEMBERS = table(
    "theme_members",
    "Which theme a unit belongs to; a unit absent from here is set aside.",
    ("unit_id",),
    text("unit_id", "Member"),
    text("theme_id", "Its theme"),
    share(
        "strength",
        "Closeness to the theme's other units and, as the catalogue sees it, to its subject",
    ),
    share(
        "probability",
        "That it is about the theme's subject; 1 where a person said so",
        earlier=0,
    ),
    flag(
        "is_counted",
        "Whether tables, workshops, actors and rapporteurs are counted over it; else it is "
        "to be checked",
        earlier=True,
    ),
    json(
        "likely",
        "List of [theme_id, probability]: other themes whose subject it may be about too",
        nullable=True,
    ),
)

UNIT_PLACES = table(
    "unit_places",
    "Where each unit lies on a map of what was said: those of a theme together, like "
    "themes near. The axes mean nothing.",
    ("unit_id",),
    text("unit_id", "Unit, with a theme or set aside"),
    share("x", "From left to right; on the scale of y"),
    share("y", "From bottom to top"),
)

THEME_CHANGES = table(
    "theme_changes",
    "What became of each theme since the run before, as the machine groups units; "
    "decisions are replayed on top.",
    ("theme_id",),
    text("theme_id", "Theme of this run, or of the one before where it is gone"),
    text("label", "Its name, the last one where it is gone"),
    text("change", "What happened", values=CHANGES),
    count("n_before", "Units in the run before", "units"),
    count("n_after", "Units now", "units"),
    count("n_common", "Units in both", "units"),
    json(
        "other_theme_ids",
        "List of themes that it took in, that left it, or that its units went to",
    ),
    text("sentence", "In plain French"),
)

THEME_PROFILES = table(
    "theme_profiles",
    "How often each code of the grid is on the units of a theme.",
    ("theme_id", "axis", "code"),
    text("theme_id", "Theme"),
    text("axis", AXIS_MEANING),
    text("code", "Code of the grid"),
    whole("n_units", "Units of the theme that carry it", "units", low=1),
    count("n_tables", "Tables where one of them was said", "tables"),
    share("share", "Units that carry it / units of the theme"),
)

THEME_QUOTES = table(
    "theme_quotes",
    "Three central passages of each theme, and one that says a disagreement where there is one.",
    ("theme_id", "unit_id"),
    text("theme_id", "Theme"),
    text("unit_id", "Passage"),
    whole("quote_order", "Order in which to read them", low=1),
    text(
        "role",
        "Central, or one that says a disagreement",
        values=("centrale", "contraire"),
    ),
    text("posture", "Its posture", nullable=True),
)

# What people need, what works, what they ask for, what they propose: in this order.
OPINION_POSTURES = ("difficulte", "force", "demande", "proposition")

THEME_OPINIONS = table(
    "theme_opinions",
    "What is said under a theme: its counted units of one posture that say nearly the same thing.",
    ("theme_id", "opinion_order"),
    text("theme_id", "Theme"),
    whole("opinion_order", "By posture, then those of most tables first", low=1),
    text("posture", "Posture of its units", values=OPINION_POSTURES),
    text("unit_id", "The unit to quote for it"),
    json("unit_ids", "List of unit_id, that one first"),
    whole("n_units", "Units that say it", "units", low=1),
    count("n_tables", "Tables where it was said", "tables"),
    whole("n_workshops", "Workshops where it was said", "workshops", low=1),
    whole(
        "faces",
        "opinion_order of the need that this answer is about, or of the answer to this need",
        nullable=True,
        low=1,
    ),
)

MERGE_PROPOSALS = table(
    "merge_proposals",
    "Two themes that may be one, of all pairs; a person decides.",
    ("theme_id", "other_theme_id"),
    text("theme_id", "The larger theme"),
    text("other_theme_id", "The other one"),
    number("cosine", "Between the centres of the two themes", low=-1, high=1),
    share("overlap", "Units of both as close to the other's centre as to their own"),
    text("sentence", "In plain French"),
)

THEME_PROPOSALS = table(
    "theme_proposals",
    "What a language model, where the study allows one, would call the machine's themes, "
    "say of them and merge; a person decides.",
    ("theme_id", "subject", "value"),
    text("theme_id", "Theme of the machine"),
    text("subject", "What is proposed", values=("nom", "description", "réunion")),
    text("value", "The name, the description, or the theme_id to merge with"),
    text("reason", "Why, in the model's words, for a merger", nullable=True),
    json(
        "quotes",
        "List of [unit_id, words], each word for word in its passage, persons' numbers left out",
    ),
    text("model_version", "Which model, told what"),
)

THEME_FLAGS = table(
    "theme_flags",
    "What to look at first when reviewing a theme.",
    ("theme_id", "flag"),
    text("theme_id", "Theme"),
    text("flag", "Catch-all: large, and its units far apart", values=("fourre-tout",)),
    number("cohesion", "Mean cosine of its units with its centre", low=-1, high=1),
    text("sentence", "In plain French"),
)

THEME_AGREEMENT = table(
    "theme_agreement",
    "How alike the themes come out when they are made again; no row where there are too "
    "few units to tell.",
    ("trial",),
    text("trial", "Other seeds, or 80 % of the units", values=("graines", "sous_echantillons")),
    whole("n_runs", "Times they were made", low=2),
    whole("n_units", "Units they were made of, before any are left out", "units", low=1),
    number(
        "mean_index",
        "Mean adjusted Rand index of two runs: 1 the same, 0 as alike as by chance",
        low=-1,
        high=1,
    ),
    text("sentence", "In plain French"),
)

PRIORITIES = table(
    "priorities",
    "A theme proposed for the study's attention, ranked for the study and for each workshop.",
    ("scope", "theme_id"),
    text("scope", "`study` or a workshop_id"),
    text("theme_id", "Ranked theme"),
    whole("rank", "1 is first", low=1),
    share("score", "Weighted mean of the criteria"),
    share("c_.*", "One column a criterion", is_pattern=True),
    share("p_top1", "Share of draws in which it is first"),
    share("p_top3", "Share of draws in which it is among the first three"),
    share("p_top5", "Share of draws in which it is among the first five"),
    whole("rank_low", "Best rank of the 90 % interval", low=1),
    whole("rank_high", "Worst rank of the 90 % interval", low=1),
)

PRIORITY_NOTES = table(
    "priority_notes",
    "What each criterion of a priority counted, and how sure its place is, in one French sentence.",
    ("scope", "theme_id", "subject"),
    text("scope", "`study` or a workshop_id"),
    text("theme_id", "Ranked theme"),
    text(
        "subject",
        "Column of priorities that the sentence is about: a criterion, p_top1, p_top3 or p_top5",
    ),
    share("value", "Its value"),
    text("sentence", "What was counted"),
)

RANK_CHECKS = table(
    "rank_checks",
    "Whether the first priorities of a scope would be others by another way of ranking.",
    ("scope", "check"),
    text("scope", "`study` or a workshop_id"),
    text(
        "check",
        "Other methods, weights drawn without preference, or the ranking without mails and calls",
        values=("topsis", "vikor", "poids_libres", "a_distance"),
    ),
    count("n_first", "First priorities compared: five, or all where there are fewer", "themes"),
    count("n_common", "Those that the other way also puts first", "themes"),
    number(
        "agreement",
        "Kendall's tau between both rankings of all themes",
        "-1..1",
        low=-1,
        high=1,
    ),
    text("sentence", "In plain French"),
)

LATE_EFFECTS = table(
    "late_effects",
    "What mails and calls received after the workshop change to a theme's rank.",
    ("scope", "theme_id"),
    text("scope", "`study` or a workshop_id"),
    text("theme_id", "Ranked theme"),
    whole(
        "rank_without",
        "Rank by the room alone; blank where only mails and calls speak of it",
        nullable=True,
        low=1,
    ),
    whole("rank_with", "Rank by everything", low=1),
    text("sentence", "In plain French"),
)


CONTRASTS = table(
    "contrasts",
    "How present a theme or a code is in a territory against the others.",
    ("subject", "subject_id", "territory"),
    text("subject", "What is compared", values=("theme", "code")),
    text("subject_id", "theme_id, or axis:code"),
    text("territory", "Territory"),
    count("n_units", "Units of it said here", "units"),
    count("n_tables", "Tables here where it was said", "tables"),
    share("share", "Tables where it was said / tables of the territory"),
    number(
        "specificity", "Lafon's specificity: signed -log10 of the hypergeometric tail, by units"
    ),
    share("share_low", "Lower bound of the 90 % interval of share, workshops and tables resampled"),
    share("share_high", "Upper bound"),
    number(
        "log_odds",
        "Smoothed log-odds ratio against the other territories (informative Dirichlet "
        "prior), by units",
    ),
    number("log_odds_z", "log_odds over its standard error"),
    share(
        "q_value",
        "One-sided p-value of the verdict's test, adjusted for all cells tested; 1 untested",
    ),
    text("verdict", "In plain French", values=VERDICTS),
    flag(
        "is_lead",
        "Looks more present here, without control of error over all cells: to be "
        "checked, never affirmed",
    ),
)

FACTOR_POINTS = table(
    "factor_points",
    "A territory, theme or lemma on the plane of a correspondence analysis of tables of "
    "the world café.",
    ("analysis", "kind", "point"),
    text("analysis", "Territories by themes or by lemmas", values=("themes", "lemmes")),
    text("kind", "What the point is", values=("territoire", "thème", "lemme")),
    text("point", "Territory, theme_id or lemma"),
    share("weight", "Its mass"),
    number("x", "Principal coordinate on the first axis"),
    number("y", "Principal coordinate on the second axis; 0 where there is one axis only"),
    share("contribution_x", "Part of the first axis that it makes"),
    share("contribution_y", "Part of the second axis that it makes"),
    share("quality", "How well the plane shows it (sum of cos²)"),
    share("share_x", "Part of the inertia on the first axis"),
    share("share_y", "Part of the inertia on the second axis"),
)

LEXICAL_CLASSES = table(
    "lexical_classes",
    "What marks a class of Reinert's descending classification, by chi-square over 5 %.",
    ("class_number", "kind", "value"),
    whole("class_number", "Class, in the order of the cuts", low=1),
    text(
        "kind",
        "What the mark is; only lemmas made the classes",
        values=("lemme", "thème", "territoire", "question"),
    ),
    text("value", "Lemma, theme_id, territory or question"),
    number("chi_square", "Chi-square of mark and class", low=0),
    count("n_in_class", "Units of the class that bear it", "units"),
    count("n_all", "Classified units that bear it", "units"),
    count("n_units", "Units of the class", "units"),
)

LEXICAL_MEMBERS = table(
    "lexical_members",
    "The lexical class of a unit; a unit without any frequent lemma has none.",
    ("unit_id",),
    text("unit_id", "Unit"),
    whole("class_number", "Its class", low=1),
)

TERRITORY_LINKS = table(
    "territory_links",
    "How alike two territories are by the shares of their tables that say each theme.",
    ("territory", "other"),
    text("territory", "First by name"),
    text("other", "The other"),
    share("likeness", "What both have in common (1 - Bray-Curtis)"),
    share("likeness_low", "Lower bound of its 90 % interval, tables resampled"),
    share("likeness_high", "Upper bound"),
    share("likeness_by_chance", "Mean likeness of the same tables dealt out at random"),
    text("verdict", "In plain French", values=LIKENESS),
)

TERRITORY_TREE = table(
    "territory_tree",
    "The joinings of territories by mean likeness, the closest first.",
    ("step",),
    whole("step", "Order of joining", low=1),
    json("members", "List of the territories joined so far in this group"),
    share("likeness", "Mean likeness of the two groups that join"),
    share("support", "Share of redrawn tables in which the same group comes out"),
)

THEME_REACH = table(
    "theme_reach",
    "Whether a theme is shared by the territories or one territory's own; territories "
    "with too little material are left out.",
    ("theme_id",),
    text("theme_id", "Theme"),
    text("reach", "In plain French", values=REACHES),
    json("more_in", "List of the territories where it is more present"),
    json("less_in", "List of those where it is less present"),
    json("said_in", "List of those where a table said it"),
    json("first_in", "List of those where it is among the first five priorities of a workshop"),
    count("n_territories", "Territories with enough material", "territories"),
    text(
        "only_in",
        "Territory where alone counted units say it, at three tables or more, if so",
        nullable=True,
    ),
    share(
        "chance",
        "Chance of as many of its tables there, were they dealt at random; tables elsewhere "
        "left to check are taken to say it",
        nullable=True,
    ),
    text("rests_on", "What only_in rests on, in French", nullable=True),
)

EVOLUTIONS = table(
    "evolutions",
    "What changed between two workshops of one territory that follow each other.",
    ("territory", "theme_id", "earlier_id", "later_id"),
    text("territory", "Territory"),
    text("theme_id", "Theme"),
    text("earlier_id", "workshop_id of the first"),
    text("later_id", "workshop_id of the next"),
    share("share_before", "Share of tables that said it at the first"),
    share("share_after", "Share of tables that said it at the next"),
    share("q_value", "As in contrasts, the two workshops set against each other"),
    text("verdict", "In plain French", values=TRENDS),
)

OFFERS = table(
    "offers",
    "An existing good or service that a passage names, with a quantity where it gives one.",
    ("unit_id", "activity", "quantity", "quantity_unit"),
    text("unit_id", "Passage that says it"),
    text(
        "offer_id",
        "Line that it is part of: what several passages say of one offer has one",
        earlier="",
    ),
    text("structure_id", "Structure of the list or map that carries it", nullable=True),
    text("structure_name", "Its name on the list or map, else as passages name it", nullable=True),
    text(
        "structure_kind",
        "What carries it where the passage says so (« conserverie »)",
        nullable=True,
    ),
    text(
        "activity",
        "What is done, as a noun phrase of the passage; blank where it names none",
        nullable=True,
    ),
    text("public", "Whom it is for, in the passage's words", nullable=True),
    whole("year", "Year of the quantity, where it is said", nullable=True),
    text(
        "sector",
        "Family of subjects, by the structure's name or what the passage says",
        nullable=True,
    ),
    json("pillars", "Codes of the piliers of the passage"),
    number("quantity", "Number; the middle of a range", "quantity_unit", nullable=True),
    text("quantity_unit", "What the number counts", nullable=True),
    number(
        "quantity_low",
        "Lower bound where a range is said, else the number",
        "quantity_unit",
        nullable=True,
    ),
    number("quantity_high", "Upper bound", "quantity_unit", nullable=True),
)

VOICES = table(
    "voices",
    "Types of structure and communes expected at a workshop, and whether anybody came.",
    ("workshop_id", "kind", "value"),
    text("workshop_id", "Workshop"),
    text("kind", "What is counted", values=("structure_type", "commune")),
    text("value", "Type of structure or commune"),
    flag("is_in_scope", "Expected type, or commune of the workshop's intercommunal authority"),
    count("n_on_map", "Structures on the map", "structures"),
    count("n_present", "Structures that attended", "structures"),
    flag("is_absent", "Expected and nobody came"),
)

THEME_VOICES = table(
    "theme_voices",
    "Which types of actor are known to carry a theme; most passages of notes have no "
    "known speaker.",
    ("theme_id",),
    text("theme_id", "Theme"),
    count("n_units", "Units in it", "units"),
    count("n_units_known", "Those whose speaker is on an attendance list with a type", "units"),
    count("n_speakers", "Such speakers", "people"),
    json("structure_types", "List of their types"),
    flag("is_single_type", "Two such speakers or more, all of one type"),
)

GAPS = table(
    "gaps",
    "A need of people that no structure of the room, the map or the passages is known to answer; "
    "to be checked until a person has decided.",
    ("workshop_id", "subject_id"),
    text("workshop_id", "Workshop"),
    text("subject_id", "Subject or family of the catalogue that the need is about"),
    text("title", "Its title"),
    whole("n_tables", "Tables, or documents where there is none, that say it", low=2),
    whole("n_units", "Counted passages that say it as a difficulty or a demand", low=2),
    json("quotes", "List of their unit_id, the surest first"),
    json("ask", "List of structure_id to check it with"),
    text("state", "What people decided", values=GAP_STATES),
)

MAP_PROBLEMS = table(
    "map_problems",
    "What keeps the map from showing a structure or its catchment area; nothing is dropped for it.",
    ("structure_id", "problem"),
    text("structure_id", "Structure"),
    text("problem", "What was found"),
    text("advice", "What to do"),
)
