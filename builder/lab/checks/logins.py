"""Checks of logins: root can log in on a node by a key of the recipe, and nobody can log in otherwise."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from builder.lab.checks.keys import fingerprint
from builder.lab.checks.model import Check, Finding, Subject
from builder.lab.checks.reboot import BOOT_ID
from builder.lab.machine.agent import Answer
from builder.tree.owned_paths import AUTHORIZED_KEYS

SETTINGS = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
SETTINGS += ["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=60"]
"""Options with which ssh(1) reads no settings, asks no questions, and accepts any host key.

The check "ssh host keys" compares host keys.
"""

SSH = ["ssh", "-o", "LogLevel=ERROR", *SETTINGS]
VERBOSE = ["ssh", "-v", *SETTINGS]

MAKE_KEY = 'rm -f "$1" "$1.pub"; ssh-keygen -q -t ed25519 -N "" -C lab -f "$1"; cat "$1.pub"'
STAND_IN = """\
umask 077; mkdir -p /run/nfsroot-lab; echo {key} >/run/nfsroot-lab/authorized_keys
mount --bind /run/nfsroot-lab/authorized_keys {file}
"""


def _check_login(subject: Subject) -> Finding:
    """Log in as root from the server, by a key that the lab makes.

    The lab does not have the private halves of the recipe's keys.  So it mounts the public half of its own key, for a
    moment, over the node's file with the recipe's keys.
    """
    identity, file = f"/run/login-{subject.node.name}", f"/{AUTHORIZED_KEYS}"
    public = subject.run_on_server(["sh", "-euc", MAKE_KEY, "sh", identity]).text
    mounted = subject.ask(STAND_IN.format(key=shlex.quote(public), file=file))
    if mounted.status != 0:
        return Finding("", (f"the lab's key cannot be mounted over {file}: {mounted.text}",))
    try:
        said = subject.run_on_server([*SSH, "-i", identity, _address_root(subject), BOOT_ID])
    finally:
        subject.ask(f"umount {file}")
    return _judge_login(subject, said, "with a key of the lab's own in the place of the recipe's")


def _check_login_by_own_key(subject: Subject) -> Finding:
    said = subject.run_on_network([*SSH, "-i", str(subject.ssh_key), _address_root(subject), BOOT_ID])
    return _judge_login(subject, said, "with the key that was given")


def _judge_login(subject: Subject, said: Answer, how: str) -> Finding:
    """Compare the boot's identifier that was read over ssh with the one that the node's agent gives."""
    if said.status == 0 and said.text == subject.ask(BOOT_ID).text:
        return Finding(f"logged in as root {how}")
    return Finding(said.text, (f"root cannot log in {how}: {said.text or 'ssh said nothing'}",))


def _check_keys(subject: Subject) -> Finding:
    """Check that sshd accepts each key of the recipe for root.

    sshd says whether it accepts a key before the client has to sign (RFC 4252, section 7), so that the public half is
    enough.  ssh(1) offers all keys in one connection, because sshd slows down clients that fail often (sshd_config(5),
    PerSourcePenalties).
    """
    keys = subject.release.recipe.login.ssh_keys
    argv = list(VERBOSE)
    for number, line in enumerate(keys):
        at = f"/run/identity-{subject.node.name}-{number}"
        subject.run_on_server(["sh", "-c", 'umask 077; printf "%s\\n" "$1" >"$2"', "sh", line, at])
        argv += ["-i", at]
    said = subject.run_on_server([*argv, _address_root(subject), "true"]).text.splitlines()
    accepted = [text for text in said if "Server accepts key" in text]
    refused = [key for key in map(fingerprint, keys) if not any(key in text for text in accepted)]
    return Finding(f"sshd accepts {', '.join(map(fingerprint, keys))}", tuple(f"sshd refuses {key}" for key in refused))


def _check_passwords(subject: Subject) -> Finding:
    methods = sorted(_list_methods(subject))
    problems = [f"sshd offers the authentication method {method}" for method in methods if method != "publickey"]
    if not methods:
        problems = ["sshd does not name its authentication methods"]
    return Finding(", ".join(methods), tuple(problems))


def _list_methods(subject: Subject) -> Iterator[str]:
    """Yield the authentication methods that sshd offers (RFC 4252, section 5.1)."""
    argv = [*VERBOSE, "-o", "PreferredAuthentications=none", _address_root(subject), "true"]
    for line in subject.run_on_server(argv).text.splitlines():
        _, found, offered = line.partition("Authentications that can continue: ")
        if found:
            yield from offered.split(",")


def _address_root(subject: Subject) -> str:
    return f"root@{subject.node.address}"


def _has_sshd(subject: Subject) -> bool:
    return subject.has_package("openssh-server")


def _has_keys(subject: Subject) -> bool:
    return _has_sshd(subject) and bool(subject.release.recipe.login.ssh_keys)


CHECKS = (
    Check("ssh login", "root logs in from the server by a public key", _check_login, _has_keys),
    Check(
        "ssh login by own key",
        "root logs in with the key of the recipe whose private half was given",
        _check_login_by_own_key,
        lambda subject: _has_keys(subject) and subject.ssh_key is not None,
    ),
    Check("ssh keys", "sshd accepts each key of the recipe for root", _check_keys, _has_keys),
    Check(
        "passwords",
        "sshd asks nobody for a password when the recipe sets none",
        _check_passwords,
        lambda subject: _has_sshd(subject) and subject.release.recipe.login.root_password_hash is None,
    ),
)
