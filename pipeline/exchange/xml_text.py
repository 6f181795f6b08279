"""Text that XML can hold, and XML from elsewhere read without being hurt by it.

In:   any text; the bytes of an XML file
Out:  the same text without what XML refuses; its root element
"""

import re
from typing import Any

from lxml import etree

from pipeline.errors import StudyError

_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """`text` with a blank for each character that XML refuses or that ends a line elsewhere: never longer or shorter."""
    return _REFUSED.sub(" ", text).replace("\u2028", " ").replace("\u2029", " ")


def one_line(text: str) -> str:
    """`text` as an attribute can hold it: one line, single blanks."""
    return " ".join(xml_text(text).split())


def root_element(namespace: str, tag: str, **attributes: str) -> Any:
    """An element that declares its namespace as the usual one."""
    nsmap: dict[Any, str] = {None: namespace}
    return etree.Element(f"{{{namespace}}}{tag}", attributes, nsmap)


def parse_xml(content: bytes, name: str, expected: str) -> Any:
    """Return the root element, without entities, network or comments.

    Raises `StudyError` for broken XML, with its line, and for any document type, the door to entity attacks.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise StudyError(f"{name}, ligne {error.lineno} : XML illisible", expected, "l'exporter à nouveau depuis le logiciel") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise StudyError(
            f"{name} déclare un type de document (DTD), interdit ici", expected, "ne pas s'en servir ; en redemander une copie"
        )
    return root
