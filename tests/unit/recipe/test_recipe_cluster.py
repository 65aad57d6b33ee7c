from __future__ import annotations

import pytest
from recipe_project import CLUSTER, Project

SPAN = "give another address of the subnet"
LABEL = "no host name of RFC 1123; write letters, digits and inner hyphens"
MAC = "no MAC address; write its twelve hexadecimal digits, such as 52:54:00:12:34:56 or 5254.0012.3456"
GROUP = "the MAC address of a group of machines; write that of the node's NIC"
NOBODY = "the MAC address of no NIC; write that of the node's NIC"
SUBNET = "192.168.0.0/24"
OUTSIDE = f"outside the subnet {SUBNET}; give addresses of {SUBNET}"
ADDRESS = "write an IPv4 address such as 192.168.0.1"
LIST = '"52:54:00:00:01:01", "52:54:00:00:01:02"'


def mistakes(project: Project, text: str) -> list[str]:
    """The mistakes of a cluster file, without its name."""
    project.write("recipes/clusters/small.toml", text)
    return [
        mistake.replace("recipes/clusters/small.toml", "", 1).removeprefix(":") for mistake in project.mistakes("base")
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # the network
        ('"mycluster.home"', '"my cluster"', [
            "1:10: domain is 'my cluster'; write names of letters, digits and hyphens, joined by dots"]),
        ('"192.168.0.0/24"', '"192.168.0.1/24"', ["2:10: subnet is '192.168.0.1/24'; write 192.168.0.0/24"]),
        ('"192.168.0.0/24"', '"192.168.0/24"', [
            "2:10: subnet is '192.168.0/24'; write a subnet such as 192.168.0.0/24"]),
        ('"192.168.0.0/24"', '"192.168.0.0"', [
            "2:10: subnet 192.168.0.0/32 has no room for nodes; write its length, such as 192.168.0.0/24"]),
        ('"192.168.0.0/24"', "24", ["2:10: subnet must be a string, not an integer; put it in double quotes"]),
        ("[server]", 'gateway = "192.168.1.1"\n[server]', [f"4:11: '192.168.1.1' is {OUTSIDE}"]),
        ("[server]", 'gateway = "x"\n[server]', [f"4:11: gateway is 'x'; {ADDRESS}"]),
        ("[server]", 'broadcast = "10.0.0.1"\n[server]', [f"4:13: '10.0.0.1' is {OUTSIDE}"]),
        ("[server]", 'dns = ["192.168.0.1", "x"]\n[server]', [f"4:23: dns[1] is 'x'; {ADDRESS}"]),
        ("[server]", 'ntp = ["a;b"]\n[server]', ["4:8: ntp[0] is 'a;b'; write an address or a host name"]),
        ("[server]", 'name = "a b"\n[server]', [
            "4:8: name is 'a b'; write letters, digits and . _ -, a letter or digit first"]),
        # the server
        ('"nfsserver"', '"nfs.server"', [f"5:8: 'nfs.server': {LABEL}, without the domain"]),
        ('"192.168.0.1"', '"192.168.1.1"', [f"6:11: '192.168.1.1' is {OUTSIDE}"]),
        ('name = "nfsserver"\naddress = "192.168.0.1"', 'name = "nfsserver"\naddress = "10.9.0.1"', [
            f"6:11: '10.9.0.1' is {OUTSIDE}"]),
        ('"192.168.0.1"', '"192.168.0.255"', [f"6:11: 192.168.0.255 is the broadcast address of {SUBNET}; {SPAN}"]),
        ('name = "nfsserver"\n', "", [
            "4:2: the cluster lacks server.name; write name = \"nfsserver\" in the table server"]),
        ("[[nodes]]", "interface = 'eth 0'\n[[nodes]]", [
            "8:13: server.interface is 'eth 0'; write a network interface's name, such as eth0"]),
        ("[[nodes]]", "dhcp = 'dhcpd'\n[[nodes]]", [
            "8:8: server.dhcp is 'dhcpd'; write 'isc', 'kea' or 'dnsmasq'"]),
        ("[[nodes]]", "tftp = 'hpa'\nnfs = 'knfsd'\n[[nodes]]", [
            "8:8: server.tftp is 'hpa'; write 'tftpd-hpa' or 'dnsmasq'",
            "9:7: server.nfs is 'knfsd'; write 'kernel' or 'ganesha'"]),
        # names
        *(("ssi[1-2]", f"ssi1,{name}", [f"9:9: '{name}': {LABEL}"])
          for name in ("a_b", "-a", "a-", "a.b", "x" * 64, "a;b", 'ä')),
        *(("ssi[1-2]", f"ssi1,{name}", [
            f"9:9: '{name}': would be read as a number, for an address (inet_aton(3)); "
            f"write a letter before it: n{name}"])
          for name in ("12", "101", "0", "007", "0x7F", "99999999999")),
        *(("ssi[1-2]", f"ssi1,{name}", [
            f"9:9: '{name}': the name of a menu that all nodes share; give another name"])
          for name in ("grub", "Default")),
        ("ssi[1-2]", "ssi1,localhost", [
            "9:9: 'localhost': the name by which every machine knows itself; give another name"]),
        ("ssi[1-2]", "ssi1,SSI1", [
            "9:9: name 'SSI1' is given already at recipes/clusters/small.toml:9:9; every machine needs its own name"]),
        ("ssi[1-2]", "ssi1,nfsserver", [
            "9:9: name 'nfsserver' is given already at recipes/clusters/small.toml:5:8; "
            "every machine needs its own name"]),
        ("ssi[1-2]", "ssi[1-3]", [
            "10:13: 3 names but 2 addresses; give one for each node",
            "11:8: 3 names but 2 MAC addresses; give one for each node"]),
        ("ssi[1-2]", "ssi[2-1]", [
            "9:9: names: '[2-1]' is no range; write for example names = \"node[001-100]\""]),
        ('"ssi[1-2]"', '["ssi1", "ssi2"]', [
            "9:9: nodes[0].names must be a string, not a list; put it in double quotes"]),
        ('names = "ssi[1-2]"', "nmaes = 3", [
            "8:3: nodes[0].names is missing; write names = \"node[001-100]\"",
            "9:1: unknown key 'nmaes'; did you mean 'names'?"]),
        # addresses
        ("0.[101-102]", "0.[1-2]", [
            "10:13: address '192.168.0.1' is given already at recipes/clusters/small.toml:6:11; "
            "every machine needs its own address"]),
        ("0.[101-102]", "0.[7,7]", [
            "10:13: address '192.168.0.7' is given already at recipes/clusters/small.toml:10:13; "
            "every machine needs its own address"]),
        ("0.[101-102]", "0.[0,255]", [
            f"10:13: 192.168.0.0 is the network address of {SUBNET}; {SPAN}",
            f"10:13: 192.168.0.255 is the broadcast address of {SUBNET}; {SPAN}"]),
        ("0.[101-102]", "0.[255-256]", [
            "10:13: '192.168.0.256': no IPv4 address; write four numbers from 0 to 255",
            f"10:13: 192.168.0.255 is the broadcast address of {SUBNET}; {SPAN}"]),
        ("0.[101-102]", "1.[1-2]", [f"10:13: '192.168.1.1', '192.168.1.2' are {OUTSIDE}"]),
        # MAC addresses
        (LIST, '"52:54:00:00:01:0A", "5254.0000.010a"', [
            "11:30: MAC address '52:54:00:00:01:0a' is given already at recipes/clusters/small.toml:11:9; "
            "every machine needs its own MAC address"]),
        *((LIST, f'"52:54:00:00:01:01", "{mac}"', [f"11:30: '{mac}': {MAC}"])
          for mac in ("52:54:00:00:01", "52:54:00:00:01:0g", "5254.0000.010", "52:54:00-00:01:02",
                      "52:54:00:00:01:02\\n", "")),
        *((LIST, f'"52:54:00:00:01:01", "{mac}"', [f"11:30: '{mac}': {GROUP}"])
          for mac in ("ff:ff:ff:ff:ff:ff", "0100.5e00.0001")),
        (LIST, '"52:54:00:00:01:01", "000000000000"', [f"11:30: '000000000000': {NOBODY}"]),
        (LIST, '"52:54:00:00:01:01", 7', [
            "11:30: nodes[0].macs[1] must be a string, not an integer; put it in double quotes"]),
        (LIST, "", ["11:8: 2 names but 0 MAC addresses; give one for each node"]),
        (f"macs = [{LIST}]", "", [
            "8:3: nodes[0].macs is missing; write macs = [\"52:54:00:12:34:56\", ...] or macs_file = \"macs.csv\""]),
        (f"macs = [{LIST}]", f"macs = [{LIST}]\nmacs_file = 'x'", [
            "12:13: both macs and macs_file are given; keep one of them"]),
    ],
)  # fmt: skip
def test_mistake(project: Project, old: str, new: str, expected: list[str]) -> None:
    """Each mistake in a cluster is shown where it stands, with what it clashes with, and nothing else is."""
    assert old in CLUSTER
    assert mistakes(project, CLUSTER.replace(old, new)) == expected


def test_gateway_may_be_the_server_but_no_node(project: Project) -> None:
    """The page's server is its router; a node is nobody's router."""
    project.write("recipes/clusters/small.toml", f'gateway = "192.168.0.1"\n{CLUSTER}')
    assert str(project.load("base").cluster.gateway) == "192.168.0.1"
    assert mistakes(project, f'gateway = "192.168.0.102"\n{CLUSTER}') == [
        "11:13: address '192.168.0.102' is given already at recipes/clusters/small.toml:1:11; "
        "every machine needs its own address"
    ]


def test_everything_missing(project: Project) -> None:
    """An empty cluster is told all that it lacks."""
    assert mistakes(project, "") == [
        ' the cluster lacks domain; write domain = "cluster.home"',
        " the cluster lacks nodes; write [[nodes]] with names, addresses and macs",
        ' the cluster lacks server.address; write address = "192.168.0.1" in the table server',
        ' the cluster lacks server.name; write name = "nfsserver" in the table server',
        ' the cluster lacks subnet; write subnet = "192.168.0.0/24"',
    ]


def test_names_clash_across_tables(project: Project) -> None:
    """Two tables of nodes are one cluster, counted in the order of the file."""
    more = CLUSTER[CLUSTER.index("[[nodes]]") :]
    clash = (
        more.replace("1-2]", "2-3]").replace("101-102", "102-103").replace("01:02", "01:03").replace("01:01", "01:02")
    )
    assert mistakes(project, CLUSTER + clash) == [
        "13:9: name 'ssi2' is given already at recipes/clusters/small.toml:9:9; every machine needs its own name",
        "14:13: address '192.168.0.102' is given already at recipes/clusters/small.toml:10:13; "
        "every machine needs its own address",
        "15:9: MAC address '52:54:00:00:01:02' is given already at recipes/clusters/small.toml:11:30; "
        "every machine needs its own MAC address",
    ]
    right = more.replace("1-2]", "3-4]").replace("101-102", "103-104").replace("00:01:", "00:02:")
    project.write("recipes/clusters/small.toml", CLUSTER + right)
    assert [(node.name, node.ordinal) for node in project.load("base").cluster.nodes] == [
        ("ssi1", 1),
        ("ssi2", 2),
        ("ssi3", 3),
        ("ssi4", 4),
    ]


def test_broadcast_is_the_subnets_or_the_written_one(project: Project) -> None:
    """Broadcast defaults to the subnet's; a written one is taken and no node may have it."""
    assert str(project.load("base").cluster.broadcast) == "192.168.0.255"
    project.write("recipes/clusters/small.toml", f'broadcast = "192.168.0.127"\n{CLUSTER}')
    assert str(project.load("base").cluster.broadcast) == "192.168.0.127"
    assert mistakes(project, f'broadcast = "192.168.0.101"\n{CLUSTER}') == [
        "11:13: 192.168.0.101 is the cluster's broadcast address; give another address of the subnet"
    ]


def test_long_domain(project: Project) -> None:
    """Names with their domain stay within what DNS allows."""
    domain = ".".join(["x" * 60] * 4)
    assert mistakes(project, CLUSTER.replace("mycluster.home", domain)) == [
        "1:10: the domain has 243 characters; write at most 189"
    ]


def test_file_that_cannot_name_a_cluster(project: Project) -> None:
    """A file's name that is no cluster's name asks for one."""
    project.write("recipes/clusters/my cluster.toml", CLUSTER)
    project.write("recipes/mine.toml", 'extends = "base"\ncluster = "clusters/my cluster.toml"\n')
    assert project.mistakes() == [
        "recipes/clusters/my cluster.toml: 'my cluster' is no cluster's name; "
        'write name = "..." with letters, digits and . _ -, a letter or digit first'
    ]


def test_servers_are_chosen_by_the_cluster(project: Project) -> None:
    """A cluster's server runs the programs that its table names, and Debian's usual ones where it names none."""
    server = project.load("base").cluster.server
    assert (server.dhcp, server.tftp, server.nfs) == ("isc", "tftpd-hpa", "kernel")
    chosen = CLUSTER.replace("[[nodes]]", 'dhcp = "kea"\ntftp = "dnsmasq"\nnfs = "ganesha"\n[[nodes]]')
    project.write("recipes/clusters/small.toml", chosen)
    server = project.load("base").cluster.server
    assert (server.dhcp, server.tftp, server.nfs) == ("kea", "dnsmasq", "ganesha")


def test_a_server_behind_a_gateway_may_be_on_another_network(project: Project) -> None:
    """Its nodes' questions of DHCP come by a relay, and nodes reach it by their gateway."""
    text = CLUSTER.replace('"192.168.0.1"', '"10.9.0.1"').replace("[server]", 'gateway = "192.168.0.1"\n[server]')
    project.write("recipes/clusters/small.toml", text)
    cluster = project.load("base").cluster
    assert cluster.server.address not in cluster.subnet
