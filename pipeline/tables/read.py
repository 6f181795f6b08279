"""What was read in the depot: documents, who was in the room, the map, and the passages that documents were cut into."""

from pipeline.schema import Column, Table
from pipeline.tables.values import BLOCK_KINDS, CHANNELS, QUESTIONS, STRUCTURE_TYPES

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
        Column("document_id", "text", "Hash of the path under which its file was first met"),
        Column("workshop_id", "text", "Workshop it belongs to"),
        Column("path", "text", "Path relative to depot/, `#part` for a mail or an attachment"),
        Column("sha256", "text", "Hash of the file's bytes"),
        Column("channel", "text", "How it was said or written down", values=CHANNELS),
        Column("table_number", "int", "Table, where the whole document has one", nullable=True, low=0),
        Column("title", "text", "Title, subject or file name without extension", nullable=True),
        Column("n_chars", "int", "Length of the text", "code points", low=0),
        Column("text", "text", "The whole text in reading order"),
        Column("first_path", "text", "Path under which its file was first met, where it was renamed or moved since", nullable=True),
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
