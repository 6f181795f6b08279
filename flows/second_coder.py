"""The second coder, a language model that reads the same units as the local tagger where the study permits it and somebody agrees; how far
coders agree; and what people should read first.

Only pseudonymised units leave. Whatever happens to the server, the local tags stand; what was answered is kept and used.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from flows.cache import StageCache, StageRecord, Tables, gather_tables
from flows.consent import DONE, NOT_SENT, STOPPED, is_approved
from flows.keys import coders_key
from flows.progress import tell
from flows.steps import task
from models.language_model import LanguageModelTagger, Report, price_of, sample_units
from pipeline.agreement import codings_of_people, machine_coding, measure_agreement, unnamed
from pipeline.headings import with_headings
from pipeline.review_order import order_review
from pipeline.settings import LanguageModelSettings
from pipeline.standing import coded_units
from pipeline.study import Study, text_hash
from pipeline.tables import SECOND_TAGS
from pipeline.tag import tag_units


@dataclass(frozen=True)
class SecondCoding:
    """The record of `second_tags`, the units that were coded, and what the manifest tells; no `summary` where no second coder is set."""

    record: StageRecord
    unit_ids: tuple[str, ...]
    summary: dict[str, Any] | None


@task(name="second")
def code_again(root: Path, processed: list[StageRecord]) -> SecondCoding:
    """Ask the second coder about what it has not coded yet, after consent, and gather all that it ever coded of these units."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)
    settings = study.settings.language_model
    if not settings.enabled:
        return SecondCoding(_kept(cache, SECOND_TAGS.empty()), (), None)
    tables = gather_tables(cache, processed)
    units = with_headings(tables["units"], tables["documents"], tables["blocks"])
    tagger = LanguageModelTagger(study.grid, settings, cache=study.cache / "language_model")
    sample = sample_units(units, settings.max_units)
    estimate = tagger.estimate(sample)
    report, state = None, DONE
    if estimate.n_units and (not settings.confirm or is_approved(estimate)):
        tell("lecture par le second codeur", 0, estimate.n_units)
        report = tagger.ask(sample, on_progress=lambda done, total: tell("lecture par le second codeur", done, total))
        state = STOPPED if report.stopped else DONE
    elif estimate.n_units:
        state = NOT_SENT
    coded = units[tagger.is_coded(units)]
    second_tags = tag_units(coded, tagger=tagger, grid=study.grid, settings=study.settings.tag)
    summary = {
        "state": state,
        "address": tagger.address,
        "model": settings.model,
        "model_version": tagger.version_,
        "n_units": len(units),
        "n_chosen": len(sample),
        "n_coded": len(coded),
        **_told(report, settings),
    }
    return SecondCoding(_kept(cache, second_tags), tuple(map(str, coded["unit_id"])), summary)


@task(name="agree")
def agree_study(root: Path, processed: list[StageRecord], second: SecondCoding) -> StageRecord:
    """Measure how far the machine, the second coder and the people who decided agree; the machine's tags are those before any decision."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)

    def compute() -> Tables:
        tables = gather_tables(cache, processed)
        codings = [machine_coding(tables["tags"], list(tables["units"]["unit_id"]))]
        if second.unit_ids:
            second_tags = cache.load(second.record)["second_tags"]
            codings.append(machine_coding(second_tags, second.unit_ids, study.settings.language_model.model))
        decisions = study.decisions.read()
        codings += unnamed(codings_of_people(tables["tags"], decisions, exclusive=study.grid.exclusive), decisions)
        return {"agreement": measure_agreement(codings, study.grid)}

    return cache.run("agree", coders_key("agree", study, processed, second.record, second.unit_ids), compute)


@task(name="order")
def order_study(root: Path, processed: list[StageRecord], second: SecondCoding) -> StageRecord:
    """Order what nobody coded yet, what is most likely wrong first."""
    study, cache = Study.open(root), StageCache(Study.open(root).cache)

    def compute() -> Tables:
        tables, decisions = gather_tables(cache, processed), study.decisions.read()
        second_tags = cache.load(second.record)["second_tags"]
        coded = coded_units(decisions, tables["tags"], exclusive=study.grid.exclusive)
        judged, axes = set().union(*coded.values()), study.grid.telling
        return {"review_queue": order_review(tables["units"], tables["tags"], second_tags=second_tags, judged=judged, axes=axes)}

    return cache.run("order", coders_key("order", study, processed, second.record, second.unit_ids), compute)


def _kept(cache: StageCache, second_tags: pd.DataFrame) -> StageRecord:
    """Keep the table under its own content: what a server answers is no function of our inputs."""
    key = text_hash("second", second_tags.to_json(orient="split"))
    return cache.run("second", key, lambda: {"second_tags": second_tags})


def _told(report: Report | None, settings: LanguageModelSettings) -> dict[str, Any]:
    """What this run's asking did; nothing where it did not ask."""
    if report is None:
        return {"report": None}
    return {"report": asdict(report) | {"price": price_of(report.tokens_in, report.tokens_out, settings)}}
