"""Words of the field that mean the same, or are formed of one another, where stems do not show it.

What ontologies name (organisms, imaging methods) is not here: its synonyms are in the documents.
"""

from __future__ import annotations

from functools import cache

from hub.search import layout

FAMILIES = (
    "apoptosis, apoptotic",
    "autophagy, autophagic",
    "bacteria, bacterium, bacterial",
    "brain, cerebral",
    "calcium imaging, ca2+ imaging, gcamp",
    "cardiac, heart, cardiomyocyte",
    "cell division, cell cycle",
    "cilia, cilium, ciliary",
    "clem, correlative light and electron microscopy, correlative light electron microscopy",
    "colour, color",
    "covid-19, sars-cov-2, covid",
    "cryo-et, cryo-electron tomography, cryoet, electron cryotomography",
    "cryo-em, cryo-electron microscopy, cryoem, electron cryomicroscopy",
    "cytokinesis, cytokinetic",
    "cytoskeleton, cytoskeletal",
    "deep learning, neural network, machine learning",
    "development, embryogenesis",
    "embryo, embryonic, embryogenesis",
    "endothelium, endothelial",
    "epithelium, epithelial",
    "expansion microscopy, exm, u-exm",
    "fibre, fiber",
    "fission yeast, schizosaccharomyces pombe, s. pombe",
    "budding yeast, saccharomyces cerevisiae, s. cerevisiae",
    "fluorescence lifetime, flim",
    "fly, drosophila",
    "foetus, fetus, foetal, fetal",
    "ground truth, annotated",
    "haematopoietic, hematopoietic",
    "haematoxylin, hematoxylin",
    "high-throughput, high-content",
    "histology, histopathology",
    "hydrogel, gel",
    "kidney, renal",
    "light sheet, lightsheet, lsfm, spim",
    "liver, hepatic, hepatocyte",
    "localisation, localization",
    "lung, pulmonary",
    "malaria, plasmodium",
    "meiosis, meiotic",
    "metastasis, metastatic",
    "microtubule, tubulin",
    "migration, motility",
    "mitochondria, mitochondrion, mitochondrial",
    "mitosis, mitotic",
    "morphology, morphometric",
    "muscle, muscular, myofibre",
    "necrosis, necrotic",
    "nucleolus, nucleoli, nucleolar",
    "nucleus, nuclei, nuclear",
    "oesophagus, esophagus",
    "oocyte, egg",
    "phagocytosis, phagocytic",
    "plant, arabidopsis",
    "rna interference, rnai, sirna",
    "segmentation, instance segmentation",
    "single molecule localisation, single molecule localization, smlm, storm, palm, dstorm",
    "super resolution, superresolution, nanoscopy, sted, smlm, storm, palm, dna-paint, minflux",
    "synapse, synaptic",
    "time lapse, timelapse, live imaging, live cell imaging",
    "tumour, tumor, cancer, carcinoma",
    "virus, viral",
    "volume electron microscopy, volume em, vem",
    "worm, nematode, c. elegans",
    "zebrafish, danio rerio",
)
"""Each line one family, its members apart by commas; a word may be in several."""
_LONGEST = 5
Stems = tuple[str, ...]


def of(stems: Stems) -> tuple[Stems, ...]:
    """Return the stems of what means the same as some words.

    >>> of(("mitosi",)), of(("cell",))
    ((('mitot',),), ())
    """
    return _table().get(stems, ()) if len(stems) <= _LONGEST else ()


@cache
def _table() -> dict[Stems, tuple[Stems, ...]]:
    analyzer = layout.analyzers()[layout.ENGLISH]
    found: dict[Stems, dict[Stems, None]] = {}
    for line in FAMILIES:
        family = [tuple(analyzer.analyze(name)) for name in line.split(",")]
        for one in family:
            found.setdefault(one, {}).update((other, None) for other in family if other != one)
    return {one: tuple(others) for one, others in found.items()}
