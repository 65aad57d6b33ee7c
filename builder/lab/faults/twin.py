"""Two machines with one MAC address: to DHCP, TFTP and NFS servers they are one node."""

from __future__ import annotations

from builder.lab.checks.model import Finding
from builder.lab.faults.model import RunningFault
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack

DUTY = "failed: MAC address is the node's own: "
CHECK = "nfsbooted --check"


def _boot_twin(rack: Rack, virtual: VirtualNode) -> Finding:
    """Boot a twin of the node, which has to find the fault, and see whether the node gets over it.

    The twin gets the node's address, name and identity, and frames for both go to the machine that sent last.  Both run
    nevertheless, because NFS asks again.  Only the twin can find the fault: its kernel asks for the IPv6 address that
    both make of the MAC address, and the node answers.
    """
    with rack.power_on_twin(virtual.node) as twin:
        twin.wait_until_running()
        told = [line for line in twin.ask(CHECK).text.splitlines() if line.startswith(DUTY)]
    after = virtual.ask(f"{CHECK} && systemctl is-system-running")
    problems = [] if told else ["the second machine found nothing wrong with itself"]
    if after.status != 0:
        problems.append(f"the node did not get over it: {after.text}")
    return Finding(f"the second machine: {' '.join(told)}", tuple(problems))


FAULTS = (
    RunningFault(
        name="duplicate-mac",
        done="a second machine with the node's MAC address boots",
        holds="the second one says that its MAC address is in use, and the first goes on when the second is off",
        strike=_boot_twin,
    ),
)
