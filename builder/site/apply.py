"""Brings a server to the state of its site: settings, boot loaders, menus and running services.

`apply` can be called at any time and again: it composes all files, compares them with those on the disk, and changes
those that differ.  `change` does so for a new state, and writes an entry in the journal.  Both refuse before they
change anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.events import Caution, Emit, Notice
from builder.site import checkers, journal, news, serving
from builder.site.comparison import BLOCK_COPY, Comparison, compare, copies, refuse
from builder.site.composition import EXPORTS_OF_GANESHA, Composition, compose
from builder.site.generations import install_generation
from builder.site.installation import install
from builder.site.journal import Entry
from builder.site.loaders import find_loaders, install_loaders
from builder.site.menus import compose_menus, label
from builder.site.news import News
from builder.site.options import read_options
from builder.site.places import Places
from builder.site.records import Record, read_records
from builder.site.releases import unpacked_releases
from builder.site.report_places import make_report_directories
from builder.site.selection import Records
from builder.site.site import Site
from builder.site.state import SiteState
from builder.site.strangers import EXPORT_ID, left_exports, look_around, read


@dataclass(frozen=True)
class Prepared:
    """A checked plan for bringing a server to a state: composed files, and how they differ from those on the disk.

    `ours` are the paths of settings that the site has written.  `left` are files of exports that belong to no unpacked
    release; they stay.
    """

    state: SiteState
    composition: Composition
    comparison: Comparison
    loaders: Mapping[str, Path]
    menus: Mapping[str, str]
    ours: frozenset[str]
    left: tuple[Path, ...]


def prepare(
    site: Site,
    state: SiteState,
    emit: Emit,
    *,
    replace: bool = False,
    gone: Iterable[Record] = (),
    new: Iterable[Record] = (),
) -> Prepared:
    """Plan and check the changes that bring a server to a state, without making them.

    With `replace`, the plan replaces settings that somebody changed by hand.  The releases in `gone` count as not
    unpacked any more, those in `new` as unpacked.

    :raises RefusedError: releases contradict each other, or somebody changed settings by hand, or another program
        serves.
    :raises NfsrootError: a server's own checker rejects its settings.
    """
    places, records = site.places, _with(_without(read_records(site.places), gone), new)
    unpacked = unpacked_releases(records)
    composition = compose(state, records, read_options(places), look_around(places, unpacked))
    comparison = compare(places, composition, replace=replace)
    refuse(comparison.conflicts)
    for path in comparison.kept:
        emit(Caution(f"/{path} was changed by hand, and stays so: nfsroot has nothing new to write there."))
    ours = _installed(places)
    serving.refuse_other_servers(site, composition, ours)
    menus = compose_menus(state, records)
    checkers.check(places.root, _changed_texts(places, composition, comparison), menus, emit)
    left = tuple(left_exports(places, unpacked))
    return Prepared(state, composition, comparison, find_loaders(state, records), menus, ours, left)


def _without(records: Records, gone: Iterable[Record]) -> Records:
    names = {(record.name, record.version) for record in gone}
    return {
        name: {version: record for version, record in versions.items() if (name, version) not in names}
        for name, versions in records.items()
    }


def _with(records: Records, new: Iterable[Record]) -> Records:
    found = dict(records)
    for record in new:
        found[record.name] = {record.version: record, **found.get(record.name, {})}
    return found


def carry_out(site: Site, prepared: Prepared, emit: Emit) -> None:
    """Carry out a prepared plan: install files, then start services in the order exports, menus, others.

    :raises NfsrootError: a file cannot be written, or a service does not start; a second call goes on.
    """
    for file in prepared.left:
        emit(Notice(f"{file} stays: it exports a release that was not unpacked by nfsroot-site."))
    found = news.remember(site.places, News(prepared.comparison.news, _gone_exports(prepared.comparison)))
    install(site.places, prepared.comparison, emit)
    make_report_directories(site.places, (program.role for program in prepared.composition.programs))
    dropped = serving.dropped_programs(prepared.composition, prepared.ours)
    serving.serve(site, prepared.composition, found, dropped, lambda: _give_menus(site, prepared, emit), emit)
    news.forget(site.places)


def _give_menus(site: Site, prepared: Prepared, emit: Emit) -> None:
    """Install boot loaders and menus, which nodes read from their next boot on."""
    for line in install_loaders(site.places, prepared.loaders):
        emit(Notice(line))
    install_generation(site.places, prepared.menus, label(prepared.state))


def apply(site: Site, state: SiteState, emit: Emit, *, replace: bool = False) -> None:
    """Bring a server to a state; errors as `prepare` and `carry_out`."""
    carry_out(site, prepare(site, state, emit, replace=replace), emit)


def change(site: Site, command: tuple[str, ...], after: SiteState, emit: Emit, *, replace: bool = False) -> Entry:
    """Change the site's state, with an entry in its journal; the caller holds the lock.

    A refused change leaves no entry, and the site as it was; errors as `prepare` and `carry_out`.
    """
    prepared = prepare(site, after, emit, replace=replace)
    return journal.change(site.places, command, after, lambda _state: carry_out(site, prepared, emit))


def recover(site: Site, emit: Emit) -> Entry | None:
    """Finish the last change if it was interrupted; the caller holds the lock."""
    return journal.recover(site.places, lambda state: apply(site, state, emit))


def foretell(prepared: Prepared) -> list[str]:
    """A sentence for each file that `carry_out` would change on the server."""
    lines = []
    for each in prepared.comparison.changes:
        word = "removed" if each.after is None else "new" if each.before is None else "replaced"
        lines.append(f"/{each.path}: {word}.")
    return lines


def _installed(places: Places) -> frozenset[str]:
    """The paths of settings that the site has written."""
    return frozenset(copy.removesuffix(BLOCK_COPY) for copy in copies(places))


def _changed_texts(places: Places, composition: Composition, comparison: Comparison) -> dict[str, str]:
    """The settings that the checkers read, by path: all files of each program of which at least one file changes.

    Files that somebody changed by hand, and that stay so, are read as they are.
    """
    after = {each.path: each.after for each in comparison.changes if each.after is not None}
    by_hand = {path: text for path in comparison.kept if (text := read(places.root / path)) is not None}
    own = {
        path: composition.files[path]
        for program in composition.programs
        if after.keys() & set(program.settings)
        for path in program.settings
        if path in composition.files
    }
    return {**own, **{path: text for path, text in by_hand.items() if path in own}, **after}


def _gone_exports(comparison: Comparison) -> frozenset[int]:
    """The Export_Ids of exports that go away, which nfs-ganesha has to forget."""
    changes = [each for each in comparison.changes if each.path.startswith(EXPORTS_OF_GANESHA)]
    before, after = (
        {int(number) for text in texts for number in EXPORT_ID.findall(text or "")}
        for texts in ([each.before for each in changes], [each.after for each in changes])
    )
    return frozenset(before - after)
