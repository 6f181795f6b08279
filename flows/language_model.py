"""Ask a language model to code units and name or merge themes, with the study's consent.

Only pseudonymised units leave. If the server fails, local tags and themes stand, and earlier
answers are used.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.cache import Tables
from flows.execution import DONE, NOT_SENT, STOPPED, ServerAnswer
from models.language_model import LanguageModelTagger
from models.language_model.asking import AskingReport
from models.language_model.prompt import Estimate, price_of, sample_units
from models.language_model.themes import VERSION, ThemeCard, ThemeReader
from pipeline.agreement import codings_of_people, machine_coding, measure_agreement, unnamed
from pipeline.counting import with_headings
from pipeline.decisions import active_decisions, read_decisions
from pipeline.decisions.tags import coded_units
from pipeline.decisions.themes import refused_merges
from pipeline.tables.material import SECOND_TAGS
from pipeline.tables.results import THEME_PROPOSALS
from pipeline.tag import order_review, tag_units
from pipeline.text import without_numbers

if TYPE_CHECKING:
    from flows.workspace import Workspace

_N_PASSAGES = 12  # of a theme, the most central
_OF_CODES, _OF_THEMES = "lecture par le second codeur", "lecture des thèmes par le modèle"

OnProgress = Callable[[int, int], None]


def ask_second_coder(tables: Tables, workspace: "Workspace") -> ServerAnswer:
    """Ask about the units not coded yet; return all the second coder's codes."""
    study, settings = workspace.study, workspace.study.settings.language_model
    if not settings.enabled:
        return ServerAnswer({"second_tags": SECOND_TAGS.empty()})
    tagger, units = _second_coder(tables, workspace)
    sample = sample_units(units, settings.max_units)
    estimate = tagger.estimate(sample)

    def ask(on_progress: OnProgress) -> AskingReport:
        return tagger.ask(sample, on_progress=on_progress)

    asked = _asked(workspace, estimate, estimate.n_units, _OF_CODES, ask)
    coded = units[tagger.is_coded(units)]
    second_tags = tag_units(coded, tagger=tagger, grid=study.grid, settings=study.settings.tag)
    summary = {
        "state": asked.pop("state"),
        "address": tagger.address,
        "model": settings.model,
        "model_version": tagger.version_,
        "n_units": len(units),
        "n_chosen": len(sample),
        "n_coded": len(coded),
    }
    unit_ids = tuple(map(str, coded["unit_id"]))
    return ServerAnswer({"second_tags": second_tags}, unit_ids, summary | asked)


def measure_coders(tables: Tables, workspace: "Workspace") -> Tables:
    """Measure agreement between the machine alone, the second coder and people."""
    study, tags = workspace.study, tables["tags"]
    codings = [machine_coding(tags, list(tables["units"]["unit_id"]))]
    if unit_ids := _coded_ids(tables, workspace):
        model = study.settings.language_model.model
        codings.append(machine_coding(tables["second_tags"], unit_ids, model))
    decisions = read_decisions(study.decisions.read())
    active = active_decisions(decisions)
    people = codings_of_people(tags, active, exclusive=study.grid.exclusive)
    codings += unnamed(people, decisions)
    return {"agreement": measure_agreement(codings, study.grid)}


def order_units(tables: Tables, workspace: "Workspace") -> Tables:
    """Order the units that nobody coded, most likely wrong first."""
    grid = workspace.study.grid
    active = active_decisions(workspace.study.decisions.read())
    coded = coded_units(active, tables["tags"], exclusive=grid.exclusive)
    queue = order_review(
        tables["units"],
        tables["tags"],
        second_tags=tables["second_tags"],
        judged=set().union(*coded.values()),
        axes=grid.telling,
    )
    return {"review_queue": queue}


def coders_dependencies(workspace: "Workspace") -> tuple[str, ...]:
    """Return the second coder's model and the state of decisions."""
    study = workspace.study
    return study.settings.language_model.model, study.decisions.mark().sha256


def propose_themes(tables: Tables, workspace: "Workspace") -> ServerAnswer:
    """Ask about new themes; return all proposals for the present themes."""
    study, settings = workspace.study, workspace.study.settings.language_model
    if not (settings.enabled and settings.themes) or tables["themes"].empty:
        return ServerAnswer({"theme_proposals": THEME_PROPOSALS.empty()})
    units = sample_units(tables["units"], settings.max_units)
    passages = _central_passages(tables["theme_members"], units)
    themes = tables["themes"][tables["themes"]["theme_id"].isin(passages)].sort_values("theme_id")
    cards = {
        str(theme.theme_id): _card(theme, passages[str(theme.theme_id)])
        for theme in themes.itertuples()
    }
    reader = ThemeReader(settings, workspace.store)
    estimate = reader.estimate([*cards.values()])

    def ask(on_progress: OnProgress) -> AskingReport:
        return reader.ask([*cards.values()], on_progress)

    asked = _asked(workspace, estimate, estimate.n_requests, _OF_THEMES, ask)
    version = f"{settings.model}+themes{VERSION}"
    names = _names(reader, cards, passages, version)
    refused = refused_merges(active_decisions(study.decisions.read()))
    mergers = _mergers(reader, cards, refused, version)
    summary = {
        "state": asked.pop("state"),
        "address": estimate.address,
        "model": settings.model,
        "n_themes": len(tables["themes"]),
        "n_names": sum(row["subject"] == "nom" for row in names),
        "n_mergers": len(mergers),
    }
    proposals = THEME_PROPOSALS.build([*names, *mergers])
    return ServerAnswer({"theme_proposals": proposals}, (), summary | asked)


def _second_coder(
    tables: Tables, workspace: "Workspace"
) -> tuple[LanguageModelTagger, pd.DataFrame]:
    study = workspace.study
    settings = study.settings.language_model
    tagger = LanguageModelTagger(study.grid, settings, cache=workspace.store)
    return tagger, with_headings(tables["units"], tables["documents"], tables["blocks"])


def _coded_ids(tables: Tables, workspace: "Workspace") -> tuple[str, ...]:
    if not workspace.study.settings.language_model.enabled:
        return ()
    tagger, units = _second_coder(tables, workspace)
    return tuple(map(str, units.loc[tagger.is_coded(units), "unit_id"]))


def _asked(
    workspace: "Workspace",
    estimate: Estimate,
    n_new: int,
    what: str,
    ask: Callable[[OnProgress], AskingReport],
) -> dict[str, Any]:
    """Ask after consent if anything is new; return how it ended and what asking did."""
    settings = workspace.study.settings.language_model
    if n_new and settings.confirm and not workspace.approve(estimate):
        return {"state": NOT_SENT, "report": None}
    if not n_new:
        return {"state": DONE, "report": None}
    workspace.tell(what, 0, n_new)
    report = ask(lambda done, total: workspace.tell(what, done, total))
    state = STOPPED if report.stopped else DONE
    price = price_of(report.tokens_in, report.tokens_out, settings)
    return {"state": state, "report": asdict(report) | {"price": price}}


def _central_passages(members: pd.DataFrame, units: pd.DataFrame) -> dict[str, pd.DataFrame]:
    of_themes = members.merge(units[["unit_id", "text"]], on="unit_id", validate="one_to_one")
    ranked = of_themes.sort_values(["strength", "unit_id"], ascending=[False, True])
    return {str(name): rows.head(_N_PASSAGES) for name, rows in ranked.groupby("theme_id")}


def _card(theme: Any, passages: pd.DataFrame) -> ThemeCard:
    return ThemeCard(
        theme.label,
        tuple(json.loads(theme.keywords)),
        tuple(without_numbers(str(text)) for text in passages["text"]),
    )


def _names(
    reader: ThemeReader,
    cards: dict[str, ThemeCard],
    passages: dict[str, pd.DataFrame],
    version: str,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for theme_id, named in zip(cards, reader.names([*cards.values()]), strict=True):
        if named is not None:
            unit_ids = list(passages[theme_id]["unit_id"])
            quotes = [[unit_ids[i], quote] for i, quote in named.quotes]
            proposed = {
                "theme_id": theme_id,
                "quotes": json.dumps(quotes, ensure_ascii=False),
                "model_version": version,
            }
            rows += [
                proposed | {"subject": "nom", "value": named.name},
                proposed | {"subject": "description", "value": named.description},
            ]
    return rows


def _mergers(
    reader: ThemeReader, cards: dict[str, ThemeCard], refused: Any, version: str
) -> list[dict[str, Any]]:
    theme_ids = [*cards]
    rows = []
    for pair in reader.pairs([*cards.values()]):
        first, second = theme_ids[pair.first], theme_ids[pair.second]
        row = {
            "theme_id": first,
            "subject": "réunion",
            "value": second,
            "quotes": "[]",
            "model_version": version,
        }
        if {first, second} not in refused:
            rows.append(row | ({"reason": pair.reason} if pair.reason else {}))
    return rows
