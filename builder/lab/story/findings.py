"""Findings of several scenes: the release that nodes boot next, the release that they run, and their host keys."""

from __future__ import annotations

from collections.abc import Sequence

from builder.lab.checks.model import Finding
from builder.lab.story.story import Story
from builder.lab.story.story_node import StoryNode


def check_next_boot(story: Story, nodes: Sequence[StoryNode], letter: str) -> Finding:
    """Check that the first entry of each node's menu loads the kernel of a release."""
    version = story.version(letter)
    lines = {node.name: story.read_first_kernel(node.name) for node in nodes}
    wrong = [f"{name}: {line or 'no kernel'}" for name, line in lines.items() if f"/{version}/" not in line]
    return Finding(f"{', '.join(lines)} boot {version}", tuple(wrong))


def check_roots(story: Story, nodes: Sequence[StoryNode], letter: str) -> Finding:
    """Check that nodes have mounted the root of a release, and that systemd's state on them is `running`."""
    wrong = [f"{node.name}: {each}" for node in nodes for each in _find_problems(node, story.root(letter))]
    return Finding(f"{join_names(nodes)} from {story.root(letter)}", tuple(wrong))


def check_host_keys(story: Story, nodes: Sequence[StoryNode]) -> Finding:
    """Check that nodes have the ssh host keys that they had in the first scenes."""
    wrong = []
    for node in nodes:
        before, keys = story.host_keys[node.name], node.read_host_keys()
        wrong += [] if keys == before else [f"{node.name}: {before} became {keys}"]
    return Finding(f"those of {join_names(nodes)} are as before", tuple(wrong))


def join_names(nodes: Sequence[StoryNode]) -> str:
    """Join the names of nodes by commas."""
    return ", ".join(node.name for node in nodes)


def _find_problems(node: StoryNode, root: str) -> list[str]:
    mounted = node.read_mounts().split()
    sources = [source.partition(":")[2] for source in mounted]
    problems = [] if root in sources else [f"the node has mounted {', '.join(mounted) or 'nothing'}, not {root}"]
    state = node.running.ask("systemctl is-system-running").text
    return problems + ([] if state == "running" else [f"systemd is {state}"])
