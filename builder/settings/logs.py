"""Facts about what nodes log: the ports to which they send it, and the directory in which the server keeps it."""

from __future__ import annotations

JOURNAL_PORT = 514
"""The TCP port for warnings of nodes' journals: the one that log servers commonly have (rsyslog.conf(5))."""

KERNEL_PORT = 6666
"""The UDP port for messages of nodes' kernels: netconsole's own (Linux, Documentation/networking/netconsole.rst)."""

DIRECTORY = "/var/log/nfsroot"
"""The directory with a log file for each node, NAME.log."""
