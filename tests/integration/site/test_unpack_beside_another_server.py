"""`unpack` where the server cannot export the release: nothing is left of it, or the site says what is left to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from made_sites import Heard, RecordedServices
from unpack_case import release

from builder.cli.site import command
from builder.errors import NfsrootError
from builder.site import journal
from builder.site.apply import apply, prepare
from builder.site.errors import RefusedError
from builder.site.places import Places
from builder.site.records import Record, read_records
from builder.site.site import Site
from builder.site.source import open_directory
from builder.site.state import SiteState
from builder.site.unpacking import unpack


class Broken(RecordedServices):
    """Services of a machine whose exports are not all accepted, until somebody puts that right."""

    is_broken = True

    def export_again(self) -> None:
        """Fail as exportfs(8) does."""
        if self.is_broken:
            raise NfsrootError("the exports are not all in force", resolution="Put right what\n  exportfs says.")
        super().export_again()


def unpack_on(site: Site, made: Path) -> bool:
    """Unpack as the verb does it."""

    def check(state: SiteState, record: Record) -> None:
        prepare(site, state, Heard(), new=[record])

    def follow(state: SiteState) -> None:
        apply(site, state, Heard())

    return unpack(site.places, open_directory(made), ("unpack", "kerrighed@1.0"), Heard(), follow, check=check)


def status(places: Places) -> str:
    """What `status` prints."""
    return CliRunner().invoke(command, ["--root", str(places.root), "status"]).output


def test_beside_another_nfs_server_nothing_is_left(places: Places, tmp_path: Path) -> None:
    """The refusal comes before the release is in its place, so that no entry of the journal stays open."""
    services = RecordedServices(on_ports={2049: {"ganesha.nfsd"}})
    site, made = Site(places, services), release(tmp_path)
    with pytest.raises(RefusedError, match=r"ganesha\.nfsd serves nfs on this machine") as refused:
        unpack_on(site, made)
    assert "systemctl disable --now nfs-ganesha" in refused.value.resolution
    assert journal.read_entries(places) == []
    assert read_records(places) == {}
    assert [str(path) for path in places.root.rglob("*1.0*")] == []
    assert services.told == []
    services.on_ports.clear()
    assert unpack_on(site, made)
    assert read_records(places).keys() == {"kerrighed"}


def test_what_stops_half_way_is_said_with_the_way_out(places: Places, tmp_path: Path) -> None:
    """By status, log and doctor, until the next verb finishes it."""
    services = Broken(running={"nfs-kernel-server"})
    site, made = Site(places, services), release(tmp_path)
    with pytest.raises(NfsrootError, match="the exports are not all in force"):
        unpack_on(site, made)
    reason = "the exports are not all in force; Put right what exportfs says."
    assert journal.read_entries(places)[-1].problem == reason
    words = (
        f"change 1 (unpack kerrighed@1.0) stopped half-way: {reason} Put that right, and finish it: nfsroot-site apply"
    )
    assert f"DIFFERS: {words}\n" in status(places)
    for verb in ("log", "doctor"):
        assert reason in CliRunner().invoke(command, ["--root", str(places.root), verb]).output
    services.is_broken = False
    assert not unpack_on(site, made), "it is here"
    (entry,) = journal.read_entries(places)
    assert (entry.ended is not None, entry.problem) == (True, "")
    assert "half-way" not in status(places)
