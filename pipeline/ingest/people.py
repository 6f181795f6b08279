"""Who was met in a workshop's files, before pseudonymisation: raw personal data, for the vault only, never written to tables/.

In:   names and mail addresses from the attendance list, the manifest, mail headers and transcripts
Out:  people   one row a person, in the order met
"""

from pipeline.schema import Column, Table

ORIGINS = ("attendance", "manifest", "mail", "transcript")

PEOPLE = Table(
    "people",
    "A person met in a workshop's files; never leaves memory but for the vault.",
    ("participant_id",),
    (
        Column("participant_id", "text", "Provisional: workshop_id, `-p` and the order met; pseudonymise maps it to the vault's"),
        Column("workshop_id", "text", "Workshop whose files name the person"),
        Column("full_name", "text", "First and last name, or what is known of them", nullable=True),
        Column("first_name", "text", "First name", nullable=True),
        Column("last_name", "text", "Last name", nullable=True),
        Column("email", "text", "Mail address", nullable=True),
        Column("phone", "text", "Telephone, as written", nullable=True),
        Column("origin", "text", "Where the person was met first", values=ORIGINS),
    ),
)
