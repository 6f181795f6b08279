"""Tables of the material: documents, attendance, map, passages, codes, decisions, agreement."""

from pipeline.tables.schema import (
    ASIDES,
    AXIS_MEANING,
    BLOCK_KINDS,
    CHANNELS,
    LEDGER_KINDS,
    QUESTIONS,
    STRUCTURE_TYPES,
    count,
    flag,
    json,
    number,
    share,
    table,
    text,
    whole,
)

# columns that several tables share
_SPAN = (
    count("start_char", "First character in documents.text", "code points"),
    count("end_char", "One past the last character", "code points"),
)
_SAID_AT = (
    count("table_number", "World café table", nullable=True),
    text("question", "Question of the world café", nullable=True, values=QUESTIONS),
    text("channel", "How it was said or written down", values=CHANNELS),
)
_VOTES = count("n_votes", "Votes for a contribution", "votes", nullable=True)
_PROPOSED = text(
    "proposed_question",
    "Question proposed by the headings, where `question` is unknown",
    nullable=True,
    values=QUESTIONS,
)
_COMMUNE = text(
    "commune_code",
    "INSEE code of the commune where it can be told, else its name as a slug",
    nullable=True,
)

WORKSHOPS = table(
    "workshops",
    "One workshop of one territory on one date.",
    ("workshop_id",),
    text("workshop_id", "Territory and date, as a slug"),
    text("territory", "Name of the territory"),
    text("date", "Day of the workshop", "ISO 8601", nullable=True),
    text("place", "Where people met", nullable=True),
    text("epci_code", "SIREN of the intercommunal authority", nullable=True),
    count(
        "n_tables",
        "World café tables, as announced or else as seen in the documents",
        "tables",
        nullable=True,
    ),
    text("folder", "Folder of the depot"),
)

DOCUMENTS = table(
    "documents",
    "A file, or a part of one (a mail of a mailbox, a sheet).",
    ("document_id",),
    text("document_id", "Hash of the path under which its file was first met"),
    text("workshop_id", "Workshop it belongs to"),
    text("path", "Path relative to depot/, `#part` for a mail or an attachment"),
    text("sha256", "Hash of the file's bytes"),
    text("channel", "How it was said or written down", values=CHANNELS),
    count("table_number", "Table, where the whole document has one", nullable=True),
    text("title", "Title, subject or file name without extension", nullable=True),
    text(
        "read_by",
        "`machine` where the text was read on a photo or a scan",
        nullable=True,
        values=("machine",),
    ),
    count("n_chars", "Length of the text", "code points"),
    text("text", "The whole text in reading order"),
    text(
        "first_path",
        "Path under which its file was first met, where it was renamed or moved since",
        nullable=True,
    ),
)

BLOCKS = table(
    "blocks",
    "A heading, paragraph, bullet, cell or run of cues as its author laid it out, with "
    "where it was said; holds no text.",
    ("document_id", "block_order"),
    text("document_id", "Document it lies in"),
    count("block_order", "Reading order in the document"),
    *_SPAN,
    text(
        "kind",
        "Layout; `meta` is never a passage (signature, header, list of participants)",
        values=BLOCK_KINDS,
    ),
    count("level", "Depth of a heading (1..6) or bullet (0..)", nullable=True),
    *_SAID_AT,
    text("speaker", "Participant or role who speaks, where the document tells", nullable=True),
    text("reason", "Why a `meta` block is no passage", nullable=True, values=tuple(ASIDES)),
    _VOTES,
    _PROPOSED,
)

REJECTS = table(
    "rejects",
    "A file, or a part of one, that could not be read.",
    ("path", "reason"),
    text("path", "Path relative to depot/"),
    text("reason", "What was found"),
    text("advice", "What to do"),
)

ATTENDANCE = table(
    "attendance",
    "Who was in the room, without names.",
    ("participant_id", "workshop_id", "structure_id"),
    text("participant_id", "Pseudonym; its key lies in vault/"),
    text("workshop_id", "Workshop attended"),
    text("structure_id", "Structure spoken for", nullable=True),
    text("structure_type", "Type of the structure", nullable=True, values=STRUCTURE_TYPES),
    text("role", "Role in the structure, as written", nullable=True),
    _COMMUNE,
    flag("has_signed", "Signed the list"),
)

STRUCTURES = table(
    "structures",
    "An organisation named on the attendance list or on the map.",
    ("structure_id",),
    text("structure_id", "Slug of the normalised name"),
    text("name", "Most complete spelling seen"),
    text("structure_type", "Type, in the fiche's terms", nullable=True, values=STRUCTURE_TYPES),
    _COMMUNE,
    number(
        "lat",
        "Latitude on the map, else of its commune's town hall",
        "degrees, WGS 84",
        nullable=True,
        low=-90,
        high=90,
    ),
    number("lon", "Longitude, likewise", "degrees, WGS 84", nullable=True, low=-180, high=180),
    flag("is_on_map", "Placed on a territory map"),
    json("map_workshop_ids", "List of the workshops on whose map it is", nullable=True),
    flag("is_in_attendance", "Named on an attendance list"),
)

CATCHMENTS = table(
    "catchments",
    "Catchment area (zone de chalandise) of a structure.",
    ("structure_id",),
    text("structure_id", "Structure it belongs to"),
    json("geometry", "GeoJSON geometry, where drawn", nullable=True),
    number("radius_km", "Radius, where given", "km", nullable=True, low=0),
)

UNITS = table(
    "units",
    "The shortest passage that states one idea and can be tagged alone.",
    ("unit_id",),
    text(
        "unit_id",
        "Hash of the document's path, the text and its occurrence; not of its position",
    ),
    text("document_id", "Document it lies in"),
    text("workshop_id", "Workshop it was said at"),
    count("unit_order", "Reading order in the document"),
    *_SPAN,
    text("text", "documents.text[start_char:end_char]"),
    *_SAID_AT,
    text("speaker", "Participant (pseudonym) or role", nullable=True),
    _VOTES,
    json("heading_path", "List of the headings above, outermost first", nullable=True),
    _PROPOSED,
)

LEDGER = table(
    "ledger",
    "What became of each character of the documents, once each.",
    ("document_id", "start_char"),
    text("document_id", "Document it lies in"),
    *_SPAN,
    text("kind", "What the characters are", values=LEDGER_KINDS),
    text("reason", "Why, in French; blank for a passage", nullable=True),
    text(
        "unit_id",
        "The passage; of a heading or another whole block, the id it would have as a passage",
        nullable=True,
    ),
)

RECEIPTS = table(
    "receipts",
    "What became of each file of the depot, or part of one.",
    ("path",),
    text("path", "Path relative to depot/, `#part` for a part"),
    text("workshop_id", "Workshop it belongs to"),
    text("taken_for", "What it was taken for, in French"),
    count("n_words_in", "Words read in the file", "words"),
    count("n_words_kept", "Words of passages, or of lists and maps", "words"),
    count("n_units", "Passages", "units"),
    count("n_with_table", "Passages whose table is known", "units"),
    count("n_with_question", "Passages whose question is known", "units"),
    count("n_with_speaker", "Passages whose speaker is known", "units"),
    text("channel", "Channel of most passages", nullable=True, values=CHANNELS),
    json("left_out", "[[column or part, reason, words], …] of what is no passage"),
    text("warning", "What to look at, in French", nullable=True),
)


TAGS = table(
    "tags",
    "A code of the grid proposed for or put on a unit.",
    ("unit_id", "axis", "code", "source"),
    text("unit_id", "Tagged unit"),
    text("axis", AXIS_MEANING),
    text("code", "Code of the grid"),
    share("score", "Calibrated probability"),
    flag("is_assigned", "Over the code's threshold, or put by a person"),
    json("evidence", "[[start, end], …] in the unit's text, half-open"),
    text("source", "Who put it", values=("machine", "person")),
    text("model_version", "Version of the tagger, or of the decision"),
)

SECOND_TAGS = table(
    "second_tags",
    "A code that the second coder, a language model, put on a unit; units that it did "
    "not code have no row. Empty where none is set.",
    TAGS.key,
    *TAGS.columns,
)

DECISIONS = table(
    "decisions",
    "What a person decided in review; append-only, replayed over the machine's tables.",
    ("decision_id",),
    whole("decision_id", "Order of decision", low=1),
    text("decided_at", "When", "ISO 8601, UTC"),
    text("author", "Who"),
    text("action", "What", "a kind of pipeline/decisions"),
    text("unit_id", "Unit concerned", nullable=True),
    text("axis", AXIS_MEANING, nullable=True),
    text("code", "Code concerned", nullable=True),
    text("theme_id", "Theme concerned, or family", nullable=True),
    text(
        "value",
        "New label or description; theme_id merged or moved into, or kept apart from; "
        "JSON list of the unit_ids split off, or of the "
        "[axis, code] that are all those of a unit; JSON of a weighting, name and "
        "weights, or the name of the one to use, "
        "blank for that of etude.toml; number of the decision undone; JSON of the "
        "coders between whom a decision on a code arbitrates; JSON of the title, the "
        "statement and the unit_ids accepted and refused of a theme signed off; JSON of the "
        "workshop_id, subject_id, title and unit_ids of a need confirmed as without answer; "
        "JSON of the words coded in a unit, of the place of a cut, of the unit joined, or of "
        "the column corrected and its value",
        nullable=True,
    ),
    text("why", "Reason given", nullable=True),
)

DECISION_EFFECTS = table(
    "decision_effects",
    "What became of each decision when it was last replayed.",
    ("decision_id",),
    whole("decision_id", "Decision", low=1),
    text("action", "What was decided"),
    text(
        "state",
        "Whether the reviewed tables are as it wants them",
        values=("appliquée", "remplacée", "annulée", "à revoir", "sans objet"),
    ),
    text("reason", "Why it is not applied, in French", nullable=True),
    text("document_id", "Document of the passage decided on", nullable=True),
    text("passage", "What that passage said then", nullable=True),
    text("near_unit_id", "Once it is gone, the nearest of its document", nullable=True),
)

DECISION_GROUNDS = table(
    "decision_grounds",
    "What a theme was when a person decided on it: the decision holds until a third of its "
    "units have left it, or its subject is another.",
    ("decision_id", "theme_id"),
    whole("decision_id", "Decision", low=1),
    text("theme_id", "Theme decided on, merged or moved into"),
    text("unit_ids", "Its units then, as the machine had put them", "JSON list"),
    text("label", "Its title then, as the machine had named it", nullable=True),
    text("subject_id", "Its subject of the catalogue then", nullable=True),
)

AGREEMENT = table(
    "agreement",
    "How far two coders agree over the units that both coded, by code and over each whole axis.",
    ("first_coder", "second_coder", "axis", "code"),
    text(
        "first_coder",
        "`machine`, a second coder's model, or `relecteur 1`… for people, by first decision",
    ),
    text("second_coder", "The other coder"),
    text("axis", AXIS_MEANING),
    text("code", "Code of the grid, or `tous` for the whole axis"),
    count(
        "n_units",
        "Units that both coded; for postures, those with a rubrique by one of them",
        "units",
    ),
    count("n_first", "Times that the first put the code", "tags"),
    count("n_second", "Times that the second put it", "tags"),
    count("n_both", "Times that both put it on one unit", "tags"),
    share("f1", "F1 of one against the other; over an axis, micro-averaged", nullable=True),
    number("f1_low", "Lower bound of its 95 % interval, units resampled", "0..1", nullable=True),
    number("f1_high", "Upper bound", "0..1", nullable=True),
    number("samples_f1", "Mean F1 of the units, over an axis", "0..1", nullable=True),
    number("macro_f1", "Mean F1 of the codes, over an axis", "0..1", nullable=True),
    number("kappa", "Cohen's kappa", "at most 1", nullable=True),
    number("kappa_low", "Lower bound of its 95 % interval", nullable=True),
    number("kappa_high", "Upper bound", nullable=True),
    number(
        "alpha",
        "Krippendorff's alpha; over an axis of several codes, with the MASI distance",
        "at most 1",
        nullable=True,
    ),
    number("alpha_low", "Lower bound of its 95 % interval", nullable=True),
    number("alpha_high", "Upper bound", nullable=True),
)

REVIEW_QUEUE = table(
    "review_queue",
    "The units that nobody coded whole yet, those most likely coded wrong first.",
    ("unit_id",),
    whole("place", "1 is to be read first", low=1),
    text("unit_id", "Unit to code"),
    text("reason", "Why it stands there", values=("désaccord", "doute", "code rare", "témoin")),
    number(
        "n_expected_errors",
        "Codes expected to be wrong on it, of the axes of which a unit bears any "
        "number, such as rubriques and piliers",
        "codes",
        low=0,
    ),
)
