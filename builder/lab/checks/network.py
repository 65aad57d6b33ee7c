"""Whether a node is on its network as it ought to be: address, names, open ports, logins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.lab.checks.keys import fingerprint
from builder.lab.checks.model import Check, Finding, Subject
from builder.lab.checks.sockets import SOCKETS, listening
from builder.recipe.models import DhcpServer, ReleaseFacts
from builder.server.dhcp import decide

LOGIN = ["ssh", "-v", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
LOGIN += ["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=60"]
"""ssh(1) that reads no settings and asks nobody."""


def _menu(subject: Subject) -> Finding:
    recipe, manifest = subject.release.recipe, subject.release.manifest
    facts = ReleaseFacts(version=manifest.version, kernel_version=manifest.kernel_version, tool_version="")
    reservations = decide(recipe, facts).reservations
    should = next(each.menu for each in reservations if each.name == subject.node.name)
    problems = [f"it names {menu}, not {should}" for menu in subject.menus if menu != should]
    if not subject.menus:
        problems = ["it names none: boot ROMs and GRUB do not ask for option 150, so that it has to be forced"]
    return Finding(", ".join(sorted(set(subject.menus))), tuple(problems))


def _address(subject: Subject) -> Finding:
    saw = re.findall(r"inet (\S+)", subject.ask("ip -oneline -4 address show scope global").text)
    should = f"{subject.node.address}/{subject.release.recipe.cluster.subnet.prefixlen}"
    return Finding(", ".join(saw), () if saw == [should] else (f"it has {', '.join(saw) or 'none'}, not {should}",))


def _names(subject: Subject) -> Finding:
    cluster = subject.release.recipe.cluster
    should = {cluster.server.name: str(cluster.server.address)}
    should |= {node.name: str(node.address) for node in cluster.nodes}
    should |= {f"{name}.{cluster.domain}": address for name, address in should.items()}
    answer = subject.ask(
        f'for name in {" ".join(should)}; do echo "$name $(getent ahostsv4 "$name" | head -n 1)"; done'
    )
    saw = {words[0]: words[1] for line in answer.text.splitlines() if (words := line.split())[1:]}
    problems = [f"{name} is {saw.get(name, 'unknown')}" for name, address in should.items() if saw.get(name) != address]
    return Finding(", ".join(should), tuple(problems))


def _ports(subject: Subject) -> Finding:
    saw = listening(subject.ask(SOCKETS).text)
    undeclared = sorted(saw.difference(subject.release.recipe.ports))
    problems = [f"something listens on {port}, which neither [access] nor an element declares" for port in undeclared]
    return Finding(", ".join(sorted(saw)) or "none", tuple(problems))


def _keys(subject: Subject) -> Finding:
    accepted = [line for line in subject.release.recipe.access.ssh_keys if _accepts(subject, line)]
    refused = [line for line in subject.release.recipe.access.ssh_keys if line not in accepted]
    problems = tuple(f"sshd refuses {fingerprint(line)}" for line in refused)
    return Finding(f"sshd accepts {', '.join(map(fingerprint, accepted))}", problems)


def _accepts(subject: Subject, line: str) -> bool:
    """Whether root may log in with this key: sshd says so before it wants a signature (RFC 4252, section 7).

    ssh(1) takes a public key as its identity and asks; that it then cannot sign is all right.
    """
    at = f"/run/identity-{subject.node.name}"
    write = ["sh", "-c", 'umask 077; printf "%s\\n" "$1" >"$2"', "sh", line, at]
    subject.on_server(write)
    said = subject.on_server([*LOGIN, "-i", at, f"root@{subject.node.address}", "true"]).text
    return any("Server accepts key" in text and fingerprint(line) in text for text in said.splitlines())


def _passwords(subject: Subject) -> Finding:
    methods = sorted(_methods(subject))
    problems = [f"sshd takes {method}" for method in methods if method != "publickey"]
    if not methods:
        problems = ["sshd does not say how one may log in"]
    return Finding(", ".join(methods), tuple(problems))


def _methods(subject: Subject) -> Iterator[str]:
    """The ways to log in that sshd offers (RFC 4252, section 5.1)."""
    argv = [*LOGIN, "-o", "PreferredAuthentications=none", f"root@{subject.node.address}", "true"]
    for line in subject.on_server(argv).text.splitlines():
        _, found, offered = line.partition("Authentications that can continue: ")
        if found:
            yield from offered.split(",")


def _has_sshd(subject: Subject) -> bool:
    return subject.has_package("openssh-server")


CHECKS = (
    Check(
        "menu",
        "DHCP names the node's GRUB menu to its boot ROM, in option 150",
        _menu,
        lambda subject: subject.server.dhcp is not DhcpServer.DNSMASQ,
    ),
    Check("address", "the node has the address of the cluster file and no other", _address),
    Check("names", "the node knows the server and every node by name, with and without the domain", _names),
    Check("open ports", "nothing listens but at the ports that the recipe and its elements declare", _ports),
    Check(
        "ssh keys",
        "sshd accepts each key of the recipe for root",
        _keys,
        lambda subject: _has_sshd(subject) and bool(subject.release.recipe.access.ssh_keys),
    ),
    Check(
        "passwords",
        "sshd asks nobody for a password when the recipe sets none",
        _passwords,
        lambda subject: _has_sshd(subject) and subject.release.recipe.access.root_password_hash is None,
    ),
)
