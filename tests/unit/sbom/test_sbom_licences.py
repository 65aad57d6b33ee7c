"""Licences of copyright files as expressions of SPDX."""

from __future__ import annotations

import random
import re

import pytest
from license_expression import get_spdx_licensing

from builder.sbom.licences import EXCEPTIONS, GNU_VERSIONS, IDENTIFIERS, identify, read_copyright

LICENSING = get_spdx_licensing()
NAMES = ("GPL-2+", "GPL-3", "Expat", "Odd", "BSD-3-clause", "GPL-3+ with Bison exception", "GPL-2 with odd exception")


def copyright_file(*licences: str) -> str:
    """A copyright file with these licences of files."""
    header = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
    return "\n".join(
        [header, *(f"Files: f{number}\nCopyright: me\nLicense: {each}\n" for number, each in enumerate(licences))]
    )


def expression(*licences: str) -> str:
    """The expression for these licences, in which references have no digest."""
    found = read_copyright(copyright_file(*licences), "/copyright")
    assert found
    assert set(re.findall(r"LicenseRef-[A-Za-z0-9.-]+", found.expression)) == set(found.references)
    return re.sub(r"(LicenseRef-[A-Za-z0-9.-]+?)-[0-9a-f]{8}\b", r"\1", found.expression)


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("LGPL-3", "LGPL-3.0-only"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("GPL-2.1", None),
        ("GPL", None),
        ("AGPL-3+", "AGPL-3.0-or-later"),
        ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        ("GFDL-1.2", "GFDL-1.2-only"),
        ("Expat", "MIT"),
        ("bsd-3-CLAUSE", "BSD-3-Clause"),
        ("public-domain", None),
        ("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note"),
        ("GPL-3+ with Bison exception", "GPL-3.0-or-later WITH Bison-exception-2.2"),
        ("Odd with Bison exception", None),
        ("GPL-3+ with Font exception", None),
    ],
)
def test_names(name: str, identifier: str | None) -> None:
    """A short name has the identifier that means the same, or none."""
    assert identify(name) == identifier


def test_identifiers_are_on_the_list() -> None:
    """Each identifier that can come out is one that SPDX's list has."""
    gnu = {f"{version}-{which}" for version in GNU_VERSIONS for which in ("only", "or-later")}
    gfdl = {f"GFDL-1.{minor}{niv}-only" for minor in "123" for niv in ("", "-no-invariants")}
    assert {*IDENTIFIERS.values(), *EXCEPTIONS.values(), *gnu, *gfdl} - set(LICENSING.known_symbols) == set()


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["Expat"], "MIT"),
        (["Expat", "Expat", "ISC"], "ISC AND MIT"),
        (["GPL-2+ or Expat"], "GPL-2.0-or-later OR MIT"),
        (["GPL-2+ or Expat", "ISC"], "(GPL-2.0-or-later OR MIT) AND ISC"),
        (["GPL-2+ or Expat, and ISC"], "(GPL-2.0-or-later OR MIT) AND ISC"),
        (["GPL-2+ and Expat or ISC"], "GPL-2.0-or-later AND MIT OR ISC"),
        (["Expat and ISC"], "ISC AND MIT"),
        (["GPL-2+ | Expat"], "GPL-2.0-or-later OR MIT"),
        (["Odd one"], "LicenseRef-Odd-one"),
        (["Expat or Expat"], "MIT"),
        (["and"], "LicenseRef-and"),
    ],
)
def test_expressions(licences: list[str], expected: str) -> None:
    """Alternatives, conjunctions and commas mean what Debian's format says."""
    assert expression(*licences) == expected


@pytest.mark.parametrize("seed", range(30))
def test_drawn_expressions_are_valid(seed: int) -> None:
    """Whatever names and words a field has, what comes out can be read, and each name is known or a reference."""
    drawn = random.Random(seed)
    words = [*NAMES, "and", "or", ", and", ", or", "with", "(", ")", "|", "\u20ac", ""]
    licences = [" ".join(drawn.choices(words, k=drawn.randint(1, 7))) for _ in range(drawn.randint(1, 4))]
    found = read_copyright(copyright_file(*licences), "/copyright")
    if found is None:
        assert not any(each.strip() for each in licences)
        return
    keys = LICENSING.license_keys(LICENSING.parse(found.expression))
    assert [key for key in keys if key not in LICENSING.known_symbols and key not in found.references] == []


def test_references_have_the_text() -> None:
    """A reference has the licence's name and text; without a text it says where to look."""
    text = copyright_file("Odd or Other") + "\nLicense: Odd\n Text of it.\n .\n More.\n"
    found = read_copyright(text, "/usr/share/doc/p/copyright")
    assert found
    assert sorted(found.references.values()) == [
        ("Odd", "Text of it.\n\nMore."),
        ("Other", "See /usr/share/doc/p/copyright."),
    ]
    assert read_copyright(text, "/elsewhere").references.keys() != found.references.keys()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", ["", "This is free software.\n", "Format: x\n", "\x00\xff", "Format: dep5\n\nFiles: *\n"]
)
def test_what_is_not_machine_readable(text: str) -> None:
    """Of a file that is for people only, or damaged, nothing is claimed."""
    assert read_copyright(text, "/copyright") is None


@pytest.mark.parametrize("seed", range(30))
def test_drawn_damage(seed: int) -> None:
    """Whatever bytes a copyright file has, it is read or not, and no error escapes."""
    drawn = random.Random(seed)
    text = list(copyright_file(*NAMES))
    for _ in range(drawn.randint(1, 30)):
        text[drawn.randrange(len(text))] = drawn.choice("\n\t :.,\x00\u2028\ud800a-")
    read_copyright("".join(text), "/copyright")
