"""Threads, processes and Dask give the same results in the same order as this process alone, a few batches at a time; and never hang."""

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import flows.runners as runners
from flows.run import run_study
from flows.runners import (
    ProcessRunner,
    SharingRunner,
    ThreadRunner,
    batched,
    make_runner,
    on_dask,
    work,
)
from flows.runners.on_dask import DaskRunner
from flows.runners.work import opened
from models.embedder import Encoders, LentVectors, load_engine
from models.reading import read_texts
from models.registry import labelled_rows, load_tagger
from models.theme_model import ThemeModel
from models.theme_model.communities import CommunityClusters, measure_agreement
from pipeline import parallel
from pipeline.cluster import cluster_units
from pipeline.errors import (
    AteliersError,
    MissingExtraError,
    ModelError,
    RunnerError,
    SettingsError,
    VaultError,
)
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.settings import load_settings
from pipeline.settings.sections import (
    ClusterSettings,
    EmbedSettings,
    ExecutionSettings,
    TagSettings,
)
from pipeline.store import Store
from pipeline.study import Study
from pipeline.tables.material import TAGS
from pipeline.tag import tag_each, tag_units
from support import worked
from support.encoders import forget_encoders
from support.studies import table_bytes

ROOT = Path(__file__).parent.parent
needs_dask = pytest.mark.skipif(
    on_dask.importlib.util.find_spec("distributed") is None,
    reason="dask n'est pas installé (extra dask)",
)
KINDS = ["threads", "processes", pytest.param("dask", marks=needs_dask)]
GRAINS = [[number, number + 1] for number in range(0, 40, 2)]


SAID = [
    "la piscine ferme deux jours",
    "plus de train le soir",
    "une crèche aux horaires larges",
    "le cinéma du bourg",
    "un four à pain",
]


@contextmanager
def started(kind: str, workers: int = 2, batch_units: int = 3) -> Iterator[SharingRunner]:
    runner = make_runner(ExecutionSettings(runner=kind, workers=workers, batch_units=batch_units))
    assert isinstance(runner, SharingRunner)
    try:
        yield runner
    finally:
        runner.close()


@pytest.fixture(scope="module", params=KINDS)
def runner(request: pytest.FixtureRequest) -> Iterator[SharingRunner]:
    """Two workers of each kind, started once for all tests of this file."""
    with started(request.param) as made:
        yield made


# --- one map -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_results_come_in_the_order_of_the_grains(runner):
    assert list(runner.spread(worked.double, GRAINS)) == [worked.double(grain) for grain in GRAINS]


def test_no_more_batches_are_out_than_promised(runner):
    taken = 0

    def grains() -> Iterator[list[int]]:
        nonlocal taken
        for grain in GRAINS:
            taken += 1
            yield grain

    per_batch = 2
    for given, _ in enumerate(runner.spread(worked.double, grains())):
        batches_given = given // per_batch
        assert taken <= per_batch * (batches_given + runner.most_in_flight + 1)
    assert taken == len(GRAINS)


def test_our_own_error_in_a_worker_is_the_same_here(runner):
    with pytest.raises(
        ModelError, match="un vecteur ; attendu : 256 vecteurs ; à faire : recalculer"
    ):
        list(runner.spread(worked.refuse, [*GRAINS, [7, 8]]))
    assert list(runner.spread(worked.double, GRAINS)) == [worked.double(grain) for grain in GRAINS]


def test_a_defect_in_a_worker_is_one_line_without_the_words_that_it_quotes(runner):
    with pytest.raises(RunnerError, match="ValueError") as told:
        list(runner.spread(worked.stumble, [*GRAINS, [7, 8]]))
    assert worked.SECRET not in str(told.value) and "\n" not in str(told.value)


def test_a_worker_that_is_killed_leaves_its_batch_to_another(runner, tmp_path):
    if not runner.is_apart:
        pytest.skip("a thread cannot be killed alone")
    numbers = [(tmp_path / "morte", number) for number in range(8)]
    assert list(runner.spread(worked.die_once, numbers)) == [2 * number for number in range(8)]
    assert (tmp_path / "morte").exists()


@pytest.mark.slow
def test_a_batch_that_kills_every_worker_ends_in_one_line(runner, tmp_path):
    if not runner.is_apart:
        pytest.skip("a thread cannot be killed alone")
    with pytest.raises(RunnerError, match="arrêtés 3 fois"):
        list(runner.spread(worked.die, [(tmp_path, number) for number in range(8)]))
    assert list(runner.spread(worked.double, GRAINS)) == [worked.double(grain) for grain in GRAINS]


@pytest.mark.parametrize("grains", [[], [[1]], [[1], [2]]])
def test_one_batch_starts_no_worker(grains):
    for runner in (ThreadRunner(2, 10), ProcessRunner(2, 10)):
        assert list(runner.spread(worked.double, grains)) == [
            worked.double(grain) for grain in grains
        ]
    assert runner.pool is None


@pytest.mark.parametrize(
    ("lengths", "batch_units", "batches"),
    [([2, 2, 2], 3, [2, 1]), ([5, 1, 1], 3, [1, 2]), ([1, 1], 9, [2]), ([], 3, [])],
)
def test_batches_hold_whole_grains(lengths, batch_units, batches):
    found = list(batched(([0] * length for length in lengths), batch_units))
    assert [len(batch) for batch in found] == batches
    assert [len(grain) for batch in found for grain in batch] == lengths


@pytest.mark.parametrize(
    "error",
    [
        ModelError("a", "b", "c"),
        MissingExtraError("dask", "dask"),
        VaultError("a", "b", "c"),
        RunnerError("a", "b", "c"),
    ],
)
def test_our_errors_are_the_same_in_another_process(error: AteliersError):
    again = worked_again(error)
    assert (type(again), str(again), again.exit_code) == (type(error), str(error), error.exit_code)


def worked_again(error: AteliersError) -> AteliersError:
    return pickle.loads(pickle.dumps(error))


# --- clusters ------------------------------------------------------------------------------------------------------------


@needs_dask
def test_a_cluster_of_an_address_does_the_work_and_is_left_running(monkeypatch):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address=None, processes=True
    ) as cluster:
        monkeypatch.setenv(on_dask.ADDRESS, cluster.scheduler_address)
        for _ in range(2):
            runner = DaskRunner(0, 3, "tcp://127.0.0.1:9")
            assert list(runner.spread(worked.double, GRAINS)) == [
                worked.double(grain) for grain in GRAINS
            ]
            assert runner.most_in_flight == 4
            runner.close()


@pytest.mark.slow
@needs_dask
@pytest.mark.parametrize("fault", ["no scheduler", "no worker", "scheduler ends"])
def test_a_cluster_that_does_not_answer_is_one_line(fault):
    from distributed import LocalCluster

    def impatient(address: str) -> DaskRunner:
        return DaskRunner(1, 3, address, connect_s=2.0, no_worker_s=2.0)

    if fault == "no scheduler":
        with pytest.raises(RunnerError, match=r"tcp://127\.0\.0\.1:9"):
            list(impatient("tcp://127.0.0.1:9").spread(worked.double, GRAINS))
        return
    cluster = LocalCluster(
        n_workers=0 if fault == "no worker" else 1,
        threads_per_worker=1,
        dashboard_address=None,
        processes=True,
    )
    runner = impatient(cluster.scheduler_address)
    try:
        with pytest.raises(RunnerError, match="aucun planificateur Dask, ou aucun ouvrier"):
            for _ in runner.spread(worked.double, GRAINS * 50):
                cluster.close()
    finally:
        runner.close()
        cluster.close()


@needs_dask
@pytest.mark.parametrize("runner", ["dask"], indirect=True)
def test_a_cluster_started_here_speaks_tls(runner):
    list(runner.spread(worked.double, GRAINS))
    assert runner.client.scheduler.address.startswith("tls://127.0.0.1:")


def test_a_worker_of_another_version_is_refused():
    name, content = work.as_bytes(worked.double)
    with pytest.raises(RunnerError, match="même version"):
        opened(work.run_batch(content, name, "autre", b""))


def test_what_a_worker_tells_of_a_failure_quotes_nobody():
    name, content = work.as_bytes(worked.stumble)
    told = work.run_batch(content, name, work.fingerprint(), pickle.dumps([[7]]))
    assert worked.SECRET.encode() not in told and b"Lemarchand" not in told
    with pytest.raises(RunnerError, match=r"\(ValueError tests/support/worked\.py:\d+\)"):
        opened(told)


def test_dask_that_is_not_installed_says_which_extra(monkeypatch):
    monkeypatch.setattr(on_dask.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ateliers-territoires\[dask\]"):
        make_runner(ExecutionSettings(runner="dask"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('runner = "ray"', "un de : 'here', 'threads', 'processes' ou 'dask'"),
        ('dask_address = "serveur"', "tcp://serveur:8786"),
        ('dask_address = "tcp://cle:secret@serveur:8786"', "tcp://serveur:8786"),
        ("workers = -1", "≥ 0"),
        ("batch_units = 0", "≥ 1"),
    ],
)
def test_settings_of_runners_are_checked(tmp_path, line, said):
    path = tmp_path / "etude.toml"
    path.write_text(f"[execution]\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    assert said in str(refused.value) and "secret" not in str(refused.value)


@pytest.mark.slow
def test_processes_end_with_whoever_started_them():
    script = (
        "import os, sys; sys.path.insert(0, 'tests')\n"
        "from support import worked; from flows.runners import ProcessRunner\n"
        "if __name__ == '__main__':\n"
        "    runner = ProcessRunner(2, 1); list(runner.spread(worked.double, [[1], [2], [3]]))\n"
        "    print(*runner.pool._processes, flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    processes = [Path("/proc") / number for number in done.stdout.split()]
    assert done.returncode == -9 and len(processes) == 2
    until = time.monotonic() + 120
    while any(process.exists() and "Z" not in _state(process) for process in processes):
        assert time.monotonic() < until
        time.sleep(0.1)


def _state(process: Path) -> str:
    try:
        return process.joinpath("stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


# --- stages --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    rows = [row["text"] for row in labelled_rows("amorce-1")][:100]
    return pd.DataFrame(
        {
            "unit_id": [f"u{at:04d}" for at in range(len(rows))],
            "document_id": [f"d{at // 20}" for at in range(len(rows))],
            "workshop_id": [f"w{at // 160}" for at in range(len(rows))],
            "unit_order": range(len(rows)),
            "text": rows,
            "table_number": pd.array([at // 20 % 8 + 1 for at in range(len(rows))], dtype="Int64"),
            "question": "q1",
            "channel": "notes",
        }
    )


@pytest.fixture
def small_grains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several grains of few passages."""
    monkeypatch.setattr(parallel, "GRAIN", 64)
    monkeypatch.setattr("models.embedder._GRAIN", 64)


@pytest.mark.slow
@pytest.mark.exhaustive  # CI compares whole runs, below
@pytest.mark.parametrize("kind", KINDS)
def test_stages_give_the_same_tables_whoever_works(units, tmp_path, small_grains, kind):
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    settings = TagSettings()
    tagger = load_tagger(grid, settings=settings)
    cluster = ClusterSettings(least_units=0, n_resamples=4, n_repeats=2)
    texts = [*units["text"], *units["text"].str.upper()]

    def results(executor: runners.Runner, folder: Path) -> list[pd.DataFrame]:
        forget_encoders()
        store = Store(folder)
        encoders, spread = Encoders(store, executor), executor.spread
        halves = [units.iloc[:45], units.iloc[45:]]
        tags = tag_each(
            halves, tagger=tagger, grid=grid, settings=settings, encoders=encoders, spread=spread
        )
        found = cluster_units(
            units,
            TAGS.empty(),
            model=ThemeModel(cluster, spread=spread),
            embedder=encoders.load(),
            encoders=encoders,
            cache=store,
            settings=cluster,
            spread=spread,
        )
        read = [repr(reading) for reading in read_texts(texts, cache=store, spread=spread)]
        vectors = encoders.load().encode(texts)
        return [*tags, *found, pd.DataFrame({"read": read}), pd.DataFrame(vectors)]

    alone = results(runners.Runner(), tmp_path / "seul")
    with started(kind, 2, 1) as executor:
        shared = results(executor, tmp_path / "ensemble")
    for one, other in zip(alone, shared, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.slow
def test_the_size_of_batches_changes_no_tag(units):
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    tagger = load_tagger(grid, settings=TagSettings())
    units = units.head(60)
    whole = tag_units(units, tagger=tagger, grid=grid, settings=TagSettings())
    apart = [
        tag_units(units.iloc[at : at + 20], tagger=tagger, grid=grid, settings=TagSettings())
        for at in range(0, len(units), 20)
    ]
    pd.testing.assert_frame_equal(
        whole, pd.concat(apart, ignore_index=True).astype(whole.dtypes), check_exact=True
    )


@pytest.mark.slow
def test_what_workers_encode_is_kept_and_what_is_known_is_lent(units, tmp_path, small_grains):
    texts = list(units["text"])
    alone = load_engine(EmbedSettings()).encode(texts)
    Encoders(Store(tmp_path)).load().encode(texts[:70])
    with started("processes", 2, 1) as executor:
        encoders = Encoders(Store(tmp_path), executor)
        encoders.prepare(texts[:100])
        lent = encoders.for_worker(texts)
        assert isinstance(lent, LentVectors) and len(lent.keys) == 100
        assert np.array_equal(lent.load().encode(texts), alone)
        assert np.array_equal(encoders.load().encode(texts), alone)
    assert len(Encoders(Store(tmp_path)).load().known_vectors(texts)[0]) == len(set(texts))


@pytest.mark.slow
def test_encoding_and_regrouping_are_the_same_in_processes(units, small_grains):
    """A quick pair of the slow ones below."""
    texts, settings = (
        list(units["text"]),
        ClusterSettings(least_units=0, n_repeats=3, n_resamples=8),
    )
    alone = load_engine(EmbedSettings()).encode(texts)
    grouped, agreement = CommunityClusters(settings).fit(alone), measure_agreement(alone, settings)
    with started("processes", 2, 1) as runner:
        shared = Encoders(executor=runner).load().encode(texts)
        assert np.array_equal(shared, alone)
        again = CommunityClusters(settings, runner.spread).fit(shared)
        assert np.array_equal(again.labels_, grouped.labels_) and np.array_equal(
            again.stability_, grouped.stability_
        )
        assert measure_agreement(shared, settings, spread=runner.spread) == agreement


# --- whole studies -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Study]:
    """Makes the same study again: three workshops of two tables, 18 passages each."""
    rows = [row["text"] for name in ("amorce-1", "amorce-2") for row in labelled_rows(name)]

    def made(execution: str) -> Study:
        study = Study.create(tmp_path_factory.mktemp("etude") / "etude")
        for workshop in range(3):
            folder = study.depot / f"Atelier {workshop} 2026-10-0{workshop + 1}"
            folder.mkdir()
            for table in range(2):
                start = 18 * (2 * workshop + table)
                said = "".join(f"- {text}\n" for text in rows[start : start + 18])
                (folder / f"Table {table + 1}.txt").write_text(f"Q1\n{said}", encoding="utf-8")
        with study.settings_path.open("a", encoding="utf-8") as file:
            file.write(f"\n[execution]\nbatch_units = 1\n{execution}\n")
            file.write("\n[cluster]\nleast_units = 0\nn_resamples = 8\nn_repeats = 2\n")
        return study

    return made


@pytest.fixture(scope="module")
def plain(invented) -> dict[str, str]:
    study = invented('runner = "here"')
    run_study(study.root)
    return table_bytes(study)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        pytest.param("threads", 4, marks=pytest.mark.exhaustive),
        pytest.param("processes", 1, marks=pytest.mark.exhaustive),
        pytest.param("processes", 4, marks=pytest.mark.exhaustive),
        pytest.param("dask", 2, marks=needs_dask),
    ],
)
def test_a_run_writes_the_same_bytes_whatever_the_runner(invented, plain, kind, workers):
    study = invented(f'runner = "{kind}"\nworkers = {workers}')
    forget_encoders()  # so that workers encode
    run_study(study.root)
    assert len(plain) > 30 and table_bytes(study) == plain


@pytest.mark.slow
@needs_dask
def test_a_run_goes_on_when_a_worker_of_its_cluster_is_killed(invented, plain, monkeypatch):
    from distributed import LocalCluster

    study = invented('runner = "dask"')
    forget_encoders()
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        monkeypatch.setenv(on_dask.ADDRESS, cluster.scheduler_address)
        received, spread = [0], DaskRunner.spread

        def kill_two(runner: DaskRunner, *asked: object) -> Iterator[object]:
            for result in spread(runner, *asked):
                received[0] += 1
                if received[0] in (2, 12):
                    list(cluster.workers.values())[received[0] == 12].process.process.kill()
                yield result

        monkeypatch.setattr(DaskRunner, "spread", kill_two)
        run_study(study.root)
    assert received[0] > 12
    assert table_bytes(study) == plain
