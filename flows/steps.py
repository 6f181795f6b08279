"""Steps of a job: flows and tasks of Prefect where a server keeps the record of runs, plain functions where none does.

Starting Prefect costs more than most steps, and without a server it would keep a record that nobody reads.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, update_wrapper
from typing import Any, Generic, Literal, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_plain: list[bool] = []


class Step(Generic[P, R]):
    """A function that runs as a step of Prefect where `is_recorded()`, and as it is elsewhere."""

    def __init__(self, function: Callable[P, R], name: str, kind: Literal["flow", "task"]) -> None:
        self._function, self._name, self._kind = function, name, kind
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the step."""
        call = self.as_prefect if is_recorded() else self._function
        return call(*args, **kwargs)

    @cached_property
    def as_prefect(self) -> Callable[P, R]:
        """The step as Prefect's flow or task; importing Prefect."""
        import prefect

        options: dict[str, Any] = {"validate_parameters": False}  # a workspace is no JSON
        if self._kind == "task":
            from prefect.cache_policies import NO_CACHE

            options = {"cache_policy": NO_CACHE}
        made: Any = getattr(prefect, self._kind)(name=self._name, **options)(self._function)
        return made  # type: ignore[no-any-return]


def is_recorded() -> bool:
    """Whether the environment names a server of Prefect, and no block of `plain_steps` is open."""
    return bool(os.environ.get("PREFECT_API_URL")) and not _plain


@contextmanager
def plain_steps() -> Iterator[None]:
    """Run the steps inside the block as plain functions even where a server is named: its absence does not interrupt them."""
    _plain.append(True)
    try:
        yield
    finally:
        _plain.pop()


def flow(name: str) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Make a step that holds others."""
    return lambda function: Step(function, name, "flow")


def task(name: str) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Make a step of a flow."""
    return lambda function: Step(function, name, "task")
