"""Faults of the files that a node boots from: its menu or its kernel is missing, its initramfs is not whole."""

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
from builder.recipe.models import TFTP_DIRECTORY, Node

WHOLE_BYTES = 1 << 20
"""The size of a damaged initramfs: its end is missing, as when a disk is full before a copy is whole."""

DEFAULT_MENUS = frozenset({"/grub/default", "/grub/default.cfg"})

LATER = "later"
"""The version of a later release than the one on trial; its kernel is not on the server."""

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
"""Makes menus of a later release by the bundle's own install.sh, and gives them to the node, and to no other node."""


def _prepare_on_server(rack: Rack, script: str) -> None:
    answer = rack.run_on_server(["sh", "-euc", script])
    if answer.status != 0:
        raise NfsrootError("the fault could not be prepared on the server", details=answer.text)


def _quote_menus(node: Node) -> str:
    """The node's menus, in both of GRUB's syntaxes, as a shell's words."""
    menu = f"/{TFTP_DIRECTORY}/grub/{node.name}"
    return f"{menu} {menu}.cfg"


def _remove_menu(rack: Rack, node: Node) -> None:
    _prepare_on_server(rack, f"rm {_quote_menus(node)}")


def _judge_default_menu(outcome: Outcome) -> Finding:
    """Whether the node does as the default menu says.

    The default menu refuses a node that needs a menu of its own, and stays on the screen; it boots other nodes.
    """
    read = {event.text for event in outcome.events if event.kind in DONE}
    if not read & DEFAULT_MENUS:
        return Finding("", ("it did not read the default menu",))
    return judge_stop(outcome, Phase.GRUB) if outcome.recipe.kerrighed else judge_boot(outcome)


def _name_missing_kernel(rack: Rack, node: Node) -> None:
    """Give the node the menus of a later release; the server has no other file of that release."""
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
    """Whether the node asked in vain for the later release's kernel, and then ran by the release before."""
    served = Layout(outcome.recipe, LATER).tftp_directory
    # Where GRUB asks by HTTP's HEAD first, only the refusal shows.
    asked = (event.text for event in outcome.events if event.kind in {*READ, Kind.TFTP_ERROR, Kind.HTTP_ERROR})
    if not any(PurePosixPath("/", path).is_relative_to(served) for path in asked):
        return Finding("", (f"it asked for nothing below {served}",))
    return judge_boot(outcome)


def _cut_initramfs(rack: Rack, node: Node) -> None:
    """Let the node's menus load an initramfs whose end is missing; other nodes keep the whole initramfs."""
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
        patience=0.25,
    ),
)
