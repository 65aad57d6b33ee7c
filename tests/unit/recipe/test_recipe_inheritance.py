from __future__ import annotations

import pytest
from recipe_project import BASE, Project

PARENT = (
    BASE
    + """\
[debian]
suite = "bookworm"
packages = ["nano", "less"]
[kernel]
arguments = ["quiet"]
[[root.writable]]
path = "/var"
kind = "shared"
"""
)


@pytest.fixture
def parent(project: Project) -> Project:
    """A project with a recipe `parent`."""
    project.write("recipes/parent.toml", PARENT)
    return project


def test_tables_merge_and_values_are_replaced(parent: Project) -> None:
    """A key that the child does not write is the parent's; a value that it writes is the child's."""
    parent.write("recipes/mine.toml", 'extends = "parent"\n[debian]\narchitecture = "amd64"\n[root]\nwritable = []\n')
    recipe = parent.load()
    assert (recipe.debian.suite, recipe.root.path, recipe.root.writable) == ("bookworm", "/NFSROOT/debian", ())


def test_lists_of_names_add_up(parent: Project) -> None:
    """The parent's entries come first, nothing comes twice, and "-NAME" takes an inherited entry away."""
    parent.write("recipes/mine.toml", 'extends = "parent"\n[debian]\npackages = ["vim", "-less", "nano", "vim"]\n')
    assert parent.load().debian.packages == ("nano", "vim")
    parent.write("recipes/grandchild.toml", 'extends = "mine"\n[debian]\npackages = ["less", "-vim"]\n')
    assert parent.load("grandchild").debian.packages == ("nano", "less")


def test_list_that_the_parent_lacks(parent: Project) -> None:
    """A list may start in the child."""
    parent.write("recipes/mine.toml", 'extends = "parent"\n[initramfs]\nmodules = ["ext4", "ext4"]\n')
    assert parent.load().initramfs.modules == ("ext4",)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            '[debian]\npackages = ["vim", "-lses"]',
            "3:20: nothing to remove: 'lses' is not inherited; did you mean 'less'?",
        ),
        ('[initramfs]\nmodules = ["-ext4"]', "3:12: nothing to remove: 'ext4' is not inherited; "
                                            "there are no inherited entries"),
    ],
)  # fmt: skip
def test_removal_of_what_is_not_there(parent: Project, text: str, mistake: str) -> None:
    """Taking away what is not inherited is a mistake, of the entry itself."""
    parent.write("recipes/mine.toml", f'extends = "parent"\n{text}\n')
    assert parent.mistakes() == [f"recipes/mine.toml:{mistake}"]


def test_positions_stay_with_the_file_that_has_the_value(parent: Project) -> None:
    """What is wrong in the parent is shown there, however many recipes extend it."""
    parent.write("recipes/parent.toml", PARENT.replace("quiet", "root=x").replace("/var", "/etc"))
    parent.write("recipes/mine.toml", 'extends = "parent"\n[kernel]\narguments = ["quiet", "rw"]\n')
    assert parent.mistakes() == [
        "recipes/mine.toml:3:23: 'rw' is set by nfsroot itself; set root.access instead",
        "recipes/parent.toml:9:14: 'root=x' is set by nfsroot itself; leave it out, every menu has it",
        "recipes/parent.toml:11:8: /etc cannot be made writable; leave it out",
    ]


def test_parent_beside_the_file(project: Project) -> None:
    """A path in extends is relative to the file in which it stands."""
    project.write("elsewhere/deep/mine.toml", 'extends = "../common.toml"\n')
    project.write("elsewhere/common.toml", BASE)
    assert project.load("elsewhere/deep/mine.toml").root.path == "/NFSROOT/debian"


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("bsae", "did you mean 'base'?"),
        ("xyzzy", "known recipes: base, mine"),
        ("./base2.toml", "did you mean 'base'?"),
    ],
)
def test_unknown_parent(project: Project, name: str, fix: str) -> None:
    """Without its parent a recipe is checked by itself, and nothing is called missing that the parent may have."""
    project.write("recipes/mine.toml", f'extends = "{name}"\n[debian]\nsuite = 1\npackages = ["-nano"]\n')
    assert project.mistakes() == [
        f"recipes/mine.toml:1:11: there is no recipe {name!r}; {fix}",
        "recipes/mine.toml:3:9: debian.suite must be a string, not an integer; put it in double quotes",
    ]


def test_unreadable_parent(project: Project) -> None:
    """A parent with a syntax error is the only mistake of an otherwise right recipe."""
    project.write("recipes/base.toml", "x = [\n")
    project.write("recipes/mine.toml", 'extends = "base"\n')
    assert project.mistakes() == ["recipes/base.toml:2:1: not TOML: invalid value; see https://toml.io for the syntax"]


@pytest.mark.parametrize(
    ("files", "mistake"),
    [
        ({"mine": "mine"}, "mine.toml:1:11: the recipe extends itself: mine.toml -> mine.toml"),
        (
            {"mine": "a", "a": "./b.toml", "b": "a"},
            "b.toml:1:11: the recipe extends itself: a.toml -> b.toml -> a.toml",
        ),
    ],
)
def test_circle(project: Project, files: dict[str, str], mistake: str) -> None:
    """A recipe cannot extend itself, by whatever way."""
    for name, parent in files.items():
        project.write(f"recipes/{name}.toml", f'extends = "{parent}"\n')
    assert project.mistakes() == [f"recipes/{mistake}; take one of these extends out"]


def test_a_cluster_of_a_recipe_whose_parent_is_lost(project: Project) -> None:
    """Two mistakes, the second of them in a cluster of which nothing else is written, are both told."""
    project.write("recipes/mine.toml", 'extends = ""\ncluster.subnet = []\n')
    places = [mistake.partition(": ")[0] for mistake in project.mistakes()]
    assert places == ["recipes/mine.toml:1:11", "recipes/mine.toml:2:18"]


@pytest.fixture
def time_element(project: Project) -> Project:
    """A project whose base recipe has an element with a need, two alternatives and a default package."""
    packages = 'packages = ["netbase", "busybox | busybox-static"]\ndefault_packages = ["timesyncd"]\n'
    project.element("time", f'description = "Time"\n{packages}')
    project.write("recipes/base.toml", BASE.replace('"base"', '"base", "time"', 1))
    return project


@pytest.mark.parametrize(
    ("first", "second", "base"),
    [
        ([], [], {"netbase", "busybox", "timesyncd"}),
        (["-timesyncd"], [], {"netbase", "busybox"}),
        (["-timesyncd"], ["-timesyncd", "nano"], {"netbase", "busybox"}),
        (["-timesyncd"], ["timesyncd"], {"netbase", "busybox", "timesyncd"}),
        ([], ["busybox-static", "-busybox"], {"netbase", "busybox-static", "timesyncd"}),
    ],
)
def test_default_packages_of_elements(
    time_element: Project, first: list[str], second: list[str], base: set[str]
) -> None:
    """A recipe takes a default package away, whether it extends another or is extended; who names it has it back."""
    time_element.write("recipes/first.toml", f'extends = "base"\n[debian]\npackages = {first}\n')
    time_element.write("recipes/mine.toml", f'extends = "first"\n[debian]\npackages = {second}\n')
    recipe = time_element.load()
    assert set(recipe.base_packages) == {*base, "linux-image-amd64"}
    assert not [name for name in recipe.packages if name.startswith("-")]


@pytest.mark.parametrize(
    ("entry", "mistake"),
    [
        ("netbase", "'netbase' cannot be taken away: element time needs it; leave it in"),
        ("busybox", "'busybox' cannot be taken away: element time needs it; leave it in"),
        ("timesynd", "nothing to remove: 'timesynd' is not inherited; did you mean 'timesyncd'?"),
    ],
)
def test_need_of_an_element_stays(time_element: Project, entry: str, mistake: str) -> None:
    """What an element needs cannot be taken away, and what nobody has is a mistake as ever."""
    time_element.write("recipes/mine.toml", f'extends = "base"\n[debian]\npackages = ["nano", "-{entry}"]\n')
    assert time_element.mistakes() == [f"recipes/mine.toml:3:21: {mistake}"]


def test_recipe_knows_where_its_packages_are_named(time_element: Project) -> None:
    """Each package has the place of the entry that names it, in whichever file that is; so has the kernel."""
    time_element.write("recipes/first.toml", 'extends = "base"\n[debian]\npackages = ["nano"]\n')
    time_element.write(
        "recipes/mine.toml", 'extends = "first"\n[kernel]\npackage = "mine"\n[debian]\npackages = ["vim"]\n'
    )
    places = time_element.load().places
    assert {name: (str(file), *place) for name, (file, *place) in places.items()} == {
        "nano": ("recipes/first.toml", 3, 13),
        "vim": ("recipes/mine.toml", 5, 13),
        "mine": ("recipes/mine.toml", 3, 11),
    }
