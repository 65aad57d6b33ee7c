"""The rack: a server and nodes on a private network of this machine."""
