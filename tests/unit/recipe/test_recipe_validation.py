from __future__ import annotations

from collections.abc import Callable

import pytest

LABELS = "letters, digits, dots and hyphens, a letter or digit first"
QUOTES = "put it in double quotes"
TABLE = "write it under a header of its own"
NUMBER = "write it without quotes, point or fraction"

MISTAKES = [
    ("imgae = 3", ["2:1: unknown key 'imgae'; did you mean 'image'?"]),
    ('[debian]\nsute = "x"', ["3:1: unknown key 'sute'; did you mean 'suite'?"]),
    ("[kernel]\nxyzzy = 1", ["3:1: unknown key 'xyzzy'; known keys here: arguments, package"]),
    (
        "[[root.writable]]\npath = '/var'\nkind = 'tmpfs'\nsize = 1",
        ["5:1: unknown key 'size'; did you mean 'size_mib'?"],
    ),
    ("debian = 3", [f"2:10: debian must be a table, not an integer; {TABLE}"]),
    (
        "variables.base = 3",
        [f"2:18: variables.base must be a table, not an integer; {TABLE}"],
    ),
    ("[debian]\nsuite = 3", [f"3:9: debian.suite must be a string, not an integer; {QUOTES}"]),
    ("[debian]\nsuite = ['x']", [f"3:9: debian.suite must be a string, not a list; {QUOTES}"]),
    (
        "[debian]\nsuite = 1979-05-27",
        [f"3:9: debian.suite must be a string, not a date or time; {QUOTES}"],
    ),
    ("[debian]\npackages = 'nano'", ["3:12: debian.packages must be a list, not a string; put it in square brackets"]),
    (
        "[debian]\npackages = [\n'nano',\n3]",
        [f"5:1: debian.packages[1] must be a string, not an integer; {QUOTES}"],
    ),
    ("[boot]\ntimeout_seconds = '1'", [f"3:19: boot.timeout_seconds must be a whole number, not a string; {NUMBER}"]),
    ("[boot]\ntimeout_seconds = 1.0", [f"3:19: boot.timeout_seconds must be a whole number, not a fraction; {NUMBER}"]),
    ("[boot]\ntimeout_seconds = nan", [f"3:19: boot.timeout_seconds must be a whole number, not a fraction; {NUMBER}"]),
    ("[boot]\ntimeout_seconds = true", [f"3:19: boot.timeout_seconds must be a whole number, not a boolean; {NUMBER}"]),
    ("[boot]\ntimeout_seconds = -1", ["3:19: boot.timeout_seconds is -1; write 0 or more"]),
    ("[kerrighed]\nsession_id = 10000", ["3:14: kerrighed.session_id is 10000; write 9999 or less"]),
    (
        "[kerrighed]\ncluster_file = 1",
        ["3:16: kerrighed.cluster_file must be a boolean, not an integer; write true or false without quotes"],
    ),
    ("[root]\naccess = 'rx'", ["3:10: root.access is 'rx'; write 'ro' or 'rw'"]),
    ("[root]\naccess = 3", ["3:10: root.access is 3; write 'ro' or 'rw'"]),
    (
        "[boot]\nvariants = ['bios']",
        ["3:13: boot.variants[0] is 'bios'; write 'i386-pc', 'x86_64-efi' or 'secure-boot'"],
    ),
    (
        "[initramfs]\ncompression = 'bz2'",
        ["3:15: initramfs.compression is 'bz2'; write 'zstd', 'gzip', 'xz' or 'lz4'"],
    ),
    ("[image]\nname = 'My Image'", [f"3:8: image.name is 'My Image'; write lower-case {LABELS}"]),
    (
        "[image]\nversion = '1/2'",
        ["3:11: image.version is '1/2'; write letters, digits and . ~ + _ -, a letter or digit first, and not 'state'"],
    ),
    (
        "[image]\ndescription = 'a { b'",
        ["3:15: image.description is 'a { b'; write one line without quotes and ; $ { } \\"],
    ),
    (
        "[debian]\nmirror = 'mirror.example/debian'",
        ["3:10: debian.mirror is 'mirror.example/debian'; write an http or https URL without blanks and quotes"],
    ),
    (
        "[debian]\npackages = ['na no']",
        ["3:13: debian.packages[0] is 'na no'; write a package's name: lower-case letters, digits and + . -"],
    ),
    (
        "[debian]\npackages = ['-na no']",
        ["3:13: debian.packages[0] is 'na no'; write a package's name: lower-case letters, digits and + . -"],
    ),
    (
        "elements = ['../x']",
        ["2:13: elements[0] is '../x'; write an element's name: lower-case letters, digits and . _ -"],
    ),
    (
        "[initramfs]\nnic_drivers = ['a b']",
        ["3:16: initramfs.nic_drivers[0] is 'a b'; write a kernel module's name, such as igc, or common or all"],
    ),
    (
        "[login]\nroot_password_hash = 42",
        [f"3:22: login.root_password_hash must be a string, not an integer; {QUOTES}"],
    ),
    (
        "[image]\nnaem = 'x'\n[debian]\nsuite = 3\n[boot]\ntimeout_seconds = 'x'",
        [
            "3:1: unknown key 'naem'; did you mean 'name'?",
            "5:9: debian.suite must be a string, not an integer; put it in double quotes",
            f"7:19: boot.timeout_seconds must be a whole number, not a string; {NUMBER}",
        ],
    ),
]


@pytest.mark.parametrize(("text", "mistakes"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_mistake(mistakes_of: Callable[[str], list[str]], text: str, mistakes: list[str]) -> None:
    """A key or value of the wrong kind is explained in words, where it stands, and nothing follows from it."""
    assert mistakes_of(text) == [f"recipes/mine.toml:{mistake}" for mistake in mistakes]
