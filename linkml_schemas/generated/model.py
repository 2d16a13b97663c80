from __future__ import annotations

import re
import sys
from datetime import (
    date,
    datetime,
    time
)
from decimal import Decimal
from enum import Enum
from typing import (
    Any,
    ClassVar,
    Literal,
    Optional,
    Union
)

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer
)


metamodel_version = "1.12.0"
version = "0.1.0"


class ConfiguredBaseModel(BaseModel):
    model_config = ConfigDict(
        serialize_by_alias = True,
        validate_by_name = True,
        validate_assignment = True,
        validate_default = True,
        extra = "forbid",
        arbitrary_types_allowed = True,
        use_enum_values = True,
        strict = False,
    )





class LinkMLMeta(RootModel):
    root: dict[str, Any] = {}
    model_config = ConfigDict(frozen=True)

    def __getattr__(self, key:str):
        return getattr(self.root, key)

    def __getitem__(self, key:str):
        return self.root[key]

    def __setitem__(self, key:str, value):
        self.root[key] = value

    def __contains__(self, key:str) -> bool:
        return key in self.root


linkml_meta = None

class ReagentKind(str, Enum):
    """
    What kind of reagent a sample was treated or stained with.
    """
    sirna = "sirna"
    """
    A small interfering RNA, or a pool of them.
    """
    antibody = "antibody"
    """
    An antibody.
    """
    orf = "orf"
    """
    An open reading frame that was expressed.
    """
    guide_rna = "guide_rna"
    """
    A guide RNA of a CRISPR experiment.
    """
    probe = "probe"
    """
    A nucleic acid probe, dye or other label.
    """


class RecordState(str, Enum):
    """
    Whether a record is current.
    """
    active = "active"
    """
    The archive publishes the dataset.
    """
    suppressed = "suppressed"
    """
    The hub's operator took the dataset out of search and lists; its page remains.
    """
    replaced = "replaced"
    """
    Another dataset took its place; a tombstone that leads there remains.
    """
    withdrawn = "withdrawn"
    """
    The archive, or the hub's operator, took the dataset back; a tombstone remains.
    """
    redacted = "redacted"
    """
    The hub's operator, or its owner, had everything erased; a tombstone without its contents remains.
    """


class GeneRole(str, Enum):
    """
    How a gene occurs in a dataset.
    """
    perturbed = "perturbed"
    """
    The gene was knocked out, knocked down, over-expressed or mutated.
    """
    tagged = "tagged"
    """
    The gene's product carries a tag, such as a fluorescent protein.
    """
    stained = "stained"
    """
    The gene's product or transcript was stained, such as by an antibody or probe.
    """
    observed = "observed"
    """
    The gene's product is what the dataset shows or measures.
    """



class Thing(ConfiguredBaseModel):
    """
    Anything with an IRI of its own.
    """
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Thing","http://schema.org/Thing","hub:Thing","schema:Thing"] = Field(default="schema:Thing", description="""The thing's class.""")


class Dataset(Thing):
    """
    The study-level unit that an archive publishes under one accession.
    """
    accession: str = Field(default=..., description="""The archive's identifier of the dataset, e.g. EMPIAR-10310.""")
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    description: Optional[str] = Field(default=None, description="""Free text, cleaned, without e-mail addresses.""")
    archive: Archive = Field(default=..., description="""The archive that owns the dataset.""")
    publisher: Optional[Organization] = Field(default=None, description="""Who publishes the dataset.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    same_as: Optional[list[str]] = Field(default=None, description="""Other IRIs of the same thing, such as a dataset's DOI, or a paper's PubMed IRI.""")
    date_published: Optional[str] = Field(default=None, description="""When it was first published.""")
    date_modified: Optional[str] = Field(default=None, description="""When the archive last changed it.""")
    date_submitted: Optional[str] = Field(default=None, description="""When it was deposited.""")
    license: Optional[str] = Field(default=None, description="""URL of the licence.""")
    copyright_notice: Optional[str] = Field(default=None, description="""The archive's own words on copyright.""")
    is_accessible_for_free: Optional[bool] = Field(default=None, description="""Whether the data can be had without payment or login.""")
    author: Optional[list[Union[Organization, Person]]] = Field(default=None, description="""Creators of the dataset, in the archive's order (the order is also written as an rdf:Seq under bibo:authorList).""")
    accountable_person: Optional[list[Person]] = Field(default=None, description="""Principal investigators.""")
    contact: Optional[list[Person]] = Field(default=None, description="""People whom the archive names as submitters or contacts; not necessarily authors.""")
    keyword: Optional[list[str]] = Field(default=None, description="""The archive's keywords.""")
    funding: Optional[list[Grant]] = Field(default=None, description="""Grants that paid for the dataset.""")
    publication: Optional[list[Publication]] = Field(default=None, description="""Papers that the dataset goes with.""")
    about: Optional[list[Union[BioSample, DefinedTerm, Protein, Taxon]]] = Field(default=None, description="""The biology that was imaged; samples and everything they are classified by.""")
    measurement_method: Optional[list[Union[DefinedTerm, ImagingProtocol]]] = Field(default=None, description="""How it was imaged; protocols and the ontology terms of their methods.""")
    gene_annotation: Optional[list[GeneAnnotation]] = Field(default=None, description="""Genes of the dataset, each with how it occurs.""")
    phenotype: Optional[list[Phenotype]] = Field(default=None, description="""Phenotypes that were seen (RO has phenotype).""")
    compound: Optional[list[Compound]] = Field(default=None, description="""Chemicals that samples were treated with.""")
    reagent_annotation: Optional[list[ReagentAnnotation]] = Field(default=None, description="""Reagents and compounds of the dataset, each with how often it occurs and the phenotypes it showed.""")
    has_part: Optional[list[StudyComponent]] = Field(default=None, description="""Parts of the dataset that the archive describes by themselves.""")
    reconstruction: Optional[list[Reconstruction]] = Field(default=None, description="""Maps and models that were made from the dataset's images.""")
    distribution: Optional[list[Distribution]] = Field(default=None, description="""Downloadable sets of files.""")
    size_bytes: Optional[int] = Field(default=None, description="""Size of the data in bytes, as the archive states it.""", ge=0)
    file_count: Optional[int] = Field(default=None, description="""Number of files, as the archive states it.""", ge=0)
    image_count: Optional[int] = Field(default=None, description="""Number of images or tilt series.""", ge=0)
    well_count: Optional[int] = Field(default=None, description="""Number of plate wells.""", ge=0)
    thumbnail: Optional[list[str]] = Field(default=None, description="""Addresses of example images.""")
    imaging_scale: Optional[str] = Field(default=None, description="""Scale of what is imaged in EMPIAR's words, e.g. molecule, cell, tissue.""")
    related: Optional[list[str]] = Field(default=None, description="""Records elsewhere that the archive itself says belong to the dataset.""")
    unknown: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) whose value the archive says is unknown; not the same as saying nothing.""")
    not_applicable: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) that the archive says do not apply.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Dataset","http://schema.org/Dataset","hub:Dataset","schema:Dataset"] = Field(default="schema:Dataset", description="""The thing's class.""")

    @field_validator('date_published')
    def pattern_date_published(cls, v):
        pattern=re.compile(r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid date_published format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid date_published format: {v}"
            raise ValueError(err_msg)
        return v

    @field_validator('date_modified')
    def pattern_date_modified(cls, v):
        pattern=re.compile(r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid date_modified format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid date_modified format: {v}"
            raise ValueError(err_msg)
        return v

    @field_validator('date_submitted')
    def pattern_date_submitted(cls, v):
        pattern=re.compile(r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid date_submitted format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid date_submitted format: {v}"
            raise ValueError(err_msg)
        return v


class StudyComponent(Thing):
    """
    A part of a dataset that its archive describes by itself, such as an IDR screen or experiment, a study component of the BioImage Archive or a dataset of an SSBD project.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    description: Optional[str] = Field(default=None, description="""Free text, cleaned, without e-mail addresses.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    same_as: Optional[list[str]] = Field(default=None, description="""Other IRIs of the same thing, such as a dataset's DOI, or a paper's PubMed IRI.""")
    about: Optional[list[Union[BioSample, DefinedTerm, Protein, Taxon]]] = Field(default=None, description="""The biology that was imaged; samples and everything they are classified by.""")
    measurement_method: Optional[list[Union[DefinedTerm, ImagingProtocol]]] = Field(default=None, description="""How it was imaged; protocols and the ontology terms of their methods.""")
    image_count: Optional[int] = Field(default=None, description="""Number of images or tilt series.""", ge=0)
    well_count: Optional[int] = Field(default=None, description="""Number of plate wells.""", ge=0)
    channel_count: Optional[int] = Field(default=None, description="""Number of channels of one image.""", ge=0)
    plane_count: Optional[int] = Field(default=None, description="""Number of planes of one image along Z.""", ge=0)
    time_point_count: Optional[int] = Field(default=None, description="""Number of time points of one image.""", ge=0)
    file_count: Optional[int] = Field(default=None, description="""Number of files, as the archive states it.""", ge=0)
    size_bytes: Optional[int] = Field(default=None, description="""Size of the data in bytes, as the archive states it.""", ge=0)
    thumbnail: Optional[list[str]] = Field(default=None, description="""Addresses of example images.""")
    distribution: Optional[list[Distribution]] = Field(default=None, description="""Downloadable sets of files.""")
    unknown: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) whose value the archive says is unknown; not the same as saying nothing.""")
    not_applicable: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) that the archive says do not apply.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#StudyComponent","hub:StudyComponent"] = Field(default="hub:StudyComponent", description="""The thing's class.""")


class Reconstruction(Thing):
    """
    A map or model that was made from the dataset's images and is published elsewhere, such as an EMDB entry.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    same_as: Optional[list[str]] = Field(default=None, description="""Other IRIs of the same thing, such as a dataset's DOI, or a paper's PubMed IRI.""")
    resolution: Optional[Decimal] = Field(default=None, description="""Resolution of a map in ångström, as the archive states it.""", ge=0)
    measurement_method: Optional[list[Union[DefinedTerm, ImagingProtocol]]] = Field(default=None, description="""How it was imaged; protocols and the ontology terms of their methods.""")
    about: Optional[list[Union[BioSample, DefinedTerm, Protein, Taxon]]] = Field(default=None, description="""The biology that was imaged; samples and everything they are classified by.""")
    related: Optional[list[str]] = Field(default=None, description="""Records elsewhere that the archive itself says belong to the dataset.""")
    date_published: Optional[str] = Field(default=None, description="""When it was first published.""")
    unknown: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) whose value the archive says is unknown; not the same as saying nothing.""")
    not_applicable: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) that the archive says do not apply.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Reconstruction","hub:Reconstruction"] = Field(default="hub:Reconstruction", description="""The thing's class.""")

    @field_validator('date_published')
    def pattern_date_published(cls, v):
        pattern=re.compile(r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid date_published format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid date_published format: {v}"
            raise ValueError(err_msg)
        return v


class Distribution(Thing):
    """
    A set of files of a dataset as it can be downloaded, such as one EMPIAR image set.
    """
    name: Optional[str] = Field(default=None, description="""What people call it; the title of a dataset or paper, the label of a term.""")
    description: Optional[str] = Field(default=None, description="""Free text, cleaned, without e-mail addresses.""")
    content_url: Optional[str] = Field(default=None, description="""Where the files themselves are.""")
    access_url: Optional[str] = Field(default=None, description="""A page or folder that gives access to the files.""")
    encoding_format: Optional[str] = Field(default=None, description="""File format, as the archive names it.""")
    image_category: Optional[str] = Field(default=None, description="""Kind of image in EMPIAR's words, e.g. micrographs - multiframe.""")
    size_bytes: Optional[int] = Field(default=None, description="""Size of the data in bytes, as the archive states it.""", ge=0)
    image_count: Optional[int] = Field(default=None, description="""Number of images or tilt series.""", ge=0)
    frames_per_image: Optional[int] = Field(default=None, description="""Number of frames of one image.""", ge=0)
    image_width: Optional[int] = Field(default=None, description="""Width of one image in pixels.""", ge=0)
    image_height: Optional[int] = Field(default=None, description="""Height of one image in pixels.""", ge=0)
    plane_count: Optional[int] = Field(default=None, description="""Number of planes of one image along Z.""", ge=0)
    channel_count: Optional[int] = Field(default=None, description="""Number of channels of one image.""", ge=0)
    time_point_count: Optional[int] = Field(default=None, description="""Number of time points of one image.""", ge=0)
    pixel_width: Optional[Decimal] = Field(default=None, description="""Width of one pixel on the sample, in nanometres.""", ge=0)
    pixel_height: Optional[Decimal] = Field(default=None, description="""Height of one pixel on the sample, in nanometres.""", ge=0)
    pixel_depth: Optional[Decimal] = Field(default=None, description="""Distance between neighbouring planes along Z on the sample, in nanometres.""", ge=0)
    voxel_type: Optional[str] = Field(default=None, description="""Number type of a pixel in EMPIAR's words, e.g. UNSIGNED BYTE.""")
    sha256: Optional[str] = Field(default=None, description="""SHA-256 checksum of the file, in lower-case hexadecimal digits.""")
    md5: Optional[str] = Field(default=None, description="""MD5 checksum of the file, in lower-case hexadecimal digits.""")
    unknown: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) whose value the archive says is unknown; not the same as saying nothing.""")
    not_applicable: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) that the archive says do not apply.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Distribution","http://schema.org/DataDownload","hub:Distribution","schema:DataDownload"] = Field(default="schema:DataDownload", description="""The thing's class.""")

    @field_validator('sha256')
    def pattern_sha256(cls, v):
        pattern=re.compile(r"^[0-9a-f]{64}$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid sha256 format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid sha256 format: {v}"
            raise ValueError(err_msg)
        return v

    @field_validator('md5')
    def pattern_md5(cls, v):
        pattern=re.compile(r"^[0-9a-f]{32}$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid md5 format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid md5 format: {v}"
            raise ValueError(err_msg)
        return v


class Person(Thing):
    """
    A human being. With an ORCID the node is shared by all records; without, it belongs to its record. E-mail and postal addresses are never kept.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    given_name: Optional[str] = Field(default=None, description="""Given names.""")
    family_name: Optional[str] = Field(default=None, description="""Family name.""")
    affiliation: Optional[list[Organization]] = Field(default=None, description="""Where the person worked when the dataset was made.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Person","http://schema.org/Person","hub:Person","schema:Person"] = Field(default="schema:Person", description="""The thing's class.""")


class Organization(Thing):
    """
    A university, institute, funder, publisher or archive's host.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Organization","http://schema.org/Organization","hub:Organization","schema:Organization"] = Field(default="schema:Organization", description="""The thing's class.""")


class Publication(Thing):
    """
    An article or preprint that the dataset goes with.
    """
    name: Optional[str] = Field(default=None, description="""What people call it; the title of a dataset or paper, the label of a term.""")
    author_text: Optional[str] = Field(default=None, description="""Authors of a paper in their order, as one line.""")
    date_published: Optional[str] = Field(default=None, description="""When it was first published.""")
    journal: Optional[str] = Field(default=None, description="""Name of the journal.""")
    same_as: Optional[list[str]] = Field(default=None, description="""Other IRIs of the same thing, such as a dataset's DOI, or a paper's PubMed IRI.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Publication","http://schema.org/ScholarlyArticle","hub:Publication","schema:ScholarlyArticle"] = Field(default="schema:ScholarlyArticle", description="""The thing's class.""")

    @field_validator('date_published')
    def pattern_date_published(cls, v):
        pattern=re.compile(r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid date_published format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid date_published format: {v}"
            raise ValueError(err_msg)
        return v


class Grant(Thing):
    """
    Funding of the dataset.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    grant_number: Optional[str] = Field(default=None, description="""The funder's number of the grant.""")
    funder: Optional[list[Organization]] = Field(default=None, description="""Who pays.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Grant","http://schema.org/Grant","hub:Grant","schema:Grant"] = Field(default="schema:Grant", description="""The thing's class.""")


class BioSample(Thing):
    """
    The biological material that was imaged.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    description: Optional[str] = Field(default=None, description="""Free text, cleaned, without e-mail addresses.""")
    taxon: Optional[list[Taxon]] = Field(default=None, description="""Species or other taxon that the material comes from.""")
    strain: Optional[list[DefinedTerm]] = Field(default=None, description="""Strain or breed of the organism, e.g. C57BL/6J.""")
    cell_line: Optional[list[DefinedTerm]] = Field(default=None, description="""Cell lines of the sample.""")
    unknown: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) whose value the archive says is unknown; not the same as saying nothing.""")
    not_applicable: Optional[list[str]] = Field(default=None, description="""Properties (by IRI) that the archive says do not apply.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#BioSample","http://schema.org/BioSample","hub:BioSample","schema:BioSample"] = Field(default="schema:BioSample", description="""The thing's class.""")


class Taxon(Thing):
    """
    A taxon of the NCBI taxonomy.
    """
    scientific_name: str = Field(default=..., description="""Scientific name of the taxon.""")
    vernacular_name: Optional[str] = Field(default=None, description="""Common name of the taxon.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Taxon","http://schema.org/Taxon","hub:Taxon","schema:Taxon"] = Field(default="schema:Taxon", description="""The thing's class.""")


class ImagingProtocol(Thing):
    """
    How the sample was prepared or imaged.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    description: Optional[str] = Field(default=None, description="""Free text, cleaned, without e-mail addresses.""")
    measurement_technique: Optional[list[DefinedTerm]] = Field(default=None, description="""Ontology terms of the method.""")
    lab_equipment: Optional[str] = Field(default=None, description="""Instrument that was used.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#ImagingProtocol","http://schema.org/LabProtocol","hub:ImagingProtocol","schema:LabProtocol"] = Field(default="schema:LabProtocol", description="""The thing's class.""")


class DefinedTerm(Thing):
    """
    A term of an ontology; without an ontology's IRI, the archive's own wording as a node of its record.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    term_code: Optional[str] = Field(default=None, description="""Compact identifier of the term, e.g. FBbi:00000246.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#DefinedTerm","http://schema.org/DefinedTerm","hub:DefinedTerm","schema:DefinedTerm"] = Field(default="schema:DefinedTerm", description="""The thing's class.""")


class Protein(Thing):
    """
    A protein, under its UniProt IRI or, without one, the archive's own wording as a node of its record.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    taxon: Optional[list[Taxon]] = Field(default=None, description="""Species or other taxon that the material comes from.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Protein","http://schema.org/Protein","hub:Protein","schema:Protein"] = Field(default="schema:Protein", description="""The thing's class.""")


class Gene(Thing):
    """
    A gene, under the identifier that the archive used.
    """
    symbol: Optional[str] = Field(default=None, description="""Gene symbol that the archive used.""")
    taxon: Optional[list[Taxon]] = Field(default=None, description="""Species or other taxon that the material comes from.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Gene","http://schema.org/Gene","hub:Gene","schema:Gene"] = Field(default="schema:Gene", description="""The thing's class.""")


class GeneAnnotation(Thing):
    """
    How one gene occurs in one dataset.
    """
    gene: Gene = Field(default=..., description="""The gene.""")
    gene_role: Optional[GeneRole] = Field(default=None, description="""How the gene occurs.""")
    reagent: Optional[list[Union[Compound, Reagent]]] = Field(default=None, description="""The reagents or compounds that were used.""")
    phenotype: Optional[list[Phenotype]] = Field(default=None, description="""Phenotypes that were seen (RO has phenotype).""")
    well_count: Optional[int] = Field(default=None, description="""Number of plate wells.""", ge=0)
    image_count: Optional[int] = Field(default=None, description="""Number of images or tilt series.""", ge=0)
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#GeneAnnotation","hub:GeneAnnotation"] = Field(default="hub:GeneAnnotation", description="""The thing's class.""")


class ReagentAnnotation(Thing):
    """
    How one reagent or compound occurs in one dataset.
    """
    reagent: Optional[list[Union[Compound, Reagent]]] = Field(default=None, description="""The reagents or compounds that were used.""")
    phenotype: Optional[list[Phenotype]] = Field(default=None, description="""Phenotypes that were seen (RO has phenotype).""")
    well_count: Optional[int] = Field(default=None, description="""Number of plate wells.""", ge=0)
    image_count: Optional[int] = Field(default=None, description="""Number of images or tilt series.""", ge=0)
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#ReagentAnnotation","hub:ReagentAnnotation"] = Field(default="hub:ReagentAnnotation", description="""The thing's class.""")


class Reagent(Thing):
    """
    A siRNA, antibody, open reading frame, guide RNA or probe, under the identifier that the archive used.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    reagent_kind: Optional[ReagentKind] = Field(default=None, description="""What kind of reagent it is.""")
    sequence: Optional[str] = Field(default=None, description="""Nucleotide sequence, as the archive writes it.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    same_as: Optional[list[str]] = Field(default=None, description="""Other IRIs of the same thing, such as a dataset's DOI, or a paper's PubMed IRI.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Reagent","hub:Reagent"] = Field(default="hub:Reagent", description="""The thing's class.""")


class Phenotype(Thing):
    """
    A phenotype that the images show, by ontology term or by the archive's own wording.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    term_code: Optional[str] = Field(default=None, description="""Compact identifier of the term, e.g. FBbi:00000246.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Phenotype","http://purl.obolibrary.org/obo/UPHENO_0001001","hub:Phenotype","obo:UPHENO_0001001"] = Field(default="obo:UPHENO_0001001", description="""The thing's class.""")


class Compound(Thing):
    """
    A chemical that the sample was treated with.
    """
    name: Optional[str] = Field(default=None, description="""What people call it; the title of a dataset or paper, the label of a term.""")
    inchikey: Optional[str] = Field(default=None, description="""InChIKey.""")
    smiles: Optional[str] = Field(default=None, description="""SMILES line notation.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Compound","http://schema.org/MolecularEntity","hub:Compound","schema:MolecularEntity"] = Field(default="schema:MolecularEntity", description="""The thing's class.""")


class Archive(Thing):
    """
    A public archive that owns datasets.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    url: Optional[str] = Field(default=None, description="""Its page for people; of a dataset the archive's own landing page.""")
    license: Optional[str] = Field(default=None, description="""URL of the licence.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Archive","http://schema.org/DataCatalog","hub:Archive","schema:DataCatalog"] = Field(default="schema:DataCatalog", description="""The thing's class.""")


class CatalogRecord(Thing):
    """
    What the hub knows of one source's record of one dataset.
    """
    primary_topic: str = Field(default=..., description="""The dataset that the record describes.""")
    title: Optional[str] = Field(default=None, description="""Title of the dataset, kept for the tombstone.""")
    source_name: Optional[str] = Field(default=None, description="""Name of the configured source.""")
    source_url: Optional[str] = Field(default=None, description="""Where the payload came from.""")
    date_issued: Optional[datetime ] = Field(default=None, description="""When the hub first listed the dataset from this source.""")
    date_changed: Optional[datetime ] = Field(default=None, description="""When the hub last took a changed payload.""")
    payload_sha256: Optional[str] = Field(default=None, description="""SHA-256 of the archive's own bytes.""")
    harvester: Optional[str] = Field(default=None, description="""Harvester and its version, e.g. crates/1.""")
    generated_by: Optional[str] = Field(default=None, description="""The run that wrote the record.""")
    record_state: RecordState = Field(default=..., description="""Whether the record is current.""")
    withdrawal_reason: Optional[str] = Field(default=None, description="""Why the record was withdrawn.""")
    date_withdrawn: Optional[str] = Field(default=None, description="""When the record was withdrawn.""")
    replaced_by: Optional[str] = Field(default=None, description="""The record that takes its place.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#CatalogRecord","http://www.w3.org/ns/dcat#CatalogRecord","hub:CatalogRecord","dcat:CatalogRecord"] = Field(default="dcat:CatalogRecord", description="""The thing's class.""")

    @field_validator('payload_sha256')
    def pattern_payload_sha256(cls, v):
        pattern=re.compile(r"^[0-9a-f]{64}$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid payload_sha256 format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid payload_sha256 format: {v}"
            raise ValueError(err_msg)
        return v

    @field_validator('date_withdrawn')
    def pattern_date_withdrawn(cls, v):
        pattern=re.compile(r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")
        if isinstance(v, list):
            for element in v:
                if isinstance(element, str) and not pattern.search(element):
                    err_msg = f"Invalid date_withdrawn format: {element}"
                    raise ValueError(err_msg)
        elif isinstance(v, str) and not pattern.search(v):
            err_msg = f"Invalid date_withdrawn format: {v}"
            raise ValueError(err_msg)
        return v


class HarvestRun(Thing):
    """
    One run of one source, and its report. listed = new + changed + unchanged + rejected.
    """
    source_name: Optional[str] = Field(default=None, description="""Name of the configured source.""")
    started: Optional[datetime ] = Field(default=None, description="""When the run began.""")
    ended: Optional[datetime ] = Field(default=None, description="""When the run ended.""")
    listed_count: Optional[int] = Field(default=None, description="""Entries that the source listed.""")
    new_count: Optional[int] = Field(default=None, description="""Records that were not there before.""")
    changed_count: Optional[int] = Field(default=None, description="""Records whose payload changed.""")
    unchanged_count: Optional[int] = Field(default=None, description="""Records whose payload stayed the same.""")
    deleted_count: Optional[int] = Field(default=None, description="""Tombstones written in the run.""")
    held_count: Optional[int] = Field(default=None, description="""Deletions held back until somebody confirms them.""")
    rejected_count: Optional[int] = Field(default=None, description="""Entries that could not be published.""")
    finding_count: Optional[int] = Field(default=None, description="""Quality problems found in the run.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#HarvestRun","http://www.w3.org/ns/prov#Activity","hub:HarvestRun","prov:Activity"] = Field(default="prov:Activity", description="""The thing's class.""")


class Finding(Thing):
    """
    One quality problem of one field of one record.
    """
    target: str = Field(default=..., description="""The catalogue record that the finding is about.""")
    field_path: Optional[str] = Field(default=None, description="""Path of the field in the payload.""")
    rule: str = Field(default=..., description="""Short stable name of the rule.""")
    offending_value: Optional[str] = Field(default=None, description="""The value that broke the rule, shortened.""")
    message: str = Field(default=..., description="""The problem in one sentence.""")
    suggestion: Optional[str] = Field(default=None, description="""What would be right.""")
    evidence: Optional[list[str]] = Field(default=None, description="""The values or text that the link rests on.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Finding","http://www.w3.org/ns/dqv#QualityAnnotation","hub:Finding","dqv:QualityAnnotation"] = Field(default="dqv:QualityAnnotation", description="""The thing's class.""")


class Link(Thing):
    """
    A derived or curated statement between two things, with its evidence.
    """
    link_subject: str = Field(default=..., description="""What the link starts from.""")
    link_predicate: str = Field(default=..., description="""What the link says.""")
    link_object: str = Field(default=..., description="""What the link leads to.""")
    rule: Optional[str] = Field(default=None, description="""Short stable name of the rule.""")
    link_rule: Optional[str] = Field(default=None, description="""The rule that found the link.""")
    evidence: Optional[list[str]] = Field(default=None, description="""The values or text that the link rests on.""")
    confidence: Optional[Decimal] = Field(default=None, description="""How sure the rule is, from 0 to 1.""", ge=0, le=1)
    attributed_to: Optional[str] = Field(default=None, description="""The person or record that asserts the link.""")
    first_seen: Optional[datetime ] = Field(default=None, description="""When the link was first made.""")
    last_seen: Optional[datetime ] = Field(default=None, description="""When the link was last made again.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#Link","hub:Link"] = Field(default="hub:Link", description="""The thing's class.""")


class LinkRule(Thing):
    """
    A rule by which the hub finds links.
    """
    name: str = Field(default=..., description="""What people call it; the title of a dataset or paper, the label of a term.""")
    rule: str = Field(default=..., description="""Short stable name of the rule.""")
    rule_version: Optional[str] = Field(default=None, description="""Version of the rule; every record is compared anew when it is raised.""")
    justification: Optional[str] = Field(default=None, description="""How the rule's links are justified, in the words of the Semantic Mapping Vocabulary.""")
    id: str = Field(default=..., description="""The thing's IRI (the subject of its statements; hub:id itself is never written as a triple).""")
    type: Literal["https://w3id.org/bioimage-hub/vocab#LinkRule","hub:LinkRule"] = Field(default="hub:LinkRule", description="""The thing's class.""")


# Model rebuild
# see https://pydantic-docs.helpmanual.io/usage/models/#rebuilding-a-model
Thing.model_rebuild()
Dataset.model_rebuild()
StudyComponent.model_rebuild()
Reconstruction.model_rebuild()
Distribution.model_rebuild()
Person.model_rebuild()
Organization.model_rebuild()
Publication.model_rebuild()
Grant.model_rebuild()
BioSample.model_rebuild()
Taxon.model_rebuild()
ImagingProtocol.model_rebuild()
DefinedTerm.model_rebuild()
Protein.model_rebuild()
Gene.model_rebuild()
GeneAnnotation.model_rebuild()
ReagentAnnotation.model_rebuild()
Reagent.model_rebuild()
Phenotype.model_rebuild()
Compound.model_rebuild()
Archive.model_rebuild()
CatalogRecord.model_rebuild()
HarvestRun.model_rebuild()
Finding.model_rebuild()
Link.model_rebuild()
LinkRule.model_rebuild()
