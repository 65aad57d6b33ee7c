"""nginx, with a bundle's settings, takes from each node its own report and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed_bundle import install_bundle

from builder.recipe.choices import Transport
from builder.recipe.load import load
from builder.recipe.search import SearchPath

PROJECT = Path(__file__).parents[3]
NGINX_CONF = "user www-data;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {settings}; }}\n"
NETWORK = """\
ip link set lo up
for address in 192.168.0.1 192.168.0.101 192.168.0.102 10.9.9.9; do ip address add $address/32 dev lo; done
mount -t tmpfs -o mode=755 srv /srv
mount -t tmpfs -o mode=755 nginx /var/lib/nginx
mount -t tmpfs -o mode=755 run /run
mkdir -p /srv/tftp
cp -a "$installed/srv/nfsroot" /srv
nginx -c "$configuration" -g 'daemon on;'
"$python" -c "$client"
status=$?
kill "$(cat /run/nginx.pid)"
(cd /srv/nfsroot/reports && find . -printf '%P %u %m\\n' | sort)
exit $status
"""
CLIENT = """\
import http.client, json
answers = {}
for name, source, method, path, body in json.loads(requests):
    connection = http.client.HTTPConnection("192.168.0.1", source_address=(source, 0), timeout=10)
    connection.request(method, path, body)
    answers[name] = connection.getresponse().status
print(json.dumps(answers))
"""
REQUESTS = [
    ("new", "192.168.0.101", "PUT", "/report", "{}"),
    ("over it", "192.168.0.101", "PUT", "/report", '{"schema": 1}'),
    ("largest", "192.168.0.102", "PUT", "/report", "x" * 4096),
    ("too large", "192.168.0.102", "PUT", "/report", "y" * 4097),
    ("read", "192.168.0.101", "GET", "/report", None),
    ("listed", "192.168.0.101", "PROPFIND", "/report", None),
    ("removed", "192.168.0.101", "DELETE", "/report", None),
    ("copied", "192.168.0.101", "COPY", "/report", None),
    ("of another node", "192.168.0.101", "PUT", "/report/192.168.0.102", "{}"),
    ("through the parent", "192.168.0.101", "PUT", "/report/../nfs/ssi1", "{}"),
    ("where boot files are", "192.168.0.101", "PUT", "/grub/ssi1", "{}"),
    ("of no node", "10.9.9.9", "PUT", "/report", "{}"),
]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not shutil.which("nginx"), reason="nginx takes reports"),
]


def test_nginx_takes_a_nodes_own_report_and_nothing_else(tmp_path: Path) -> None:
    """4 KiB go under the address of the connection; no method, path or address leads elsewhere."""
    tmp_path.chmod(0o755)
    settings = tmp_path / "nfsroot.conf"
    recipe = load("debian-nfsroot", SearchPath.default(PROJECT))
    recipe = recipe.model_copy(update={"boot": recipe.boot.model_copy(update={"transport": Transport.HTTP})})
    installed = install_bundle(recipe, tmp_path)
    shutil.copy(installed / "etc/nginx/conf.d/nfsroot.conf", settings)
    (tmp_path / "nginx.conf").write_text(NGINX_CONF.format(settings=settings))
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-euc", NETWORK],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "installed": str(installed),
            "configuration": str(tmp_path / "nginx.conf"),
            "python": sys.executable,
            "client": f"requests = {json.dumps(REQUESTS)!r}\n{CLIENT}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answers, *files = done.stdout.splitlines()
    assert json.loads(answers) == {
        "new": 201,
        "over it": 204,
        "largest": 201,
        "too large": 413,
        "read": 403,
        "listed": 403,
        "removed": 403,
        "copied": 403,
        "of another node": 403,
        "through the parent": 403,
        "where boot files are": 403,
        "of no node": 403,
    }
    assert files == [
        " root 755",
        "http www-data 755",
        "http/192.168.0.101 www-data 600",
        "http/192.168.0.102 www-data 600",
    ]
