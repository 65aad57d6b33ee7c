"""The traffic on the rack's network, read from Ethernet frames."""
