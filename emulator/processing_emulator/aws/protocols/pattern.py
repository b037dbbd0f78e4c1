"""The model's regular expressions are Java's; this turns them into Python's, always meant for a full match."""

import re

_LINE_ENDS = r"\n\r\x85\u2028\u2029"
"""What Java's dot does not match."""

_SEPARATORS = r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's general category Z."""

_LETTERS_SEPARATORS_NUMBERS = r"\p{L}\p{Z}\p{N}_"
"""How the model writes the alphabet of tags; Python's `\\w` is exactly L, N and the underscore. Java's is ASCII."""

_ASCII_CLASSES = {r"\d": "0-9", r"\w": "a-zA-Z0-9_"}

_BACK_REFERENCES = frozenset(rf"\{digit}" for digit in range(1, 10))

_TOKEN = re.compile(
    r"\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<tags>\\p\{L\}\\p\{Z\}\\p\{N\}_)|(?P<escape>\\.)|(?P<group>\((?!\?))|(?P<plain>.)",
    re.DOTALL,
)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the model. Raises ValueError when it uses something that has no translation here."""
    if r"\p" in pattern.replace(_LETTERS_SEPARATORS_NUMBERS, ""):
        raise ValueError(f"no translation for the Unicode classes of {pattern}")
    in_class = False
    translated = []
    for match in _TOKEN.finditer(pattern):
        translated.append(_translate(match, in_class=in_class))
        if match["plain"] in ("[", "]"):
            in_class = match["plain"] == "["
    return re.compile("".join(translated))


def _translate(match: re.Match[str], *, in_class: bool) -> str:
    if match["high"]:
        return f"\\U{_code_point(match['high'], match['low']):08x}"
    if match["tags"]:
        return r"\w" + _SEPARATORS
    if match["escape"] in _ASCII_CLASSES:
        characters = _ASCII_CLASSES[match["escape"]]
        return characters if in_class else f"[{characters}]"
    if match["group"] and not in_class:
        return "(?:"  # quicker, and the captured text is not needed
    if match["escape"] in _BACK_REFERENCES:
        raise ValueError(f"no translation for the back reference {match['escape']}: no group captures here")
    if match["plain"] == "." and not in_class:
        return f"[^{_LINE_ENDS}]"
    return match[0]


def _code_point(high: str, low: str) -> int:
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
