from __future__ import annotations

from pathlib import Path

import pytest
from recipe_project import Project

from builder.recipe.elements import load_elements
from builder.recipe.place import Place

ASKER = Place(Path("mine.toml"), 1, 1)


def names(project: Project, *wanted: str) -> list[str]:
    """Names of the wanted elements and all that they depend on, in order."""
    elements, problems = load_elements([(name, ASKER) for name in wanted], project.search)
    assert problems == []
    return [element.name for element in elements]


def test_dependencies_come_first_and_once(project: Project) -> None:
    """Every element follows what it depends on, in the order in which they are asked for."""
    project.element("a", deps="c\nb\n")
    project.element("b", deps="d\n")
    project.element("c", deps="d\n")
    project.element("d")
    assert names(project, "base", "a", "d") == ["base", "d", "c", "b", "a"]


def test_elements_of_diskimage_builder_are_its_own(project: Project) -> None:
    """A stock element in element-deps is diskimage-builder's to find."""
    project.element("a", deps="no-final-image\n\n base \n")
    assert names(project, "a") == ["base", "a"]


def test_element_says_what_it_needs(project: Project) -> None:
    """Description, packages, ports and variables are those of element.toml."""
    project.element(
        "a",
        'description = "An A"\npackages = ["nano"]\nports = ["9100/tcp"]\n'
        '[variables.A_SIZE]\ntype = "integer"\ndefault = 3\ndoc = "Size"\n',
    )
    (element,), _ = load_elements([("a", ASKER)], project.search)
    assert (element.description, element.packages, element.path) == ("An A", ("nano",), Path("elements/a"))
    assert element.ports == ("9100/tcp",)
    assert [variable.model_dump() for variable in element.variables] == [
        {"name": "A_SIZE", "type": "integer", "default": 3, "doc": "Size"}
    ]


def test_unknown_dependency(project: Project) -> None:
    """A dependency that is not there is a mistake of its line."""
    project.element("a", deps="base\n  bsae\n")
    _, problems = load_elements([("a", ASKER)], project.search)
    assert list(map(str, problems)) == ["elements/a/element-deps:2:3: there is no element 'bsae'; did you mean 'base'?"]


def test_element_deps_that_is_no_text(project: Project) -> None:
    """A file that cannot be read is a mistake like any other."""
    project.element("a")
    Path("elements/a/element-deps").write_bytes(b"base\n\xff\n")
    _, problems = load_elements([("a", ASKER)], project.search)
    assert list(map(str, problems)) == ["elements/a/element-deps:2:1: not UTF-8 text; save the file as UTF-8"]


VARIABLE = 'description = "x"\n[variables.X]\n'


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", [': description is missing; write description = "..."']),
        ("description = 3", [":1:15: description must be a string, not an integer; put it in double quotes"]),
        ('descripton = "x"\ndescription = "x"', [":1:1: unknown key 'descripton'; did you mean 'description'?"]),
        (
            'description = "x"\npackages = ["A"]',
            [":2:13: packages[0] is 'A'; write a package's name, or names of which one is enough: a | b"],
        ),
        (
            'description = "x"\nports = ["22", "0/tcp", "70000/udp", "65535/udp"]',
            [
                f":2:{column}: ports[{index}] is '{port}'; "
                "write a port and its protocol as services(5) has them, such as 22/tcp"
                for index, (column, port) in enumerate([(10, "22"), (16, "0/tcp"), (25, "70000/udp")])
            ],
        ),
        (
            f'{VARIABLE}type = "int"\ndefault = 1\ndoc = "x"',
            [":3:8: variables.X.type is 'int'; write 'string', 'integer' or 'boolean'"],
        ),
        (
            f'{VARIABLE}type = "integer"\ndoc = "x"',
            [":2:12: variables.X.default is missing; write default = ..."],
        ),
        (
            f'{VARIABLE}type = "integer"\ndefault = "1"\ndoc = "x"',
            [":4:11: default must be an integer, not a string; write it without quotes, point or fraction"],
        ),
        (
            'description = "x"\n[variables.PATH]\ntype = "string"\ndefault = ""\ndoc = "x"',
            [":2:12: a variable cannot be called PATH: the build itself goes by this name; choose another name"],
        ),
        (
            'description = "x"\n[variables.size]\ntype = "integer"\ndefault = 1\ndoc = "x"',
            [":2:12: variables.size is 'size'; write upper-case letters, digits and underscores"],
        ),
    ],
)
def test_mistaken_element(project: Project, text: str, mistakes: list[str]) -> None:
    """An element.toml is checked as a recipe is."""
    project.element("a", text)
    _, problems = load_elements([("a", ASKER)], project.search)
    assert [str(problem) for problem in problems] == [f"elements/a/element.toml{mistake}" for mistake in mistakes]


def test_element_without_element_toml(project: Project) -> None:
    """A directory without element.toml is an element of diskimage-builder's: its README's title describes it."""
    project.write("elements/a/README.rst", "=====\nAn A\n=====\n\nDoes something.\n")
    project.write("elements/b/install.d/50-b", "#!/bin/sh\n")
    elements, problems = load_elements([("a", ASKER), ("b", ASKER)], project.search)
    assert problems == []
    assert [(element.description, element.variables) for element in elements] == [("An A", None), ("b", None)]


def test_one_element_stands_in_for_others(project: Project) -> None:
    """An element that another one provides is left out, wherever it is asked for, and whether it is there or not."""
    project.element("a", deps="gone\nb\n")
    project.element("b")
    project.element("c")
    project.write("elements/c/element-provides", "gone\nb\n")
    assert names(project, "base", "b", "a", "c") == ["base", "a", "c"]


def test_two_elements_cannot_stand_in_for_one(project: Project) -> None:
    """Two elements that provide the same cannot be in one tree; the message names both, at the recipe's entry."""
    for name in ("a", "b"):
        project.element(name)
        project.write(f"elements/{name}/element-provides", "operating-system\n")
    project.element("c", deps="b\n")
    _, problems = load_elements([("a", ASKER), ("c", ASKER)], project.search)
    reason = "element 'c' needs 'b', which cannot be part of a tree: it provides operating-system, as element 'a' does"
    assert list(map(str, problems)) == [f"mine.toml:1:1: {reason}; take it out"]
