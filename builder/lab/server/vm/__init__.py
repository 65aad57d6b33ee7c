"""The rack's server as a virtual machine: a plain Debian server on which the README's commands are typed."""
