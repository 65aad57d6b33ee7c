"""The commands by which engines run jobs: the same job, the same isolation."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.container import choose, engine
from builder.container.docker import Docker
from builder.container.engine import ENVIRONMENT, Image, Job, Room, environment
from builder.container.podman import Podman
from builder.container.sandbox import CAPABILITIES, Sandbox, arguments
from builder.errors import InputError, NfsrootError
from builder.process import CommandError

IMAGE = Image("0123456789abcdef01234567", Path("/cache/image/rootfs"))
PROXIES = {"http_proxy": "http://proxy.example:3128", "https_proxy": "http://proxy.example:3128"}
FAKE = """#!/bin/sh
printf '%s\\n' "$*" >>"$HOME/calls"
case $1 in
image) test -e "$HOME/imported" || {{ echo "{missing}" >&2; exit 1; }} ;;
import) cat >"$HOME/imported" ;;
run) {job} ;;
esac
"""

Install = Callable[..., Path]


def job(**changes: object) -> Job:
    """A job that lists its output directory."""
    values: dict[str, object] = {
        "argv": ("ls", "/output"),
        "output": Path("/cache/unfinished/step"),
        "inputs": {"/input/b": Path("/b"), "/input/a": Path("/a")},
        "environment": {"SOURCE_DATE_EPOCH": "1"},
    }
    return Job(**{**values, **changes})  # type: ignore[arg-type]


def sandboxed(**changes: object) -> list[str]:
    """The sandbox's command of a job."""
    return arguments(IMAGE, job(**changes))


def contained(**changes: object) -> list[str]:
    """Docker's command of a job."""
    return Docker.arguments(Docker.__new__(Docker), "image:tag", "name", job(**changes))


def pairs(argv: list[str], option: str) -> list[tuple[str, str]]:
    """The two arguments after each `option`."""
    return [(argv[at + 1], argv[at + 2]) for at, word in enumerate(argv) if word == option]


def values(argv: list[str], option: str) -> list[str]:
    """What follows each `--option=`."""
    return [word.split("=", 1)[1] for word in argv if word.startswith(f"{option}=")]


def test_command_ends_with_the_job() -> None:
    """The job's own command stands at the end, unchanged."""
    assert sandboxed()[-3:] == ["--", "ls", "/output"]
    assert contained()[-3:] == ["image:tag", "ls", "/output"]


def test_network_only_where_the_job_asks() -> None:
    """A job without network has a network namespace of its own, empty; one with network has the host's resolver."""
    assert "--unshare-net" in sandboxed()
    assert "--unshare-net" not in sandboxed(network=True)
    assert "/etc/resolv.conf" not in sandboxed()
    assert (str(Path("/etc/resolv.conf").resolve()), "/etc/resolv.conf") in pairs(sandboxed(network=True), "--ro-bind")
    assert values(contained(), "--network") == ["none"]
    assert values(contained(network=True), "--network") == ["host"]


def test_passwords_of_mirrors_only_with_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that may ask mirrors gets the file that the user names, read-only; any other job does not."""
    passwords = tmp_path / "mirror.conf"
    passwords.touch()
    monkeypatch.setenv("NFSROOT_APT_AUTH", str(passwords))
    assert (str(passwords), "/input/auth.conf") in pairs(sandboxed(network=True), "--ro-bind")
    assert f"type=bind,source={passwords},target=/input/auth.conf,readonly" in values(
        contained(network=True), "--mount"
    )
    assert not any("/input/auth.conf" in word for word in (*sandboxed(), *contained()))


def test_passwords_of_mirrors_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with passwords that does not exist is the user's mistake, told before the job runs."""
    monkeypatch.setenv("NFSROOT_APT_AUTH", str(tmp_path / "typo.conf"))
    with pytest.raises(InputError, match=r"NFSROOT_APT_AUTH: there is no file .*typo\.conf"):
        sandboxed(network=True)


def test_certificates_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job with the network trusts the authorities that the host trusts, where the host has any."""
    monkeypatch.setattr(engine, "CERTIFICATES", tmp_path / "certificates.crt")
    assert not any("certificates" in word for word in sandboxed(network=True))
    (tmp_path / "certificates.crt").touch()
    known = (str(tmp_path / "certificates.crt"), "/input/certificates.crt")
    assert known in pairs(sandboxed(network=True), "--ro-bind")


def test_sandbox_shares_nothing_else() -> None:
    """Processes, IPC and host name are the job's own, and it dies with the tool."""
    assert {"--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"} <= set(sandboxed())


def test_image_and_inputs_are_read_only() -> None:
    """A job can change neither the builder image nor its inputs."""
    bound = pairs(sandboxed(), "--ro-bind")
    assert ("/cache/image/rootfs", "/") in bound
    assert bound[-2:] == [("/a", "/input/a"), ("/b", "/input/b")]
    assert "--read-only" in contained()
    assert [mount for mount in values(contained(), "--mount") if mount.endswith(",readonly")] == [
        "type=bind,source=/a,target=/input/a,readonly",
        "type=bind,source=/b,target=/input/b,readonly",
    ]


def test_output_is_all_that_stays() -> None:
    """The output directory is the only one of the host's that a job can write to."""
    assert pairs(sandboxed(), "--bind") == [("/cache/unfinished/step", "/output")]
    assert [mount for mount in values(contained(), "--mount") if not mount.endswith(",readonly")] == [
        "type=bind,source=/cache/unfinished/step,target=/output"
    ]


@pytest.mark.parametrize("path", ["/a:b", "/a,b", '/a "b"', "/a:b,readonly", "/a=b"])
def test_any_path_can_be_bound(path: str) -> None:
    """A path with a colon, a comma or quotes is one field of the option, as CSV is read."""
    (option, *_) = values(contained(inputs={"/input/a": Path(path)}), "--mount")
    assert next(csv.reader([option])) == ["type=bind", f"source={path}", "target=/input/a", "readonly"]


def test_scratch_space_is_memory_of_the_size_asked_for() -> None:
    """/scratch is a tmpfs of so many MiB."""
    argv = sandboxed(room=Room(3))
    assert argv[argv.index("--size") :][:4] == ["--size", "3145728", "--tmpfs", "/scratch"]
    assert "/scratch:exec,mode=755,size=3m" in values(contained(room=Room(3)), "--tmpfs")


def test_scratch_space_can_be_a_directory() -> None:
    """Where memory is short, /scratch is a directory of the cache."""
    room = Room(directory=Path("/cache/unfinished/scratch"))
    assert ("/cache/unfinished/scratch", "/scratch") in pairs(sandboxed(room=room), "--bind")
    assert "--size" not in sandboxed(room=room)
    assert "type=bind,source=/cache/unfinished/scratch,target=/scratch" in values(contained(room=room), "--mount")


def test_capabilities_are_the_named_ones() -> None:
    """Both kinds of engine give a job the same few capabilities: none over the host's network, time or modules."""
    argv = sandboxed()
    assert tuple(argv[at + 1] for at, word in enumerate(argv) if word == "--cap-add") == CAPABILITIES
    assert values(contained(), "--cap-drop") == ["ALL"]
    assert tuple(f"CAP_{name}" for name in values(contained(), "--cap-add")) == CAPABILITIES
    assert not {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"} & set(CAPABILITIES)


def test_environment_is_hermetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the host's environment is in a job's: fixed settings and the job's own, under every engine."""
    for name, value in {**PROXIES, "LANG": "de_DE.UTF-8", "DIB_DEBUG_TRACE": "1", "TZ": "Asia/Tokyo"}.items():
        monkeypatch.setenv(name, value)
    expected = {**ENVIRONMENT, "SOURCE_DATE_EPOCH": "1"}
    assert environment(job()) == expected
    assert "--clearenv" in sandboxed()
    assert dict(pairs(sandboxed(), "--setenv")) == expected
    assert dict(variable.split("=", 1) for variable in values(contained(), "--env")) == expected


def test_proxies_reach_only_jobs_with_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's proxies are known to a job that downloads, and to no other."""
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("no_proxy", raising=False)
    assert environment(job(network=True)) == {**environment(job()), **PROXIES}


def test_order_is_fixed() -> None:
    """Hash seeds, time zone and locale, by which tools would differ from run to run, are the same in every job."""
    assert {name: ENVIRONMENT[name] for name in ("PYTHONHASHSEED", "TZ", "LC_ALL")} == {
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program called docker or podman on PATH, which records how it was called; gives its home."""

    def install(command: str, *, missing: str = "Error: No such image: x", job: str = "echo done") -> Path:
        program = tmp_path / "bin" / command
        program.parent.mkdir(exist_ok=True)
        program.write_text(FAKE.format(missing=missing, job=job))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        monkeypatch.setenv("HOME", str(tmp_path))
        return tmp_path

    return install


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """A builder image of one file."""
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs/file").write_text("")
    return Image("0123", tmp_path / "rootfs")


@pytest.mark.parametrize(("engine", "command"), [(Docker, "docker"), (Podman, "podman")])
def test_image_is_imported_once(install: Install, image: Image, engine: type[Docker], command: str) -> None:
    """Docker and Podman import the builder image when they lack it, and not again."""
    home = install(command, missing="Error: x: image not known")
    lines: list[str] = []
    for _ in range(2):
        engine().run(image, job(), lines.append)
    verbs = [call.split()[0] for call in (home / "calls").read_text().splitlines()]
    assert verbs == ["image", "import", "run", "image", "run"]
    assert lines[-1] == "done"
    assert b"./file" in (home / "imported").read_bytes()


def test_umask_of_podman_is_ours(install: Install) -> None:
    """containers.conf(5) may give containers another umask: podman is told ours, in each run and before the image."""
    install("podman")
    command, verb, *rest = Podman().arguments("image", "name", job())
    assert (command, verb) == ("podman", "run")
    assert "--umask=0022" in rest[: rest.index("image")]


def test_failure_is_the_jobs(install: Install, image: Image) -> None:
    """A job that fails in a container is named by its program and not by docker."""
    install("docker", job="exit 7")
    with pytest.raises(CommandError, match=r"^ls failed with exit status 7"):
        Docker().run(image, job(), lambda _line: None)


def test_daemon_that_does_not_answer(install: Install, image: Image) -> None:
    """Docker without its daemon is one clear message, before anything is imported."""
    home = install("docker", missing="Cannot connect to the Docker daemon")
    with pytest.raises(NfsrootError) as caught:
        Docker().run(image, job(), lambda _line: None)
    assert caught.value.brief == "docker does not answer"
    assert "Cannot connect" in caught.value.details
    assert "--engine" in caught.value.resolution
    assert "import" not in (home / "calls").read_text()


def test_interrupted_container_is_removed(install: Install, image: Image) -> None:
    """Ctrl-C while a container runs removes that container."""
    home = install("docker", job="echo begun; exec sleep 60")

    def interrupt(line: str) -> None:
        if line == "begun":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Docker().run(image, job(), interrupt)
    *_, run, removal = (home / "calls").read_text().splitlines()
    name = next(word.split("=")[1] for word in run.split() if word.startswith("--name="))
    assert removal == f"rm --force {name}"


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_engine_that_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is asked for and not installed is one clear message."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NfsrootError) as caught:
        choose(name)
    assert caught.value.brief == f"{name} is not on this machine"
    assert "--engine" in caught.value.resolution


def test_default_engine_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is chosen without a look at docker or podman."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert isinstance(choose("sandbox"), Sandbox)
