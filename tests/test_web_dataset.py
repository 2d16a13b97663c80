"""The landing page of a dataset: who says what, conflicts side by side, related datasets, links to the hub's pages."""

from __future__ import annotations

import re
from pathlib import Path

from werkzeug.test import Client

from hub import describe
from hub.published import Publication
from tests.entity_hub import BY_NC, built, client
from tests.support import get

__all__ = ["client"]
TWO = "/dataset/bia/S-BIAD824"
ONE = "/dataset/bia/S-BIAD9001"


def page(client: Client, path: str) -> str:
    return get(client, path, "text/html").text


def test_each_value_says_from_whom_and_conflicts_stand_beside_it(client: Client) -> None:
    text = page(client, TWO)
    licence = re.search(r"<dt>Licence</dt>(.*?)</div>", text, re.S)[1]  # type: ignore[index]
    assert re.search(r'CC0 1\.0</a>.*class="says".*/explain\?s=.*BioImage Archive', licence, re.S)
    assert re.search(r'class="conflict".*mirror</a> says .*CC BY-NC 4\.0', licence, re.S)
    published = re.search(r"<dt>Published</dt>(.*?)</div>", text, re.S)[1]  # type: ignore[index]
    assert "mirror" in published
    assert "conflict" not in published
    assert "Another title" in text


def test_where_one_source_speaks_nothing_is_tagged(client: Client) -> None:
    text = page(client, ONE)
    assert 'class="says"' not in text
    assert 'class="conflict"' not in text


def test_the_tag_leads_to_the_explanation(client: Client) -> None:
    href = re.search(r'class="says"><a href="(/explain[^"]*)"', page(client, TWO))[1]  # type: ignore[index]
    assert get(client, href.replace("&amp;", "&"), "text/html").status_code == 200


def test_voices_are_ordered_by_precedence(tmp_path: Path) -> None:
    made = built(tmp_path)
    publication = Publication(made)
    found = describe.dataset(publication().pages, made, "bia", "S-BIAD824", brief=True)
    voices = describe.voices(found, made)
    publication.close()
    assert [voice.source for voice in voices["license"].agreed] == ["bia"]
    assert [(voice.source, voice.value) for voice in voices["license"].others] == [("mirror", BY_NC)]
    assert [voice.source for voice in voices["accession"].agreed] == ["bia", "mirror"]
    assert voices["accession"].others == ()


def test_terms_people_and_grants_lead_to_the_hubs_pages(client: Client) -> None:
    text = page(client, TWO)
    local = set(re.findall(r'href="(/(?:taxon|term|person)/[^"]+)"', text))
    assert {"/taxon/122615", "/term/FBbi:00000243", "/person/0000-0002-4321-0257"} <= local
    assert {href: get(client, href, "text/html").status_code for href in local} == dict.fromkeys(local, 200)
    assert 'href="http://purl.obolibrary.org' not in text


def test_related_datasets_have_reasons_in_words(client: Client) -> None:
    part = page(client, ONE).partition('id="related"')[2]
    assert re.search(r"S-BIAD9002.*same person: <a href=\"/person/0000-0002-1825-0097\"", part, re.S)


def test_the_page_has_a_form_for_the_basket(client: Client) -> None:
    form = re.search(r'<form method="post" action="/basket">.*?</form>', page(client, TWO), re.S)
    assert form is not None
    assert 'name="dataset" value="bia/S-BIAD824"' in form[0]
    assert 'name="action" value="add"' in form[0]


def test_example_images_come_through_the_hub(client: Client) -> None:
    text = page(client, TWO)
    for image in re.findall(r"<img [^>]*>", text.partition("<main")[2]):
        assert re.search(r'src="/thumbnail/bia/S-BIAD824\?n=\d+"', image)
        assert re.search(r'alt="[^"]+"', image)
        assert 'loading="lazy"' in image
