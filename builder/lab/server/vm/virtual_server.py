"""A server in a virtual machine, on which the lab types the commands of the bundle's README."""

from __future__ import annotations

import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab.machine.agent import Answer, build_oem_string
from builder.lab.machine.namespace import Namespace
from builder.lab.machine.paths import INSIDE, SERVER_LOGS, read_last_lines
from builder.lab.machine.running_machine import RunningMachine, connect_machine
from builder.lab.released.release import Release
from builder.lab.server.protocol import Daemon
from builder.lab.server.vm.hardware import SHARED, ServerHardware
from builder.lab.vocabulary.hardware import Accelerator
from builder.recipe.choices import RootKind
from builder.recipe.models import Cluster, Recipe, Server
from builder.server.procedure import procedure
from builder.server.settings import chosen

IMAGE = "/server"
"""The path, in the rack's namespace, of the directory with the server's disk image."""

RELEASE = Path("/release")
"""The path, in the rack's namespace, of the directory of the release that the rack serves."""

LOG = "server.log"
SECONDS_TO_BOOT = 600.0
SECONDS_TO_UNPACK = 1200.0
SECONDS_TO_ANSWER = 120.0
HOME = "/root"
COPY = f"ln -sf {SHARED}/* ."
"""The command that links the release's files, which an administrator would copy to the server."""


class VirtualServer:
    """A server in a virtual machine (see `RackServer`); `server` names its daemons.

    `power_on` ends the machine, if it runs, and gives a new one with the same hardware.
    """

    def __init__(self, power_on: Callable[[], RunningMachine], recipe: Recipe, server: Server, log: Path) -> None:
        self._power_on = power_on
        self._machine = power_on()
        self._recipe = recipe
        self._server = server
        self._look: tuple[str, ...] = ()
        self._log = log
        self._one_at_a_time = threading.Lock()

    def boot(self) -> None:
        """Wait until systemd has started everything on the server; units without settings may have failed.

        :raises NfsrootError: the server does not start.
        """
        deadline = time.monotonic() + SECONDS_TO_BOOT
        while not self._machine.knock():
            if self._machine.process.poll() is not None or time.monotonic() > deadline:
                raise NfsrootError("the server does not start", details=read_last_lines(self._log, 20))
        self._ask("systemctl is-system-running --wait", SECONDS_TO_BOOT)

    def reboot(self) -> None:
        """Reboot the server, which keeps everything that was installed, and wait as `boot` does."""
        self.run(["systemctl", "--no-block", "reboot"])
        self.boot()

    def cut_power(self) -> None:
        """Kill the server's QEMU, from whatever thread; commands that run on the server fail then."""
        self._machine.process.kill()

    def start_after_power_cut(self) -> None:
        """Power the server on again, and wait as `boot` does; raises NfsrootError as well."""
        self._machine = self._power_on()
        self.boot()

    def install_package(self, file: str) -> None:
        """Install the Debian package in `file`, a path on the server, which has all that the package depends on.

        :raises NfsrootError: the package cannot be installed.
        """
        self._type([f"apt-get install --yes --no-install-recommends {shlex.quote(file)}"], SECONDS_TO_UNPACK)

    def install(self, release: Release) -> None:
        """Type the commands of the server bundle's README that install a release.

        :raises NfsrootError: a command fails, the README lacks a command, or the tree lacks the kernel's modules.
        """
        recipe, manifest = release.recipe, release.manifest
        steps = procedure(release.layout, self._server)
        self._type([COPY], SECONDS_TO_ANSWER)
        self._type(steps.unpack, SECONDS_TO_UNPACK)
        self._type(steps.install, SECONDS_TO_UNPACK)
        self._compare_readme(release)
        modules = f"{manifest.server_directory}/lib/modules/{manifest.kernel_version}/modules.dep"
        if recipe.root.kind is RootKind.DIRECTORY and self.run(["test", "-f", modules]).status != 0:
            raise NfsrootError(f"the tree has no modules of the kernel that nodes load, {manifest.kernel_version}")
        self._look = steps.look

    def start(self) -> None:
        """Check by the README's commands that all daemons serve; install.sh has started them.

        :raises NfsrootError: a daemon does not serve, or a unit of systemd has failed.
        """
        self._type(self._look, SECONDS_TO_ANSWER)
        failed = self.run(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]).text
        if failed:
            raise NfsrootError("a unit has failed on the server", details=failed)

    def stop_role(self, role: str) -> None:
        """Stop the service that serves in a role.

        :raises NfsrootError: the service cannot be stopped.
        """
        self._type([f"systemctl stop {self._service(role)}"], SECONDS_TO_ANSWER)

    def start_role(self, role: str) -> None:
        """Start the service that serves in a role again; raises NfsrootError when it does not start."""
        self._type([f"systemctl start {self._service(role)}"], SECONDS_TO_ANSWER)

    def processor_seconds(self) -> dict[Daemon, float]:
        """Give an empty result: times on a processor that QEMU translates say nothing of a real processor."""
        return {}

    def run(self, argv: Sequence[str]) -> Answer:
        """Run `argv` on the server, and give its output and exit status."""
        return self._ask(shlex.join(argv), SECONDS_TO_UNPACK)

    def _service(self, role: str) -> str:
        return next(program.service for program in chosen(self._recipe, self._server) if program.role == role)

    def _type(self, commands: Sequence[str], seconds: float) -> None:
        """Run commands in one shell, which ends at the first command that fails."""
        answer = self._ask("\n".join(("set -ex", f"cd {HOME}", *commands)), seconds)
        if answer.status != 0:
            raise NfsrootError("a command failed on the server", details=answer.text)

    def _ask(self, script: str, seconds: float) -> Answer:
        with self._one_at_a_time:
            return self._machine.agent.ask(script, seconds)

    def _compare_readme(self, release: Release) -> None:
        """Check that the README has the commands that install a release with the daemons that the cluster names.

        With other daemons, the lab types the commands with other options.
        """
        steps = procedure(release.layout, release.recipe.cluster.server)
        readme = self.run(["cat", f"{HOME}/{release.layout.name}-server/README"]).text
        said = [line.strip() for line in readme.splitlines()]
        missing = [command for command in (*steps.unpack, *steps.install, *steps.look) if command not in said]
        if missing:
            raise NfsrootError("the bundle's README lacks commands", details="\n".join(missing))


@contextmanager
def run_virtual_server(
    namespace: Namespace,
    recipe: Recipe,
    server: Server,
    accelerator: Accelerator,
    share: Path = RELEASE,
    others: Sequence[Cluster] = (),
    disk: Path | None = None,
) -> Iterator[VirtualServer]:
    """Run a server in a virtual machine until the block is left.

    The rack's namespace has the server's disk image at `IMAGE`.  `share` is the directory in the namespace that the
    server mounts.  `others` are clusters that the server serves beside the recipe's.  `disk` is the socket, in the
    namespace, of an NBD server from which the server gets its disk.

    :raises NfsrootError: the server does not start.
    """
    clusters = (recipe.cluster, *others)
    at = Path(INSIDE, recipe.cluster.server.name)
    directory, logs = namespace.path(str(at)), namespace.path(INSIDE) / SERVER_LOGS
    logs.mkdir(exist_ok=True)
    with ExitStack() as powered:

        def power_on() -> RunningMachine:
            powered.close()
            put_aside(directory)
            put_aside(logs / LOG)
            directory.mkdir()
            word = secrets.token_hex(8)
            (directory / "oem-string").write_text(build_oem_string(word), encoding="utf-8")
            hardware = ServerHardware(
                clusters=clusters,
                image=Path(IMAGE),
                share=share,
                directory=at,
                log=Path(INSIDE, SERVER_LOGS, LOG),
                oem_strings=(at / "oem-string",),
                accelerator=accelerator,
                disk=disk,
            )
            process = namespace.start(hardware.arguments(), directory / "qemu.log")
            return powered.enter_context(connect_machine(process, directory, word))

        running = VirtualServer(power_on, recipe, server, logs / LOG)
        running.boot()
        yield running


def put_aside(path: Path) -> None:
    """Rename a file or directory of the last time that the server was on, if there is one."""
    if path.exists():
        before = len(list(path.parent.glob(f"{path.stem}-before*")))
        path.rename(path.with_name(f"{path.stem}-before{before}{path.suffix}"))
