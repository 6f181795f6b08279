"""The second coder, a language model that reads the same units as the local tagger where the study permits it and somebody agrees; how far
coders agree; and what people should read first.

Only pseudonymised units leave. Whatever happens to the server, the local tags stand; what was answered is kept and used.

What a language model proposes for the machine's themes, where the study permits it and somebody agrees; the machine's own stand beside.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from flows.cache import StageCache, StageRecord, Tables
from flows.consent import DONE, NOT_SENT, STOPPED
from flows.keys import coders_key
from flows.steps import task
from flows.workspace import Workspace
from models.language_model import LanguageModelTagger
from models.language_model.asking import AskingReport
from models.language_model.prompt import price_of, sample_units
from models.language_model.themes import VERSION, ThemeCard, ThemeReader
from pipeline.agreement import codings_of_people, machine_coding, measure_agreement, unnamed
from pipeline.counting import with_headings
from pipeline.decisions import active_decisions, read_decisions
from pipeline.decisions.tags import coded_units
from pipeline.decisions.themes import refused_merges
from pipeline.files import text_hash
from pipeline.settings.sections import LanguageModelSettings
from pipeline.tables.material import SECOND_TAGS
from pipeline.tables.results import THEME_PROPOSALS
from pipeline.tag import order_review, tag_units
from pipeline.text import without_numbers


@dataclass(frozen=True)
class SecondCoding:
    """The record of `second_tags`, the units that were coded, and what the manifest tells; no `summary` where no second coder is set."""

    record: StageRecord
    unit_ids: tuple[str, ...]
    summary: dict[str, Any] | None


@task(name="second")
def code_again(workspace: Workspace, processed: list[StageRecord]) -> SecondCoding:
    """Ask the second coder about what it has not coded yet, after consent, and gather all that it ever coded of these units."""
    study, cache = workspace.study, workspace.stages
    settings = study.settings.language_model
    if not settings.enabled:
        return SecondCoding(_kept(cache, SECOND_TAGS.empty()), (), None)
    tables = cache.gather(processed)
    units = with_headings(tables["units"], tables["documents"], tables["blocks"])
    tagger = LanguageModelTagger(study.grid, settings, cache=workspace.store)
    sample = sample_units(units, settings.max_units)
    estimate = tagger.estimate(sample)
    report, state = None, DONE
    if estimate.n_units and (not settings.confirm or workspace.approve(estimate)):
        workspace.tell("lecture par le second codeur", 0, estimate.n_units)
        report = tagger.ask(
            sample,
            on_progress=lambda done, total: workspace.tell(
                "lecture par le second codeur", done, total
            ),
        )
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
def agree_study(
    workspace: Workspace, processed: list[StageRecord], second: SecondCoding
) -> StageRecord:
    """Measure how far the machine, the second coder and the people who decided agree; the machine's tags are those before any decision."""
    study, cache = workspace.study, workspace.stages

    def compute() -> Tables:
        tables = cache.gather(processed)
        codings = [machine_coding(tables["tags"], list(tables["units"]["unit_id"]))]
        if second.unit_ids:
            second_tags = cache.load(second.record)["second_tags"]
            codings.append(
                machine_coding(second_tags, second.unit_ids, study.settings.language_model.model)
            )
        decisions = read_decisions(study.decisions.read())
        active, exclusive = active_decisions(decisions), study.grid.exclusive
        people = codings_of_people(tables["tags"], active, exclusive=exclusive)
        codings += unnamed(people, decisions)
        return {"agreement": measure_agreement(codings, study.grid)}

    return cache.run(
        "agree", coders_key("agree", study, processed, second.record, second.unit_ids), compute
    )


@task(name="order")
def order_study(
    workspace: Workspace, processed: list[StageRecord], second: SecondCoding
) -> StageRecord:
    """Order what nobody coded yet, what is most likely wrong first."""
    study, cache = workspace.study, workspace.stages

    def compute() -> Tables:
        tables = cache.gather(processed)
        active = active_decisions(study.decisions.read())
        second_tags = cache.load(second.record)["second_tags"]
        coded = coded_units(active, tables["tags"], exclusive=study.grid.exclusive)
        judged, axes = set().union(*coded.values()), study.grid.telling
        return {
            "review_queue": order_review(
                tables["units"], tables["tags"], second_tags=second_tags, judged=judged, axes=axes
            )
        }

    return cache.run(
        "order", coders_key("order", study, processed, second.record, second.unit_ids), compute
    )


def _kept(cache: StageCache, second_tags: pd.DataFrame) -> StageRecord:
    """Keep the table under its own content: what a server answers is no function of our inputs."""
    key = text_hash("second", second_tags.to_json(orient="split"))
    return cache.run("second", key, lambda: {"second_tags": second_tags})


def _told(report: AskingReport | None, settings: LanguageModelSettings) -> dict[str, Any]:
    """What this run's asking did; nothing where it did not ask."""
    if report is None:
        return {"report": None}
    return {
        "report": asdict(report)
        | {"price": price_of(report.tokens_in, report.tokens_out, settings)}
    }


_N_PASSAGES = 12  # of a theme, the most central


@dataclass(frozen=True)
class Proposals:
    """The record of `theme_proposals`, and what the manifest tells; no `summary` where no model is allowed."""

    record: StageRecord
    summary: dict[str, Any] | None


@task(name="propose")
def propose_themes(
    workspace: Workspace, processed: list[StageRecord], joined: StageRecord
) -> Proposals:
    """Ask about themes that the model has not read yet, after consent, and gather what it ever said of these themes."""
    study, cache = workspace.study, workspace.stages
    settings, found = study.settings.language_model, cache.load(joined)
    if not (settings.enabled and settings.themes) or found["themes"].empty:
        return Proposals(_theme_proposals_kept(cache, THEME_PROPOSALS.empty()), None)
    units = sample_units(cache.gather(processed)["units"], settings.max_units)
    shown = _passages(found["theme_members"], units)
    themes = found["themes"][found["themes"]["theme_id"].isin(shown)].sort_values("theme_id")
    cards = [_card(theme, shown[str(theme.theme_id)]) for theme in themes.itertuples()]
    reader = ThemeReader(settings, workspace.store)
    estimate = reader.estimate(cards)
    report, state = None, DONE
    if estimate.n_requests and (not settings.confirm or workspace.approve(estimate)):
        workspace.tell("lecture des thèmes par le modèle", 0, estimate.n_requests)
        report = reader.ask(
            cards,
            lambda done, total: workspace.tell("lecture des thèmes par le modèle", done, total),
        )
        state = STOPPED if report.stopped else DONE
    elif estimate.n_requests:
        state = NOT_SENT
    rows = _rows(
        reader,
        cards,
        [str(name) for name in themes["theme_id"]],
        shown,
        f"{settings.model}+themes{VERSION}",
    )
    refused = refused_merges(active_decisions(study.decisions.read()))
    rows = [
        row
        for row in rows
        if row["subject"] != "réunion" or {row["theme_id"], row["value"]} not in refused
    ]
    counts = {
        f"n_{name}": sum(row["subject"] == subject for row in rows)
        for name, subject in (("names", "nom"), ("mergers", "réunion"))
    }
    summary = {
        "state": state,
        "address": estimate.address,
        "model": settings.model,
        "n_themes": len(found["themes"]),
        **counts,
    }
    return Proposals(
        _theme_proposals_kept(cache, THEME_PROPOSALS.build(rows)),
        summary | _theme_proposals_told(report, settings),
    )


def _passages(members: pd.DataFrame, units: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The passages that may be sent of each theme, most central first."""
    placed = members.merge(units[["unit_id", "text"]], on="unit_id", validate="one_to_one")
    ranked = placed.sort_values(["strength", "unit_id"], ascending=[False, True])
    return {str(name): rows.head(_N_PASSAGES) for name, rows in ranked.groupby("theme_id")}


def _card(theme: Any, passages: pd.DataFrame) -> ThemeCard:
    return ThemeCard(
        theme.label,
        tuple(json.loads(theme.keywords)),
        tuple(without_numbers(str(text)) for text in passages["text"]),
    )


def _rows(
    reader: ThemeReader,
    cards: list[ThemeCard],
    theme_ids: list[str],
    shown: dict[str, pd.DataFrame],
    version: str,
) -> list[dict[str, Any]]:
    """What is proposed, by theme, then the mergers."""
    rows: list[dict[str, Any]] = []
    for theme_id, named in zip(theme_ids, reader.names(cards), strict=True):
        if named is not None:
            unit_ids = list(shown[theme_id]["unit_id"])
            quotes = json.dumps(
                [[unit_ids[place], quote] for place, quote in named.quotes], ensure_ascii=False
            )
            told = {"theme_id": theme_id, "quotes": quotes, "model_version": version}
            rows += [
                told | {"subject": "nom", "value": named.name},
                told | {"subject": "description", "value": named.description},
            ]
    for pair in reader.pairs(cards):
        told = {"theme_id": theme_ids[pair.first], "quotes": "[]", "model_version": version}
        rows.append(
            told
            | {"subject": "réunion", "value": theme_ids[pair.second]}
            | ({"reason": pair.reason} if pair.reason else {})
        )
    return rows


def _theme_proposals_kept(cache: StageCache, proposals: pd.DataFrame) -> StageRecord:
    """Keep the table under its own content: what a server answers is no function of our inputs."""
    key = text_hash("propose", proposals.to_json(orient="split"))
    return cache.run("propose", key, lambda: {"theme_proposals": proposals})


def _theme_proposals_told(
    report: AskingReport | None, settings: LanguageModelSettings
) -> dict[str, Any]:
    """What this run's asking did; nothing where it did not ask."""
    if report is None:
        return {"report": None}
    return {
        "report": asdict(report)
        | {"price": price_of(report.tokens_in, report.tokens_out, settings)}
    }
