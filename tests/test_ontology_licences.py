"""Licences: spellings met in the archives, and properties."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.identifiers import iri
from ontology.licences import licence, spdx

BY4 = "https://creativecommons.org/licenses/by/4.0/"
ZERO = "https://creativecommons.org/publicdomain/zero/1.0/"

GOLDEN = [
    ("CC BY 4.0", BY4, "CC-BY-4.0"),
    ("CC-BY 4.0", BY4, "CC-BY-4.0"),
    ("CC-BY-4.0", BY4, "CC-BY-4.0"),
    ("CC_BY_4.0", BY4, "CC-BY-4.0"),
    ("CCBY 4.0", BY4, "CC-BY-4.0"),
    ("cc by 4", BY4, "CC-BY-4.0"),
    ("CC\u2011BY 4.0".replace("\u2011", "-"), BY4, "CC-BY-4.0"),
    ("CC BY 4.0 https://creativecommons.org/licenses/by/4.0/", BY4, "CC-BY-4.0"),
    ("Creative Commons Attribution 4.0 International (CC BY 4.0)", BY4, "CC-BY-4.0"),
    ("http://www.creativecommons.org/licenses/by/4.0", BY4, "CC-BY-4.0"),
    ("https://creativecommons.org/licenses/by/4.0/legalcode", BY4, "CC-BY-4.0"),
    ("https://creativecommons.org/licenses/by/4.0/deed.en", BY4, "CC-BY-4.0"),
    ("creativecommons.org/licenses/by/4.0/", BY4, "CC-BY-4.0"),
    ("CC BY-SA 3.0", "https://creativecommons.org/licenses/by-sa/3.0/", "CC-BY-SA-3.0"),
    ("cc-by-nc-sa-3.0", "https://creativecommons.org/licenses/by-nc-sa/3.0/", "CC-BY-NC-SA-3.0"),
    (
        "Attribution-NonCommercial-ShareAlike 3.0 Unported",
        "https://creativecommons.org/licenses/by-nc-sa/3.0/",
        "CC-BY-NC-SA-3.0",
    ),
    ("CC BY-NC-ND 4.0", "https://creativecommons.org/licenses/by-nc-nd/4.0/", "CC-BY-NC-ND-4.0"),
    ("CC BY-NC 4.0", "https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
    ("https://creativecommons.org/licenses/by/3.0/us/", "https://creativecommons.org/licenses/by/3.0/us/", None),
    ("CC0", ZERO, "CC0-1.0"),
    ("CC0 1.0", ZERO, "CC0-1.0"),
    ("CC0-1.0", ZERO, "CC0-1.0"),
    ("CC 0", ZERO, "CC0-1.0"),
    ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", ZERO, "CC0-1.0"),
    ("Creative Commons Zero v1.0 Universal", ZERO, "CC0-1.0"),
    ("https://creativecommons.org/licenses/zero/1.0/", ZERO, "CC0-1.0"),
    ("http://creativecommons.org/publicdomain/zero/1.0", ZERO, "CC0-1.0"),
    ("MIT", "https://spdx.org/licenses/MIT", "MIT"),
    ("https://opensource.org/licenses/MIT", "https://spdx.org/licenses/MIT", "MIT"),
    ("apache-2.0", "https://spdx.org/licenses/Apache-2.0", "Apache-2.0"),
    ("https://www.apache.org/licenses/LICENSE-2.0.html", "https://spdx.org/licenses/Apache-2.0", "Apache-2.0"),
    ("https://spdx.org/licenses/BSD-3-Clause.html", "https://spdx.org/licenses/BSD-3-Clause", "BSD-3-Clause"),
    ("https://creativecommons.org/publicdomain/mark/1.0/", "https://creativecommons.org/publicdomain/mark/1.0/", None),
]
REFUSED = [
    "",
    "CC BY-SA",
    "CC-BY",
    "CC",
    "CC BY 9.0",
    "CC BY 4.0.1",
    "CC BY-SA-ND 4.0",
    "CC SA 4.0",
    "CC BY 4.0, CC0",
    "CC BY-SA 3.0 https://creativecommons.org/licenses/by/4.0/",
    "https://creativecommons.org/licenses/by/",
    "https://creativecommons.org/licenses/zero/4.0/",
    "https://v18.proteinatlas.org/about/licence",
    "public domain",
    "All rights reserved",
    "not MIT",
]


@pytest.mark.parametrize(("text", "url", "identifier"), GOLDEN)
def test_licence(text: str, url: str, identifier: str | None) -> None:
    assert licence(text) == url
    assert licence(url) == url
    assert iri(url) == url
    assert spdx(url) == identifier
    assert identifier is None or licence(identifier) == url


@pytest.mark.parametrize("text", REFUSED)
def test_licence_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        licence(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "https://creativecommons.org/licenses/by/9.0/", "https://spdx.org/licenses/X", "MIT"]
)
def test_spdx_of_no_canonical_url(url: str) -> None:
    assert spdx(url) is None


_WORDS = [
    "cc",
    "by",
    "nc",
    "sa",
    "nd",
    "0",
    "4.0",
    "3.0",
    "-",
    " ",
    "(",
    ")",
    "https://creativecommons.org/licenses/",
    "/",
]


@given(st.text() | st.lists(st.sampled_from(_WORDS)).map("".join))
@settings(deadline=None)
def test_any_text_gives_a_canonical_url_or_a_value_error(text: str) -> None:
    try:
        url = licence(text)
    except ValueError:
        return
    assert licence(url) == url
