"""Checks of a node's identity: host name, machine-id, ssh host keys, and Kerrighed's ids."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from builder.lab.checks.keys import fingerprint
from builder.lab.checks.model import Check, Finding, Subject, compare_values

MACHINE_ID = "cat /etc/machine-id"
HOST_KEYS = "sshd -T | sed -n 's/^hostkey //p' | while read -r key; do ssh-keygen -l -f \"$key\" || exit 1; done"
"""Prints bits, fingerprint, comment and type of each key that sshd uses (ssh-keygen(1), -l)."""

_FINGERPRINT = re.compile(r"SHA256:\S+")


@dataclass(frozen=True)
class Identity:
    """The values that no two nodes may have in common: the machine-id, and the fingerprints of ssh host keys."""

    machine_id: str
    host_keys: frozenset[str]


def read_identity(subject: Subject) -> Identity:
    """Read the identity of a node; a node without sshd has no host keys."""
    keys = subject.ask(HOST_KEYS).text if _has_sshd(subject) else ""
    return Identity(subject.ask(MACHINE_ID).text, frozenset(_FINGERPRINT.findall(keys)))


def find_shared_marks(identities: Mapping[str, Identity]) -> dict[str, Finding]:
    """Find out for each node whether another one has the same machine-id or one of its host keys."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name, each in identities.items():
        for mark in (each.machine_id, *each.host_keys):
            owners[mark].append(name)
    return {name: _compare_marks(name, each, owners) for name, each in identities.items()}


def _compare_marks(name: str, each: Identity, owners: Mapping[str, list[str]]) -> Finding:
    marks = (each.machine_id, *sorted(each.host_keys))
    others = {mark: [owner for owner in owners[mark] if owner != name] for mark in marks}
    problems = tuple(f"{mark} also belongs to {', '.join(names)}" for mark, names in others.items() if names)
    return Finding(f"{len(marks)} values of its own", problems)


def _has_sshd(subject: Subject) -> bool:
    return subject.has_package("openssh-server")


def _check_host_name(subject: Subject) -> Finding:
    return compare_values(subject.ask("hostname").text, subject.node.name)


def _check_machine_id(subject: Subject) -> Finding:
    saw = subject.ask(MACHINE_ID).text
    # machine-id(5): 32 lower-case hexadecimal digits, not all of them 0.
    wrong = not re.fullmatch(r"[0-9a-f]{32}", saw) or not saw.strip("0")
    return Finding(saw, (f"{saw!r} is no machine-id",) if wrong else ())


def _check_host_keys(subject: Subject) -> Finding:
    answer = subject.ask(HOST_KEYS)
    keys = _FINGERPRINT.findall(answer.text)
    if answer.status != 0 or not keys:
        return Finding(answer.text, (f"sshd has no host keys: {answer.text}",))
    heard = subject.run_on_server(["ssh-keyscan", "-T", "30", str(subject.node.address)]).text
    return _compare_host_keys(subject, heard, frozenset(keys))


def _compare_host_keys(subject: Subject, heard: str, keys: frozenset[str]) -> Finding:
    """Compare the keys that sshd shows on the network (ssh-keyscan(1)) with those that the node has."""
    shown = {fingerprint(line) for line in heard.splitlines() if line.startswith(str(subject.node.address))}
    problems = [f"sshd shows {key}, which is no key of the node" for key in sorted(shown - keys)]
    if not shown:
        problems = ["sshd shows no key on the network"]
    return Finding(", ".join(sorted(shown)), tuple(problems))


def _check_kerrighed_ids(subject: Subject) -> Finding:
    kerrighed = subject.release.recipe.kerrighed
    assert kerrighed is not None
    node_id = kerrighed.node_ids.get(subject.node.name, subject.node.ordinal)
    words = subject.ask("cat /proc/cmdline").text.split()
    saw = [word for word in words if word.startswith(("session_id=", "node_id="))]
    return compare_values(" ".join(sorted(saw)), f"node_id={node_id} session_id={kerrighed.session_id}")


CHECKS = (
    Check("host name", "the node has the name that the cluster file gives its address", _check_host_name),
    Check("machine-id", "the node has a machine-id (machine-id(5))", _check_machine_id),
    Check("ssh host keys", "sshd has host keys and shows them on the network", _check_host_keys, _has_sshd),
    Check(
        "Kerrighed ids",
        "the kernel command line has the cluster's session id and the node's own id",
        _check_kerrighed_ids,
        lambda subject: subject.release.recipe.kerrighed is not None,
    ),
)

UNIQUE = ("unique identity", "no other node has this machine-id or one of these ssh host keys")
"""Name and meaning of the check that `find_shared_marks` makes."""
