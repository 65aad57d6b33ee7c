"""The rack: a server and nodes on a private network, in a namespace of this machine."""
