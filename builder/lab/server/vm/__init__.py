"""A virtual machine as the rack's server, with plain Debian, on which the README's commands install a release."""
