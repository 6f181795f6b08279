"""The GUIDs of what is exchanged, made of our own ids, so that two exports of one study are the same.

In:   what a thing is, and its ids
Out:  a GUID
"""

import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "ateliers-territoires")


def guid(kind: str, *ids: str) -> str:
    """The GUID of the thing of a `kind` that `ids` name: always the same, and never that of another kind or other ids."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join((kind, *ids))))


def plain_guid(written: str | None) -> str:
    """A GUID as other tools write it, without braces and in small letters; empty where there is none."""
    return (written or "").strip().strip("{}").lower()
