"""The stage of the lab's stories, with its daemons, and what can be played there without nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_releases import Made

from builder.cache import Cache
from builder.lab.released.release import Release, read_release
from builder.lab.story import clusters, story_releases, trouble, update
from builder.lab.story.report import SceneReport
from builder.lab.story.scene import Scene
from builder.lab.story.scene_run import play_scene
from builder.lab.story.stage import Stage, run_stage
from builder.lab.story.story import Story
from builder.recipe.load import load
from builder.recipe.search import SearchPath

pytestmark = pytest.mark.server

TREE = (
    ("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/bash\n", "base-files"),
    ("lib/modules/6/modules.dep", 0o644, b"", "linux"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    """The releases of the story, made without a build."""
    directory, search = tmp_path_factory.mktemp("story"), SearchPath.default()
    first = load("debian-nfsroot", search)
    recipes = {"A": first} | {
        letter: load(str(file), search)
        for letter, file in story_releases.write_recipes(directory, "debian-nfsroot", first).items()
    }
    return {
        letter: read_release(Made(recipe, f"1.0.{letter.lower()}", tree=TREE).write(directory / "output"))
        for letter, recipe in recipes.items()
    }


@pytest.fixture
def on_stage(made: dict[str, Release], tmp_path: Path) -> Iterator[Stage]:
    """A stage on which nothing has happened yet."""
    (tmp_path / "logs").mkdir()
    with run_stage(made, tmp_path / "logs", Cache(tmp_path / "cache")) as opened:
        yield opened


def play(opened: Stage, scenes: tuple[Scene[Story], ...], name: str, names: tuple[str, ...] = ()) -> SceneReport:
    """What comes of the scene of that name; the nodes are off."""
    commands = opened.begin_commands(print)
    scene = next(scene for scene in scenes if scene.name == name)
    return play_scene(scene, Story(opened, commands, print, names), commands, print, 0.0)


def test_server_is_set_up_and_refuses(on_stage: Stage) -> None:
    """The verbs set the server up, whose daemons listen then; an altered release is refused."""
    begun = play(on_stage, update.SCENES, "begin", ("ssi1", "ssi2"))
    assert begun.passed, begun
    sockets = on_stage.server.machine.run(["ss", "-Hlntu"]).text
    assert all(f":{port} " in sockets for port in (67, 69, 111, 2049)), sockets
    known = on_stage.server.machine.run(["rpcinfo", "-p", "192.168.0.1"]).text
    assert all(service in known for service in ("nfs", "mountd")), known
    refused = play(on_stage, trouble.SCENES, "refuse")
    assert refused.passed, refused


def test_daemon_that_ends(on_stage: Stage) -> None:
    """A service whose daemon has no settings does not start, says so, and does not run."""
    started = on_stage.server.machine.run(["service", "isc-dhcp-server", "start"])
    assert started.status == 1
    assert "isc-dhcp-server ended at once" in started.text
    assert on_stage.server.machine.run(["service", "isc-dhcp-server", "status"]).status == 3


def test_service(on_stage: Stage) -> None:
    """A service starts once, reads its settings again, starts anew with another process, and ends."""
    run = on_stage.server.machine.run

    def process() -> str:
        return run(["cat", "/run/nfsroot-rpcbind.pid"]).text

    first = process()
    assert run(["service", "rpcbind", "start"]).status == 0
    assert process() == first
    assert run(["service", "rpcbind", "restart"]).status == 0
    assert process() != first
    assert run(["service", "rpcbind", "status"]).status == 0
    assert run(["service", "rpcbind", "stop"]).status == 0
    assert run(["service", "rpcbind", "status"]).status == 3
    assert ":111 " not in run(["ss", "-Hlnt"]).text


def test_second_cluster_comes_and_goes(on_stage: Stage) -> None:
    """A server serves a second cluster on a network of its own, and is as before when that is removed."""
    assert play(on_stage, update.SCENES, "begin", ("ssi1",)).passed
    commands = on_stage.begin_commands(print)
    before = commands.ask("sh", "-c", clusters.SETTINGS)
    other = on_stage.releases["other"].manifest
    commands.site("unpack", on_stage.directory_of("other"))
    commands.site("switch", other.name, other.version)
    subnets = [
        line.split()[1] for line in commands.ask("cat", "/etc/dhcp/dhcpd.conf").splitlines() if "netmask" in line
    ]
    assert sorted(subnets) == ["10.77.0.0", "192.168.0.0"]
    assert clusters.compare_settings(before, commands.ask("sh", "-c", clusters.SETTINGS)).problems
    commands.site("remove", other.name)
    assert clusters.compare_settings(before, commands.ask("sh", "-c", clusters.SETTINGS)).problems == ()
    assert on_stage.server.machine.run(["ls", other.server_directory]).status != 0
