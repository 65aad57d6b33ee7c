"""A Debian server in a container, with a release's server bundle installed as its README says.

NFSROOT_TEST_RELEASE names the directory of a real release to test instead of the stand-in.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from release_under_test import DHCP_SERVERS, TFTP_SERVERS, ReleaseUnderTest, Serving, stand_in

SUITE = "trixie"
PACKAGES = sorted({*DHCP_SERVERS.values(), *TFTP_SERVERS.values()})
ON_SERVER = (*PACKAGES, "nfs-kernel-server", "grub-common", "zstd", "iproute2", "procps")
ON_CLIENT = ("python3", "tftp-hpa")
BOOTSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    f"--include={','.join((*ON_SERVER, *ON_CLIENT))}",
    SUITE,
    "-",
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; in CI these tests must run")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker() -> str:
    """The docker command of an engine that answers."""
    for command in ("docker", "mmdebstrap", "zstd"):
        if shutil.which(command) is None:
            _not_here(f"{command} is not installed")
    if subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
        _not_here("no Docker engine answers")
    return "docker"


@pytest.fixture(scope="session")
def docker_compose_command(docker: str) -> str:
    """Compose, as a plugin of docker or as a command of its own."""
    for command in ("docker compose", "docker-compose"):
        if subprocess.run([*command.split(), "version"], capture_output=True).returncode == 0:
            return command
    _not_here("Docker Compose is not installed")


@pytest.fixture(scope="session")
def server_image(docker: str) -> str:
    """A plain Debian server as an image, made from packages once for each definition."""
    tag = f"nfsroot-test-server:{hashlib.sha256(' '.join(BOOTSTRAP).encode()).hexdigest()[:16]}"
    if subprocess.run([docker, "image", "inspect", tag], capture_output=True).returncode != 0:
        with subprocess.Popen(BOOTSTRAP, stdout=subprocess.PIPE) as bootstrap:
            subprocess.run([docker, "import", "-", tag], stdin=bootstrap.stdout, check=True)
        assert bootstrap.returncode == 0, "mmdebstrap failed"
    return tag


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> ReleaseUnderTest:
    """The release that NFSROOT_TEST_RELEASE names, or a stand-in."""
    if given := os.environ.get("NFSROOT_TEST_RELEASE"):
        return ReleaseUnderTest(Path(given).resolve())
    return stand_in(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def docker_compose_file(server_image: str, release: ReleaseUnderTest) -> Iterator[str]:
    """The compose file, with its variables in the environment.  The bridge takes the subnet's last address."""
    last = int(release.subnet.broadcast_address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NFSROOT_SERVER_IMAGE", server_image)
        patch.setenv("NFSROOT_RELEASE", str(release.directory))
        patch.setenv("NFSROOT_SERVER_ADDRESS", str(release.server))
        patch.setenv("NFSROOT_SUBNET", str(release.subnet))
        patch.setenv("NFSROOT_GATEWAY", str(release.subnet[last - int(release.subnet[0]) - 1]))
        patch.setenv("NFSROOT_CLIENT_ADDRESS", str(release.subnet[last - int(release.subnet[0]) - 2]))
        yield str(Path(__file__).with_name("docker-compose.yml"))


@pytest.fixture(scope="session")
def docker_setup() -> str:
    """What starts the containers; Compose 1 knows no --wait."""
    return "up --detach"


@pytest.fixture(scope="session")
def run(
    docker_services: object, docker_compose_command: str, docker_compose_file: str, docker_compose_project_name: str
) -> Run:
    """Runs a command in the container of a service."""
    compose = [*shlex.split(docker_compose_command), "-f", docker_compose_file, "-p", docker_compose_project_name]

    def _run(service: str, *command: str, script: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*compose, "exec", "-T", service, *command], input=script, capture_output=True, text=True, timeout=300
        )

    return _run


@pytest.fixture(scope="session")
def installed(run: Run, release: ReleaseUnderTest) -> subprocess.CompletedProcess[str]:
    """The server after the README's commands for every release, and what they said."""
    readme = release.files["README"].decode()
    chapter = readme.split("For every release, as root\n")[1].split("\n3. ")[0]
    commands = [line.strip() for line in chapter.splitlines() if line.startswith("    ")]
    assert commands[-1] == "./install.sh"
    script = "\n".join(["set -eu", "mkdir /scratch", "cd /scratch", "ln -s /release/* .", *commands])
    done = run("server", "sh", "-s", script=script)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(
    scope="session",
    params=[Serving("isc", "tftpd-hpa"), Serving("kea", "tftpd-hpa"), Serving("dnsmasq", "dnsmasq")],
    ids=lambda serving: f"{serving.dhcp}+{serving.tftp}",
)
def serving(run: Run, installed: object, request: pytest.FixtureRequest) -> Serving:
    """The server with one DHCP and one TFTP server at work, set up by install.sh, and the others stopped."""
    chosen: Serving = request.param
    wanted = {DHCP_SERVERS[chosen.dhcp], TFTP_SERVERS[chosen.tftp]}
    stop = [f"if service {name} status; then service {name} stop; fi" for name in PACKAGES if name not in wanted]
    wait = [f"timeout 20 sh -c 'until ss -Hlun sport = :{port} | grep -q .; do sleep 0.1; done'" for port in (67, 69)]
    done = run("server", "sh", "-s", script="\n".join(["set -eu", *stop, chosen.install, *wait]))
    assert done.returncode == 0, done.stdout + done.stderr
    return chosen
