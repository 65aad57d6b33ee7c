"""The machines of a rack, and the lab's connections to them: namespaces, QEMU, the agent on a node."""
