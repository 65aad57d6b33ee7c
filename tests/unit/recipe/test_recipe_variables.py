"""Variables of elements, and of the environment that a recipe takes along."""

from __future__ import annotations

import random
import re
from pathlib import Path

import diskimage_builder
import pytest
from recipe_project import BASE, Project

from builder.container.engine import ENVIRONMENT
from builder.recipe.reserved import explain_reserved

SEED = 20261128


@pytest.fixture
def mine(project: Project) -> Project:
    """A project whose element `base` has an own variable, and whose elements `one` and `two` declare none."""
    project.element("base", 'description = "x"\n[variables.SIZE]\ntype = "integer"\ndefault = 1\ndoc = "Size"\n')
    for name in ("one", "two"):
        project.write(
            f"elements/{name}/install.d/50-{name}", '#!/bin/sh\necho "$DIB_ONE_NAME $THE_SIZE" ${DIB_TWO_ON:-}\n'
        )
    return project


def write(project: Project, text: str, elements: str = '"one", "two"') -> None:
    """Write a recipe of the element `base` and these."""
    project.write("recipes/mine.toml", BASE.replace('["base"]', f'["base", {elements}]') + text)


def test_element_without_declarations_takes_what_its_files_speak_of(mine: Project) -> None:
    """Strings, integers and booleans reach an element that declares nothing, under the names in its files."""
    write(mine, '[variables.one]\nDIB_ONE_NAME = "a b"\nTHE_SIZE = 3\n[variables.two]\nDIB_TWO_ON = true\n')
    assert mine.load().variables == {
        "base": {"SIZE": 1},
        "one": {"DIB_ONE_NAME": "a b", "THE_SIZE": 3},
        "two": {"DIB_TWO_ON": True},
    }


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('DIB_ONE_NAM = "x"', "no file of element 'one' has DIB_ONE_NAM; did you mean 'DIB_ONE_NAME'?"),
        ('PATH = "x"', "PATH cannot be set: the build itself goes by this name; take it out"),
        ('LD_PRELOAD = "x"', "LD_PRELOAD cannot be set: the build itself goes by this name; take it out"),
        ("DIB_ONE_NAME = [1]", "DIB_ONE_NAME is a list; write a string, an integer or a boolean"),
        ('DIB_ONE_NAME = "a\\nb"', "DIB_ONE_NAME holds a control character; write it in one line"),
        ('"a b" = 1', "'a b' is no variable's name; letters, digits and underscores, no digit first"),
    ],
)
def test_mistaken_variable(mine: Project, line: str, mistake: str) -> None:
    """A name that would do nothing, or would change the build itself, is refused where it stands."""
    write(mine, f"[variables.one]\n{line}\n")
    (found,) = mine.mistakes()
    assert found.startswith("recipes/mine.toml:6:")
    assert found.endswith(f": {mistake}")


def test_two_elements_share_one_value_only(mine: Project) -> None:
    """Hooks share one environment: one name with two values is refused, with one value it is fine."""
    write(mine, "[variables.one]\nTHE_SIZE = 3\n[variables.two]\nTHE_SIZE = 4\n")
    (found,) = mine.mistakes()
    assert found.startswith("recipes/mine.toml:8:12: THE_SIZE is 3 for element 'one' and 4 for 'two'; their hooks")
    write(mine, "[variables.one]\nTHE_SIZE = 3\n[variables.two]\nTHE_SIZE = 3\n")
    assert mine.load().variables["two"] == {"THE_SIZE": 3}


def test_a_default_does_not_take_the_place_of_a_value(mine: Project) -> None:
    """The recipe's value of one element's variable and the default of another's are two values."""
    mine.element("other", 'description = "x"\n[variables.SIZE]\ntype = "integer"\ndefault = 1\ndoc = "Size"\n')
    write(mine, "", '"other"')
    assert mine.load().variables == {"base": {"SIZE": 1}, "other": {"SIZE": 1}}
    write(mine, "[variables.base]\nSIZE = 2\n", '"other"')
    assert mine.mistakes()[0].startswith("recipes/mine.toml:6:8: SIZE is 2 for element 'base' and 1 for 'other'")


def test_environment_is_taken_by_name(mine: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe takes along the variables that it names, as they are; a missing or reserved one is a mistake."""
    monkeypatch.setenv("MY_SETTING", "ä b")
    monkeypatch.delenv("NOT_THERE", raising=False)
    mine.write("recipes/mine.toml", f'environment = ["MY_SETTING"]\n{BASE}')
    assert mine.load().environment == {"MY_SETTING": "ä b"}
    mine.write("recipes/mine.toml", f'environment = ["NOT_THERE", "HOME"]\n{BASE}')
    missing, taken = mine.mistakes()
    assert missing.startswith(
        "recipes/mine.toml:1:16: NOT_THERE is not set in the environment; set it before you build"
    )
    assert taken.startswith("recipes/mine.toml:1:29: HOME cannot be taken: the build itself goes by this name")


def test_secrets_stay_out_of_the_manifest(mine: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published tells whether a secret changed, and not what it is."""
    monkeypatch.setenv("API_TOKEN", "hidden")
    mine.write("elements/one/install.d/60-one", '#!/bin/sh\necho "$ONE_PASSWORD $ONE_PASSENGERS"\n')
    write(mine, '[variables.one]\nONE_PASSWORD = "hidden"\nONE_PASSENGERS = "four"\n')
    mine.write("recipes/mine.toml", f'environment = ["API_TOKEN"]\n{Path("recipes/mine.toml").read_text("utf-8")}')
    recipe = mine.load()
    published = recipe.model_dump_json()
    assert "hidden" not in published
    assert "four" in published
    assert recipe.variables["one"]["ONE_PASSWORD"] == recipe.environment["API_TOKEN"] == "hidden"


def test_directories_of_elements(mine: Project) -> None:
    """`[paths]` names directories beside the file that says so; one that is not there is a mistake."""
    mine.write("recipes/more/three/install.d/50-three", "#!/bin/sh\n")
    write(mine, '[paths]\nelements = ["more"]\n', '"three"')
    assert [element.path for element in mine.load().elements] == [Path("elements/base"), Path("recipes/more/three")]
    write(mine, '[paths]\nelements = ["more", "moer"]\n', '"three"')
    assert mine.mistakes() == [
        "recipes/mine.toml:6:21: there is no directory recipes/moer; write a path relative to this file"
    ]


def test_names_of_the_build_are_reserved() -> None:
    """No element's variable takes the place of a job's environment or of a name of disk-image-create's own."""
    library = Path(diskimage_builder.__file__).with_name("lib")
    pattern = re.compile(r"^\s*(?:export |declare -x )?([A-Z][A-Z_]+)=", re.MULTILINE)
    files = [file for file in library.iterdir() if file.is_file() and not file.name.startswith("ramdisk-")]
    assigned = {name for file in files for name in pattern.findall(file.read_text("utf-8"))}
    assert len(assigned) > 40
    assert [
        name for name in sorted({*ENVIRONMENT, *assigned}) if not (explain_reserved(name) or name.startswith("DIB_"))
    ] == []


def test_other_names_are_free() -> None:
    """Names that are drawn by chance are an element's to choose."""
    draw = random.Random(SEED)
    drawn = ["".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", k=12)) for _ in range(200)]
    assert [name for name in drawn if name[0].isalpha() and explain_reserved(name)] == []
