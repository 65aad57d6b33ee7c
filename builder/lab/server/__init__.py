"""The server of a rack: a machine made of namespaces, or a virtual machine."""
