"""Draws of property tests: the first ones in `make test`, all of them with the slow tests."""

import pytest

_QUICK = 4


def seeds(n: int) -> list[object]:
    """The numbers 0..n − 1 for `parametrize`; those after the first few marked slow."""
    return [
        seed if seed < _QUICK else pytest.param(seed, marks=pytest.mark.slow) for seed in range(n)
    ]
