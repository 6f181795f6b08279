"""The data dictionary: one schema a table. docs/dictionnaire.md is generated from this file.

Suffixes: `_id` identifier, `n_…` count, `*_share` and `*_score` 0..1, `*_char` Unicode code points (half-open), `*_at` UTC,
`is_`/`has_` boolean, `_km` kilometres. Every text is pseudonymised; only `path` keeps the depot's own file names.
"""

from pipeline.schema import Column, Table

QUESTIONS = ("q1", "q2", "q3", "q4", "resume", "distance", "autre")
CHANNELS = ("notes", "postit", "transcript", "resume", "mail", "telephone")
AXES = ("rubrique", "posture", "pilier")
STRUCTURE_TYPES = (
    "coopérative",
    "association",
    "groupe d'acteurs",
    "entreprise sociale",
    "mouvement citoyen",
    "réseau d'accompagnement",
    "collectivité",
    "élu",
    "autre",
)
BLOCK_KINDS = ("heading", "paragraph", "bullet", "cell", "cue", "meta")
CHANGES = ("nouveau", "grandi", "réduit", "remanié", "réuni", "partagé", "disparu", "inchangé")
COVERAGES = ("couvert", "hors des zones de chalandise connues", "aucune structure de ce secteur", "zone de chalandise inconnue")
LIKENESS = ("comme des tables tirées au sort", "plus éloignés que le hasard", "trop peu de matière pour conclure")
REACHES = ("partagé", "propre à un territoire", "contrasté", "ni partagé ni propre", "trop peu de matière pour conclure")
TRENDS = ("en hausse", "en baisse", "sans changement visible", "trop peu de matière pour conclure")
VERDICTS = ("plus présent ici", "moins présent", "comme ailleurs", "trop peu de matière pour conclure")

WORKSHOPS = Table(
    "workshops",
    "One workshop of one territory on one date.",
    ("workshop_id",),
    (
        Column("workshop_id", "text", "Territory and date, as a slug"),
        Column("territory", "text", "Name of the territory"),
        Column("date", "text", "Day of the workshop", "ISO 8601", nullable=True),
        Column("place", "text", "Where people met", nullable=True),
        Column("epci_code", "text", "SIREN of the intercommunal authority", nullable=True),
        Column("n_tables", "int", "World café tables, as announced or else as seen in the documents", "tables", nullable=True, low=0),
        Column("folder", "text", "Folder of the depot"),
    ),
)

DOCUMENTS = Table(
    "documents",
    "A file, or a part of one (a mail of a mailbox, a sheet).",
    ("document_id",),
    (
        Column("document_id", "text", "Hash of the path"),
        Column("workshop_id", "text", "Workshop it belongs to"),
        Column("path", "text", "Path relative to depot/, `#part` for a mail or an attachment"),
        Column("sha256", "text", "Hash of the file's bytes"),
        Column("channel", "text", "How it was said or written down", values=CHANNELS),
        Column("table_number", "int", "Table, where the whole document has one", nullable=True, low=0),
        Column("title", "text", "Title, subject or file name without extension", nullable=True),
        Column("n_chars", "int", "Length of the text", "code points", low=0),
        Column("text", "text", "The whole text in reading order"),
    ),
)

BLOCKS = Table(
    "blocks",
    "A heading, paragraph, bullet, cell or run of cues as its author laid it out, with where it was said; holds no text.",
    ("document_id", "block_order"),
    (
        Column("document_id", "text", "Document it lies in"),
        Column("block_order", "int", "Reading order in the document", low=0),
        Column("start_char", "int", "First character in documents.text", "code points", low=0),
        Column("end_char", "int", "One past the last character", "code points", low=0),
        Column("kind", "text", "Layout; `meta` is never a passage (signature, header, list of participants)", values=BLOCK_KINDS),
        Column("level", "int", "Depth of a heading (1..6) or bullet (0..)", nullable=True, low=0),
        Column("table_number", "int", "World café table", nullable=True, low=0),
        Column("question", "text", "Question of the world café", nullable=True, values=QUESTIONS),
        Column("channel", "text", "How it was said or written down", values=CHANNELS),
        Column("speaker", "text", "Participant or role who speaks, where the document tells", nullable=True),
    ),
)

REJECTS = Table(
    "rejects",
    "A file, or a part of one, that could not be read.",
    ("path", "reason"),
    (
        Column("path", "text", "Path relative to depot/"),
        Column("reason", "text", "What was found"),
        Column("advice", "text", "What to do"),
    ),
)

ATTENDANCE = Table(
    "attendance",
    "Who was in the room, without names.",
    ("participant_id", "workshop_id", "structure_id"),
    (
        Column("participant_id", "text", "Pseudonym; its key lies in vault/"),
        Column("workshop_id", "text", "Workshop attended"),
        Column("structure_id", "text", "Structure spoken for", nullable=True),
        Column("structure_type", "text", "Type of the structure", nullable=True, values=STRUCTURE_TYPES),
        Column("role", "text", "Role in the structure, as written", nullable=True),
        Column("commune_code", "text", "INSEE code of the commune where it can be told, else its name as a slug", nullable=True),
        Column("has_signed", "bool", "Signed the list"),
    ),
)

STRUCTURES = Table(
    "structures",
    "An organisation named on the attendance list or on the map.",
    ("structure_id",),
    (
        Column("structure_id", "text", "Slug of the normalised name"),
        Column("name", "text", "Most complete spelling seen"),
        Column("structure_type", "text", "Type, in the fiche's terms", nullable=True, values=STRUCTURE_TYPES),
        Column("commune_code", "text", "INSEE code of the commune where it can be told, else its name as a slug", nullable=True),
        Column("lat", "float", "Latitude on the map, else of its commune's town hall", "degrees, WGS 84", nullable=True, low=-90, high=90),
        Column("lon", "float", "Longitude, likewise", "degrees, WGS 84", nullable=True, low=-180, high=180),
        Column("is_on_map", "bool", "Placed on a territory map"),
        Column("map_workshop_ids", "json", "List of the workshops on whose map it is", nullable=True),
        Column("is_in_attendance", "bool", "Named on an attendance list"),
    ),
)

CATCHMENTS = Table(
    "catchments",
    "Catchment area (zone de chalandise) of a structure.",
    ("structure_id",),
    (
        Column("structure_id", "text", "Structure it belongs to"),
        Column("geometry", "json", "GeoJSON geometry, where drawn", nullable=True),
        Column("radius_km", "float", "Radius, where given", "km", nullable=True, low=0),
    ),
)

UNITS = Table(
    "units",
    "The shortest passage that states one idea and can be tagged alone.",
    ("unit_id",),
    (
        Column("unit_id", "text", "Hash of the document's path, the text and its occurrence; not of its position"),
        Column("document_id", "text", "Document it lies in"),
        Column("workshop_id", "text", "Workshop it was said at"),
        Column("unit_order", "int", "Reading order in the document", low=0),
        Column("start_char", "int", "First character in documents.text", "code points", low=0),
        Column("end_char", "int", "One past the last character", "code points", low=0),
        Column("text", "text", "documents.text[start_char:end_char]"),
        Column("table_number", "int", "World café table", nullable=True, low=0),
        Column("question", "text", "Question of the world café", nullable=True, values=QUESTIONS),
        Column("channel", "text", "How it was said or written down", values=CHANNELS),
        Column("speaker", "text", "Participant (pseudonym) or role", nullable=True),
    ),
)

TAGS = Table(
    "tags",
    "A code of the grid proposed for or put on a unit.",
    ("unit_id", "axis", "code", "source"),
    (
        Column("unit_id", "text", "Tagged unit"),
        Column("axis", "text", "Axis of the grid", values=AXES),
        Column("code", "text", "Code of the grid"),
        Column("score", "float", "Calibrated probability", "0..1", low=0, high=1),
        Column("is_assigned", "bool", "Over the code's threshold, or put by a person"),
        Column("evidence", "json", "[[start, end], …] in the unit's text, half-open"),
        Column("source", "text", "Who put it", values=("machine", "person")),
        Column("model_version", "text", "Version of the tagger, or of the decision"),
    ),
)

SECOND_TAGS = Table(
    "second_tags",
    "A code that the second coder, a language model, put on a unit; units that it did not code have no row. Empty where none is set.",
    TAGS.key,
    TAGS.columns,
)

THEMES = Table(
    "themes",
    "A group of units about the same thing.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Stable across runs"),
        Column("label", "text", "Short name in French"),
        Column("keywords", "json", "List of lemmas and phrases, most specific first"),
        Column("description", "text", "One sentence"),
        Column("n_units", "int", "Units in it", "units", low=0),
        Column("n_tables", "int", "Distinct tables of workshops where it was said", "tables", low=0),
        Column("n_workshops", "int", "Distinct workshops", "workshops", low=0),
        Column("stability", "float", "Share of resamples in which its units stay together", "0..1", low=0, high=1, nullable=True),
        Column("kind", "text", "What its units mostly are", values=("besoin", "réponse", "proposition", "mixte")),
        Column("parent_id", "text", "Family of themes it belongs to", nullable=True),
        Column("quotes", "json", "List of unit_id, most central first"),
    ),
)

THEME_MEMBERS = Table(
    "theme_members",
    "Which theme a unit belongs to; a unit absent from here is set aside.",
    ("unit_id",),
    (
        Column("unit_id", "text", "Member"),
        Column("theme_id", "text", "Its theme"),
        Column("strength", "float", "Closeness to the theme's centre, scaled", "0..1", low=0, high=1),
    ),
)

THEME_CHANGES = Table(
    "theme_changes",
    "What became of each theme since the run before, as the machine groups units; decisions are replayed on top.",
    ("theme_id",),
    (
        Column("theme_id", "text", "Theme of this run, or of the one before where it is gone"),
        Column("label", "text", "Its name, the last one where it is gone"),
        Column("change", "text", "What happened", values=CHANGES),
        Column("n_before", "int", "Units in the run before", "units", low=0),
        Column("n_after", "int", "Units now", "units", low=0),
        Column("n_common", "int", "Units in both", "units", low=0),
        Column("other_theme_ids", "json", "List of themes that it took in, that left it, or that its units went to"),
        Column("sentence", "text", "In plain French"),
    ),
)

THEME_PROFILES = Table(
    "theme_profiles",
    "How often each code of the grid is on the units of a theme.",
    ("theme_id", "axis", "code"),
    (
        Column("theme_id", "text", "Theme"),
        Column("axis", "text", "Axis of the grid", values=AXES),
        Column("code", "text", "Code of the grid"),
        Column("n_units", "int", "Units of the theme that carry it", "units", low=1),
        Column("n_tables", "int", "Numbered tables where one of them was said", "tables", low=0),
        Column("share", "float", "Units that carry it / units of the theme", "0..1", low=0, high=1),
    ),
)

THEME_QUOTES = Table(
    "theme_quotes",
    "Three central passages of each theme, and one that says the opposite where there is one.",
    ("theme_id", "unit_id"),
    (
        Column("theme_id", "text", "Theme"),
        Column("unit_id", "text", "Passage"),
        Column("quote_order", "int", "Order in which to read them", low=1),
        Column("role", "text", "Central, or of a posture opposed to most of the theme's", values=("centrale", "contraire")),
        Column("posture", "text", "Its posture", nullable=True),
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
        Column("overlap", "float", "Units of both as close to the other's centre as to their own", "0..1", low=0, high=1),
        Column("sentence", "text", "In plain French"),
    ),
)

THEME_FLAGS = Table(
    "theme_flags",
    "What to look at first when reviewing a theme.",
    ("theme_id", "flag"),
    (
        Column("theme_id", "text", "Theme"),
        Column("flag", "text", "Catch-all: large, and its units far apart", values=("fourre-tout",)),
        Column("cohesion", "float", "Mean cosine of its units with its centre", low=-1, high=1),
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
        Column("p_top3", "float", "Share of draws in which it is among the first three", "0..1", low=0, high=1),
        Column("p_top5", "float", "Share of draws in which it is among the first five", "0..1", low=0, high=1),
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
        Column("subject", "text", "Column of priorities that the sentence is about: a criterion, p_top1, p_top3 or p_top5"),
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
            "Other methods, weights drawn without preference, or the ranking without mails and calls",
            values=("topsis", "vikor", "poids_libres", "a_distance"),
        ),
        Column("n_first", "int", "First priorities compared: five, or all where there are fewer", "themes", low=0),
        Column("n_common", "int", "Those that the other way also puts first", "themes", low=0),
        Column("agreement", "float", "Kendall's tau between both rankings of all themes", "-1..1", low=-1, high=1),
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
        Column("rank_without", "int", "Rank by the room alone; blank where only mails and calls speak of it", nullable=True, low=1),
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
        Column("share", "float", "Tables where it was said / tables of the territory", "0..1", low=0, high=1),
        Column("specificity", "float", "Lafon's specificity: signed -log10 of the hypergeometric tail, by units"),
        Column("share_low", "float", "Lower bound of the 90 % interval of share, workshops and tables resampled", "0..1", low=0, high=1),
        Column("share_high", "float", "Upper bound", "0..1", low=0, high=1),
        Column("log_odds", "float", "Smoothed log-odds ratio against the other territories (informative Dirichlet prior), by units"),
        Column("log_odds_z", "float", "log_odds over its standard error"),
        Column("q_value", "float", "p-value of the verdict's test, adjusted for all cells tested; 1 without a test", "0..1", low=0, high=1),
        Column("verdict", "text", "In plain French", values=VERDICTS),
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

AGREEMENT = Table(
    "agreement",
    "How far two coders agree over the units that both coded, by code and over each whole axis.",
    ("first_coder", "second_coder", "axis", "code"),
    (
        Column(
            "first_coder",
            "text",
            "`machine`, a second coder's model, or `relecteur 1`… for people, by first decision",
        ),
        Column("second_coder", "text", "The other coder"),
        Column("axis", "text", "Axis of the grid"),
        Column("code", "text", "Code of the grid, or `tous` for the whole axis"),
        Column("n_units", "int", "Units that both coded; for postures, those with a rubrique by one of them", "units", low=0),
        Column("n_first", "int", "Times that the first put the code", "tags", low=0),
        Column("n_second", "int", "Times that the second put it", "tags", low=0),
        Column("n_both", "int", "Times that both put it on one unit", "tags", low=0),
        Column("f1", "float", "F1 of one against the other; over an axis, micro-averaged", "0..1", nullable=True, low=0, high=1),
        Column("f1_low", "float", "Lower bound of its 95 % interval, units resampled", "0..1", nullable=True),
        Column("f1_high", "float", "Upper bound", "0..1", nullable=True),
        Column("samples_f1", "float", "Mean F1 of the units, over an axis", "0..1", nullable=True),
        Column("macro_f1", "float", "Mean F1 of the codes, over an axis", "0..1", nullable=True),
        Column("kappa", "float", "Cohen's kappa", "at most 1", nullable=True),
        Column("kappa_low", "float", "Lower bound of its 95 % interval", nullable=True),
        Column("kappa_high", "float", "Upper bound", nullable=True),
        Column("alpha", "float", "Krippendorff's alpha; over an axis of several codes, with the MASI distance", "at most 1", nullable=True),
        Column("alpha_low", "float", "Lower bound of its 95 % interval", nullable=True),
        Column("alpha_high", "float", "Upper bound", nullable=True),
    ),
)

REVIEW_QUEUE = Table(
    "review_queue",
    "The units that nobody judged yet, in the order in which reading them teaches most.",
    ("unit_id",),
    (
        Column("place", "int", "1 is to be read first", low=1),
        Column("unit_id", "text", "Unit to judge"),
        Column("reason", "text", "Why it stands there", values=("désaccord", "doute", "code rare", "témoin")),
        Column("n_expected_errors", "float", "Codes of rubriques and piliers expected to be wrong on it", "codes", low=0),
    ),
)

DECISIONS = Table(
    "decisions",
    "What a person decided in review; append-only, kept in decisions.sqlite3, replayed over the machine's tables.",
    ("decision_id",),
    (
        Column("decision_id", "int", "Order of decision", low=1),
        Column("decided_at", "text", "When", "ISO 8601, UTC"),
        Column("author", "text", "Who"),
        Column(
            "action",
            "text",
            "What",
            values=(
                "accept_tag",
                "reject_tag",
                "add_tag",
                "rename_theme",
                "merge_theme",
                "split_theme",
                "move_unit",
                "reject_theme",
                "pin_quote",
                "unpin_quote",
            ),
        ),
        Column("unit_id", "text", "Unit concerned", nullable=True),
        Column("axis", "text", "Axis of the code", nullable=True, values=AXES),
        Column("code", "text", "Code concerned", nullable=True),
        Column("theme_id", "text", "Theme concerned", nullable=True),
        Column("value", "text", "New label, theme_id merged or moved into, or JSON list of the unit_ids split off", nullable=True),
        Column("why", "text", "Reason given", nullable=True),
    ),
)

DECISION_EFFECTS = Table(
    "decision_effects",
    "What became of each decision when it was last replayed.",
    ("decision_id",),
    (
        Column("decision_id", "int", "Decision", low=1),
        Column("action", "text", "What was decided"),
        Column("state", "text", "Whether the reviewed tables are as it wants them", values=("appliquée", "remplacée", "sans objet")),
        Column("reason", "text", "Why it is not applied, in French", nullable=True),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        WORKSHOPS,
        DOCUMENTS,
        BLOCKS,
        REJECTS,
        ATTENDANCE,
        STRUCTURES,
        CATCHMENTS,
        UNITS,
        TAGS,
        SECOND_TAGS,
        THEMES,
        THEME_MEMBERS,
        THEME_CHANGES,
        THEME_PROFILES,
        THEME_QUOTES,
        MERGE_PROPOSALS,
        THEME_FLAGS,
        PRIORITIES,
        PRIORITY_NOTES,
        RANK_CHECKS,
        LATE_EFFECTS,
        CONTRASTS,
        FACTOR_POINTS,
        LEXICAL_CLASSES,
        LEXICAL_MEMBERS,
        TERRITORY_LINKS,
        TERRITORY_TREE,
        THEME_REACH,
        EVOLUTIONS,
        OFFERS,
        VOICES,
        THEME_VOICES,
        NEEDS,
        MAP_PROBLEMS,
        DECISION_EFFECTS,
        AGREEMENT,
        REVIEW_QUEUE,
    )
}
