"""apt's part of an installation: which packages it takes, in which order, and their files.

apt decides.  It is given what it may choose from, which is little of what an archive has, and says how it would call
dpkg.  Packages that are kept from before are taken if they are what they were.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import kept

LISTS, INDEX = Path("/input/lists"), Path("/input/index.sqlite")
"""apt's package lists, and where in them is what: builder/tree/index.py made it."""
PROVIDERS = """\
SELECT position, list, start, length, file, size, sha256, name, met, needs FROM package
WHERE name IN (SELECT package FROM provider WHERE name = ?)
"""
REQUIRED = "?required"
"""A name that packages without which there is no Debian provide in the index."""
CALLS_OF_DPKG = ("--option=Debug::pkgDPkgPM=1", "--no-download", "install")
UNPACK, CONFIGURE, REMOVE = "--unpack", "--configure", "--remove"
FILE = re.compile(r"^([^_]+)_([^_]+)_(\w+)\.deb$")
"""Name, version and architecture of the package in a file, as apt-get(8) names it."""
ROLL = """\
Package: nfsroot-roll
Version: 0
Architecture: all
Suggests: {names}
Size: 0
Filename: none
Description: names in the order in which the whole lists have them

"""
"""What the first list for apt begins with."""


class Action(NamedTuple):
    """What dpkg is to do with a package, which stands in `file` if it is unpacked."""

    verb: str
    package: str
    file: str | None = None


class Decision(NamedTuple):
    """What is to be done: all of it in order, the packages' files by name, and the packages that come before others."""

    actions: list[Action]
    debs: dict[str, Path]
    essential: set[str]

    @property
    def first(self) -> list[Path]:
        """The files of the packages that come before others; none when the tree has packages already."""
        return [deb for name, deb in self.debs.items() if name in self.essential]


class Stanza(NamedTuple):
    """Where a list speaks of the package `name`, in bytes, and the file that the package is in, of `size` bytes.

    `position` is the list's among all lists; `met` says when apt would meet the name first in them.
    """

    position: int
    list: str
    start: int
    length: int
    file: str
    size: int
    sha256: str
    name: str
    met: int


def decide(tree: Path, wanted: list[str], room: Path) -> Decision | None:
    """What is to be done, with every package at hand; None when it cannot be done beside what is in the tree.

    It works in the directory `room`.
    """
    installed = names_installed(tree)
    candidates = relevant(INDEX, [*wanted, *installed])
    apt = Apt(tree, room, candidates)
    try:
        actions = apt.plan(wanted)
    except subprocess.CalledProcessError:
        try:
            needed = apt.files(wanted)
        except subprocess.CalledProcessError:  # apt has said why it is impossible
            if not installed:
                raise
            return None
        apt.fetch(needed)
        actions = apt.plan(wanted)
    if any(action.verb == REMOVE for action in actions):
        return None
    files = [each.file for each in actions if each.file]
    with ThreadPoolExecutor(1) as beside:
        damaged = beside.submit(apt.damaged, files)
        essential = set() if installed else {package_of(file) for file in apt.files(["?essential"])}
    apt.replace(damaged.result())
    return Decision(actions, {package_of(file): apt.deb(file) for file in files}, essential)


def names_installed(tree: Path) -> list[str]:
    """The packages that the dpkg of a tree knows."""
    status = tree / "var/lib/dpkg/status"
    return re.findall(r"^Package: (\S+)$", status.read_text(), re.MULTILINE) if status.exists() else []


def relevant(index: Path, names: Iterable[str]) -> list[Stanza]:
    """What the lists say of every package that packages of these names may need, by whichever alternative.

    Patterns of apt-patterns(7) among the names stand for packages that are required, which always count.
    """
    found: list[Stanza] = []
    asked: set[str] = set()
    to_ask = {REQUIRED, *names}
    with closing(sqlite3.connect(f"file:{index}?mode=ro&immutable=1", uri=True)) as database:
        while to_ask:
            asked |= to_ask
            stanzas = [stanza for name in to_ask for stanza in database.execute(PROVIDERS, (name,))]
            found += (Stanza(*stanza) for *stanza, _ in stanzas)
            to_ask = {need for *_, needs in stanzas for need in needs.split()} - asked
    return sorted(set(found))


class Apt:
    """apt, which chooses for a tree among candidates and does not touch the tree; it works in `room`."""

    def __init__(self, tree: Path, room: Path, candidates: Sequence[Stanza]) -> None:
        architecture = os.environ["NFSROOT_ARCHITECTURE"]
        (room / "apt.conf").write_text(
            f'APT::Architecture "{architecture}"; APT::Architectures "{architecture}"; APT::Sandbox::User "root";\n'
            'APT::Immediate-Configure "false"; APT::Install-Recommends "false";\n'
            'Acquire::ForceHash "SHA256";\n'
            'Acquire::Retries "1"; Acquire::Retries::Delay::Maximum "1";\n'  # s, for each of many packages
            f'Dir "{tree}"; Dir::Cache "{room}"; Dir::State "{room}"; Dir::State::Lists "{room}/lists";\n'
            f'Dir::State::Status "{tree}/var/lib/dpkg/status";\n'
            'Dir::Etc::netrc "/input/auth.conf"; Acquire::https::CAInfo "/input/certificates.crt";\n'
            f'Dir::Log "{room}"; Dir::Log::Planner "/dev/null"; Dir::Etc::Parts "/dev/null"; Debug::NoLocking "true";\n'
            'DPkg::Install::Recursive::Minimum "1000000";\n'  # else it names a directory, and not what is in it
        )
        self._archives, self._none, self._debs = room / "archives", room / "none", room / "debs"
        for directory in (self._archives, self._none, self._debs):
            (directory / "partial").mkdir(parents=True)
        self._room = room
        self._environment = {**os.environ, "APT_CONFIG": str(room / "apt.conf")}
        self._digests = {candidate.file: candidate.sha256 for candidate in reversed(candidates)}
        write_lists(candidates, room / "lists")
        for candidate in candidates:
            if kept.find(self._digests[candidate.file]):
                self._pretend(candidate.file, candidate.size)

    def plan(self, wanted: Iterable[str]) -> list[Action]:
        """What dpkg has to do so that `wanted` are there, in order; it fails when a package is missing.

        apt says how it would call dpkg (apt.conf(5), Debug::pkgDPkgPM), which takes it a third of the time of
        --simulate.  For that it wants to see the packages, and looks at their sizes: it gets files of holes.
        """
        return list(actions(self._run(*CALLS_OF_DPKG, *wanted)))

    def files(self, wanted: Iterable[str]) -> dict[str, int]:
        """The files of the packages that are to be installed so that `wanted` are there, with their sizes in bytes.

        Patterns are those of apt-patterns(7).
        """
        uris = self._run(f"--option=Dir::Cache::Archives={self._none}", "--print-uris", "install", *wanted)
        found = re.findall(r"^'\S+' (\S+\.deb) (\d+) SHA256:(\w+)$", uris, re.MULTILINE)
        self._digests |= {file: sha256 for file, _, sha256 in found}
        return {file: int(size) for file, size, _ in found}

    def fetch(self, files: Mapping[str, int]) -> None:
        """Keep those packages that are missing; `files` gives their sizes in bytes."""
        missing = {file: size for file, size in files.items() if not (self._archives / file).exists()}
        self._download(missing)
        for file, size in missing.items():
            self._pretend(file, size)

    def damaged(self, files: Collection[str]) -> list[str]:
        """Those of the files, all at hand, that are not what they were when they were kept."""
        debs = {self._kept(file): file for file in files}
        return [debs[deb] for deb in kept.damaged(debs)]

    def replace(self, damaged: Collection[str]) -> None:
        """Download damaged files again, and say so."""
        for file in damaged:
            sys.stderr.write(f"{file} was damaged where it is kept: it is downloaded again\n")
        self._download(damaged)

    def deb(self, file: str) -> Path:
        """A package at hand, under the name of its file: dpkg speaks of it by this name."""
        deb = self._debs / file
        deb.symlink_to(self._kept(file))
        return deb

    def _kept(self, file: str) -> Path:
        found = kept.find(self._digests[file])
        assert found, "apt was told of no other files"
        return found

    def _download(self, files: Collection[str]) -> None:
        """Download packages and keep them; apt compares them with their digests in the package lists, and so do we."""
        if not files:
            return
        self._run("download", *(FILE.sub(r"\1:\3=\2", file).replace("%3a", ":") for file in files))
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(lambda file: kept.put(self._room / file, self._digests[file]), files))

    def _pretend(self, file: str, size: int) -> None:
        with (self._archives / file).open("wb") as hole:
            hole.truncate(size)

    def _run(self, *arguments: str) -> str:
        """What apt-get writes; what it says of its calls of dpkg comes as an error."""
        command = ["apt-get", "--quiet=2", *arguments]
        errors = subprocess.STDOUT if arguments[: len(CALLS_OF_DPKG)] == CALLS_OF_DPKG else None
        return subprocess.run(
            command,
            cwd=self._room,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            check=True,
            text=True,
        ).stdout


def write_lists(candidates: Collection[Stanza], directory: Path) -> None:
    """Write apt's lists with what they say of the candidates alone; the Release files are those of the whole lists.

    The first list begins with a package that suggests the others, so that apt meets all names in the order in which it
    would meet them in the whole lists, and prefers the same providers (builder/tree/index.py).
    """
    (directory / "partial").mkdir(parents=True)
    for release in LISTS.glob("*Release"):
        shutil.copy(release, directory)
    names = {candidate.name: candidate.met for candidate in candidates}
    roll = ROLL.format(names=", ".join(sorted(names, key=lambda name: names[name]))).encode()
    for name, stanzas in groupby(candidates, lambda stanza: stanza.list):
        with (LISTS / name).open("rb") as whole, (directory / name).open("wb") as part:
            part.write(roll)
            for stanza in stanzas:
                whole.seek(stanza.start)
                part.write(whole.read(stanza.length) + b"\n\n")
        roll = b""


def actions(commands: str) -> Iterator[Action]:
    """What dpkg is to do, from apt's calls of it, one a line."""
    for line in commands.splitlines():
        called = re.match(r"\S*dpkg .*?(--unpack|--configure|--remove|--purge)( .*)", line)
        if not called:
            continue
        verb, rest = called.groups()
        for word in rest.split():
            if word.startswith("-"):
                continue
            file = Path(word).name if verb == UNPACK else None
            yield Action(verb, package_of(file) if file else word.partition(":")[0], file)


def package_of(file: str) -> str:
    """The name of the package that stands in a file."""
    return file.partition("_")[0]


def architecture_of(file: str) -> str:
    """The architecture of the package that stands in a file, or all."""
    return file.removesuffix(".deb").rpartition("_")[2]


def mark(tree: Path, decided: Iterable[Action], wanted: Iterable[str]) -> None:
    """Tell apt which packages are there for others' sake alone (apt-mark(8)), and which are wanted for their own."""
    states = tree / "var/lib/apt/extended_states"
    marks = set(states.read_text().split("\n\n")) if states.exists() else set()
    marks |= {
        f"Package: {each.package}\nArchitecture: {architecture_of(each.file)}\nAuto-Installed: 1"
        for each in decided
        if each.file
    }
    own = tuple(f"Package: {package}\n" for package in wanted)
    states.parent.mkdir(parents=True, exist_ok=True)
    states.write_text("".join(f"{each}\n\n" for each in sorted(marks) if each and not each.startswith(own)))
