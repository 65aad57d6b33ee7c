"""apt's part of an installation: it chooses the packages and their order, and downloads their files.

apt gets package lists of the packages that may be needed, which are few of an archive, and says how it would call dpkg.
Kept packages are used if they are undamaged.
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
"""The directory of apt's package lists, and their index (builder/debian/index.py)."""
PROVIDERS = """\
SELECT position, list, start, length, file, size, sha256, name, met, needs FROM package
WHERE name IN (SELECT package FROM provider WHERE name = ?)
"""
REQUIRED = "?required"
"""A name that the index has all packages provide that are essential or of priority required."""
CALLS_OF_DPKG = ("--option=Debug::pkgDPkgPM=1", "--no-download", "install")
UNPACK, CONFIGURE, REMOVE = "--unpack", "--configure", "--remove"
FILE = re.compile(r"^([^_]+)_([^_]+)_(\w+)\.deb$")
"""The form in which apt-get(8) names a package's file: name, version and architecture."""
ROLL = """\
Package: nfsroot-roll
Version: 0
Architecture: all
Suggests: {names}
Size: 0
Filename: none
Description: names in the order in which the whole lists have them

"""
"""The stanza at the beginning of the first list for apt (see `write_lists`)."""


class Action(NamedTuple):
    """An action of dpkg with a package; `file` is the package's file if the action unpacks it."""

    verb: str
    package: str
    file: str | None = None


class Decision(NamedTuple):
    """The decision of apt: dpkg's actions in order, the packages' files by name, and the packages to install first."""

    actions: list[Action]
    debs: dict[str, Path]
    essential: set[str]

    @property
    def first(self) -> list[Path]:
        """The files of the packages to install first; none when the tree has packages already."""
        return [deb for name, deb in self.debs.items() if name in self.essential]


class Stanza(NamedTuple):
    """The place of a package's stanza in a list, `length` bytes from `start` on, and the package's file.

    `position` is the list's place among all lists; `size` is the file's size in bytes; `met` says when apt would meet
    the name of the package first in the whole lists.
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
    """The decision how to install the packages `wanted`, whose files are then all at hand.

    None when the installation would remove packages of the tree, or cannot be done beside them.  `room` is the
    directory for temporary files.
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
    """The names of the packages in the tree's dpkg database."""
    status = tree / "var/lib/dpkg/status"
    return re.findall(r"^Package: (\S+)$", status.read_text(), re.MULTILINE) if status.exists() else []


def relevant(index: Path, names: Iterable[str]) -> list[Stanza]:
    """The stanzas of all packages that packages called `names` may need, by any alternative of a dependency.

    Required packages always count, so that patterns of apt-patterns(7) for them among the names need no treatment.
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
    """apt with the settings and package lists for a tree; it works in `room`, and does not change the tree."""

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
        """The actions of dpkg, in order, that install the packages `wanted`.

        apt says how it would call dpkg (apt.conf(5), Debug::pkgDPkgPM), which takes a third of the time of --simulate.
        For that, apt looks for the packages' files and at their sizes: `_pretend` makes files of holes.

        :raises subprocess.CalledProcessError: a package's file is missing, or apt finds no solution.
        """
        return list(actions(self._run(*CALLS_OF_DPKG, *wanted)))

    def files(self, wanted: Iterable[str]) -> dict[str, int]:
        """The files of the packages that an installation of `wanted` takes, with their sizes in bytes.

        `wanted` may have patterns of apt-patterns(7).
        """
        uris = self._run(f"--option=Dir::Cache::Archives={self._none}", "--print-uris", "install", *wanted)
        found = re.findall(r"^'\S+' (\S+\.deb) (\d+) SHA256:(\w+)$", uris, re.MULTILINE)
        self._digests |= {file: sha256 for file, _, sha256 in found}
        return {file: int(size) for file, size, _ in found}

    def fetch(self, files: Mapping[str, int]) -> None:
        """Download and keep the packages in `files` that are missing; `files` gives their sizes in bytes."""
        missing = {file: size for file, size in files.items() if not (self._archives / file).exists()}
        self._download(missing)
        for file, size in missing.items():
            self._pretend(file, size)

    def damaged(self, files: Collection[str]) -> list[str]:
        """The files whose kept packages are damaged; all packages must be kept already."""
        debs = {self._kept(file): file for file in files}
        return [debs[deb] for deb in kept.damaged(debs)]

    def replace(self, damaged: Collection[str]) -> None:
        """Download damaged files again, with a message for each."""
        for file in damaged:
            sys.stderr.write(f"{file} was damaged where it is kept: it is downloaded again\n")
        self._download(damaged)

    def deb(self, file: str) -> Path:
        """The kept package, as a link with the name of the file, which dpkg shows in its output."""
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
        """The output of apt-get; with standard error, where apt-get writes its calls of dpkg, if it is to show them."""
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
    """Write package lists for apt with the stanzas of the candidates alone, and the Release files of the whole lists.

    The first list begins with a package that suggests all others, so that apt meets the names in the same order as in
    the whole lists, and prefers the same providers (builder/debian/index.py).
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
    """Yield the actions of dpkg in apt's calls of dpkg, one call per line."""
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
    """The name of the package in a file, from the file's name."""
    return file.partition("_")[0]


def architecture_of(file: str) -> str:
    """The architecture of the package in a file, or "all", from the file's name."""
    return file.removesuffix(".deb").rpartition("_")[2]


def mark(tree: Path, decided: Iterable[Action], wanted: Iterable[str]) -> None:
    """Mark installed packages as automatic in the tree's apt, except the `wanted` ones (apt-mark(8))."""
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
