"""Sections on what comes out: themes, priorities, comparison, report."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline.settings.base import Frozen, Share, Weight


class ClusterSettings(Frozen):
    """[cluster]: how fine themes are and how stability is measured."""

    seed: int = 0
    min_theme_size: Annotated[int, Field(ge=2)] = 4
    n_neighbours: Annotated[int, Field(ge=2)] = 12
    n_resamples: Annotated[int, Field(ge=2)] = 480
    resample_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    n_quotes: Annotated[int, Field(ge=1)] = 5
    n_repeats: Annotated[int, Field(ge=0)] = 20  # groupings made again to tell how alike they are; under two, none


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
    concentration: Annotated[float, Field(gt=0)] = 20.0  # Dirichlet concentration of the weights' draws: higher stays closer


class CompareSettings(Frozen):
    """[compare]: how much material a verdict needs."""

    seed: int = 0
    n_draws: Annotated[int, Field(ge=10)] = 500
    min_tables: Annotated[int, Field(ge=1)] = 3  # a territory with fewer tables gets no verdict
    min_units: Annotated[int, Field(ge=1)] = 3  # a theme or code with fewer units over all territories gets none
    false_discovery_rate: Share = 0.05
    prior_units: Annotated[float, Field(gt=0)] = 20.0  # passages of common talk lent to each side before log-odds are taken
    n_lexical_units: Annotated[int, Field(ge=100)] = 10_000  # passages whose words are read for planes and classes
    n_lexical_classes: Annotated[int, Field(ge=2, le=20)] = 5


class PublishSettings(Frozen):
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
