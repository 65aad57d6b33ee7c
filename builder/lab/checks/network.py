"""Checks of a node's network: the menu that DHCP names, the address, host names, and open ports."""

from __future__ import annotations

import re

from builder.lab.checks.model import Check, Finding, Subject
from builder.lab.checks.sockets import SOCKETS, find_open_ports
from builder.recipe.choices import DhcpServer
from builder.server.dhcp import decide


def _check_menu(subject: Subject) -> Finding:
    reservations = decide(subject.release.recipe).reservations
    should = next(each.menu for each in reservations if each.name == subject.node.name)
    problems = [f"DHCP names {menu}, not {should}" for menu in subject.menus if menu != should]
    if not subject.menus:
        problems = [
            "DHCP names no menu: the server has to send option 150 unasked, because boot ROMs do not request it"
        ]
    return Finding(", ".join(sorted(set(subject.menus))), tuple(problems))


def _check_address(subject: Subject) -> Finding:
    """Check that the boot NIC has the one right address; other NICs do not count."""
    saw = re.findall(r"inet (\S+)", subject.ask("ip -oneline -4 address show dev eth0 scope global").text)
    should = f"{subject.node.address}/{subject.release.recipe.cluster.subnet.prefixlen}"
    return Finding(", ".join(saw), () if saw == [should] else (f"it has {', '.join(saw) or 'none'}, not {should}",))


def _check_names(subject: Subject) -> Finding:
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


def _check_ports(subject: Subject) -> Finding:
    saw = find_open_ports(subject.ask(SOCKETS).text)
    undeclared = sorted(saw.difference(subject.release.recipe.open_ports))
    problems = [f"something listens on {port}, which neither the recipe nor an element declares" for port in undeclared]
    return Finding(", ".join(sorted(saw)) or "none", tuple(problems))


CHECKS = (
    Check(
        "menu",
        "DHCP names the node's GRUB menu to its boot ROM, in option 150",
        _check_menu,
        lambda subject: subject.server.dhcp is not DhcpServer.DNSMASQ,
    ),
    Check("address", "the boot NIC, eth0, has the address of the cluster file and no other", _check_address),
    Check("names", "the node knows the server and every node by name, with and without the domain", _check_names),
    Check("open ports", "nothing listens but at the ports that the recipe and its elements declare", _check_ports),
)
