"""Text inside XML documents."""

import re
from xml.sax.saxutils import escape

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The text, escaped; what no XML document may hold becomes U+FFFD. A carriage return survives the parser."""
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})
