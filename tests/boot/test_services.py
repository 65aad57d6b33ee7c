"""Nodes whose services want keys of their own, or want to keep the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from first_boot import booted

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware

pytestmark = [pytest.mark.boot, pytest.mark.full]

SERVICES = """\
ports = ["53/tcp", "53/udp"]
[debian]
suite = "{suite}"
packages = ["bind9", "bind9-utils", "chrony", "openssl", "ssl-cert"]
"""
KEY = "/etc/ssl/private/ssl-cert-snakeoil.key"
CERTIFICATE = "/etc/ssl/certs/ssl-cert-snakeoil.pem"
STATES = "systemctl is-active nfsroot-node-secrets chrony named"
MODE = f"stat --format='%a %U:%G' {KEY}"
PUBLIC_KEYS = f"""\
openssl x509 -in {CERTIFICATE} -noout -pubkey > /run/certified
openssl pkey -in {KEY} -pubout | cmp /run/certified - && echo equal"""
OWNER = f"openssl x509 -in {CERTIFICATE} -noout -subject"
CONTROL = "rndc status | grep -c 'server is up and running'"


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_services_have_their_keys(suite: str, variant_to_boot: Callable[..., Release], cache: Cache) -> None:
    """A node makes the keys that its release does not have before services start, and chrony keeps its time."""
    release = variant_to_boot(f"boot-services-{suite}", SERVICES.format(suite=suite))
    boot = booted(release, cache, Firmware.BIOS, questions=(STATES, MODE, PUBLIC_KEYS, OWNER, CONTROL))
    assert boot.wrong == []
    assert boot.answers[STATES].split() == ["active"] * 3
    assert boot.answers[MODE] == "640 root:ssl-cert"
    assert boot.answers[PUBLIC_KEYS] == "equal"
    assert boot.answers[OWNER].replace(" ", "") == "subject=CN=ssi1"
    assert boot.answers[CONTROL] == "1"
