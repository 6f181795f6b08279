"""After how many rows a product of matrices repeats itself: what a row's last bits depend on, in the linear algebra that is loaded here.

In:   sizes of matrices
Out:  a number of rows, measured

OpenBLAS's kernels for AVX-512 round each row alike; those for AVX2 (most laptops) take twelve rows at once, and round the first six in one
way, the last six in another, and what is left at the end in a third. Decision 0040.
"""

from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

Sizes = tuple[tuple[int, int], ...]  # (n_in, n_out) of each matrix

_PERIODS = (1, 2, 4, 8, 12, 16, 24)
_BEYOND = (*range(10), 13, 31, 240)  # rows over the fewest that are tried: each tail of a kernel, and as many rows as are usual


@cache
def row_period(sizes: Sizes, *, fewest: int) -> int | None:
    """Return p such that in products with matrices of `sizes` equal rows p apart come out equal, bit for bit.

    It holds whatever the number of rows, if that is `fewest` at least and a multiple of p; None where it holds of no p that is tried.
    """
    return next((period for period in _PERIODS if _repeat(sizes, period, [fewest + more for more in _BEYOND])), None)


@cache
def are_rows_alike(sizes: Sizes, *, n_rows: int) -> bool:
    """Return whether equal rows come out equal, bit for bit, in products of exactly `n_rows` rows with matrices of `sizes`."""
    return _repeat(sizes, 1, [n_rows])


def _repeat(sizes: Sizes, period: int, counts: list[int]) -> bool:
    """Whether products of equal rows, each of `counts` brought up to a multiple of `period`, repeat themselves after so many."""
    with threadpool_limits(1, user_api="blas"):
        return all(_repeats(*size, period, sorted({-(-n_rows // period) * period for n_rows in counts})) for size in sizes)


def _repeats(n_in: int, n_out: int, period: int, counts: list[int]) -> bool:
    draw = np.random.default_rng(n_in + n_out)
    row, matrix = (draw.standard_normal(size).astype(np.float32) for size in ((1, n_in), (n_in, n_out)))
    products = [(np.repeat(row, n_rows, axis=0) @ matrix).reshape(-1, period, n_out) for n_rows in counts]
    return all(bool((product == products[0][:1]).all()) for product in products)
