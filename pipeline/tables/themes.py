"""Themes, what becomes of them from run to run, and how they are ranked."""

from pipeline.schema import Column, Table
from pipeline.tables.values import AXIS_MEANING, CHANGES

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
        Column("parent_id", "text", "family_id of the family of themes it belongs to", nullable=True),
        Column("quotes", "json", "List of unit_id, most central first"),
    ),
)

THEME_FAMILIES = Table(
    "theme_families",
    "A group of themes, the second level; fewer than six themes have none.",
    ("family_id",),
    (
        Column("family_id", "text", "Stable across runs; parent_id of its themes"),
        Column("label", "text", "Short name in French, that of none of the themes where other words can be found"),
        Column("n_themes", "int", "Themes in it", "themes", low=0),
        Column("n_units", "int", "Units of its themes", "units", low=0),
        Column("n_tables", "int", "Distinct tables of workshops where one of its themes was said", "tables", low=0),
        Column("n_workshops", "int", "Distinct workshops", "workshops", low=0),
        Column("stability", "float", "Share of resamples in which two of its themes stay together", "0..1", low=0, high=1, nullable=True),
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

UNIT_PLACES = Table(
    "unit_places",
    "Where each unit lies on a map of what was said: those of a theme together, like themes near. The axes mean nothing.",
    ("unit_id",),
    (
        Column("unit_id", "text", "Unit, with a theme or set aside"),
        Column("x", "float", "From left to right; on the scale of y", "0..1", low=0, high=1),
        Column("y", "float", "From bottom to top", "0..1", low=0, high=1),
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
        Column("axis", "text", AXIS_MEANING),
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

THEME_PROPOSALS = Table(
    "theme_proposals",
    "What a language model, where the study allows one, would call the machine's themes, say of them and merge; a person decides.",
    ("theme_id", "subject", "value"),
    (
        Column("theme_id", "text", "Theme of the machine"),
        Column("subject", "text", "What is proposed", values=("nom", "description", "réunion")),
        Column("value", "text", "The name, the description, or the theme_id to merge with"),
        Column("reason", "text", "Why, in the model's words, for a merger", nullable=True),
        Column("quotes", "json", "List of [unit_id, words], each word for word in its passage, persons' numbers left out"),
        Column("model_version", "text", "Which model, told what"),
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

THEME_AGREEMENT = Table(
    "theme_agreement",
    "How alike the themes come out when they are made again; no row where there are too few units to tell.",
    ("trial",),
    (
        Column("trial", "text", "Other seeds, or 80 % of the units", values=("graines", "sous_echantillons")),
        Column("n_runs", "int", "Times they were made", low=2),
        Column("n_units", "int", "Units they were made of, before any are left out", "units", low=1),
        Column("mean_index", "float", "Mean adjusted Rand index of two runs: 1 the same, 0 as alike as by chance", low=-1, high=1),
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
