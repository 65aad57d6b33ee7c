"""The ports of the servers from which nodes boot (IANA, Service Name and Transport Protocol Port Number Registry)."""

from __future__ import annotations

DHCP_SERVER, DHCP_CLIENT, TFTP, HTTP, PORTMAP, NFS = 67, 68, 69, 80, 111, 2049
