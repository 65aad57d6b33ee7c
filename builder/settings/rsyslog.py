"""Settings of rsyslogd, which receives what nodes log (rsyslogd(8), rsyslog.conf(5), logrotate(8)).

Nodes send the warnings of their journals over TCP (RFC 6587), and their kernels send messages over UDP, without a
header, when nothing else of the node may work any more (Linux, Documentation/networking/netconsole.rst).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from builder.settings.headers import settings_header
from builder.settings.logs import DIRECTORY, JOURNAL_PORT, KERNEL_PORT
from builder.settings.programs import LOG_NODES, LOGROTATE_CONF
from builder.settings.release import ReleaseSettings
from builder.templates import fill

FILE_MIB, OLD_FILES = 1, 3
"""The size in MiB at which a node's log file is renamed, and the number of renamed files that are kept."""


def rsyslog_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of rsyslogd's settings: what nodes send is written to a file for each node, and nowhere else."""
    return _fill("rsyslog.conf", releases, servers=sorted({release.dhcp.server for release in releases}))


def nodes_json(releases: Sequence[ReleaseSettings]) -> str:
    """The text of the table of nodes' names by their addresses: rsyslogd drops what others send.

    JSON has no comments; rsyslogd passes over keys that it does not know.
    """
    nodes = {str(node.address): node.name for release in releases for node in release.nodes}
    rows = ",\n".join(json.dumps({"index": address, "value": name}) for address, name in nodes.items())
    comment = settings_header(releases).replace("# ", "").splitlines()
    head = {"comment": comment, "version": 1, "nomatch": "", "type": "string"}
    keys = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
    return f'{{\n{keys},\n"table": [\n{rows}\n]\n}}\n'


def logrotate_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of the settings by which logrotate renames log files that have become large."""
    return _fill("logrotate.conf", releases)


def nodes_beside(text: str, nodes: str) -> str:
    """The text of rsyslogd's settings with another path of the table of nodes, for a check before it is in place."""
    return text.replace(f'"/{LOG_NODES}"', f'"{nodes}"')


def _fill(name: str, releases: Sequence[ReleaseSettings], **values: object) -> str:
    paths = {"directory": DIRECTORY, "nodes": f"/{LOG_NODES}", "logrotate_conf": f"/{LOGROTATE_CONF}"}
    ports = {"journal_port": JOURNAL_PORT, "kernel_port": KERNEL_PORT}
    limits = {"file_mib": FILE_MIB, "old_files": OLD_FILES}
    header = settings_header(releases)
    return fill("builder.settings", name, settings_header=header, **paths, **ports, **limits, **values)
