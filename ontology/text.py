"""Clean text: control characters, symbol-font codes, blanks, entities, e-mail addresses, names, placeholders."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final, Literal

_SYMBOL_LETTERS: Final = "αβχδεφγηιϕκλ\u00b5νοπθρστυϖωξψζ"
_SYMBOL_CAPITALS: Final = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SYMBOL_SIGNS: Final = {
    0xA2: "′", 0xA3: "≤", 0xA5: "∞", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→", 0xAF: "↓",
    0xB0: "°", 0xB1: "±", 0xB2: "″", 0xB3: "≥", 0xB4: "×", 0xB5: "∝", 0xB7: "•", 0xB8: "÷",
    0xB9: "≠", 0xBA: "≡", 0xBB: "≈", 0xBC: "…", 0xD6: "√", 0xD7: "⋅", 0x2D: "−", 0x7E: "∼",
}  # fmt: skip


def _symbol_font() -> dict[int, str]:
    """Code points F020–F0FF of the private use area as the Adobe Symbol font shows them."""
    table = {
        0xF000 + code: chr(code) for code in (*range(0x20, 0x22), 0x23, 0x25, 0x26, *range(0x28, 0x40), 0x5B, 0x5D)
    }
    table |= {0xF061 + place: letter for place, letter in enumerate(_SYMBOL_LETTERS)}
    table |= {0xF041 + place: letter for place, letter in enumerate(_SYMBOL_CAPITALS)}
    return table | {0xF000 + code: sign for code, sign in _SYMBOL_SIGNS.items()}


_REPLACED: Final[dict[int, str]] = _symbol_font() | {
    0x2028: "\n", 0x2029: "\n", 0x85: "\n", 0x0B: "\n", 0x0C: "\n", 0x1C: " ", 0x1D: " ", 0x1E: " ", 0x1F: " ",
}  # fmt: skip
_BREAKS: Final = re.compile(r"\r\n?")
_BLANKS: Final = re.compile(r"[^\S\n\t]{2,}|[^\S \n\t]")
_ROUND_BREAKS: Final = re.compile(r" (?=[\n\t])|(?<=[\n\t]) ")
_AMPERSANDS: Final = re.compile(r"&(?:(?:amp|AMP|#0{0,6}38|#[xX]0{0,6}26);)+")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_DROPPED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs"})


def clean(text: str) -> str:
    r"""Text in NFC without control, format, bidi and zero-width characters; never fails.

    Line breaks and tabs stay (CR, U+2028 and the like become ``\n``), every other run of blanks becomes one space,
    blanks round breaks and at both ends go. Entities are decoded, also doubly escaped ones. Private-use codes of the
    Symbol font (U+F06D) become the characters that they showed (µ). ``clean(clean(x)) == clean(x)``.

    >>> clean("  10 \uf06dm\u200b  Molecular &amp;amp; Cell ")
    '10 µm Molecular & Cell'

    Source: https://www.unicode.org/Public/MAPPINGS/VENDORS/ADOBE/symbol.txt
    """
    if text.isascii() and text.isprintable() and "&" not in text and "  " not in text:
        return text.strip(" ")
    done = _clean_once(text)
    while "&" in done and (again := _clean_once(done)) != done:
        done = again
    return done


def _clean_once(text: str) -> str:
    text = _BREAKS.sub("\n", _decode_entities(text) if "&" in text else text)
    if not text.replace("\n", "").isprintable():
        text = "".join(filter(_is_kept, text.translate(_REPLACED)))
    text = unicodedata.normalize("NFC", text)
    return _ROUND_BREAKS.sub("", _BLANKS.sub(" ", text)).strip()


def _decode_entities(text: str) -> str:
    return _ENTITY.sub(lambda found: html.unescape(found[0]), _AMPERSANDS.sub("&", text))


def _is_kept(char: str) -> bool:
    if char.isprintable() or char in "\n\t":
        return True
    return unicodedata.category(char) not in _DROPPED_CATEGORIES and not _is_noncharacter(ord(char))


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


_BLOCK: Final = "address|article|blockquote|br|dd|div|dl|dt|figcaption|figure|h[1-6]|hr|li|ol|p|pre|section|table|tr|ul"
_INLINE: Final = "a|abbr|b|big|cite|code|em|font|i|img|q|s|small|span|strong|sub|sup|tbody|td|th|thead|tt|u"
_TAG: Final = re.compile(rf"</?(?:({_BLOCK})|{_INLINE})(?:\s[^<>]*)?/?>", re.IGNORECASE)


def without_tags(text: str) -> str:
    r"""The text without HTML's tags of layout; blocks begin on a line of their own. Any other ``<word>`` stays.

    >>> without_tags("<p>H<sub>2</sub>O at <37 C></p>See <a href='x'>there</a>").strip()
    'H2O at <37 C>\nSee there'
    """
    return _TAG.sub(lambda tag: "\n" if tag[1] else "", text) if "<" in text else text


REMOVED: Final = "[e-mail removed]"
_AT: Final = re.compile(r"[\[({<] ?(?:at|@) ?[\])}>]|[@\uff20]", re.IGNORECASE)
_LOCAL: Final = re.compile(r"(?:mailto:)?(?=[.+'%!#$&*/=?^`~-]{0,63}\w)[\w.+'%!#$&*/=?^`~-]{1,64}\Z", re.IGNORECASE)
_DOTTED_DOMAIN: Final = re.compile(
    r"\w[\w-]{0,62}(?:(?:\.{1,3}| ?[\[(] ?dot ?[\])] ?)[\w-]{1,63}){0,8}?"
    r"(?:\.{1,3}| ?[\[(] ?dot ?[\])] ?)[^\W\d_]{2,24}(?![\w-])"
    r"(?:\.{1,3}[^\W\d_]{2,24}(?![\w-])){0,3}",
    re.IGNORECASE,
)
_BARE_DOMAIN: Final = re.compile(r"[^\W\d_][\w-]{1,62}")
_DOTTED_LOCAL: Final = re.compile(r"[^\W\d_]{2,}\.[^\W\d_]{2,}\Z")
_DOMAIN_REACH: Final = 320


def has_email(text: str) -> bool:
    """True if an e-mail address stands in the text, also one written ``name [at] host.de``; linear time.

    >>> has_email("author[0].@id.name")
    False

    >>> has_email("write to jane [at] example.org"), has_email("imaged @ 37 C")
    (True, False)
    """
    return any(_email_spans(text))


def drop_emails(text: str) -> str:
    """The text with each e-mail address replaced by ``[e-mail removed]``; linear time.

    >>> drop_emails("Jane Doe <jane@example.org>, jane(at)example.org")
    'Jane Doe <[e-mail removed]>, [e-mail removed]'
    """
    parts, end = [], 0
    for start, stop in _merged(_email_spans(text)):
        parts += [text[end:start], REMOVED]
        end = stop
    return "".join([*parts, text[end:]])


def _email_spans(text: str) -> list[tuple[int, int]]:
    if not _may_hold_email(text):
        return []
    return [span for mark in _AT.finditer(text) if (span := _span(text, mark))]


def _may_hold_email(text: str) -> bool:
    return "@" in text or _AT.search(text) is not None


def _span(text: str, mark: re.Match[str]) -> tuple[int, int] | None:
    """Where the address round one at-sign starts and ends, by looking a bounded way to both sides."""
    left, right = mark.start(), mark.end()
    spaced_left = left - 1 if text[left - 1 : left] == " " else left
    spaced_right = right + 1 if text[right : right + 1] == " " else right
    if not text[spaced_right : spaced_right + 1].isalnum():
        return None
    local = _LOCAL.search(text[max(0, spaced_left - 71) : spaced_left])
    if local is None:
        return None
    domain = _DOTTED_DOMAIN.match(text, spaced_right, spaced_right + _DOMAIN_REACH)
    if domain is None and (spaced_left, spaced_right) == (left, right) and _DOTTED_LOCAL.search(local[0]):
        domain = _BARE_DOMAIN.match(text, right, right + _DOMAIN_REACH)
    return (spaced_left - len(local[0]), domain.end()) if domain else None


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


_FOLDS: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_WORD: Final = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """The text cleaned, without accents, in lower case: for comparing, never for showing.

    >>> fold(" Łukasz  MÜLLER ")
    'lukasz muller'
    """
    plain = _without_accents(clean(text)).casefold()
    return plain if plain.isascii() else plain.translate(_FOLDS)


def name_key(name: str) -> frozenset[str]:
    """The tokens of a person's name for comparing people: folded, without initials; never fails.

    Two spellings of one person nearly always share a token; two people under one ORCID share none.

    >>> sorted(name_key("Carberry JS")), sorted(name_key("Müller, Julia M."))
    (['carberry'], ['julia', 'muller'])
    """
    words: list[str] = _WORD.findall(_without_accents(clean(name)))
    mixed = any(not word.isupper() for word in words)
    full = [word for word in words if not _is_initials(word, mixed)]
    return frozenset(word.casefold().translate(_FOLDS) for word in full or words)


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def _is_initials(word: str, mixed: bool) -> bool:
    """One letter, or up to three capitals beside words that are not in capitals ("JS" in "Carberry JS")."""
    return word.isascii() and (len(word) == 1 or (mixed and len(word) <= 3 and word.isupper()))


_UNKNOWN: Final = frozenset({
    "unknown", "not known", "none", "null", "nan", "nil", "tbd", "tba", "to be determined", "to be announced",
    "pending", "in revision", "in review", "under review", "in press", "in preparation", "submitted",
    "not available", "not provided",
    "not specified", "not reported", "unspecified", "unavailable", "missing", "undefined",
    "?", "??", "???", "-", "--", "---", ".", "..", "...", "…", "–", "—", "_", "xxx",
    ":unac", ":unal", ":unas", ":unav", ":unkn", ":tba",
    "(:unac)", "(:unal)", "(:unas)", "(:unav)", "(:unkn)", "(:tba)",
})  # fmt: skip
_NOT_APPLICABLE: Final = frozenset({
    "n/a", "na", "n.a.", "n.a", "n/a.", "not applicable", "not_applicable", "does not apply",
    ":unap", ":none", ":null", "(:unap)", "(:none)", "(:null)",
})  # fmt: skip


def is_placeholder(text: str) -> Literal["unknown", "not applicable"] | None:
    """What a stand-in says instead of a value, or None for a real value; empty text is "unknown".

    >>> is_placeholder("N/A"), is_placeholder(" TBD "), is_placeholder("(:unav)"), is_placeholder("Homo sapiens")
    ('not applicable', 'unknown', 'unknown', None)

    Source: https://datacite-metadata-schema.readthedocs.io/en/4.6/appendices/appendix-3/ (the codes with a colon)
    """
    if len(text) > 64:
        return None
    folded = clean(text).casefold()
    if folded in _NOT_APPLICABLE:
        return "not applicable"
    return "unknown" if not folded or folded in _UNKNOWN else None


_STREET: Final = re.compile(
    r"(?:street|stra(?:ss|ß)e|straat|road|avenue|lane|boulevard|allee|platz|weg|laan|gatan|vägen|gade|vej)\b"
    r"|\b(?:st\.|str\.|rd\.?|ave\.?|blvd\.?|drive|rue|via|calle|chome)(?!\w)",
    re.IGNORECASE,
)
_POSTCODE: Final = re.compile(
    r"(?:[A-Z]{1,3}-)?\d{4,7}(?:-\d{3,4})?(?: .*)?|(?!.*\bUM[RS] ?\d).*\b\d{5,7}(?:-\d{4})?"
    r"|(?:.* )?[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|.*\bP\.? ?O\.? ?Box\b.*"
)


def without_address(name: str) -> str:
    """The name of an organisation without street, postcode and post-office box; empty where nothing else is left.

    >>> without_address("Institute of Cell Biology, University of Bern, Baltzerstrasse 4, 3012 Bern, Switzerland")
    'Institute of Cell Biology, University of Bern, Switzerland'
    """
    parts = re.split(r",\s+", name)
    kept = [part for part in parts if not (_has_street(part) or _POSTCODE.fullmatch(part.rstrip(".")))]
    return name if len(kept) == len(parts) else ", ".join(kept).strip()


def _has_street(part: str) -> bool:
    return any(char.isdigit() for char in part) and _STREET.search(part) is not None
