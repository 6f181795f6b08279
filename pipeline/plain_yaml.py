"""YAML that people write, read without what a few lines of it can do: anchors and aliases, deep nesting, huge numbers and texts.

In:   the text of a file
Out:  mappings, lists and scalars, none larger than the file
"""

from typing import Any

import yaml

_MAX_DEPTH = 20
_MAX_SCALAR = 100  # characters of a number or a date
_MAX_TEXT = 20_000  # characters of a text
_TEXT = "tag:yaml.org,2002:str"


class RefusedYamlError(yaml.MarkedYAMLError):
    """YAML that is well formed but more than a person writes; `problem` says in French what was found."""


class PlainLoader(yaml.SafeLoader):
    """Loads what a person writes; raises `RefusedYamlError` at the line of anything else, before it is unfolded."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node and those below it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _refused("renvoi YAML (« & » ou « * »)", event)
        if self._depth >= _MAX_DEPTH:
            raise _refused(f"plus de {_MAX_DEPTH} niveaux l'un dans l'autre", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > (_MAX_TEXT if node.tag == _TEXT else _MAX_SCALAR):
                raise _refused(f"valeur de {len(node.value)} caractères", event)
            node.value = node.value.encode("utf-8", "replace").decode()  # an escape can make half a character
        return node


def load_plain(text: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """Return what `text` holds.

    Raises `yaml.YAMLError` for what is no YAML or more than a person writes, `ValueError` for an impossible date.
    """
    return yaml.load(text, Loader=loader)


def _refused(problem: str, event: Any) -> RefusedYamlError:
    return RefusedYamlError(problem=problem, problem_mark=event.start_mark)
