"""The fault of two machines with the same MAC address, which are one node to DHCP, TFTP and NFS servers."""

from __future__ import annotations

from builder.lab.checks.model import Finding
from builder.lab.faults.model import RunningFault
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack

DUTY = "failed: MAC address is the node's own: "
CHECK = "nfsbooted --check"


def _boot_twin(rack: Rack, virtual: VirtualNode) -> Finding:
    """Boot a twin of the node, which has to notice the fault, and check that the node is healthy afterwards.

    The twin gets the node's address, name and identity.  The bridge sends frames for both to the machine that sent
    last; both run nevertheless, because NFS repeats its requests.  Only the twin can notice the fault: its kernel asks
    for the IPv6 address that both derive from the MAC address, and the node answers.
    """
    with rack.power_on_twin(virtual.node) as twin:
        twin.wait_until_running()
        told = [line for line in twin.ask(CHECK).text.splitlines() if line.startswith(DUTY)]
    after = virtual.ask(f"{CHECK} && systemctl is-system-running")
    problems = [] if told else ["the second machine did not notice that its MAC address is in use"]
    if after.status != 0:
        problems.append(f"the node is not healthy afterwards: {after.text}")
    return Finding(f"the second machine: {' '.join(told)}", tuple(problems))


FAULTS = (
    RunningFault(
        name="duplicate-mac",
        done="a second machine with the node's MAC address boots",
        holds="the second one says that its MAC address is in use, and the first goes on when the second is off",
        strike=_boot_twin,
    ),
)
