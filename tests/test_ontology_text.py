"""Text: what archives' texts hold, and that cleaning is stable, complete and fast."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.text import clean, drop_emails, fold, has_email, is_placeholder, name_key, without_address

CLEANED = [
    ("plain", "plain"),
    ("  a   b  ", "a b"),
    ("a\u00a0b\u2009c", "a b c"),
    ("fold\u0002ing", "folding"),
    ("so\u00adft hy\u00adphen", "soft hyphen"),
    ("\u202bname", "name"),
    ("zero\u200bwidth\u2060joined\ufeff", "zerowidthjoined"),
    ("10 \uf06dm, 37 \uf0b0C", "10 µm, 37 °C"),
    ("\uf061-tubulin and \uf067-tubulin", "α-tubulin and γ-tubulin"),
    ("\uf044\uf062", "Δβ"),
    ("one\u2028two\u2029three", "one\ntwo\nthree"),
    ("one\r\ntwo\rthree", "one\ntwo\nthree"),
    ("one  \n  two\t three", "one\ntwo\tthree"),
    ("Molecular &amp;amp; Cell Biology", "Molecular & Cell Biology"),
    ("Molecular &amp; Cell", "Molecular & Cell"),
    ("a &amp;lt; b", "a < b"),
    ("R&D; AT&T", "R&D; AT&T"),
    ("&#181;m &#xb5;m", "µm µm"),
    ("u\u0308ber", "über"),
    ("a\u200b\u0308", "ä"),
    ("non\ufffecharacter\uffff", "noncharacter"),
    ("lone\ud800surrogate", "lonesurrogate"),
    ("\ufffd stays", "\ufffd stays"),
    ("理化学研究所", "理化学研究所"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text() | st.text("&amp;#38lt;x \n\t\u200b\u00a0\u0308", max_size=30))
@settings(deadline=None, max_examples=300)
def test_clean_is_stable_and_complete(text: str) -> None:
    done = clean(text)
    assert clean(done) == done
    assert unicodedata.is_normalized("NFC", done)
    assert not [c for c in done if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t"]
    assert "  " not in done
    done.encode()


EMAILS = [
    ("jane@example.org", "[e-mail removed]"),
    ("Jane Doe <jane.doe@example.org>", "Jane Doe <[e-mail removed]>"),
    ("jane.doe@example", "[e-mail removed]"),
    ("jane.doe@kemi..example.se", "[e-mail removed]"),
    ("jane@example.org@nottingham.example.uk", "[e-mail removed]"),
    ("\u202bjane@example.org", "\u202b[e-mail removed]"),
    ("jane [at] mpi-example.de", "[e-mail removed]"),
    ("jane(at)example.org", "[e-mail removed]"),
    ("jane (at) example (dot) org", "[e-mail removed]"),
    ("jane @ example.org", "[e-mail removed]"),
    ("jäne.döe@exämple.org", "[e-mail removed]"),
    ("mailto:jane@example.org", "[e-mail removed]"),
    ("a@example.org,b@example.org", "[e-mail removed],[e-mail removed]"),
    ("Write to jane+x@example.co.uk. Thanks", "Write to [e-mail removed]. Thanks"),
]
NO_EMAILS = ["", "imaged @ 37 C", "NaYF4@SiO2", "10 nm @ 5.5 kV", "@handle", "cells (at 4 C)", "user@", "f(at) = 3"]


@pytest.mark.parametrize(("text", "expected"), EMAILS)
def test_emails_are_found_and_dropped(text: str, expected: str) -> None:
    assert has_email(text)
    assert drop_emails(text) == expected


@pytest.mark.parametrize("text", NO_EMAILS)
def test_no_email(text: str) -> None:
    assert not has_email(text)
    assert drop_emails(text) == text


@given(
    st.lists(
        st.sampled_from(
            ["jane.doe", "@", "example", ".org", " ", "[at]", "(at)", "[dot]", "ü", ".", "-", "<", ">", "1", ","]
        )
    ).map("".join)
)
@settings(deadline=None, max_examples=300)
def test_no_email_is_left(text: str) -> None:
    assert not has_email(drop_emails(text))


@pytest.mark.parametrize(
    "unit", ["a", "a@", "a.", "@", "x@a-", "(", "( at ", "a@b.c ", "&amp;", "&#38;", " ", "\t \n", "é"]
)
def test_long_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit)) + "@x"
    started = time.perf_counter()
    drop_emails(clean(text))
    assert time.perf_counter() - started < 10


KEYS = [
    ("Carberry J", {"carberry"}),
    ("Carberry JS", {"carberry"}),
    ("Josiah Carberry", {"josiah", "carberry"}),
    ("Ray-Jones, Maria", {"ray", "jones", "maria"}),
    ("Josiah S. Carberry", {"josiah", "carberry"}),
    ("De Rossi A", {"de", "rossi"}),
    ("Müller", {"muller"}),
    ("Ångström", {"angstrom"}),
    ("LI WEI", {"li", "wei"}),
    ("Łukasz Sørensen", {"lukasz", "sorensen"}),
    ("", set()),
]


@pytest.mark.parametrize(("name", "expected"), KEYS)
def test_name_key(name: str, expected: set[str]) -> None:
    assert name_key(name) == expected


def test_fold() -> None:
    assert fold(" ÉCOLE  Straße ") == "ecole strasse"


PLACEHOLDERS = [
    ("Unknown", "unknown"),
    ("unknown ", "unknown"),
    ("none", "unknown"),
    ("null", "unknown"),
    ("None", "unknown"),
    ("TBD", "unknown"),
    ("pending", "unknown"),
    ("in revision", "unknown"),
    ("-", "unknown"),
    ("", "unknown"),
    ("\u200b", "unknown"),
    ("N/A", "not applicable"),
    ("NA", "not applicable"),
    ("Not applicable", "not applicable"),
    ("See details in the paper", None),
    ("Homo sapiens", None),
    ("0", None),
    ("BIO ", None),
]


@pytest.mark.parametrize(("text", "expected"), PLACEHOLDERS)
def test_is_placeholder(text: str, expected: str | None) -> None:
    assert is_placeholder(text) == expected


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("University of Bern, Baltzerstrasse 4, 3012 Bern, Switzerland", "University of Bern, Switzerland"),
        ("Racah Institute of Physics, The Hebrew University, Jerusalem 9190401, Israel",
         "Racah Institute of Physics, The Hebrew University, Israel"),
        ("Science for Life Laboratory, Tomtebodavägen 23A, 17165, Solna, Sweden.",
         "Science for Life Laboratory, Solna, Sweden."),
        ("Institut Cochin, 22 rue Méchain, 75014 Paris, France", "Institut Cochin, France"),
        ("University College London, Gower Street 1, London WC1E 6BT, UK", "University College London, UK"),
        ("Hospital, P.O. Box 123, Country", "Hospital, Country"),
        ("Université Paris Cité, CNRS, Inserm, UMR 8104, Institut Cochin", None),
        ("Inserm U1016, CNRS UMR8104, Paris", None),
        ("Department 3, Max Planck Institute", None),
        ("University of California, Los Angeles", None),
    ],
)  # fmt: skip
def test_organisation_without_its_address(name: str, kept: str | None) -> None:
    assert without_address(name) == (kept or name)
