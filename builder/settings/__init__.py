"""Settings of DHCP, TFTP, HTTP and NFS servers, made from the settings that releases ask for."""
