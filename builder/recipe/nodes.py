"""The words of `[[nodes]]`: names, addresses and MAC addresses, each with the place where it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv4Address
from typing import NamedTuple

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.input_models import NodesInput
from builder.recipe.macs import macs_from_file, normalize_mac
from builder.recipe.messages import Word, quote_some
from builder.recipe.names import Fault, name_fault
from builder.recipe.place import Place
from builder.recipe.positions import KeyPath
from builder.recipe.ranges import RangeError, expand


class NodeWords(NamedTuple):
    """The columns of a table `[[nodes]]`; a column with a mistake is empty, or has only its good words.

    MAC addresses are normalized.
    """

    names: tuple[Word, ...]
    addresses: tuple[Word, ...]
    macs: tuple[Word, ...]


def read_words(document: Document, index: int, written: NodesInput) -> tuple[NodeWords, list[Problem]]:
    """The words of the table `[[nodes]]` number `index` of a cluster, and the mistakes in ranges, forms and counts."""
    reading = _Reading(document, ("nodes", index))
    names = reading.range_of("names", written.names)
    addresses = reading.range_of("addresses", written.addresses)
    macs = reading.macs(written, names)
    if addresses:
        reading.compare_counts("addresses", names, addresses)
    words = NodeWords(
        reading.well_formed(names, name_fault),
        reading.well_formed(addresses, address_fault),
        reading.normalize_macs(macs),
    )
    return words, reading.problems


def address_fault(text: str) -> Fault | None:
    """The fault of `text` as an IPv4 address in dotted-quad form, if it has one."""
    try:
        IPv4Address(text)
    except AddressValueError:
        return Fault("no IPv4 address", "write four numbers from 0 to 255")
    return None


def mac_fault(mac: str | None) -> Fault | None:
    """The fault of a normalized MAC address as a NIC's, if any: a group's (IEEE 802, I/G bit), all zeros, bad form.

    None stands for a text that is no MAC address.
    """
    if mac is None:
        return Fault(
            "no MAC address", "write its twelve hexadecimal digits, such as 52:54:00:12:34:56 or 5254.0012.3456"
        )
    if int(mac[:2], 16) & 1 == 1:
        return Fault("the MAC address of a group of machines", "write that of the node's NIC")
    return Fault("the MAC address of no NIC", "write that of the node's NIC") if set(mac) == set("0:") else None


class _Reading:
    def __init__(self, document: Document, path: KeyPath) -> None:
        self.document = document
        self.path = path
        self.problems: list[Problem] = []

    def report(self, key: str, what: str, fix: str) -> None:
        self.problems.append(self.document.problem((*self.path, key), what, fix))

    def require(self, key: str, text: str) -> None:
        if not self.document.has_dropped((*self.path, key)):
            self.report(key, f"nodes[{self.path[1]}].{key} is missing", f"write {text}")

    def range_of(self, key: str, text: str | None) -> tuple[Word, ...]:
        example = {"names": 'names = "node[001-100]"', "addresses": 'addresses = "10.0.0.[1-100]"'}[key]
        if text is None:
            self.require(key, example)
            return ()
        place = self.document.at((*self.path, key))
        try:
            return tuple(Word(word, place) for word in expand(text))
        except RangeError as error:
            self.report(key, f"{key}: {error}", f"write for example {example}")
            return ()

    def macs(self, written: NodesInput, names: tuple[Word, ...]) -> tuple[Word, ...]:
        if written.macs is not None and written.macs_file is not None:
            self.report("macs_file", "both macs and macs_file are given", "keep one of them")
        if written.macs is not None:
            path = (*self.path, "macs")
            macs = tuple(Word(mac, self.document.at((*path, index))) for index, mac in enumerate(written.macs))
            self.compare_counts("macs", names, macs)
            return macs
        if written.macs_file is not None:
            place = self.document.at((*self.path, "macs_file"))
            macs, problems = macs_from_file(written.macs_file, place, names)
            self.problems += problems
            if not problems:
                self.compare_counts("macs_file", names, macs)
            return macs
        if not self.document.has_dropped((*self.path, "macs_file")):
            self.require("macs", 'macs = ["52:54:00:12:34:56", ...] or macs_file = "macs.csv"')
        return ()

    def compare_counts(self, key: str, names: tuple[Word, ...], words: tuple[Word, ...]) -> None:
        if names and len(words) != len(names) and not self.document.has_dropped((*self.path, key)):
            noun = "addresses" if key == "addresses" else "MAC addresses"
            self.report(key, f"{len(names)} names but {len(words)} {noun}", "give one for each node")

    def normalize_macs(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The MAC addresses without fault, normalized.  The others become problems, as in `well_formed`."""
        macs = {word.text: normalize_mac(word.text) for word in words}
        good = self.well_formed(words, lambda text: mac_fault(macs[text]))
        return tuple(Word(macs[word.text] or "", word.place) for word in good)

    def well_formed(self, words: tuple[Word, ...], find_fault: Callable[[str], Fault | None]) -> tuple[Word, ...]:
        """The words without fault.  The others become problems, one for each fault and place."""
        faulty: dict[Fault, list[Word]] = {}
        good: list[Word] = []
        for word in words:
            if fault := find_fault(word.text):
                faulty.setdefault(fault, []).append(word)
            else:
                good.append(word)
        for fault, bad in faulty.items():
            for place, texts in group_by_place(bad).items():
                self.problems.append(Problem(*place, f"{quote_some(texts)}: {fault.what}", fault.fix))
        return tuple(good)


def group_by_place(words: Iterable[Word]) -> dict[Place, list[str]]:
    """The texts of the words, by the place where they are written."""
    places: dict[Place, list[str]] = {}
    for word in words:
        places.setdefault(word.place, []).append(word.text)
    return places
