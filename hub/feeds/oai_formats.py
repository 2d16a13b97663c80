"""The forms that OAI-PMH hands datasets out in: Dublin Core, DataCite, DCAT, and RO-Crate.

Source: https://www.openarchives.org/OAI/openarchivesprotocol.html#MetadataNamespaces ·
https://schema.datacite.org/oai/oai-1.1/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree
from pyoxigraph import RdfFormat, serialize

from hub import citations, datacite, dcat, rocrate
from hub.records import NOT_XML
from linkml_schemas.generated.model import Dataset

Element = Any
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA_LOCATION: Final = f"{{{XSI}}}schemaLocation"
OAI_DC, DC = "http://www.openarchives.org/OAI/2.0/oai_dc/", "http://purl.org/dc/elements/1.1/"
OAI_DATACITE: Final = "http://schema.datacite.org/oai/oai-1.1/"
ROCRATE: Final = "https://w3id.org/bioimage-hub/oai/ro-crate"
KERNEL_VERSION: Final = "4.5"
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
# What the namespace of RO-Crates is: one element with the JSON-LD document as its text.
ROCRATE_XSD: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="{ROCRATE}">
  <element name="crate">
    <annotation><documentation>ro-crate-metadata.json of one dataset, a JSON-LD document</documentation></annotation>
    <complexType><simpleContent><extension base="string">
      <attribute name="mediaType" type="string" fixed="application/ld+json"/>
    </extension></simpleContent></complexType>
  </element>
</schema>
"""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of metadata.

    Attributes:
        prefix: its name in requests.
        schema: address of its XML Schema.
        namespace: of its root element.
        write: what makes the root element of a dataset.
    """

    prefix: str
    schema: str
    namespace: str
    write: Callable[[Dataset], Element]

    def element(self, record: Dataset) -> Element:
        """Return a dataset in this form, with the place of the schema."""
        root = self.write(record)
        root.set(SCHEMA_LOCATION, f"{self.namespace} {self.schema}")
        return root


def forms(base: str) -> dict[str, Form]:
    """Return the forms by prefix, as the hub of a base IRI offers them."""
    every = (
        Form("oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc.xsd", OAI_DC, dublin_core),
        Form("oai_datacite", f"{OAI_DATACITE}oai.xsd", OAI_DATACITE, datacite_envelope),
        Form("dcat", "http://www.openarchives.org/OAI/2.0/rdf.xsd", dcat.RDF, rdf),
        Form("ro-crate", f"{base}oai/ro-crate.xsd", ROCRATE, crate),
    )
    return {form.prefix: form for form in every}


def add(parent: Element, name: str, text: str | None = None, **attributes: str) -> Element:
    """Add an element of the parent's namespace; characters that XML cannot hold are replaced."""
    child = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}", attributes)
    child.text = None if text is None else NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return child


# --- Dublin Core --------------------------------------------------------------------------------------------------


def dublin_core(record: Dataset) -> Element:
    """Return a dataset as ``oai_dc:dc``: what its DataCite description says, in plain statements.

    Source: https://www.dublincore.org/specifications/dublin-core/dces/
    """
    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": DC, "xsi": XSI})
    for name, values in _statements(record).items():
        for value in dict.fromkeys(filter(None, values)):
            child = etree.SubElement(root, f"{{{DC}}}{name}")
            child.text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    return root


def _statements(record: Dataset) -> dict[str, Iterable[str | None]]:
    node = datacite.of(record)
    return {
        "title": [record.name],
        "creator": (name for name in _each(node, "creators", "name") if name != datacite.UNAVAILABLE),
        "subject": _each(node, "subjects", "subject"),
        "description": _each(node, "descriptions", "description"),
        "publisher": [node["publisher"]["name"]],
        "contributor": _each(node, "contributors", "name"),
        "date": [record.date_published or record.date_submitted],
        "type": ["Dataset"],
        "format": [*node.get("formats", []), *node.get("sizes", [])],
        "identifier": [citations.address(record), record.id, *(record.same_as or [])],
        "source": [record.url],
        "relation": [*(paper.id for paper in record.publication or [] if "#" not in paper.id), *(record.related or [])],
        "rights": [record.license],
    }


def _each(node: dict[str, Any], key: str, name: str) -> list[str]:
    return [item[name] for item in node.get(key, [])]


# --- the others ---------------------------------------------------------------------------------------------------


def datacite_envelope(record: Dataset) -> Element:
    """Return a dataset as DataCite's own provider hands it out: kernel-4 XML in an ``oai_datacite`` envelope."""
    root = etree.Element(f"{{{OAI_DATACITE}}}oai_datacite", nsmap={None: OAI_DATACITE, "xsi": XSI})
    add(root, "schemaVersion", KERNEL_VERSION)
    add(root, "datacentreSymbol", record.archive.id.rstrip("/").rpartition("/")[2].upper())
    add(root, "payload").append(etree.fromstring(datacite.xml(record), _PARSER))
    return root


def rdf(record: Dataset) -> Element:
    """Return the DCAT-AP description of a dataset as RDF/XML."""
    triples = dict.fromkeys(quad.triple for quad in dcat.of(record))
    by_subject = sorted(triples, key=lambda triple: str(triple.subject) != f"<{record.id}>")
    return etree.fromstring(serialize(by_subject, format=RdfFormat.RDF_XML, prefixes=dcat.PREFIXES), _PARSER)


def crate(record: Dataset) -> Element:
    """Return a dataset as the text of ``ro-crate-metadata.json`` in one element."""
    root = etree.Element(f"{{{ROCRATE}}}crate", {"mediaType": "application/ld+json"}, {None: ROCRATE, "xsi": XSI})
    root.text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", json.dumps(rocrate.crate(record), ensure_ascii=False))
    return root
