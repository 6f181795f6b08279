"""Sections on what comes in: the study, its files, people's names, the vault, passages."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.base import Frozen


class StudySettings(Frozen):
    """[etude]: what the study is called and who is expected in the room."""

    title: str = "Ateliers territoires"
    expected_structure_types: tuple[str, ...] = (
        "coopérative",
        "association",
        "groupe d'acteurs",
        "entreprise sociale",
        "mouvement citoyen",
        "réseau d'accompagnement",
        "collectivité",
        "élu",
    )


class IngestSettings(Frozen):
    """[ingest]: limits that keep one file from hurting the run."""

    max_file_mb: Annotated[float, Field(gt=0, le=2000)] = 50.0
    max_seconds_per_file: Annotated[float, Field(gt=0, le=3600)] = 12.0  # of the processor, not by the clock
    max_memory_mb: Annotated[int, Field(ge=256)] = 1500  # of one child process at its peak
    n_readers: Annotated[int, Field(ge=0, le=64)] = 0  # child processes; 0: one a processor, up to four. Never more than fit in memory
    name_match: Annotated[int, Field(ge=50, le=100)] = 85  # rapidfuzz score over which two structure names are one
    max_listed: Annotated[int, Field(ge=100)] = 20_000  # structures of a workshop's maps, and persons of its lists; more are left out
    max_outline_points: Annotated[int, Field(ge=100, le=100_000)] = 5_000  # of a zone drawn on a map; a larger one is drawn by fewer


class PseudonymiseSettings(Frozen):
    """[pseudonymise]: what counts as a person's name."""

    name_match: Annotated[int, Field(ge=50, le=100)] = 85  # rapidfuzz score over which a word is a name of the attendance list
    keep: tuple[str, ...] = ()  # words never to be hidden, such as a structure named after a person
    hide: tuple[str, ...] = ()  # words always to be hidden, such as a nickname that no list holds


class VaultSettings(Frozen):
    """[vault]: how the vault is locked; the passphrase itself is never in etude.toml."""

    passphrase_file: str | None = None  # of mode 600; relative to the study's folder; ATELIERS_VAULT_PASSPHRASE_FILE wins


class SegmentSettings(Frozen):
    """[segment]: where a passage ends."""

    min_words: Annotated[int, Field(ge=1)] = 3  # a shorter clause joins its neighbour
    max_words: Annotated[int, Field(ge=10)] = 60  # a longer one is cut at the best clause boundary
