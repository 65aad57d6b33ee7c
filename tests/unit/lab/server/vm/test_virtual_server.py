"""What is typed on the server, and what becomes of what it answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from lab_subject import KERNEL, release
from layouts import layout_of

from builder.errors import NfsrootError
from builder.lab.machine.agent import Answer
from builder.lab.machine.running_machine import RunningMachine
from builder.lab.server.vm.virtual_server import VirtualServer, put_aside
from builder.recipe.choices import DhcpServer
from builder.recipe.models import Recipe
from builder.server.bundle import render
from builder.server.procedure import procedure

Reply = Callable[[str], Answer]
FINE = Answer(0, "")


class Machine:
    """A machine whose agent keeps what it is asked; `reply` answers, and `deaf` knocks are not heard."""

    def __init__(self, reply: Reply, deaf: int = 0) -> None:
        self.asked: list[str] = []
        self._reply = reply
        self._deaf = deaf
        self.agent = self
        self.process: Any = self

    def ask(self, script: str, _seconds: float) -> Answer:
        """Keep the script and answer."""
        self.asked.append(script)
        return self._reply(script)

    def knock(self) -> bool:
        """Whether the agent has started."""
        self._deaf -= 1
        return self._deaf < 0

    def kill(self) -> None:
        """Be killed."""
        self.asked.append("killed")

    def poll(self) -> int | None:
        """QEMU has ended when nobody was there to answer at the first knock."""
        return None if self._deaf < 9 else 1


def server(recipe: Recipe, reply: Reply = lambda _: FINE, deaf: int = 0) -> tuple[VirtualServer, Machine]:
    """A server of the recipe's cluster, and its machine."""
    machine = Machine(reply, deaf)
    running = cast(RunningMachine, machine)
    return VirtualServer(lambda: running, recipe, recipe.cluster.server, Path("server.log")), machine


def readme(recipe: Recipe) -> str:
    """The README of the recipe's bundle."""
    rendered = render(layout_of(recipe, kernel=KERNEL, tool="0"))
    return next(file.content.decode() for file in rendered if file.path == "README")


def with_readme(text: str) -> Reply:
    """A machine on which everything works and the bundle's README is `text`."""
    return lambda script: Answer(0, text if script.startswith("cat ") else "")


def test_readme_is_typed(kerrighed: Recipe) -> None:
    """Each section's commands are run in one shell, that stops at the first that fails, in root's home."""
    serving, machine = server(kerrighed, with_readme(readme(kerrighed)))
    serving.install(release(kerrighed))
    serving.start()
    steps = procedure(layout_of(kerrighed), kerrighed.cluster.server)
    for section in (steps.unpack, steps.install, steps.look):
        assert "\n".join(("set -ex", "cd /root", *section)) in machine.asked


def test_readme_that_says_otherwise_is_refused(kerrighed: Recipe) -> None:
    """A release whose README lacks a command that was needed would leave its administrator alone."""
    text = readme(kerrighed).replace("    ./install.sh\n", "    ./setup.sh\n")
    serving, _ = server(kerrighed, with_readme(text))
    with pytest.raises(NfsrootError, match=r"README lacks commands\n\./install\.sh$"):
        serving.install(release(kerrighed))


def test_command_that_fails(kerrighed: Recipe) -> None:
    """What the command wrote is in the error."""
    serving, _ = server(kerrighed, lambda script: Answer(1, "tar: no space") if "tar --zstd" in script else FINE)
    with pytest.raises(NfsrootError, match=r"command failed on the server\ntar: no space"):
        serving.install(release(kerrighed))


def test_tree_without_modules(kerrighed: Recipe) -> None:
    """A tree whose modules are of another kernel is told before a node is on."""
    fine = with_readme(readme(kerrighed))
    serving, _ = server(kerrighed, lambda script: Answer(1, "") if "modules.dep" in script else fine(script))
    with pytest.raises(NfsrootError, match=f"no modules of the kernel that nodes load, {KERNEL}"):
        serving.install(release(kerrighed))


def test_failed_unit(kerrighed: Recipe) -> None:
    """A server on which a unit of systemd has failed does not serve."""
    reply: Reply = lambda script: Answer(0, "rpcbind.service loaded failed") if "--failed" in script else FINE  # noqa: E731
    serving, _ = server(kerrighed, reply)
    with pytest.raises(NfsrootError, match=r"a unit has failed on the server\nrpcbind.service"):
        serving.start()


def test_services_by_their_role(kerrighed: Recipe) -> None:
    """A role is stopped and started by the service of the program that serves in it."""
    table = kerrighed.cluster.server.model_copy(update={"dhcp": DhcpServer.KEA})
    recipe = kerrighed.model_copy(update={"cluster": kerrighed.cluster.model_copy(update={"server": table})})
    serving, machine = server(recipe)
    serving.stop_role("nfs")
    serving.start_role("dhcp")
    assert [script.splitlines()[-1] for script in machine.asked] == [
        "systemctl stop nfs-kernel-server",
        "systemctl start kea-dhcp4-server",
    ]


def test_arguments_are_quoted(kerrighed: Recipe) -> None:
    """A command of the lab's checks reaches the server's shell as the words that it is made of."""
    serving, machine = server(kerrighed, lambda _: Answer(3, "said"))
    assert serving.run(["sh", "-c", 'echo "$1"', "sh", "a b"]) == Answer(3, "said")
    assert machine.asked == ["""sh -c 'echo "$1"' sh 'a b'"""]


def test_boot_is_waited_for(kerrighed: Recipe) -> None:
    """The agent is knocked up until it answers; then systemd is given time to finish."""
    serving, machine = server(kerrighed, deaf=3)
    serving.boot()
    assert machine.asked == ["systemctl is-system-running --wait"]
    serving.reboot()
    assert machine.asked[1:] == ["systemctl --no-block reboot", "systemctl is-system-running --wait"]


def test_server_that_dies(kerrighed: Recipe) -> None:
    """When QEMU ends before the agent answers, nobody waits for it."""
    serving, _ = server(kerrighed, deaf=20)
    with pytest.raises(NfsrootError, match="the server does not start"):
        serving.boot()


def test_package_is_installed(kerrighed: Recipe) -> None:
    """A package is installed by apt-get(8), which then asks nothing, and what it says is in the error."""
    serving, machine = server(kerrighed, lambda script: Answer(100, "E: broken") if "bad" in script else FINE)
    serving.install_package("/mnt/a b.deb")
    assert machine.asked[0].endswith("apt-get install --yes --no-install-recommends '/mnt/a b.deb'")
    with pytest.raises(NfsrootError, match="E: broken"):
        serving.install_package("/mnt/bad.deb")


def test_power_cut(kerrighed: Recipe) -> None:
    """QEMU is killed, and another machine is asked from then on."""
    machines = [Machine(lambda _: FINE), Machine(lambda _: Answer(0, "again"))]
    left = iter(machines)
    recipe = kerrighed
    serving = VirtualServer(lambda: cast(RunningMachine, next(left)), recipe, recipe.cluster.server, Path("server.log"))
    serving.cut_power()
    serving.start_after_power_cut()
    assert serving.run(["true"]).text == "again"
    assert machines[0].asked == ["killed"]
    assert machines[1].asked == ["systemctl is-system-running --wait", "true"]


def test_logs_of_before_are_kept(tmp_path: Path) -> None:
    """What the server said before a power cut stays beside what it says after it, each time."""
    log = tmp_path / "server.log"
    for said in ("first", "second"):
        log.write_text(said)
        put_aside(log)
    put_aside(log)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "server-before0.log": "first", "server-before1.log": "second",
    }  # fmt: skip
