"""XML as archives send it, read strictly: no entities, no document types, no network, no bottomless trees.

What is not well-formed is refused, with one exception: bytes that are no UTF-8 and characters that XML forbids, which
come up in abstracts, become U+FFFD each, so that the page is kept and the loss can be seen in the text.
Source: https://www.w3.org/TR/xml/#charsets and https://www.w3.org/TR/xml-exc-c14n/
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

Element = Any
LOST: Final = "\ufffd"

_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"
_BAD_CHARACTERS: Final = frozenset({
    etree.ErrorTypes.ERR_INVALID_CHAR, etree.ErrorTypes.ERR_INVALID_CHARREF, etree.ErrorTypes.ERR_INVALID_ENCODING,
})  # fmt: skip
_OTHER_ENCODING: Final = re.compile(rb"\xff\xfe|\xfe\xff|<\x00|\x00<|<\?xml[^>]*encoding=[\"'](?!utf-?8[\"'])", re.I)
_FORBIDDEN: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_NO_CHARACTER: Final = re.compile(rf"[{_FORBIDDEN}]")
_REFERENCE: Final = re.compile(r"&#(?:([0-9]{1,9})|x([0-9a-f]{1,8}));", re.IGNORECASE)


def parse(data: bytes) -> Element:
    """Return the root element, without comments and processing instructions.

    libxml2's limits stand: 256 levels, 10 MB in one text.

    Raises:
        ValueError: not well-formed, beyond the limits, or with a document type.
    """
    data = data.lstrip(_BLANKS)
    try:
        root = _parsed(data)
    except etree.XMLSyntaxError as err:
        if err.code not in _BAD_CHARACTERS or _OTHER_ENCODING.match(data):
            raise ValueError(f"not well-formed XML: {err.msg}") from err
        root = _parsed_again(data)
    if root.getroottree().docinfo.doctype:
        raise ValueError("the XML has a document type (DOCTYPE), which may reach for other files")
    return root


def _parsed(data: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(data, parser)


def _parsed_again(data: bytes) -> Element:
    words = _NO_CHARACTER.sub(LOST, data.decode("utf-8", "replace"))
    words = _REFERENCE.sub(lambda found: found[0] if _is_allowed(found) else LOST, words)
    try:
        return _parsed(words.encode())
    except etree.XMLSyntaxError as err:
        raise ValueError(f"not well-formed XML: {err.msg}") from err


def _is_allowed(reference: re.Match[str]) -> bool:
    code = int(reference[1]) if reference[1] else int(reference[2], 16)
    return code <= 0x10FFFF and not _NO_CHARACTER.match(chr(code))


def canonical(element: Element) -> bytes:
    """Return an element by itself in canonical form: the same bytes wherever in a document it stood.

    Relative names of name spaces have no canonical form; an element with one is written plainly.
    """
    try:
        data: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError:
        data = etree.tostring(element, encoding="UTF-8", xml_declaration=False, with_tail=False)
    return data


def name(element: Element) -> str:
    """Return an element's name without its namespace.

    >>> name(parse(b'<x:a xmlns:x="urn:x"/>'))
    'a'
    """
    return str(etree.QName(element).localname)
