"""One class per section of etude.toml, in its order, and `Settings`.

No password, key or passphrase is a setting, because people copy studies.
"""

import re
import zoneinfo
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.credentials import address_fault, database_fault, is_local, store_fault

_CRON = re.compile(
    r"[0-9*/,\-]+ +[0-9*/,\-]+ +[0-9*/,\-L]+ +[0-9A-Za-z*/,\-]+ +[0-9A-Za-z*/,\-#L]+"
)
_SCHEDULER = re.compile(r"(?:tcp|tls|ws|wss|ucx)://[^\s/@?#]+:\d+")
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


def _in_study(name: str, suffix: str) -> str:
    """Refuse a path that leaves the study's folder, and another kind of file."""
    path = PurePosixPath(name.replace("\\", "/"))
    leaves = path.is_absolute() or ".." in path.parts or ":" in name
    if name and (leaves or path.suffix.lower() != suffix):
        text = "le chemin d'un fichier {suffix}, depuis le dossier de l'étude"
        raise PydanticCustomError("template", text, {"suffix": suffix})
    return name


def _without(fault_of: Callable[[str], str | None]) -> AfterValidator:
    """Refuse what `fault_of` finds a fault in."""

    def check(url: str) -> str:
        if fault := fault_of(url):
            raise PydanticCustomError("address", "{fault}", {"fault": fault})
        return url

    return AfterValidator(check)


# Text leaves the machine encrypted or stays in the house.
Address = Annotated[str, _without(address_fault)]
OptionalAddress = Annotated[str, _without(lambda url: address_fault(url) if url else None)]
Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[int, Field(ge=1)]
Score = Annotated[int, Field(ge=50, le=100)]  # of rapidfuzz
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class Frozen(BaseModel):
    """A section that does not change once read, and refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StudySettings(Frozen):
    """[etude]: the study's name, who asks for it, and the people expected in the room."""

    title: str = "Ateliers territoires"
    commissioner: str = ""  # on the cover of the slides
    contact: str = ""  # a mail or a phone number, for participants
    territories: tuple[str, ...] = ()  # expected; proposed where a workshop is made
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
    # of the processor, not the clock
    max_seconds_per_file: Annotated[float, Field(gt=0, le=3600)] = 12.0
    # likewise, of a file that is read as pictures: about 5 s a photo or page
    max_seconds_per_scan: Annotated[float, Field(gt=0, le=3600)] = 180.0
    ocr: bool = True  # read photos and scans, where the extra « ocr » is installed
    max_memory_mb: Annotated[int, Field(ge=256)] = 1500  # peak of one child process
    # child processes, never more than fit in memory; 0: one per processor, up to four
    n_readers: Annotated[int, Field(ge=0, le=64)] = 0
    name_match: Score = 85  # score above which two names of structures are one
    # structures of a workshop's maps, and persons of its lists; more are left out
    max_listed: Annotated[int, Field(ge=100)] = 20_000
    # of a zone drawn on a map; a larger one gets fewer
    max_outline_points: Annotated[int, Field(ge=100, le=100_000)] = 5_000


class PseudonymiseSettings(Frozen):
    """[pseudonymise]: what counts as a person's name."""

    name_match: Score = 85  # score above which a word is a name of the attendance list
    keep: tuple[str, ...] = ()  # words never hidden, such as a structure named after a person
    hide: tuple[str, ...] = ()  # words always hidden, such as a nickname that no list holds


class VaultSettings(Frozen):
    """[vault]: how the vault is locked."""

    # of mode 600; relative to the study's folder; ATELIERS_VAULT_PASSPHRASE_FILE wins
    passphrase_file: str | None = None


class SegmentSettings(Frozen):
    """[segment]: where a passage ends."""

    min_words: Positive = 3  # a shorter clause joins its neighbour
    max_words: Annotated[int, Field(ge=10)] = 60  # a longer one is cut at the best clause boundary


class EmbedSettings(Frozen):
    """[embed]: which encoder turns passages into vectors, beside the shipped one."""

    backend: Literal["auto", "leger", "fort", "sentence-transformers", "url"] = "auto"
    model: str | None = None  # for the two optional back ends
    # https, or http to this machine or a private network; its key is in ATELIERS_EMBED_API_KEY
    url: OptionalAddress | None = None
    batch_size: Positive = 64


class TagSettings(Frozen):
    """[tag]: which tagger, and how sure it must be."""

    # "auto": the shipped or registered tagger if it fits this grid, else the definitions
    model: str = "auto"
    # added to every code's threshold
    threshold_shift: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0


class LanguageModelSettings(Frozen):
    """[language_model]: a second coder at an address; its key is in ATELIERS_LANGUAGE_MODEL_KEY."""

    enabled: bool = False  # False sends nothing
    # any server with OpenAI's /v1/chat/completions; Ollama's own by default
    url: Address = "http://127.0.0.1:11434/v1"
    model: str = ""
    themes: bool = True  # also propose names, descriptions and mergers of themes
    confirm: bool = True  # ask before sending; False is a standing consent
    # of a study; beyond, a sample that is the same in every run
    max_units: Positive = 5_000
    batch_size: Annotated[int, Field(ge=1, le=50)] = 10  # units per request
    n_parallel: Annotated[int, Field(ge=1, le=32)] = 2  # requests at a time
    # of a failed request, and of a unit whose answer is refused
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    # before the first retry, doubled each time; the server's Retry-After wins
    retry_wait_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    read_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 180.0
    seed: int = 0
    price_per_million_in: Annotated[float, Field(ge=0)] | None = None  # euros, tokens sent
    price_per_million_out: Annotated[float, Field(ge=0)] | None = None  # euros, tokens received
    # None takes the measures of earlier runs
    seconds_per_request: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _some_model(self) -> "LanguageModelSettings":
        if self.enabled and not self.model.strip():
            raise PydanticCustomError(
                "no_model", "un modèle nommé par « model », puisque « enabled » est vrai"
            )
        return self


class ClusterSettings(Frozen):
    """[cluster]: how fine themes are, and how their stability is measured."""

    seed: int = 0
    # different passages of the workshops below which a study gets no theme and no rank; 0: always
    least_units: Annotated[int, Field(ge=0)] = 60
    min_theme_size: Annotated[int, Field(ge=2)] = 4
    n_neighbours: Annotated[int, Field(ge=2)] = 12
    n_resamples: Annotated[int, Field(ge=2)] = 480
    resample_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    n_quotes: Positive = 5
    # that a unit is about its theme's subject: below, it is not counted, but to be checked
    least_probability: Annotated[float, Field(ge=0, le=1)] = 0.6
    # groupings made again to measure stability; under two, none
    n_repeats: Annotated[int, Field(ge=0)] = 10


class RankWeights(Frozen):
    """[rank.weights]: the weight of each criterion; any sum will do, and 0 leaves one out.

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
    """[rank]: how themes are ranked, and how their ranks are tested."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    weights: RankWeights = RankWeights()
    # Dirichlet concentration of the weights' draws: higher stays closer
    concentration: Annotated[float, Field(gt=0)] = 20.0


class CompareSettings(Frozen):
    """[compare]: how much material a verdict needs."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    min_tables: Positive = 3  # a territory with fewer tables gets no verdict
    # a theme or code with fewer units over all territories gets no verdict
    min_units: Positive = 3
    false_discovery_rate: Share = 0.05
    # passages of common talk added to each side before log-odds
    prior_units: Annotated[float, Field(gt=0)] = 20.0
    # passages whose words are used for planes and classes
    n_lexical_units: Annotated[int, Field(ge=100)] = 10_000
    n_lexical_classes: Annotated[int, Field(ge=2, le=20)] = 5


class PublishSettings(Frozen):
    """[publish]: how much of the results goes into the report."""

    n_priorities: Positive = 5
    n_quotes: Positive = 3
    # detailed in the report, most tables first; the others have a line each
    n_workshops: Positive = 12
    # rows of a long list on the page; the exports hold them all
    n_annex_rows: Positive = 300
    # a smaller count of people or structures present is hidden; 1 shows all
    least_count: Positive = 3
    # publications kept, the last ones; older ones go unless they are in use; blank: all are kept
    keep_publications: Positive | None = None
    # the study's own look, in its folder: a .pptx and a .docx; blank: ours
    slides_template: Annotated[str, AfterValidator(lambda name: _in_study(name, ".pptx"))] = ""
    report_template: Annotated[str, AfterValidator(lambda name: _in_study(name, ".docx"))] = ""

    @field_validator("least_count")
    @classmethod
    def _hides_something(cls, least_count: int) -> int:
        """« < 2 » would reveal 1."""
        if least_count == 2:
            raise PydanticCustomError(
                "least_count", "1 (tout est dit), ou 3 et plus : « < 2 » dirait 1"
            )
        return least_count


class ReviewSettings(Frozen):
    """[review]: where the review application is served and keeps its decisions."""

    # postgresql://host/name for a team; blank: SQLite files in the study
    database: Annotated[str, _without(database_fault)] = ""
    hosts: tuple[str, ...] = ()  # names for browsers, beside this machine's own
    https: bool = False  # a proxy in front serves https only
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12


class ExecutionSettings(Frozen):
    """[execution]: workers, storage, hours of `ateliers serve`; no result depends on them."""

    runner: Literal["here", "threads", "processes", "dask"] = "here"
    # threads, processes, or workers of a local Dask cluster; 0: one per processor
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    # of a scheduler; blank: a cluster on this machine; ATELIERS_DASK_ADDRESS wins
    dask_address: str = ""
    # passages given to a worker at a time
    batch_units: Annotated[int, Field(ge=1, le=100_000)] = 512
    # an address like s3://bucket/study; blank: tables/ in the study
    store: Annotated[str, _without(store_fault), AfterValidator(lambda at: at.rstrip("/"))] = ""
    # a longer table is written in parts
    partition_rows: Positive = 100_000

    nightly: str = "0 3 * * *"  # cron, in `timezone`; blank: never by the clock
    compare: str = "0 5 * * 1"
    timezone: str = "Europe/Paris"
    # files of depot/ unchanged for so long are copied whole
    settle_s: Annotated[float, Field(ge=0.1, le=3600)] = 30.0
    # a temporary file is waited for no longer
    open_file_minutes: Annotated[float, Field(ge=0, le=1440)] = 60.0
    timeout_minutes: Annotated[float, Field(gt=0, le=2880)] = 240.0  # of one attempt
    retries: Annotated[int, Field(ge=0, le=20)] = 6  # after a failure that can pass
    # before the first retry, doubled each time, an hour at most
    retry_wait_s: Annotated[float, Field(gt=0, le=3600)] = 60.0

    @field_validator("dask_address")
    @classmethod
    def _some_scheduler(cls, address: str) -> str:
        if address and not _SCHEDULER.fullmatch(address):
            raise PydanticCustomError(
                "scheduler", "une adresse comme tcp://serveur:8786 ou tls://serveur:8786"
            )
        return address

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


class NotifySettings(Frozen):
    """[notify]: who learns that a workshop is ready or failed, and whether participants do."""

    to: tuple[str, ...] = ()  # mail addresses; none: no mail
    sender: str = ""
    host: str = "localhost"
    port: Port = 587  # 465: encrypted from the first word
    starttls: bool = True
    user: str = ""
    # of mode 600; relative to the study's folder; ATELIERS_SMTP_PASSWORD_FILE wins
    password_file: str | None = None
    webhook: OptionalAddress = ""  # address that receives a JSON document; blank: none
    review_url: OptionalAddress = ""  # address of the review application in messages
    send_back: bool = False  # the sheets, to participants who left an address
    answer_to: str = ""  # where they answer; blank: the mailbox read, else `sender`

    @field_validator("to", "sender", "answer_to")
    @classmethod
    def _some_mail(cls, given: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for address in (given,) if isinstance(given, str) else given:
            if address and not _MAIL.fullmatch(address):
                raise PydanticCustomError("mail", "une adresse comme nom@exemple.fr")
        return given

    @model_validator(mode="after")
    def _whole_mail(self) -> "NotifySettings":
        if (self.to or self.send_back) and not self.sender:
            raise PydanticCustomError(
                "no_sender", "une adresse « sender », que « to » et « send_back » demandent"
            )
        if (self.to or self.send_back) and not (
            self.starttls or self.port == 465 or is_local(self.host)
        ):
            raise PydanticCustomError(
                "clear_mail",
                "starttls = true, sauf pour un serveur de cette machine ou d'un réseau privé",
            )
        return self


class MailSettings(Frozen):
    """[mail]: the IMAP mailbox, and the workshop of each mail."""

    host: str = ""  # blank: no mailbox
    port: Port = 993
    encryption: Literal["tls", "starttls", "none"] = "tls"  # "tls": from the first word
    user: str = ""
    # of mode 600; relative to the study's folder; ATELIERS_IMAP_PASSWORD_FILE wins
    password_file: str | None = None
    folder: str = "INBOX"  # the only one that is read; nothing in it is changed
    # between two readings by `ateliers serve`
    every_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0
    # folder of depot/ for a mail that names no workshop; blank: it waits on the server
    fallback: str = ""
    # folder of depot/ by an address, what follows its « + », or words of the subject
    workshops: dict[str, str] = Field(default_factory=dict)

    @field_validator("host")
    @classmethod
    def _bare_host(cls, host: str) -> str:
        if any(sign in host for sign in "/@ "):
            raise PydanticCustomError("host", "un nom de serveur, comme imap.exemple.fr")
        return host

    @field_validator("folder", "user")
    @classmethod
    def _one_line(cls, text: str) -> str:
        """Line ends would be commands of their own."""
        if not text.isprintable():
            raise PydanticCustomError("one_line", "un texte d'une ligne")
        return text

    @field_validator("fallback", "workshops")
    @classmethod
    def _folders_of_depot(cls, given: str | dict[str, str]) -> str | dict[str, str]:
        for folder in (given,) if isinstance(given, str) else given.values():
            if (
                folder.startswith(".")
                or any(sign in folder for sign in "/\\")
                or not folder.isprintable()
            ):
                raise PydanticCustomError("folder", "le nom d'un dossier de depot/")
        if not isinstance(given, str) and not all(
            key.strip() and folder.strip() for key, folder in given.items()
        ):
            raise PydanticCustomError(
                "workshops", "une adresse ou des mots, et le nom d'un dossier de depot/"
            )
        return given

    @model_validator(mode="after")
    def _safe_mailbox(self) -> "MailSettings":
        if self.host and not (self.user and self.folder):
            raise PydanticCustomError(
                "no_user",
                "un utilisateur « user » et un dossier « folder »,"
                " puisque « host » nomme un serveur",
            )
        if self.host and self.encryption == "none" and not is_local(self.host):
            raise PydanticCustomError(
                "clear_mailbox",
                'encryption = "tls", sauf pour un serveur de cette machine ou d\'un réseau privé',
            )
        return self


class Settings(Frozen):
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
    mail: MailSettings = MailSettings()
