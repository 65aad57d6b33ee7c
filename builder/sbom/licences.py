"""Reads the licences in a package's copyright file as expressions of SPDX.

A machine-readable copyright file (Debian's copyright-format 1.0, DEP-5) has a short name for the licence of each group
of files.  Some short names have the meaning of an identifier of SPDX's list; all others become references to the text
in the copyright file (SPDX 2.3, annex D and clause 10).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from debian.deb822 import Deb822

FORMAT = re.compile(r"copyright-format|dep5|DEP5|Machine-?readable", re.IGNORECASE)
"""A part of the first field of a machine-readable copyright file, an address that changed with time."""
GNU = re.compile(r"(A?GPL|LGPL)-([123])(\.[01])?(\+|-or-later|-only)?")
GNU_VERSIONS = frozenset({"AGPL-3.0", "GPL-1.0", "GPL-2.0", "GPL-3.0", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0"})
GFDL = re.compile(r"GFDL(-NIV)?-(1\.[123])(\+)?")
EXCEPTION = re.compile(r"(.+?) with (.+?)[ -]exception(?:-[\d.]+)?", re.IGNORECASE)
EXCEPTIONS = {
    "bison": "Bison-exception-2.2",
    "classpath": "Classpath-exception-2.0",
    "libtool": "Libtool-exception",
    "linux-syscall-note": "Linux-syscall-note",
    "texinfo": "Texinfo-exception",
}
ALTERNATIVE = re.compile(r",? or | \| ", re.IGNORECASE)
CONJUNCTION = re.compile(r",? and |, ", re.IGNORECASE)
OTHER_NAMES = {
    "expat": "MIT",
    "apache-2": "Apache-2.0",
    "cc0": "CC0-1.0",
    "openldap-2.8": "OLDAP-2.8",
    "mit/x11": "MIT",
}
SAME_NAMES = (
    *("0BSD", "Apache-1.1", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause"),
    *("BSD-4-Clause-UC", "BSL-1.0", "Beerware", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0"),
    *("FSFAP", "FSFUL", "FSFULLR", "ISC", "Latex2e", "MIT", "MPL-1.1", "MPL-2.0", "MS-PL", "OLDAP-2.8", "OpenSSL"),
    *("Sleepycat", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "WTFPL", "X11", "Zlib", "curl"),
)
"""Identifiers of SPDX's list that are Debian's short names, too, except for upper and lower case."""
IDENTIFIERS = OTHER_NAMES | {name.lower(): name for name in SAME_NAMES}
LONGEST_TEXT = 64 << 10
"""The most characters of a licence's text that are kept."""


@dataclass(frozen=True)
class Licence:
    """The licence in a copyright file: an SPDX expression, and the name and text of each LicenseRef in it."""

    expression: str
    references: Mapping[str, tuple[str, str]]


def read_copyright(text: str, where: str) -> Licence | None:
    """The licences in a copyright file at the path `where`; None where it is not machine-readable."""
    try:
        paragraphs = list(Deb822.iter_paragraphs(text.splitlines(keepends=True), use_apt_pkg=False))
    except ValueError:
        return None
    if not paragraphs or not FORMAT.search(paragraphs[0].get("Format", "")):
        return None
    licences = [(paragraph, *_split(paragraph.get("License", ""))) for paragraph in paragraphs[1:]]
    texts = {synopsis: full for _, synopsis, full in licences if full}
    translation = _Translation(texts, where)
    names = (name for paragraph, name, _ in licences if name and "Files" in paragraph)
    found = sorted({each for name in names for each in translation.translate(name)})
    if not found:
        return None
    wrapped = (f"({each})" if len(found) > 1 and " OR " in each else each for each in found)
    return Licence(" AND ".join(wrapped), dict(sorted(translation.references.items())))


def _split(field: str) -> tuple[str, str]:
    """The short names in a License field, and the text below them."""
    synopsis, _, text = field.partition("\n")
    lines = (line.removeprefix(" ") for line in text.splitlines())
    return " ".join(synopsis.split()), "\n".join("" if line.strip() == "." else line.rstrip() for line in lines).strip()


def identify(name: str) -> str | None:
    """The SPDX expression with the meaning of one short name; None when SPDX's list has no such identifier."""
    if found := IDENTIFIERS.get(name.lower()):
        return found
    if gnu := GNU.fullmatch(name):
        version = f"{gnu[1]}-{gnu[2]}{gnu[3] or '.0'}"
        later = "or-later" if gnu[4] in ("+", "-or-later") else "only"
        return f"{version}-{later}" if version in GNU_VERSIONS else None
    if gfdl := GFDL.fullmatch(name):
        return f"GFDL-{gfdl[2]}{'-no-invariants' if gfdl[1] else ''}-{'or-later' if gfdl[3] else 'only'}"
    if exception := EXCEPTION.fullmatch(name):
        base, known = identify(exception[1]), EXCEPTIONS.get(exception[2].lower())
        return f"{base} WITH {known}" if base and known and " " not in base else None
    return None


class _Translation:
    """Translates the synopses of one copyright file, and collects the texts to which they refer."""

    def __init__(self, texts: Mapping[str, str], where: str) -> None:
        self._texts = texts
        self._where = where
        self.references: dict[str, tuple[str, str]] = {}

    def translate(self, synopsis: str) -> list[str]:
        """The expressions that all hold: `A or B, and C` is `A OR B` and `C` (copyright-format, "License field")."""
        found: list[str] = []
        for part in re.split(r", and ", synopsis, flags=re.IGNORECASE):
            if ALTERNATIVE.search(part):
                found.append(self._join(re.split(r", or ", part, flags=re.IGNORECASE), "OR", self._alternatives))
            else:
                found += (self._name(name) for name in CONJUNCTION.split(part) if name.strip(" ,"))
        return found or [self._refer(synopsis)]

    def _alternatives(self, text: str) -> str:
        return self._join(ALTERNATIVE.split(text), "OR", self._all_of)

    def _all_of(self, text: str) -> str:
        return self._join(CONJUNCTION.split(text), "AND", self._name)

    def _join(self, parts: Iterable[str], word: str, translate: Callable[[str], str]) -> str:
        """Translated parts with a word between them; an AND has more weight than an OR (SPDX 2.3, annex D.4.5)."""
        found = list(dict.fromkeys(translate(part) for part in parts if part.strip(" ,")))
        if word == "OR":
            found = list(dict.fromkeys(each for part in found for each in part.split(" OR ")))
        return f" {word} ".join(found) or self._refer(" ")

    def _name(self, name: str) -> str:
        return identify(name.strip(" ,")) or self._refer(name.strip(" ,"))

    def _refer(self, name: str) -> str:
        """A reference to the text of a licence that is not on SPDX's list; the reference follows from name and text."""
        text = (self._texts.get(name) or f"See {self._where}.")[:LONGEST_TEXT]
        word = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")[:60] or "licence"
        digest = hashlib.sha256(f"{name}\0{text}".encode(errors="replace")).hexdigest()
        reference = f"LicenseRef-{word}-{digest[:8]}"
        self.references[reference] = (name, text)
        return reference
