"""`nfsroot-site apply` and `--replace`, as somebody types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from unpacked_site import unpack

from builder.cli.site import command
from builder.recipe.models import Recipe
from builder.site.errors import RefusedError
from builder.site.journal import read_entries
from builder.site.places import Places

NAME = "debian-nfsroot"


@pytest.fixture
def places(tmp_path: Path, debian: Recipe) -> Places:
    """A site whose nodes boot a release."""
    (tmp_path / "etc").mkdir()
    unpack(Places(tmp_path), debian, "1.0", 1)
    assert site(Places(tmp_path), "switch", NAME, "1.0").exit_code == 0
    return Places(tmp_path)


def site(places: Places, *arguments: str) -> Result:
    """Run a verb."""
    return CliRunner().invoke(command, ["--root", str(places.root), *arguments])


def test_another_choice_takes_effect(places: Places) -> None:
    """Kea's settings come and dhcpd's go; --dry-run says so before, and changes nothing."""
    (places.root / "etc/nfsroot-site.toml").write_text('[server]\ndhcp = "kea"\n')
    foretold = site(places, "apply", "--dry-run").stdout.splitlines()
    assert {
        "Would change: /etc/kea/kea-dhcp4.conf: new.",
        "Would change: /etc/dhcp/dhcpd.conf: removed.",
    } <= set(foretold)
    assert not (places.root / "etc/kea").exists()
    done = site(places, "apply")
    assert done.exit_code == 0
    assert "Installed /etc/kea/kea-dhcp4.conf.\n" in done.stdout
    assert not (places.root / "etc/dhcp/dhcpd.conf").exists()
    assert [entry.command for entry in read_entries(places)][1:] == [("apply",)]


def test_what_was_changed_by_hand_is_replaced_when_somebody_says_so(places: Places) -> None:
    """Without --replace it stays, and is named."""
    conf = places.root / "etc/dhcp/dhcpd.conf"
    ours = conf.read_text()
    conf.write_text(f"{ours}# my own\n")
    assert "/etc/dhcp/dhcpd.conf was changed by hand" in site(places, "apply").stderr
    assert conf.read_text() != ours
    assert site(places, "--replace", "apply").exit_code == 0
    assert conf.read_text() == ours


def test_a_refusal_is_no_entry_of_the_journal(places: Places) -> None:
    """Another choice that would replace somebody's file is refused, and the next verb has nothing to finish."""
    (places.root / "etc/nfsroot-site.toml").write_text('[server]\ndhcp = "kea"\n')
    (places.root / "etc/kea").mkdir()
    (places.root / "etc/kea/kea-dhcp4.conf").write_text("{}\n")
    refused = site(places, "apply")
    assert isinstance(refused.exception, RefusedError)
    assert len(read_entries(places)) == 1
    assert (places.root / "etc/dhcp/dhcpd.conf").exists()
