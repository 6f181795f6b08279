"""The REFI-QDA standard: its schema, and the form of a codebook."""

import re
from pathlib import Path
from typing import Any

from lxml import etree

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parents[1] / "refi" / "Project.xsd"))


NS = {"p": "urn:QDA-XML:project:1.0", "c": "urn:QDA-XML:codebook:1.0"}


GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def check_codebook(content: bytes) -> Any:
    """The root of a .qdc, its elements, their order and attributes those of the standard."""
    root = etree.fromstring(content)
    assert (
        root.tag == f"{{{NS['c']}}}CodeBook"
        and [child.tag for child in root] == [f"{{{NS['c']}}}Codes"]
        and len(root[0])
    )
    for code in root.iterfind(".//c:Code", NS):
        assert (
            set(code.attrib) == {"guid", "name", "isCodable", "color"}
            and GUID.fullmatch(code.get("guid"))
            and code.get("name")
        )
        assert code.get("isCodable") in ("true", "false") and re.fullmatch(
            "#[0-9A-F]{6}", code.get("color")
        )
        assert re.fullmatch(
            "(Description )?(Code )*", "".join(f"{etree.QName(child).localname} " for child in code)
        )
    return root
