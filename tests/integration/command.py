"""The command `nfsroot` as a person runs it: in a directory of theirs, with a cache and an output directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 300
IN_FOREGROUND = ("sh", "-c", 'trap "" INT; exec env --default-signal=INT "$@"', "sh")
"""What runs a command as on a terminal, although shells have those in the background ignore Ctrl-C, tests included."""

NFSROOT = Path(sys.executable).with_name("nfsroot")

TINY = """\
elements = [{elements}]
cluster = "{cluster}"

[debian]
suite = "{suite}"
packages = [{packages}]
{mirror}

[kernel]
package = "linux-image-cloud-amd64"

[initramfs]
nic_drivers = ["virtio_net"]

[root]
path = "/NFSROOT/tiny"

[boot]
variants = ["i386-pc"]
"""
"""A recipe with as few packages as a tree that boots can have."""

CLUSTER = """\
domain = "tiny.example"
subnet = "192.0.2.0/24"
server = {{ name = "server", address = "192.0.2.1" }}
nodes = [{{ names = "node[1-{nodes}]", addresses = "192.0.2.[11-{last}]", macs = [{macs}] }}]
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit status, what it wrote, and its events."""

    status: int
    out: str
    errors: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a run with --log-format json."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def started(self) -> list[str]:
        """The steps that began to run."""
        return [event["step"] for event in self.events if event["event"] == "StepStarted"]

    def refusal(self, status: int = 1) -> str:
        """The one message with which the command failed, as a person must see it."""
        assert self.status == status, self.errors
        assert "Traceback" not in self.errors
        assert self.errors.count("nfsroot: ") == 1, self.errors
        return self.errors[self.errors.index("nfsroot: ") :]


@dataclass(frozen=True)
class Running:
    """`nfsroot build` that runs and tells its events."""

    process: subprocess.Popen[str]

    def until(self, event: str, step: str, line: str = "") -> None:
        """Wait for an event of a step; for its output, the first line that holds `line`."""
        seen = []
        for told in self._events():
            seen.append(told)
            if (told["event"], told.get("step")) == (event, step) and line in told.get("line", ""):
                return
        raise AssertionError(f"no {event} of {step} with {line!r} in {seen}\n{self.process.communicate()[1]}")

    def send(self, number: signal.Signals) -> Done:
        """Send a signal to the command alone, and wait for its end."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> Done:
        """Wait for the command's end."""
        out, errors = self.process.communicate(timeout=SECONDS)
        return Done(self.process.returncode, out, errors)

    def _events(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            yield json.loads(line)


@dataclass(frozen=True)
class Project:
    """A person's directory, with a cache of its own beside it."""

    directory: Path
    cache: Path

    @property
    def output(self) -> Path:
        """Where releases go."""
        return self.directory / "output"

    @property
    def release(self) -> Path:
        """The one release that was built."""
        (found,) = self.output.glob("*/*")
        return found

    def working(self) -> list[str]:
        """The steps whose work is in progress in the cache, or was when its build was killed."""
        return [path.name.split(".")[0] for path in self.cache.glob("unfinished/*")]

    def left(self) -> list[str]:
        """Every file below the output directory, hidden ones included."""
        return [str(path) for path in self.output.rglob("*") if not path.is_dir()]

    def tiny(
        self,
        *,
        elements: Sequence[str] = ("debian-root", "nfsroot", "initramfs-nfs"),
        packages: Sequence[str] = (),
        suite: str = "trixie",
        mirror: str = "",
        nodes: int = 1,
    ) -> None:
        """Write the recipe `tiny` and its cluster."""
        recipes = self.directory / "recipes"
        recipes.mkdir(parents=True, exist_ok=True)
        recipe = TINY.format(
            elements=_quoted(elements),
            cluster="tiny.cluster.toml",
            suite=suite,
            packages=_quoted(packages),
            mirror=f'mirror = "{mirror}"' if mirror else "",
        )
        macs = [f"52:54:00:00:02:{node:02x}" for node in range(1, nodes + 1)]
        (recipes / "tiny.toml").write_text(recipe)
        (recipes / "tiny.cluster.toml").write_text(CLUSTER.format(nodes=nodes, last=10 + nodes, macs=_quoted(macs)))

    def run(self, *arguments: str, around: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Done:
        """Run a verb of `nfsroot` to its end, inside the command `around`."""
        return Running(self._start((*around, str(NFSROOT), *arguments), env)).end()

    def build(self, *options: str, around: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Done:
        """Build `tiny` to its end, inside the command `around`."""
        return self.building(*options, around=around, env=env).end()

    def building(self, *options: str, around: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Running:
        """Begin to build `tiny`."""
        return Running(self._start((*around, *self.command(*options)), env))

    def command(self, *options: str) -> list[str]:
        """The command that builds `tiny` and tells its events."""
        return [str(NFSROOT), "build", "tiny", f"--cache-dir={self.cache}", "--log-format=json", *options]

    def _start(self, argv: Sequence[str], env: Mapping[str, str] | None) -> subprocess.Popen[str]:
        """Start a command with none of the settings of who runs the tests, but those in `env`."""
        foreign = ("NFSROOT_CACHE_DIR", "NFSROOT_CACHE_SIZE", "SOURCE_DATE_EPOCH", "SUDO_GID", "SUDO_UID", "VERSION")
        environment = {name: value for name, value in os.environ.items() if name not in foreign}
        return subprocess.Popen(
            argv,
            cwd=self.directory,
            env={**environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
