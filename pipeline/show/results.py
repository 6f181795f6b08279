"""Show a study's runs, status, comparison and figures."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.counting import circles_of, noun_of, why_no_theme
from pipeline.decisions import TO_REVIEW, VOID, active_decisions, idle_sentence
from pipeline.decisions.tags import coded_units
from pipeline.grid.codes import POSTURE
from pipeline.receipts import (
    are_unread,
    characters_sentence,
    receipt_line,
    shares_of_characters,
    told_first,
)
from pipeline.show.asking import questions_to_ask, show_questions
from pipeline.show.writing import line, told, write_json, write_table
from pipeline.tables.schema import GAP_STATES, LEAD, REACHES, VERDICTS
from pipeline.text import Count, counted, study_counts
from pipeline.versions import versions

if TYPE_CHECKING:
    from flows.publication import Publication
    from flows.run import Outcome
    from pipeline.study import Study

PSEUDONYMOUS = (
    "Pseudonymisé, pas anonyme : ce sont encore des données personnelles. La clé est dans vault/ ;"
    " ne publier ni vault/ ni les tables."
)
_SHOWN_RECEIPTS, _SHOWN_REJECTS, _SHOWN_CONTRASTS = 20, 10, 8
_, _CONFIRMED, _REFUSED = GAP_STATES
_NO_THEME = "aucun thème, avec la matière présente"


def created(study: "Study") -> None:
    """Say where the new study is and what to do next."""
    line(f"Étude créée dans {study.root}.")
    line(f"Y déposer un dossier par atelier dans {study.depot}, puis : ateliers run {study.root}")


def outcome(study: "Study", outcome: "Outcome", *, as_json: bool) -> None:
    """Show a run's outcome."""
    manifest = outcome.manifest
    told(outcome.lines)
    if as_json:
        write_json(manifest)
        return
    if not outcome.is_new:
        line("Rien de nouveau depuis le dernier traitement.")
    rejects = _told_rejects(study.read_table("rejects"), study.read_table("receipts"))
    line(f"{study_counts(manifest['n_rows'])} ; {_unread_sentence(rejects)}.")
    if outcome.is_new:
        _receipts(told_first(study.read_table("receipts")))
    _rejects(rejects)
    _to_read_again(manifest.get("n_passing"))
    _first_priorities(study)
    if manifest.get("is_renumbered") and outcome.is_new:
        line(
            "Le coffre vient d'une version antérieure : les personnes ont été renumérotées,"
            " une fois pour toutes."
        )
    _idle_decisions(study)
    _models(study, manifest)
    line(f"Rapport : {study.root / manifest['publication'] / 'rapport.html'}")
    line(PSEUDONYMOUS)


def _receipts(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a line a file, those to look at first."""
    for row in rows[:_SHOWN_RECEIPTS]:
        line(f"  lu : {row['path']} : {receipt_line(row)}")
    if len(rows) > _SHOWN_RECEIPTS:
        n = Count(len(rows) - _SHOWN_RECEIPTS)
        line(f"  … et {n:autre fichier lu|autres fichiers lus} : annexe technique du rapport")


def _first_priorities(study: "Study") -> None:
    if why := _why_no_theme(study):
        line(why)
    themes = study.read_table("themes").set_index("theme_id")
    named = themes["label"] + themes["statement"].map(" : {}".format, na_action="ignore").fillna("")
    ranked = study.read_table("priorities")
    first = ranked[ranked["scope"] == "study"].sort_values("rank")
    first = first.head(study.settings.publish.n_priorities)
    if len(first):
        line("Premières priorités candidates :")
    for rank, theme_id in zip(first["rank"], first["theme_id"], strict=True):
        line(f"  {rank}. {named[theme_id]}")


def _why_no_theme(study: "Study") -> str | None:
    least_units = study.settings.cluster.least_units
    return why_no_theme(
        study.read_table("units"), study.read_table("themes"), least_units=least_units
    )


def _told_rejects(rejects: pd.DataFrame, receipts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rejects as rows, those of files or parts that were not read first."""
    is_unread = are_unread(rejects["path"], receipts["path"])
    told = rejects.assign(is_unread=is_unread)
    told = told.sort_values("is_unread", ascending=False, kind="stable")
    return [{str(name): value for name, value in row.items()} for row in told.to_dict("records")]


def _unread_sentence(rejects: Sequence[Mapping[str, Any]]) -> str:
    n = Count(len({row["path"] for row in rejects if row["is_unread"]}))
    return f"{n:fichier ou partie non lu|fichiers ou parties non lus}"


def _rejects(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows[:_SHOWN_REJECTS]:
        what = "non lu" if row["is_unread"] else "lu, à savoir"
        line("  {what} : {path} : {reason} → {advice}".format(what=what, **row))
    if len(rows) > _SHOWN_REJECTS:
        n = Count(len(rows) - _SHOWN_REJECTS)
        line(f"  … et {n:autre|autres} : ateliers export --format csv")


def _to_read_again(n: int | None) -> None:
    if n:
        why = "(fichier absent ou changé pendant la lecture, machine trop occupée)"
        line(f"Lectures à reprendre au prochain traitement {why} : {n}")


def _idle_decisions(study: "Study") -> None:
    text = idle_sentence(study.read_table("decision_effects"), study.root)
    if text:
        line(text)


def _models(study: "Study", facts: Mapping[str, Any]) -> None:
    tell_second_coder(study, facts.get("second_coder"))
    tell_proposals(study, facts.get("theme_proposals"))
    n = facts.get("n_doubts")
    if n is None:
        line(
            "Cas douteux de pseudonymisation : coffre chiffré, donner sa phrase de passe pour les"
            " compter."
        )
    elif n:
        how = f"ateliers export {study.root} --format doutes -o doutes.csv"
        line(f"Cas douteux de pseudonymisation à revoir : {n} ({how})")


def tell_second_coder(study: "Study", coder: Mapping[str, Any] | None) -> None:
    """Write a line on the second coder, if any."""
    if coder:
        report, n = coder["report"] or {}, Count(coder["n_coded"])
        counts = "Second codeur {model} ({address}) : {n:passage codé|passages codés} sur {n_units}"
        done = "."
        if report:
            done = f" ; {report['n_asked'] - report['n_coded']} sans réponse utilisable."
        instead = "les étiquettes locales valent seules"
        _tell_asked(study, coder, counts.format(**coder, n=n), instead, done)


def tell_proposals(study: "Study", asked: Mapping[str, Any] | None) -> None:
    """Write a line on the proposed themes, if allowed."""
    if asked:
        counts = (
            "Thèmes relus par {model} ({address}) : {names:nom proposé|noms proposés} sur"
            " {themes:thème|thèmes}, {mergers:réunion|réunions}"
        )
        keys = ("names", "themes", "mergers")
        text = counts.format(**asked, **{key: Count(asked[f"n_{key}"]) for key in keys})
        done = " (table theme_proposals) ; ceux de la machine restent en place."
        _tell_asked(study, asked, text, "les noms de la machine valent seuls", done)


def _tell_asked(
    study: "Study", asked: Mapping[str, Any], counts: str, instead: str, done: str
) -> None:
    if asked["state"] == "stopped":
        why = f"arrêté ({asked['report']['stopped']}), {instead} pour le reste"
        line(f"{counts} ; {why} ; reprendre : ateliers run {study.root}")
    elif asked["state"] == "not_sent":
        line(f"{counts} ; rien n'a été envoyé, faute d'accord : ateliers run {study.root} --yes")
    else:
        line(counts + done)


def published(
    study: "Study", run_outcome: "Outcome", publication: "Publication", *, as_json: bool
) -> None:
    """Show what changed since the last publication, and where the new one is."""
    if as_json:
        more = {"files": publication.files, "changes": publication.changes}
        write_json(run_outcome.manifest | more)
        return
    outcome(study, run_outcome, as_json=False)
    for change in publication.changes:
        line(change)
    n = Count(len(publication.files))
    files = f"{n:fichier, listé|fichiers, listés} dans manifeste.json"
    line(f"Publication : {publication.folder} ({files})")
    if n_gone := Count(publication.n_let_go):
        gone = "ancienne publication laissée partir|anciennes publications laissées partir"
        line(f"{n_gone:{gone}} ; noté dans .review/publications-parties.json")


def status(study: "Study", facts: dict[str, Any], *, as_json: bool) -> None:
    """Show the counts of `study_status`."""
    if as_json:
        write_json(facts)
        return
    line(f"Dernier traitement : {facts['last_run'] or 'jamais'}")
    if facts["is_other_version"]:
        line(
            "Il vient d'une autre version du programme : ateliers run le refait, et garde les"
            " décisions."
        )
    columns = {
        "Territoire": "territory",
        "Date": "date",
        "Documents": "n_documents",
        "Passages": "n_units",
        "sans table": "n_units_without_table",
        "sans question": "n_units_without_question",
    }
    rows = ([workshop[key] for key in columns.values()] for workshop in facts["workshops"])
    write_table(columns, rows)
    if facts["shares_of_characters"]:
        line(characters_sentence(facts["shares_of_characters"]))
    _receipts([row for row in facts["receipts"] if isinstance(row["warning"], str)])
    if n_machine := facts["n_documents_read_by_machine"]:
        line(
            f"{Count(n_machine):document lu|documents lus} par machine, sur des photos ou des scans"
            f" ({Count(facts['n_units_read_by_machine']):passage|passages}) : à relire"
        )
    show_questions(facts["questions_to_ask"])
    if facts["why_no_theme"]:
        line(facts["why_no_theme"])
    else:
        line(f"Passages hors thème : {facts['n_units_in_no_theme']}")
    n_waiting, n_decisions = facts["n_units_awaiting_review"], facts["n_decisions"]
    line(f"Passages à relire : {n_waiting} ; décisions en vigueur : {n_decisions}")
    _idle_decisions(study)
    if facts["late_effect"]:
        line(facts["late_effect"])
    line(f"{_unread_sentence(facts['rejects'])}.")
    _rejects(facts["rejects"])
    _to_read_again(facts["n_passing"])
    _models(study, facts)
    n_mails = facts["n_mails_waiting"]
    if n_mails:
        line(f"Mails qui attendent sur le serveur : {n_mails} (ateliers fetch-mail {study.root})")
    if facts["publication"]:
        line(f"Rapport : {study.root / facts['publication'] / 'rapport.html'}")
    line(PSEUDONYMOUS)


def study_status(
    tables: dict[str, pd.DataFrame],
    last_run: dict[str, Any] | None,
    decisions: pd.DataFrame,
    *,
    machine_tags: pd.DataFrame | None = None,
    exclusive: Collection[str] = (POSTURE,),
    least_units: int = 0,
) -> dict[str, Any]:
    """Return the counts of `ateliers status`, zeros before the first run.

    A unit awaits review until somebody has coded it whole. `machine_tags` are those before any
    decision, by default those of `tables`; `exclusive` axes allow one code a unit. A study of fewer
    than `least_units` passages has no themes.
    """
    units, run, effects = tables["units"], last_run or {}, tables["decision_effects"]["state"]
    proposed = tables["tags"] if machine_tags is None else machine_tags
    active = active_decisions(decisions)
    coded = coded_units(active, proposed, exclusive=exclusive)
    checks = tables["rank_checks"]
    late = checks.loc[(checks["scope"] == "study") & (checks["check"] == "a_distance"), "sentence"]
    is_other_version = bool(run) and run.get("versions", {}).get("code") != versions()["code"]
    return {
        "last_run": run.get("ended_at"),
        "is_other_version": is_other_version,
        "publication": run.get("publication"),
        "n_passing": run.get("n_passing", 0),
        "second_coder": run.get("second_coder"),
        "theme_proposals": run.get("theme_proposals"),
        "workshops": [_workshop_status(row, tables) for row in tables["workshops"].itertuples()],
        **_read_by_machine(tables),
        "shares_of_characters": shares_of_characters(tables["ledger"]),
        "receipts": told_first(tables["receipts"]),
        "questions_to_ask": questions_to_ask(tables),
        "n_rows": {name: len(rows) for name, rows in tables.items()},
        "why_no_theme": why_no_theme(units, tables["themes"], least_units=least_units)
        if last_run
        else None,
        "n_units_in_no_theme": len(units) - len(tables["theme_members"]),
        "n_units_awaiting_review": len(set(units["unit_id"]).difference(*coded.values())),
        "n_decisions": len(active),
        "n_decisions_to_review": int((effects == TO_REVIEW).sum()),
        "n_decisions_without_object": int((effects == VOID).sum()),
        "late_effect": next(iter(late), None),
        "rejects": _told_rejects(tables["rejects"], tables["receipts"]),
    }


def _read_by_machine(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    documents, units = tables["documents"], tables["units"]
    own = documents.loc[documents["read_by"] == "machine", "document_id"]
    return {
        "n_documents_read_by_machine": len(own),
        "n_units_read_by_machine": int(units["document_id"].isin(own).sum()),
    }


def _workshop_status(row: Any, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    units, documents = tables["units"], tables["documents"]
    units = units[units["workshop_id"] == row.workshop_id]
    return {
        "territory": row.territory,
        "date": row.date if isinstance(row.date, str) else None,
        "folder": row.folder,
        "n_documents": int((documents["workshop_id"] == row.workshop_id).sum()),
        "n_units": len(units),
        "n_units_without_table": int(units["table_number"].isna().sum()),
        "n_units_without_question": int(units["question"].isna().sum()),
    }


def comparison(
    study: "Study", compared: dict[str, pd.DataFrame], themes: pd.DataFrame, *, as_json: bool
) -> None:
    """Show the comparison of territories."""
    if as_json:
        write_json({name: rows.to_dict("records") for name, rows in compared.items()})
        return
    labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
    reach, contrasts = compared["theme_reach"], compared["contrasts"]
    leads = contrasts[contrasts["is_lead"] & (contrasts["subject"] == "theme")]
    more_in = {
        theme_id: f" (peut-être davantage : {', '.join(rows['territory'])})"
        for theme_id, rows in leads.sort_values("territory").groupby("subject_id")
    }
    if why := _why_no_theme(study):
        line(why)
    else:
        shared = reach.loc[reach["reach"] == REACHES[0], "theme_id"]
        names = [labels.get(one, one) + more_in.get(one, "") for one in shared]
        line(f"{REACHES[0]} : {' ; '.join(names) or _NO_THEME}")
        own = reach[reach["reach"] == REACHES[1]].sort_values(["only_in", "theme_id"])
        line(f"{REACHES[1]} :{'' if len(own) else f' {_NO_THEME}'}")
        for row in own.itertuples():
            line(
                f"  {row.only_in} : {labels.get(str(row.theme_id), row.theme_id)} ({row.rests_on})"
            )
    _contrasts(study, contrasts, labels)
    states = compared["gaps"]["state"]
    n_confirmed = int((states == _CONFIRMED).sum())
    confirmed = f", dont confirmés : {n_confirmed}" if n_confirmed else ""
    line(f"\nBesoins sans réponse connue : {(states != _REFUSED).sum()}{confirmed}")
    line(f"Défauts de la carte : {len(compared['map_problems'])}")
    folder = study.root / "exports" / "comparaison"
    line(f"Tableaux, graphiques, carte et rapport : {folder}")


def _contrasts(study: "Study", rows: pd.DataFrame, labels: Mapping[str, str]) -> None:
    noun = noun_of(
        circles_of(study.read_table("units"), study.read_table("workshops")).kinds.values()
    )
    for territory, here in rows.groupby("territory", sort=True):
        line(f"\n{territory}")
        marked = here[here["verdict"].isin(VERDICTS[:2])]
        order = marked["specificity"].abs().sort_values(ascending=False, kind="stable").index
        marked = marked.reindex(order).head(_SHOWN_CONTRASTS)
        if marked.empty:
            line("  rien de plus ni de moins présent qu'ailleurs, avec ce qu'il y a de matière")
        leads = here[here["is_lead"] & (here["subject"] == "theme")].assign(verdict=LEAD)
        for row in chain(marked.itertuples(), leads.itertuples()):
            subject = str(row.subject_id)
            name = labels.get(subject) or study.grid.label_of(subject.partition(":")[2])
            passages = counted(int(str(row.n_units)), "passage")
            tables = noun.count(int(str(row.n_tables)))
            line(f"  {row.verdict} : {name} ({passages}, {tables})")


def figures(measured: dict[str, Any], *, as_json: bool) -> None:
    """Show measured figures, one a line."""
    if as_json:
        write_json(measured)
        return
    for name, value in _flattened(measured):
        line(f"{name:<40} {value}")


def _flattened(figures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def trained(refit: dict[str, Any], *, as_json: bool) -> None:
    """Show the refit tagger's figures, and which tagger is in use."""
    if as_json:
        write_json(refit)
        return
    before, after = refit["before"], refit["after"]
    rows = [(name, before.get(name, ""), after[name]) for name in after if name != "n_units"]
    write_table(("", "avant", "après"), rows)
    for note in refit["notes"]:
        line(note)
    result = f"pas mieux qu'avant, l'étiqueteur en place reste ({refit['file']} mis de côté)."
    if refit["is_registered"]:
        result = f"{refit['file']} enregistré, employé au prochain traitement."
    line(f"{Count(refit['n_units']):passage étiqueté|passages étiquetés} : {result}")
