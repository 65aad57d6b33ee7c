"""The server of a rack: programs of this machine in the rack's namespace, or a virtual machine."""
