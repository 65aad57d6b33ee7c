"""Which checkers read a server bundle while it is built, and what comes of their words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from layouts import layout_of
from recording_engine import RecordingEngine
from server_recipes import with_http, with_server
from step_contexts import release_context_of

from builder.container.engine import Job
from builder.errors import NfsrootError
from builder.parallel import crew
from builder.process import CommandError, OnLine
from builder.recipe.models import Recipe
from builder.server.bundle import render
from builder.server.checks import BUNDLE, check, checks


def run(recipe: Recipe, engine: RecordingEngine, scratch: Path) -> None:
    """Run the checks of a recipe's bundle."""
    layout = layout_of(recipe)
    with crew(1) as aside:
        check(release_context_of(layout, engine, scratch, aside), render(layout))


def test_every_server_has_its_checker(debian: Recipe) -> None:
    """dhcpd, Kea and dnsmasq read their own settings, and GRUB the menus that stand for all."""
    menus = tuple(f"srv/tftp/grub/{menu}.cfg" for menu in ("grub", "default", "ssi1"))
    assert [(check.program, check.paths) for check in checks(debian)] == [
        ("dhcpd", ("etc/dhcp/dhcpd.conf",)),
        ("kea-dhcp4", ("etc/kea/kea-dhcp4.conf",)),
        ("dnsmasq", ("etc/dnsmasq.d",)),
        ("grub-script-check", menus),
    ]


@pytest.mark.parametrize("broken", [None, "grub.cfg", "default.cfg", "ssi1.cfg"])
def test_every_menu_is_checked(debian: Recipe, tmp_path: Path, broken: str | None) -> None:
    """A menu that the checker rejects ends the job, whichever it is, and is named."""
    job = next(check for check in checks(debian) if check.program == "grub-script-check")
    for path in job.paths:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("bad" if file.name == broken else "good")
    (tmp_path / "grub-script-check").write_text('#!/bin/sh\ngrep -q good "$1"\n')
    (tmp_path / "grub-script-check").chmod(0o755)
    argv = [word.replace(BUNDLE, str(tmp_path)).replace("/scratch/", f"{tmp_path}/copy-of-") for word in job.argv]
    argv[2] = argv[2].replace(f" {tmp_path}/copy-of-;", f' "{tmp_path}/copy-of-$0";')
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if broken else 0), done.stderr
    assert done.stdout == (f"in {tmp_path}/srv/tftp/grub/{broken}\n" if broken else "")


def test_checkers_read_what_is_shipped(debian: Recipe, tmp_path: Path) -> None:
    """Each job has no network, and its last arguments name files, or a directory of files, as in the bundle."""
    engine = RecordingEngine()
    run(debian, engine, tmp_path)
    shipped = {file.path: file.content for file in render(layout_of(debian))}
    assert len(engine.jobs) == len(checks(debian)) == 4
    for job in engine.jobs:
        assert not job.network
        ((target, source),) = job.inputs.items()
        read = [source / Path(word).relative_to(target) for word in job.argv[3:] if word.startswith(f"{target}/srv")]
        read = read or [source / Path(job.argv[-1]).relative_to(target)]
        files = list(read[0].iterdir()) if read[0].is_dir() else read
        assert files
        for file in files:
            assert file.read_bytes() == shipped[str(file.relative_to(source))]


def test_kea_is_checked_without_the_servers_interface(debian: Recipe, tmp_path: Path) -> None:
    """The build's machine need not have the server's interface; dnsmasq and dhcpd do not look for it."""
    run(with_server(debian, interface="eth7"), RecordingEngine(), tmp_path)
    text = next(tmp_path.rglob("kea-dhcp4.conf")).read_text()
    assert "eth7" not in text
    assert "52:54:00:00:01:01" in text
    assert "interface=eth7\n" in next(tmp_path.rglob("nfsroot.conf")).read_text()


def test_nginx_is_checked_where_it_serves(debian: Recipe, tmp_path: Path) -> None:
    """nginx reads its settings as a part of a whole configuration, at an address that the build's machine has."""
    recipe, engine = with_http(debian), RecordingEngine()
    assert [check.path for check in checks(recipe) if check.program == "nginx"] == ["etc/nginx/conf.d"]
    run(recipe, engine, tmp_path)
    (whole,) = tmp_path.rglob("check/nginx.conf")
    (site,) = tmp_path.rglob("etc/nginx/conf.d/nfsroot.conf")
    assert f"include /input/bundle/{site.relative_to(whole.parents[1])};" in whole.read_text()
    assert "listen 127.0.0.1:8080;" in site.read_text()
    assert "192.168.0.1:" not in site.read_text()


def test_rejection_has_the_checkers_words(debian: Recipe, tmp_path: Path) -> None:
    """The error names program and file and shows what the program said."""

    def reject(job: Job, _on_line: OnLine) -> None:
        if "kea-dhcp4" in job.argv:
            raise CommandError("sh", job.argv, 1, ["Syntax check failed with: no such option"])

    with pytest.raises(NfsrootError) as caught:
        run(debian, RecordingEngine(reject), tmp_path)
    assert str(caught.value) == (
        "kea-dhcp4 rejects etc/kea/kea-dhcp4.conf of the server bundle\n  | Syntax check failed with: no such option"
    )
