"""Faults of the files from which a node boots: a missing menu, a missing kernel, or a damaged initramfs."""

from __future__ import annotations

import re
from functools import partial
from pathlib import PurePosixPath

from builder.errors import NfsrootError
from builder.lab.checks.model import Finding
from builder.lab.faults.model import BootFault, Outcome, judge_boot, judge_stop
from builder.lab.rack.rack import Rack
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import DONE, READ, Kind
from builder.layout import Layout
from builder.recipe.models import Node
from builder.release_names import MENUS

WHOLE_BYTES = 1 << 20
"""The size of the damaged initramfs, whose end is missing, as after a copy to a full disk."""

DEFAULT_MENUS = frozenset({"/grub/default", "/grub/default.cfg"})

LATER = "later"
"""The version of a later release, whose kernel is not on the server."""

INSTALL_LATER = """\
work=$(mktemp -d)
bundle=/bundle
[ -d $bundle ] || bundle=/root/{stem}-server
mkdir -p $work/bundle $work/root/srv/tftp
cd $bundle
cp -a --parents -t $work/bundle install.sh etc srv/tftp/grub
cd $work/bundle
for file in $(find etc -name '{stem}.*'); do mv $file $(dirname $file)/{name}-{later}.${{file##*.}}; done
sed -i 's,{version},{later},g' install.sh $(find srv/tftp/grub -type f)
cp -a /srv/tftp/grub /srv/tftp/.grub $work/root/srv/tftp
ln -s /srv/tftp/{name} $work/root/srv/tftp/{name}
sh install.sh --root $work/root
cd $work/root/srv/tftp/grub
for menu in {node} {node}.cfg; do
  grep -q '/{name}/{later}/' $menu
  cp $menu /srv/tftp/grub/$menu
done
"""
"""Makes menus of a later release by the bundle's install.sh, and installs those of one node."""


def _prepare_on_server(rack: Rack, script: str) -> None:
    answer = rack.run_on_server(["sh", "-euc", script])
    if answer.status != 0:
        raise NfsrootError("the fault could not be prepared on the server", details=answer.text)


def _quote_menus(node: Node) -> str:
    """Give the paths of the node's menus, in both of GRUB's syntaxes, as words for a shell."""
    menu = f"/{MENUS}/{node.name}"
    return f"{menu} {menu}.cfg"


def _remove_menu(rack: Rack, node: Node) -> None:
    _prepare_on_server(rack, f"rm {_quote_menus(node)}")


def _judge_default_menu(outcome: Outcome) -> Finding:
    """Check that the node does what the default menu says.

    The default menu boots a node, unless nodes need menus of their own: then it shows a message and waits.
    """
    read = {event.text for event in outcome.events if event.kind in DONE}
    if not read & DEFAULT_MENUS:
        return Finding("", ("the node did not read the default menu",))
    return judge_stop(outcome, Phase.GRUB) if outcome.recipe.kerrighed else judge_boot(outcome)


def _name_missing_kernel(rack: Rack, node: Node) -> None:
    """Give the node menus of a later release, of which the server has no other file."""
    manifest = rack.release.manifest
    script = INSTALL_LATER.format(
        stem=rack.release.layout.name,
        name=manifest.name,
        version=re.escape(manifest.version),
        later=LATER,
        node=node.name,
    )
    _prepare_on_server(rack, script)


def _judge_fallback(outcome: Outcome) -> Finding:
    """Check that the node asked for the kernel of the later release, and then booted the release before it."""
    served = Layout(outcome.recipe, LATER).tftp_directory
    # Where GRUB asks by HTTP's HEAD first, only the refusal shows.
    asked = (event.text for event in outcome.events if event.kind in {*READ, Kind.TFTP_ERROR, Kind.HTTP_ERROR})
    if not any(PurePosixPath("/", path).is_relative_to(served) for path in asked):
        return Finding("", (f"the node asked for no file below {served}",))
    return judge_boot(outcome)


def _cut_initramfs(rack: Rack, node: Node) -> None:
    """Make the node's menus load an initramfs whose end is missing; other nodes load the whole one."""
    layout = rack.release.layout
    whole = layout.initramfs_file(node.nic)
    cut = f"{whole}.{node.name}"
    _prepare_on_server(
        rack,
        f"cd {layout.served_directory}\n"
        f"head -c {WHOLE_BYTES} {whole} >{cut}\n"
        f"sed -i 's|/{whole}$|/{cut}|' {_quote_menus(node)}\n"
        f"for menu in {_quote_menus(node)}; do grep -q /{cut}$ $menu; done",
    )


FAULTS = (
    BootFault(
        name="missing-menu",
        done="the TFTP server lacks the node's menu",
        holds="the default menu boots the node, or says why it does not where nodes need menus of their own",
        judge=_judge_default_menu,
        prepare=_remove_menu,
        patience=0.5,
    ),
    BootFault(
        name="missing-kernel",
        done="the node's menu is of a later release, whose kernel is not on the server",
        holds="GRUB falls back to the menu's second entry, which boots the release before",
        judge=_judge_fallback,
        prepare=_name_missing_kernel,
    ),
    BootFault(
        name="corrupt-initrd",
        done=f"the node's initramfs ends after {WHOLE_BYTES >> 20} MiB",
        holds=f"the lab says that the node did not get through phase {Phase.KERNEL}",
        judge=partial(judge_stop, phase=Phase.KERNEL),
        prepare=_cut_initramfs,
        patience=0.5,
    ),
)
