"""The digest of the code that a step runs: the step's modules and all modules that they import.

A step's key has a digest of the code that can change the bytes of its object, and of no other code.  A key that left
some of this code out would keep old results; a key over all code would rebuild a tree for a changed word in the lab.
Every import of this package names its modules in full, so that a pattern finds them in the text; Python's own parser
would take thirty times as long.
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
IMPORT = re.compile(rf"\n *(?:from ({PACKAGE}[.\w]*) import (\([^)]*\)|[^\n#]*)|import ({PACKAGE}[.\w]*))")
"""An import at the beginning of a line.  A pattern that begins with the line's end is found in a third of the time."""
NAME = re.compile(r"(?:^|[(,])\s*(\w+)")
TEMPLATES = f"{PACKAGE}.templates"
"""A module that imports this one fills the templates that stand beside the importing module."""


class Module(NamedTuple):
    """A module: its file, a digest of the file and of the templates that it fills, and the modules that it imports."""

    file: Path
    sha256: str
    imports: tuple[str, ...]


class Code:
    """The modules of the program in the directory `top`; each file is read once, when it is first needed.

    Every build looks at a hundred modules.  Paths are strings here, because making a Path takes longer than reading
    the file.
    """

    def __init__(self, top: Path = Path(__file__).parent) -> None:
        self._top = str(top)
        self._modules: dict[str, Module] = {}
        self._files: dict[str, str | None] = {}
        self._texts: dict[Path, bytes] = {}

    def digest(self, *modules: str, alone: Iterable[str] = (), beyond: Collection[str] = ()) -> str:
        """The SHA-256 over `modules`, all that they import, the templates that these fill, and the modules `alone`.

        The modules and packages in `beyond` do not count, nor do the imports of the modules in `alone`.
        """
        names = sorted({*self.reached(modules, beyond), *alone})
        return hashlib.sha256("".join(f"{name}\0{self.module(name).sha256}\0" for name in names).encode()).hexdigest()

    def reached(self, modules: Iterable[str], beyond: Collection[str] = ()) -> set[str]:
        """The names of `modules`, of all that they import, and of the packages around these; none in `beyond`."""
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

        :raises KeyError: the program has no module of this name.
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
                digest.update(self._templates(Path(file).parent))
            self._modules[name] = Module(Path(file), digest.hexdigest(), imports)
        return self._modules[name]

    def _imports(self, text: str) -> Iterator[str]:
        for package, names, module in IMPORT.findall(f"\n{text}"):
            if module:
                yield module
            if not str(self._file(package)).endswith("/__init__.py"):
                yield package
                continue
            for name in NAME.findall(re.sub("#.*", "", names)):
                yield f"{package}.{name}" if self._file(f"{package}.{name}") else package

    def _templates(self, directory: Path) -> bytes:
        """The names, sizes and texts of the templates of the package in `directory`."""
        if directory not in self._texts:
            texts = [(file, file.read_bytes()) for file in sorted((directory / "templates").rglob("*.j2"))]
            heads = (f"{file.relative_to(directory)}\0{len(text)}\0".encode() for file, text in texts)
            self._texts[directory] = b"".join(head + text for head, (_file, text) in zip(heads, texts, strict=True))
        return self._texts[directory]

    def _file(self, name: str) -> str | None:
        """The file of the module, or package, called `name`, if there is one."""
        if name not in self._files:
            stem = "/".join((self._top, *name.split(".")[1:]))
            files = (f"{stem}.py", f"{stem}/__init__.py")
            self._files[name] = next(filter(os.path.isfile, files), None)
        return self._files[name]


@cache
def _packages(name: str) -> tuple[str, ...]:
    """The packages that Python imports before a module; without the top package, which holds only the version."""
    package = name.rpartition(".")[0]
    return (package, *_packages(package)) if package not in ("", PACKAGE) else ()


PROGRAM = Code()
"""The modules of this program."""
