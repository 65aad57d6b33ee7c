"""nginx with the bundle's settings: its own checker, and a real one on this machine's loopback."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import texts, with_cluster, with_http

from builder.recipe.models import Recipe
from builder.server.bundle import settings
from builder.settings.nginx import complete_configuration, listen_everywhere

pytestmark = pytest.mark.server

SITE = "etc/nginx/conf.d/nfsroot.conf"
LOOPBACK, ELSEWHERE = IPv4Network("127.0.0.0/8"), IPv4Network("192.168.0.0/24")
SECONDS_TO_START = 10.0


def site(recipe: Recipe, subnet: IPv4Network, port: int, directory: Path) -> str:
    """The settings for a cluster whose subnet is this, at a port of loopback, serving `directory`."""
    text = texts(settings(layout_of(with_cluster(with_http(recipe), subnet=subnet))))[SITE]
    return listen_everywhere(text).replace(":8080;", f":{port};").replace("root /srv/tftp;", f"root {directory};")


@pytest.fixture(params=[LOOPBACK, ELSEWHERE], ids=["cluster", "stranger"])
def answers(request: pytest.FixtureRequest, debian: Recipe, tmp_path: Path) -> Iterator[dict[str, tuple[int, str]]]:
    """What a machine of the cluster, or a stranger to it, is answered: status and server's name, by request."""
    served = tmp_path / "srv"
    (served / "grub").mkdir(parents=True)
    (served / "grub/grub.cfg").write_text("menu\n")
    tmp_path.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "site.conf").write_text(site(debian, request.param, port, served))
    (tmp_path / "nginx.conf").write_text(
        f"user root;\n{complete_configuration(str(tmp_path), str(tmp_path / 'site.conf'))}"
    )
    argv = ["/usr/sbin/nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    with subprocess.Popen(argv) as nginx:
        try:
            requests = ("GET /grub/grub.cfg", "HEAD /grub/grub.cfg", "PUT /new", "DELETE /grub/grub.cfg", "GET /grub/")
            yield {request: _answer(port, *request.split()) for request in requests}
        finally:
            nginx.terminate()


def _answer(port: int, method: str, path: str) -> tuple[int, str]:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, body="x" if method == "PUT" else None)
            response = connection.getresponse()
            return response.status, response.headers["Server"]
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


def test_cluster_reads_and_strangers_do_not(
    answers: dict[str, tuple[int, str]], request: pytest.FixtureRequest
) -> None:
    """The cluster gets files, and may neither write, delete nor list; others get nothing; no version is told."""
    stranger = request.node.callspec.id == "stranger"
    status = {asked: status for asked, (status, _) in answers.items()}
    allowed = {"GET /grub/grub.cfg", "HEAD /grub/grub.cfg"}
    assert status == {asked: 200 if asked in allowed and not stranger else 403 for asked in answers}
    assert {server for _, server in answers.values()} == {"nginx"}


@pytest.mark.parametrize(("change", "accepted"), [("", True), ("auto_index off;", False)])
def test_nginx_checks_a_whole_configuration(debian: Recipe, tmp_path: Path, change: str, accepted: bool) -> None:
    """`nginx -t` accepts the settings where their address is none of this machine's, and rejects a broken line."""
    text = texts(settings(layout_of(with_http(debian))))[SITE]
    (tmp_path / "site.conf").write_text(listen_everywhere(text) + change)
    (tmp_path / "nginx.conf").write_text(complete_configuration(str(tmp_path), str(tmp_path / "site.conf")))
    argv = ["/usr/sbin/nginx", "-q", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode == 0) is accepted, done.stderr
