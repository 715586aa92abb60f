"""What there is, is documented; what is documented, is there."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

import rumbo
from rumbo import alerts, errors, settings
from rumbo.cli import main
from rumbo.cli.completion import options_of
from rumbo.cli.group import COMMANDS
from rumbo.cli.group import rumbo as group
from rumbo.pipeline.events import Event
from rumbo.pipeline.parameter import Parameter
from rumbo.scheduler.records import Outcome, State
from rumbo.worker.plan import Verdict

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
REFERENCE = DOCS / "reference"
TOP = [PROJECT / name for name in ("README.md", "README.es.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted(DOCS.rglob("*.md")), *sorted((PROJECT / "examples").rglob("*.md"))]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    level = heading.split(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"There is no heading {heading!r}."
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = {number for number, cells in enumerate(found) if re.fullmatch(r"[-:|]+", "".join(cells))}
    return [cells for number, cells in enumerate(found) if number not in rules and number + 1 not in rules]


def words_in_code(text: str) -> set[str]:
    """The words within backticks, and in generated parts."""
    return set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`|^::: .*$", text, re.MULTILINE))))


# The command line ------------------------------------------------------------------------------------------------


def flags_of(command: str) -> set[str]:
    if command in main.TASK_COMMANDS:
        return {flag for option in options_of(command) for flag in option.flags}
    found = group.get_command(click.Context(group), command)
    assert found is not None
    parts = [found, *found.commands.values()] if isinstance(found, click.Group) else [found]
    options = [each for part in parts for each in part.params if isinstance(each, click.Option)]
    return {flag for option in options for flag in option.opts} | {"-h", "--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_a_command_is_documented_and_no_other(command: str) -> None:
    tables = rows(section(read(REFERENCE / "command-line.md"), f"### rumbo {command}"))
    documented = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(cells[0] for cells in tables)))
    assert documented == flags_of(command)


def test_no_command_is_documented_that_does_not_exist() -> None:
    assert re.findall(r"^### rumbo (\w+)$", read(REFERENCE / "command-line.md"), re.MULTILINE) == list(COMMANDS)


def test_every_exit_code_is_documented_and_no_other() -> None:
    modules = [main, *(import_module(f"rumbo.cli.{name}") for name in {*main.TASK_COMMANDS.values(), "serve"})]
    codes = {
        value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int) and not isinstance(value, bool)
    }
    documented = {int(cells[0]) for cells in rows(section(read(REFERENCE / "command-line.md"), "## Exit codes"))}
    assert documented == codes


# Settings, errors, words ------------------------------------------------------------------------------------------


def as_toml(value: object) -> str:
    """A default as the page writes it; nothing for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def test_every_setting_is_documented_with_its_default_and_its_meaning() -> None:
    page = read(REFERENCE / "settings.md")
    wanted: dict[str, list[list[str]]] = {}
    for key in settings.all_keys():
        wanted.setdefault(key.section, []).append([f"`{key.name}`", as_toml(key.default), key.help])
    documented = {name: rows(section(page, f"## [{name}]")) for name in wanted}
    assert documented == wanted


def test_every_error_is_documented_and_no_other() -> None:
    known = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    documented = {cells[0].strip("·` ") for cells in rows(read(REFERENCE / "errors.md"))}
    assert documented == known


def test_every_state_and_outcome_is_explained() -> None:
    page = read(DOCS / "design" / "life-of-a-task.md")
    states = [cells[0].strip("`") for cells in rows(section(page, "## The states"))]
    assert states == [state.name for state in State]
    outcomes = [cells[0].strip("`") for cells in rows(section(page, "## Under a lease"))]
    assert outcomes == [outcome.name for outcome in Outcome]


def test_every_verdict_is_explained() -> None:
    explained = [
        cells[0].strip("`") for cells in rows(section(read(DOCS / "design" / "planning.md"), "## The verdicts"))
    ]
    assert explained == [str(verdict) for verdict in Verdict]


def test_every_event_is_documented_and_no_other() -> None:
    documented = {cells[0].strip("`") for cells in rows(read(REFERENCE / "events.md"))}
    assert documented == {name for name in vars(Event) if name.isupper()}


def test_every_event_that_people_can_be_told_of_is_explained() -> None:
    explained = rows(section(read(DOCS / "how-to" / "alerts.md"), "## What is told"))
    told = alerts.events_of(settings.AlertSettings().events, "the default")
    assert [cells[0].strip("`") for cells in explained] == list(alerts.Event)
    assert [cells[2] for cells in explained] == ["yes" if event in told else "" for event in alerts.Event]


def test_every_public_name_is_in_the_reference() -> None:
    known = set().union(*(words_in_code(read(page)) for page in REFERENCE.glob("*.md")))
    assert set(rumbo.__all__) - known == set()


def test_every_parameter_class_is_on_the_page_about_parameters() -> None:
    values = {name: getattr(rumbo, name) for name in rumbo.__all__}
    classes = {name for name, value in values.items() if isinstance(value, type) and issubclass(value, Parameter)}
    assert classes - words_in_code(read(REFERENCE / "parameters.md")) == set()


def test_every_attribute_that_is_documented_for_tasks_exists() -> None:
    tables = rows(section(read(REFERENCE / "python.md"), "## Tasks"))
    named = {name for cells in tables for name in re.findall(r"`(\w+)", cells[0])}
    assert {name for name in named if not hasattr(rumbo.Task, name)} == set()
    assert {"priority", "resources", "retries", "set_status_message"} <= named


# Links and names --------------------------------------------------------------------------------------------------


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_code(read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(read(page))):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_example_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"\bexamples/[\w./-]*\w", read(page)))
    assert {name for name in named if not (PROJECT / name).exists()} == set()


def test_the_list_of_how_to_guides_names_them_all() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", read(DOCS / "how-to" / "index.md")))
    assert listed == {page.name for page in (DOCS / "how-to").glob("*.md")} - {"index.md"}


# The README in Spanish --------------------------------------------------------------------------------------------


def code_of(page: Path) -> list[str]:
    blocks = re.findall(r"^```(\w+\n.*?)^```$", read(page), re.MULTILINE | re.DOTALL)
    return [re.sub(r" +#.*$", "", block, flags=re.MULTILINE) for block in blocks]


def test_the_spanish_readme_has_the_sections_of_the_english_one() -> None:
    english, spanish = ([re.match(r"#+", line)[0] for line in without_code(read(page)).splitlines() if line[:1] == "#"]
                        for page in TOP[:2])  # type: ignore[index]  # fmt: skip
    assert spanish == english


def test_the_spanish_readme_has_the_code_of_the_english_one() -> None:
    assert code_of(TOP[1]) == code_of(TOP[0])


def test_the_spanish_readme_leads_to_the_same_places() -> None:
    english, spanish = (set(re.findall(r"\]\(([^)\s]+)\)", read(page))) for page in TOP[:2])
    assert spanish - {"README.md"} == english - {"README.es.md"}
