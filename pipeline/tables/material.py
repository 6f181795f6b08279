"""Tables of the material: documents, attendance, map, passages, codes, decisions, agreement."""

from pipeline.tables.schema import (
    ASIDES,
    AXIS_MEANING,
    BLOCK_KINDS,
    CHANNELS,
    LEDGER_KINDS,
    QUESTIONS,
    STRUCTURE_TYPES,
    Column,
    Table,
)

# columns that blocks, units and the ledger share
_SPAN = (
    Column("start_char", "int", "First character in documents.text", "code points", low=0),
    Column("end_char", "int", "One past the last character", "code points", low=0),
)
_SAID_AT = (
    Column("table_number", "int", "World café table", nullable=True, low=0),
    Column("question", "text", "Question of the world café", nullable=True, values=QUESTIONS),
    Column("channel", "text", "How it was said or written down", values=CHANNELS),
)
_VOTES = Column("n_votes", "int", "Votes for a contribution", "votes", nullable=True, low=0)
_PROPOSED = Column(
    "proposed_question",
    "text",
    "Question proposed by the headings, where `question` is unknown",
    nullable=True,
    values=QUESTIONS,
)

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
        Column(
            "n_tables",
            "int",
            "World café tables, as announced or else as seen in the documents",
            "tables",
            nullable=True,
            low=0,
        ),
        Column("folder", "text", "Folder of the depot"),
    ),
)

DOCUMENTS = Table(
    "documents",
    "A file, or a part of one (a mail of a mailbox, a sheet).",
    ("document_id",),
    (
        Column("document_id", "text", "Hash of the path under which its file was first met"),
        Column("workshop_id", "text", "Workshop it belongs to"),
        Column("path", "text", "Path relative to depot/, `#part` for a mail or an attachment"),
        Column("sha256", "text", "Hash of the file's bytes"),
        Column("channel", "text", "How it was said or written down", values=CHANNELS),
        Column(
            "table_number", "int", "Table, where the whole document has one", nullable=True, low=0
        ),
        Column("title", "text", "Title, subject or file name without extension", nullable=True),
        Column(
            "read_by",
            "text",
            "`machine` where the text was read on a photo or a scan",
            nullable=True,
            values=("machine",),
        ),
        Column("n_chars", "int", "Length of the text", "code points", low=0),
        Column("text", "text", "The whole text in reading order"),
        Column(
            "first_path",
            "text",
            "Path under which its file was first met, where it was renamed or moved since",
            nullable=True,
        ),
    ),
)

BLOCKS = Table(
    "blocks",
    "A heading, paragraph, bullet, cell or run of cues as its author laid it out, with "
    "where it was said; holds no text.",
    ("document_id", "block_order"),
    (
        Column("document_id", "text", "Document it lies in"),
        Column("block_order", "int", "Reading order in the document", low=0),
        *_SPAN,
        Column(
            "kind",
            "text",
            "Layout; `meta` is never a passage (signature, header, list of participants)",
            values=BLOCK_KINDS,
        ),
        Column("level", "int", "Depth of a heading (1..6) or bullet (0..)", nullable=True, low=0),
        *_SAID_AT,
        Column(
            "speaker",
            "text",
            "Participant or role who speaks, where the document tells",
            nullable=True,
        ),
        Column(
            "reason",
            "text",
            "Why a `meta` block is no passage",
            nullable=True,
            values=tuple(ASIDES),
        ),
        _VOTES,
        _PROPOSED,
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
        Column(
            "structure_type", "text", "Type of the structure", nullable=True, values=STRUCTURE_TYPES
        ),
        Column("role", "text", "Role in the structure, as written", nullable=True),
        Column(
            "commune_code",
            "text",
            "INSEE code of the commune where it can be told, else its name as a slug",
            nullable=True,
        ),
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
        Column(
            "structure_type",
            "text",
            "Type, in the fiche's terms",
            nullable=True,
            values=STRUCTURE_TYPES,
        ),
        Column(
            "commune_code",
            "text",
            "INSEE code of the commune where it can be told, else its name as a slug",
            nullable=True,
        ),
        Column(
            "lat",
            "float",
            "Latitude on the map, else of its commune's town hall",
            "degrees, WGS 84",
            nullable=True,
            low=-90,
            high=90,
        ),
        Column(
            "lon",
            "float",
            "Longitude, likewise",
            "degrees, WGS 84",
            nullable=True,
            low=-180,
            high=180,
        ),
        Column("is_on_map", "bool", "Placed on a territory map"),
        Column(
            "map_workshop_ids", "json", "List of the workshops on whose map it is", nullable=True
        ),
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
        Column(
            "unit_id",
            "text",
            "Hash of the document's path, the text and its occurrence; not of its position",
        ),
        Column("document_id", "text", "Document it lies in"),
        Column("workshop_id", "text", "Workshop it was said at"),
        Column("unit_order", "int", "Reading order in the document", low=0),
        *_SPAN,
        Column("text", "text", "documents.text[start_char:end_char]"),
        *_SAID_AT,
        Column("speaker", "text", "Participant (pseudonym) or role", nullable=True),
        _VOTES,
        Column(
            "heading_path", "json", "List of the headings above, outermost first", nullable=True
        ),
        _PROPOSED,
    ),
)

LEDGER = Table(
    "ledger",
    "What became of each character of the documents, once each.",
    ("document_id", "start_char"),
    (
        Column("document_id", "text", "Document it lies in"),
        *_SPAN,
        Column("kind", "text", "What the characters are", values=LEDGER_KINDS),
        Column("reason", "text", "Why, in French; blank for a passage", nullable=True),
        Column(
            "unit_id",
            "text",
            "The passage; of a heading or another whole block, the id it would have as a passage",
            nullable=True,
        ),
    ),
)

RECEIPTS = Table(
    "receipts",
    "What became of each file of the depot, or part of one.",
    ("path",),
    (
        Column("path", "text", "Path relative to depot/, `#part` for a part"),
        Column("workshop_id", "text", "Workshop it belongs to"),
        Column("taken_for", "text", "What it was taken for, in French"),
        Column("n_words_in", "int", "Words read in the file", "words", low=0),
        Column("n_words_kept", "int", "Words of passages, or of lists and maps", "words", low=0),
        Column("n_units", "int", "Passages", "units", low=0),
        Column("n_with_table", "int", "Passages whose table is known", "units", low=0),
        Column("n_with_question", "int", "Passages whose question is known", "units", low=0),
        Column("n_with_speaker", "int", "Passages whose speaker is known", "units", low=0),
        Column("channel", "text", "Channel of most passages", nullable=True, values=CHANNELS),
        Column("left_out", "json", "[[column or part, reason, words], …] of what is no passage"),
        Column("warning", "text", "What to look at, in French", nullable=True),
    ),
)


TAGS = Table(
    "tags",
    "A code of the grid proposed for or put on a unit.",
    ("unit_id", "axis", "code", "source"),
    (
        Column("unit_id", "text", "Tagged unit"),
        Column("axis", "text", AXIS_MEANING),
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
    "A code that the second coder, a language model, put on a unit; units that it did "
    "not code have no row. Empty where none is set.",
    TAGS.key,
    TAGS.columns,
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
        Column("axis", "text", AXIS_MEANING),
        Column("code", "text", "Code of the grid, or `tous` for the whole axis"),
        Column(
            "n_units",
            "int",
            "Units that both coded; for postures, those with a rubrique by one of them",
            "units",
            low=0,
        ),
        Column("n_first", "int", "Times that the first put the code", "tags", low=0),
        Column("n_second", "int", "Times that the second put it", "tags", low=0),
        Column("n_both", "int", "Times that both put it on one unit", "tags", low=0),
        Column(
            "f1",
            "float",
            "F1 of one against the other; over an axis, micro-averaged",
            "0..1",
            nullable=True,
            low=0,
            high=1,
        ),
        Column(
            "f1_low",
            "float",
            "Lower bound of its 95 % interval, units resampled",
            "0..1",
            nullable=True,
        ),
        Column("f1_high", "float", "Upper bound", "0..1", nullable=True),
        Column("samples_f1", "float", "Mean F1 of the units, over an axis", "0..1", nullable=True),
        Column("macro_f1", "float", "Mean F1 of the codes, over an axis", "0..1", nullable=True),
        Column("kappa", "float", "Cohen's kappa", "at most 1", nullable=True),
        Column("kappa_low", "float", "Lower bound of its 95 % interval", nullable=True),
        Column("kappa_high", "float", "Upper bound", nullable=True),
        Column(
            "alpha",
            "float",
            "Krippendorff's alpha; over an axis of several codes, with the MASI distance",
            "at most 1",
            nullable=True,
        ),
        Column("alpha_low", "float", "Lower bound of its 95 % interval", nullable=True),
        Column("alpha_high", "float", "Upper bound", nullable=True),
    ),
)

REVIEW_QUEUE = Table(
    "review_queue",
    "The units that nobody coded whole yet, those most likely coded wrong first.",
    ("unit_id",),
    (
        Column("place", "int", "1 is to be read first", low=1),
        Column("unit_id", "text", "Unit to code"),
        Column(
            "reason",
            "text",
            "Why it stands there",
            values=("désaccord", "doute", "code rare", "témoin"),
        ),
        Column(
            "n_expected_errors",
            "float",
            "Codes expected to be wrong on it, of the axes of which a unit bears any "
            "number, such as rubriques and piliers",
            "codes",
            low=0,
        ),
    ),
)

DECISIONS = Table(
    "decisions",
    "What a person decided in review; append-only, replayed over the machine's tables.",
    ("decision_id",),
    (
        Column("decision_id", "int", "Order of decision", low=1),
        Column("decided_at", "text", "When", "ISO 8601, UTC"),
        Column("author", "text", "Who"),
        Column(
            "action",
            "text",
            "What",
            "a kind of pipeline/decisions",
        ),
        Column("unit_id", "text", "Unit concerned", nullable=True),
        Column("axis", "text", AXIS_MEANING, nullable=True),
        Column("code", "text", "Code concerned", nullable=True),
        Column("theme_id", "text", "Theme concerned, or family", nullable=True),
        Column(
            "value",
            "text",
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
        Column(
            "state",
            "text",
            "Whether the reviewed tables are as it wants them",
            values=("appliquée", "remplacée", "annulée", "à revoir", "sans objet"),
        ),
        Column("reason", "text", "Why it is not applied, in French", nullable=True),
        Column("document_id", "text", "Document of the passage decided on", nullable=True),
        Column("passage", "text", "What that passage said then", nullable=True),
        Column(
            "near_unit_id", "text", "Once it is gone, the nearest of its document", nullable=True
        ),
    ),
)

DECISION_GROUNDS = Table(
    "decision_grounds",
    "What a theme was when a person decided on it: the decision holds until a third of its "
    "units have left it, or its subject is another.",
    ("decision_id", "theme_id"),
    (
        Column("decision_id", "int", "Decision", low=1),
        Column("theme_id", "text", "Theme decided on, merged or moved into"),
        Column("unit_ids", "text", "Its units then, as the machine had put them", "JSON list"),
        Column("label", "text", "Its title then, as the machine had named it", nullable=True),
        Column("subject_id", "text", "Its subject of the catalogue then", nullable=True),
    ),
)
