"""Answers of a search: totals, pages, facets, ranges, what is shown of a study; over indexes of several segments."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hub.search import layout
from hub.search.contract import FACETS, SIZES, SORTS, Asked, Count, Member
from hub.search.published import KEPT, Searchers
from hub.search.searcher import MOST_VALUES, Searcher
from hub.snapshots import Snapshot
from tests.search_indexes import Content, study, written

OBO = "http://purl.obolibrary.org/obo/"
LIFE, ANIMALS, FISH, MOUSE, RAT, RODENTS = (
    f"{OBO}NCBITaxon_{n}" for n in ("131567", "33208", "7955", "10090", "10116", "9989")
)
GENES = tuple(f"https://identifiers.org/ncbigene:{n}" for n in range(MOST_VALUES + 10))
LABELS = {
    LIFE: {"label": "cellular organisms", "broader": []},
    ANIMALS: {"label": "Metazoa", "broader": [LIFE]},
    FISH: {"label": "Danio rerio", "broader": [ANIMALS]},
    RODENTS: {"label": "Rodentia", "broader": [ANIMALS]},
    MOUSE: {"label": "Mus musculus", "broader": [RODENTS]},
    RAT: {"label": "Rattus norvegicus", "broader": [RODENTS]},
    GENES[0]: {"label": "TP53 (Homo sapiens)", "broader": []},
}
ABOVE = {FISH: [FISH, ANIMALS, LIFE], MOUSE: [MOUSE, RODENTS, ANIMALS, LIFE], RAT: [RAT, RODENTS, ANIMALS, LIFE]}
WORDS = "actin axon brain cell cilia embryo golgi heart kinase lens mitosis spindle".split()


def random_studies(number: int, seed: int) -> list[Content]:
    draw = random.Random(seed)
    found = []
    for i in range(number):
        organism = draw.choice([FISH, MOUSE, MOUSE, RAT, None])
        more: dict[str, Any] = {} if organism is None else {"organism": ABOVE[organism], "organism_own": [organism]}
        if draw.random() < 0.7:
            more["size_bytes"] = draw.choice([5, 10**9, 3 * 10**10, 7 * 10**12])
        if draw.random() < 0.8:
            year = draw.choice([2019, 2020, 2021])
            more |= {"published": year * 10000 + draw.choice([0, 101, 615]), "year": str(year)}
        more["gene"] = draw.sample(GENES, 3)
        more["channels"] = draw.sample(range(1, 6), 2)
        more["licence"] = draw.choice(["CC0-1.0", "CC-BY-4.0"])
        archives = draw.sample(["bia", "idr", "ssbd"], draw.choice([1, 1, 2]))
        title = " ".join(draw.choices(WORDS, k=3))
        members = [Member(f"http://e/{a}/{i:04}", a, f"{a}{i:04}", title) for a in archives]
        found.append(study(f"s{i}", title, members=members, **more))
    draw.shuffle(found)
    return found


@pytest.fixture(scope="module")
def studies() -> list[Content]:
    return random_studies(300, 1)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory, studies: list[Content]) -> Searcher:
    found = Searcher(written(tmp_path_factory.mktemp("many") / "index", studies, LABELS, batch=70))
    assert found._searcher.num_segments > 1
    return found


def matching(studies: list[Content], word: str = "", **filters: str) -> list[Content]:
    return [
        one
        for one in studies
        if (not word or word in one["title"][0]) and all(value in one.get(name, []) for name, value in filters.items())
    ]


# --- pages and order


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("words", ["", "cell", "cell heart", "c*"])
def test_pages_hold_every_study_once_in_the_order_of_an_export(searcher: Searcher, sort: str, words: str) -> None:
    every = [hit.study for hit in searcher.every(Asked(words, sort=sort))]
    pages = []
    for page in range(1, 50):
        found = searcher.find(Asked(words, sort=sort, page=page, per_page=7))
        assert found.total == len(every)
        pages += [hit.study for hit in found.hits]
    assert pages == every
    assert len(set(every)) == len(every) > 1


def test_sorts(searcher: Searcher, studies: list[Content]) -> None:
    by = {one[layout.STUDY][0]: one for one in studies}
    for sort, key in layout.SORT_KEYS.items():
        keys = [by[hit.study][key][0] for hit in searcher.every(Asked(sort=sort))]
        assert keys == sorted(keys)
    newest = searcher.find(Asked(sort="newest"))
    assert [hit.study for hit in searcher.find(Asked()).hits] == [hit.study for hit in newest.hits]
    assert all(hit.score == 0 for hit in newest.hits)
    scores = [hit.score for hit in searcher.every(Asked("cell"))]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
    assert searcher.find(Asked(page=1000)).hits == ()


# --- facets and sums


def flat(counts: tuple[Count, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for count in counts:
        found |= {count.value: count.studies, **flat(count.narrower)}
    return found


@pytest.mark.parametrize("words", ["", "cell"])
@pytest.mark.parametrize("chosen", [{}, {"licence": "CC0-1.0"}, {"organism": RODENTS, "archive": "idr"}])
def test_counts_are_true(searcher: Searcher, studies: list[Content], words: str, chosen: dict[str, str]) -> None:
    found = searcher.find(Asked(words, {name: (value,) for name, value in chosen.items()}))
    expected = matching(studies, words, **chosen)
    assert found.total == len(expected)
    assert found.datasets == sum(one[layout.DATASETS][0] for one in expected)
    sizes = [one[layout.TOTAL_BYTES][0] for one in expected if layout.TOTAL_BYTES in one]
    assert (found.total_bytes, found.sized) == (sum(sizes), len(sizes))
    for facet in FACETS:
        others = matching(studies, words, **{n: v for n, v in chosen.items() if n != facet.name})
        for value, count in flat(found.facets[facet.name]).items():
            assert count == len([one for one in others if value in one.get(facet.name, [])]), (facet.name, value)
    assert {count.value for count in found.facets["licence"]} == {"CC0-1.0", "CC-BY-4.0"}
    genes = {gene for one in expected for gene in one["gene"]}
    assert len(found.facets["gene"]) == min(MOST_VALUES, len(genes))


def test_several_values_of_a_facet_mean_one_or_the_other(searcher: Searcher, studies: list[Content]) -> None:
    either = searcher.find(Asked(filters={"year": ("2019", "2021")}))
    assert either.total == len(matching(studies, year="2019")) + len(matching(studies, year="2021"))
    assert [count.value for count in either.facets["year"]] == ["2021", "2020", "2019"]
    assert [count.is_chosen for count in either.facets["year"]] == [True, False, True]
    assert [count.value for count in either.facets["size"]] == [name for name in SIZES if name != "100GB-1TB"]


def test_tree_says_what_is_below_what(searcher: Searcher) -> None:
    (animals,) = searcher.find(Asked()).facets["organism"]
    assert (animals.value, animals.label) == (ANIMALS, "Metazoa"), "what all organisms are says nothing"
    assert [(one.label, [below.label for below in one.narrower]) for one in animals.narrower] == [
        ("Rodentia", ["Mus musculus", "Rattus norvegicus"]),
        ("Danio rerio", []),
    ]
    (fish,) = searcher.find(Asked("cell", filters={"organism": (FISH,), "gene": ("none",)})).facets["organism"]
    assert (fish.value, fish.studies, fish.is_chosen) == (FISH, 0, True)


def test_a_tree_with_one_branch_is_its_last_fork(tmp_path: Path) -> None:
    one = study("a", "cell", organism=ABOVE[MOUSE])
    found = Searcher(written(tmp_path / "index", [one], LABELS)).find(Asked())
    assert [(c.label, c.narrower) for c in found.facets["organism"]] == [("Mus musculus", ())]


def test_things_are_named_by_label(searcher: Searcher, studies: list[Content]) -> None:
    found = searcher.find(Asked(filters={"organism": ("rodentia",), "gene": ("TP53 (homo sapiens)",)}))
    assert found.asked.filters == {"organism": (RODENTS,), "gene": (GENES[0],)}
    assert found.total == len(matching(studies, organism=RODENTS, gene=GENES[0]))
    assert searcher.find(Asked(filters={"organism": ("unicorn",)})).total == 0


RANGES: list[tuple[str, float | None, float | None]] = [
    ("channels", 5, None),
    ("channels", None, 1),
    ("size_bytes", 6, 10**10),
    ("size_bytes", 10**9, 10**9),
    ("images", 1, None),
]


@pytest.mark.parametrize(("name", "least", "most"), RANGES)
def test_ranges(searcher: Searcher, studies: list[Content], name: str, least: Any, most: Any) -> None:
    expected = [
        one
        for one in studies
        if any((least is None or least <= v) and (most is None or v <= most) for v in one.get(name, []))
    ]
    assert searcher.find(Asked(ranges={name: (least, most)})).total == len(expected)


# --- studies


def test_the_member_that_is_shown(tmp_path: Path) -> None:
    members = [
        Member("http://e/bia/1", "bia", "S-BIAD1", "Kinesin walks", "A long story about motors", authors=("A B",)),
        Member("http://e/idr/1", "idr", "idr0001", "Dynein runs", "Another story of axons"),
    ]
    searcher = Searcher(written(tmp_path / "index", [study("x", "Kinesin walks Dynein runs", members=members)]))

    def shown(**asked: Any) -> list[str]:
        (hit,) = searcher.find(Asked(**asked)).hits
        return [member.accession for member in (hit.member, *hit.also_in)]

    assert shown() == ["S-BIAD1", "idr0001"]
    assert shown(words="dynein") == ["idr0001", "S-BIAD1"]
    assert shown(words="dynein", filters={"archive": ("bia",)}) == ["S-BIAD1", "idr0001"]
    assert shown(filters={"archive": ("idr",)}) == ["idr0001", "S-BIAD1"]
    assert searcher.document("http://e/idr/1") == members[1]
    assert searcher.document("http://e/idr/2") is None
    assert searcher.matches("dynein", 10)[0][0] == "http://e/bia/1"
    assert len(searcher.matches("dynein", 10)) == 2


def test_what_matched_is_told(tmp_path: Path) -> None:
    one = study("x", "Cells", description="Some words about spindles", genes=["TP53"], broader=["rodents"])
    searcher = Searcher(written(tmp_path / "index", [one]))
    (hit,) = searcher.find(Asked("spindle tp53 rodent")).hits
    assert [piece.text for piece in hit.excerpt if piece.is_match] == ["spindles"]
    assert hit.matched == ("Genes", "Broader terms")
    assert hit.title == (("Cells", False),)


def test_suggestions_while_typing(tmp_path: Path) -> None:
    entries = [
        *layout.suggestion("Danio rerio", "organism", FISH),
        *layout.suggestion("Daniel Example", "person", ""),
        *layout.suggestion("Dancing cells", "dataset", "http://e/x"),
    ]
    searcher = Searcher(written(tmp_path / "index", [study("x", "Dancing cells dance", suggest=entries)]))
    found = searcher.suggest("dan")
    assert {(one.text, one.kind) for one in found} >= {
        ("Danio rerio", "organism"),
        ("Daniel Example", "person"),
        ("Dancing cells", "dataset"),
        ("dance", "word"),
    }
    assert searcher.suggest("rer")[0].iri == FISH
    assert [one.text for one in searcher.suggest("cells danc")] == ["cells dance", "cells dancing"]
    assert searcher.suggest("d") == searcher.suggest("") == searcher.suggest("**") == []
    assert len(searcher.suggest("dan", limit=2)) == 2


# --- processes


def test_threads_get_the_same_answers(searcher: Searcher) -> None:
    asked = [Asked(word) for word in WORDS] * 3
    expected = [searcher.find(one).total for one in asked]
    with ThreadPoolExecutor(4) as threads:
        assert [found.total for found in threads.map(searcher.find, asked)] == expected


def test_searchers_of_few_snapshots_are_kept(tmp_path: Path) -> None:
    snapshots = []
    for name in ("1", "2", "3"):
        written(tmp_path / name / "search", [study("x", f"cell {name}")])
        snapshots.append(Snapshot(tmp_path / name, int(name), "", "http://e/", 0))
    searchers = Searchers()
    first = searchers.of(snapshots[0])
    assert searchers.of(snapshots[0]) is first
    assert [searchers.of(one).find(Asked()).hits[0].member.title for one in snapshots] == ["cell 1", "cell 2", "cell 3"]
    assert len(searchers._open) == KEPT
    assert first.sequence == 7
