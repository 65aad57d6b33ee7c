"""A signature of SHA256SUMS that ssh-keygen checks, without nfsroot."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest
from small_release import make_release
from store_case import Case

from builder.errors import InputError
from builder.store.publish import Candidate, lab_file, publish
from builder.store.release import read_manifest
from builder.store.release_files import check_unsent
from builder.store.signature import SIGNATURE, sign
from builder.store.storage.directory import DirectoryStorage


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private ssh key without a passphrase."""
    file = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file


def verifies(directory: Path, key: Path) -> bool:
    """Whether the one documented line finds the signature good."""
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    (directory / "allowed_signers").write_text(f"publisher {public}\n", encoding="utf-8")
    done = subprocess.run(
        "ssh-keygen -Y verify -f allowed_signers -I publisher -n nfsroot-release -s SHA256SUMS.sig < SHA256SUMS",
        shell=True,
        cwd=directory,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_signature_travels_with_the_release(tmp_path: Path, key: Path) -> None:
    """The signature is fetched with the release, is good, and is not for other sums; a later publish keeps it."""
    case = Case(DirectoryStorage(tmp_path / "store"), tmp_path / "releases")
    release = make_release(case.releases)
    manifest = read_manifest(release)
    signed = Candidate(
        release,
        manifest,
        "passed",
        lambda: {**lab_file(release), **sign(manifest, key)},
        partial(check_unsent, release, manifest),
    )
    publish(case.publisher(), signed, case.transfers)
    case.publish(release, channel="stable")
    case.fetch("small", "stable", tmp_path / "fetched")
    assert verifies(tmp_path / "fetched", key)
    sums = tmp_path / "fetched/SHA256SUMS"
    sums.write_bytes(sums.read_bytes().replace(b"0", b"1", 1))
    assert not verifies(tmp_path / "fetched", key)


def test_file_that_is_no_key(tmp_path: Path) -> None:
    """A file that cannot sign is named with what ssh-keygen says."""
    (tmp_path / "id").write_text("nothing", encoding="utf-8")
    (tmp_path / "id").chmod(0o600)
    with pytest.raises(InputError, match="cannot sign the release"):
        sign(read_manifest(make_release(tmp_path)), tmp_path / "id")
    assert SIGNATURE == "SHA256SUMS.sig"
