"""Checks of a node's root: directories that can be written to, directories that cannot, and the overlay's files."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath

from builder.lab.checks.model import Check, Finding, Subject
from builder.recipe.choices import Access, RootKind

TOP_DIRECTORIES = """\
for directory in / /*/; do
    [ ! -L "${directory%/}" ] && [ "$(stat -c %d "$directory")" = "$(stat -c %d /)" ] || continue
    if file=$(mktemp "$directory/lab.XXXXXX" 2>/dev/null); then rm "$file"; echo "taken $directory"
    else echo "refused $directory"; fi
done
"""
"""Tries to make a file in the root directory and in each of its directories that is part of the root's own mount."""


def _check_writable(subject: Subject) -> Finding:
    paths = [directory.path for directory in subject.release.recipe.root.writable]
    refused = [path for path in paths if subject.ask(_script_to_make_file(path)).status != 0]
    return Finding(", ".join(paths), tuple(f"{path} refuses writes" for path in refused))


def _script_to_make_file(directory: str) -> str:
    return f'file=$(mktemp {shlex.quote(directory)}/lab.XXXXXX) && rm "$file"'


def _check_top_directories(subject: Subject) -> Finding:
    answer = subject.ask(TOP_DIRECTORIES)
    tried = [line.split(" ", 1) for line in answer.text.splitlines()]
    root = subject.release.recipe.root
    should = "taken" if root.kind is RootKind.IMAGE or root.access is Access.READ_WRITE else "refused"
    problems = [f"a file in {path} is {outcome}" for outcome, path in tried if outcome != should]
    if not {"/", "/etc/", "/usr/"} <= {path for _, path in tried}:
        problems.append(f"the node did not try /, /etc and /usr: {answer.text}")
    return Finding(f"{should}: {', '.join(path for _, path in tried)}", tuple(problems))


def _check_overlay(subject: Subject) -> Finding:
    paths = sorted(subject.overlay)
    script = 'for file in {}; do echo "$(sha256sum <"$file" | cut -c 1-64) $(stat -c %a:%u "$file") $file"; done'
    answer = subject.ask(script.format(shlex.join(f"/{path}" for path in paths)))
    problems = [problem for path in paths for problem in _compare_file(subject, path, answer.text)]
    return Finding(f"{len(paths)} files are as released", tuple(problems))


def _compare_file(subject: Subject, path: PurePosixPath, said: str) -> list[str]:
    file = subject.overlay[path]
    line = next((line for line in said.splitlines() if line.endswith(f" /{path}")), "")
    if not line.startswith(f"{file.digest} "):
        return [f"/{path} has other content"]
    return [] if line.startswith(f"{file.digest} {file.mode}:0 ") else [f"/{path} is not root's with mode {file.mode}"]


CHECKS = (
    Check(
        "writable directories",
        "the node can write where its recipe says",
        _check_writable,
        lambda subject: bool(subject.release.recipe.root.writable),
    ),
    Check(
        "access to the root",
        "a read-only tree refuses files in each of its directories; a read-write one and an image's root take them",
        _check_top_directories,
    ),
    Check("overlay", "each file that the release holds for its cluster is there, byte for byte", _check_overlay),
)
