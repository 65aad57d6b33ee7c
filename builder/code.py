"""The code that a step runs: the modules that others import, found in their text, and what these hold.

A step's key has a digest of all code that can change the bytes of its object, and of no other: a key that left some out
would keep old results, one that took all in would make a tree anew for a word in the lab.  Every import of this package
names its modules in full, so that a pattern finds them; Python's own parser would take thirty times as long.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = __name__.partition(".")[0]
IMPORT = re.compile(
    rf"^ *(?:from ({PACKAGE}(?:\.\w+)*) import (\([^)]*\)|[^\n#]*)|import ({PACKAGE}(?:\.\w+)*))", re.MULTILINE
)
NAME = re.compile(r"(?:^|[(,])\s*(\w+)")
TEMPLATES = f"{PACKAGE}.templates"
"""Who imports this module fills templates, those beside it."""


class Module(NamedTuple):
    """A module's file, the digest of that and of the templates that it fills, and which modules it imports."""

    file: Path
    sha256: str
    imports: tuple[str, ...]


class Code:
    """The modules of the program in the directory `top`; each is read once, when it is first asked for.

    Every build looks at a hundred of them.  So paths are text in here: a Path of each takes longer than to read it.
    """

    def __init__(self, top: Path = Path(__file__).parent) -> None:
        self._top = str(top)
        self._modules: dict[str, Module] = {}
        self._files: dict[str, str | None] = {}

    def digest(self, *modules: str, alone: Iterable[str] = (), beyond: Collection[str] = ()) -> str:
        """SHA-256 over `modules`, all that they import, the templates that these fill, and the modules `alone`.

        What the modules and packages `beyond` hold does not count, nor what those `alone` import.
        """
        names = sorted({*self.reached(modules, beyond), *alone})
        return hashlib.sha256("".join(f"{name}\0{self.module(name).sha256}\0" for name in names).encode()).hexdigest()

    def reached(self, modules: Iterable[str], beyond: Collection[str] = ()) -> set[str]:
        """`modules` and all that they import, with the packages that importing them runs; none `beyond`."""
        found: set[str] = set()
        ahead = list(modules)
        while ahead:
            name = ahead.pop()
            if name not in found and name not in beyond and not any(each in beyond for each in _packages(name)):
                found.add(name)
                ahead += [*self.module(name).imports, *_packages(name)]
        return found

    def module(self, name: str) -> Module:
        """The module, or package, called `name`.

        :raises KeyError: there is none.
        """
        if name not in self._modules:
            file = self._file(name)
            if file is None:
                raise KeyError(name)
            with open(file, "rb", buffering=0) as text:  # noqa: PTH123
                content = text.read()
            imports = tuple(sorted(set(self._imports(content.decode()))))
            digest = hashlib.sha256(content)
            if TEMPLATES in imports:
                _add_templates(digest, Path(file).parent)
            self._modules[name] = Module(Path(file), digest.hexdigest(), imports)
        return self._modules[name]

    def _imports(self, text: str) -> Iterator[str]:
        for package, names, module in IMPORT.findall(text):
            if module:
                yield module
            for name in NAME.findall(re.sub("#.*", "", names)):
                yield f"{package}.{name}" if self._file(f"{package}.{name}") else package

    def _file(self, name: str) -> str | None:
        """The file of the module, or package, called `name`, if there is one."""
        if name not in self._files:
            stem = "/".join((self._top, *name.split(".")[1:]))
            files = (f"{stem}.py", f"{stem}/__init__.py")
            self._files[name] = next(filter(os.path.isfile, files), None)
        return self._files[name]


def _add_templates(digest: hashlib._Hash, directory: Path) -> None:
    """Have the templates count of a package in `directory`."""
    for template in sorted((directory / "templates").rglob("*.j2")):
        text = template.read_bytes()
        digest.update(f"{template.relative_to(directory)}\0{len(text)}\0".encode() + text)


@cache
def _packages(name: str) -> tuple[str, ...]:
    """The packages that importing a module runs first, but for the one at the top, which says only who it is."""
    package = name.rpartition(".")[0]
    return (package, *_packages(package)) if package not in ("", PACKAGE) else ()


PROGRAM = Code()
"""This program."""
