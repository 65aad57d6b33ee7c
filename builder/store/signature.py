"""Signs a release's SHA256SUMS with an ssh key, for copies of a release that are verified outside a store."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from builder import process
from builder.errors import InputError
from builder.process import CommandError
from builder.store.release import SUMS, ReleaseManifest

NAMESPACE = "nfsroot-release"
"""The namespace of the signature (ssh-keygen(1), -n): a signature for another purpose does not count for a release."""

SIGNATURE = f"{SUMS}.sig"


def sign(manifest: ReleaseManifest, key: Path) -> dict[str, bytes]:
    """The signature of the release's SHA256SUMS by the name of its file (ssh-keygen(1), -Y sign).

    `key` is a private key, or a public one whose private key an ssh agent holds.

    :raises InputError: ssh-keygen cannot sign with the key.
    """
    with TemporaryDirectory() as directory:
        sums = Path(directory, SUMS)
        sums.write_bytes(manifest.sums())
        argv = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, str(sums)]
        try:
            process.output(argv, env=os.environ)
        except CommandError as error:
            raise InputError(
                f"{key} cannot sign the release",
                details=error.details,
                resolution="Name the file of a private key, or of a public key whose private key your agent holds.",
            ) from error
        return {SIGNATURE: sums.with_name(SIGNATURE).read_bytes()}
