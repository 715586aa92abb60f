"""What people do on the pages: each action asks before it does harm, is carried out, and says so."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from rumbo import codec
from rumbo.access import Role, issue
from rumbo.scheduler.records import Outcome, RetryPolicy, State
from rumbo.store.access_book import StateAccessBook
from rumbo.web.access.access import AccessTerms
from server_house import until
from server_talk import spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from world import World

pytestmark = pytest.mark.slow


def state(world: World, task: str) -> State:
    return world.server.daemon.coordinator.machine.tasks[task].state


def said(page: Page, text: str) -> None:
    page.wait_for_selector(f".words >> text={text}")


def test_a_failed_task_is_tried_again(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks/Clean_1")
    page.click(".actions >> text=Try again")
    said(page, "It will be tried again.")
    assert state(world, "Clean_1") is State.PENDING
    page.wait_for_selector(".head .state >> text=waiting")


def test_marking_as_done_asks_before(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks/Clean_1")
    page.click(".actions >> text=Mark as done")
    page.click("dialog >> text=Not now")
    assert state(world, "Clean_1") is State.FAILED
    page.click(".actions >> text=Mark as done")
    page.click("dialog button[type=submit]")
    said(page, "Marked as done.")
    assert state(world, "Clean_1") is State.DONE


def test_a_task_is_cancelled(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks/Fetch_2")
    page.click(".actions >> text=Cancel task")
    page.click("dialog button[type=submit]")
    said(page, "Cancelled.")
    assert state(world, "Fetch_2") is State.CANCELLED


def test_several_tasks_are_changed_at_once(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks?family=Fetch&state=pending")
    page.click("[data-index='0'] input")
    page.click("[data-index='4'] input", modifiers=["Shift"])
    page.wait_for_selector(".bulk >> text=5 chosen")
    page.click(".bulk >> text=Cancel tasks")
    page.wait_for_selector("dialog >> text=Cancel 5 tasks?")
    page.click("dialog button[type=submit]")
    said(page, "5 tasks cancelled.")
    page.wait_for_selector(".bulk", state="detached")
    assert sum(each.state is State.CANCELLED for each in world.server.daemon.coordinator.machine.tasks.values()) == 5


def test_what_cannot_be_done_is_refused_in_words(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks?family=Fetch&state=pending")
    page.click("[data-index='0'] input")
    page.click("[data-index='1'] input")
    page.click(".bulk >> text=Enable again")
    page.click("dialog button[type=submit]")
    said(page, "2 refused.")


def test_pausing_and_resuming(world: World, open_page: Callable[..., Page]) -> None:
    machine = world.server.daemon.coordinator.machine
    page = open_page(world.server.url)
    page.click(".actions >> text=Pause")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=The scheduler is paused: nothing new is given out.")
    assert machine.paused
    page.click(".notice >> text=Resume")
    said(page, "Work is given out again.")
    assert not machine.paused


def test_a_run_is_cancelled(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs/run-2")
    page.click(".actions >> text=Cancel run")
    page.click("dialog button[type=submit]")
    said(page, "14 tasks cancelled.")
    assert state(world, "All_1") is State.CANCELLED


def test_a_run_s_failures_are_tried_again(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs/run-1")
    page.click(".actions >> text=Try failed again")
    until(lambda: state(world, "Clean_1") is State.PENDING)


def test_resources_are_changed(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/resources")
    page.click("text=Change")
    page.fill("dialog input", "3")
    page.click("dialog button[type=submit]")
    said(page, "There is 3 of database now.")
    page.wait_for_selector("text=1 of 3 in use")
    assert world.server.daemon.coordinator.machine.resources.total("database") == 3


def test_workers_are_changed(world: World, open_page: Callable[..., Page]) -> None:
    coordinator = world.server.daemon.coordinator
    page = open_page(f"{world.server.url}/workers")
    agent = page.locator("section", has=page.locator("h2 >> text=agent"))
    agent.locator("text=Slots: 1").click()
    page.fill("dialog input", "7")
    page.click("dialog button[type=submit]")
    said(page, "agent makes 7 attempts at a time now.")
    agent.locator("text=Slots: 7").wait_for()
    assert coordinator.seats["agent"].slots == 7
    agent.locator("text=Drain").click()
    page.click("dialog button[type=submit]")
    agent.locator("text=draining").wait_for()
    agent.locator("text=Disable").click()
    page.click("dialog button[type=submit]")
    agent.locator("text=disabled").first.wait_for()
    assert coordinator.machine.workers["agent"].disabled


def test_a_running_task_is_sent_a_message_and_answers(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks/Fetch_1")
    page.click(".actions >> text=Send a message")
    page.fill("dialog textarea", "slower, please")
    page.click("dialog button[type=submit]")
    said(page, "Sent.")
    (order,) = [each for each in world.server.daemon.coordinator.seats["agent"].outbox if each.verb == "message"]
    assert order.text == "slower, please"
    answer = codec.encode((order.message, "as you like")).decode()
    world.work(world.agent.says(codec.Noting(world.fetch.lease, "reply", answer)))
    said(page, "It answered: as you like")


def test_a_task_that_looks_for_no_messages_is_sent_none(world: World, open_page: Callable[..., Page]) -> None:
    quiet = spec("Quiet_1", accepts_messages=False, priority=9)
    world.work(world.ana.begins("run-3", quiet, slots=1))
    assert state(world, "Quiet_1") is State.RUNNING
    world.server.history.flush(5)
    page = open_page(f"{world.server.url}/tasks/Quiet_1")
    page.wait_for_selector(".actions >> text=Cancel task")
    assert not page.is_visible(".actions >> text=Send a message")


def test_a_task_disabled_by_its_failures_is_enabled_again(world: World, open_page: Callable[..., Page]) -> None:
    bad = spec("Bad_1", retry=RetryPolicy(disable_after=1), priority=9)
    (order,) = world.work(world.ana.begins("run-3", bad, slots=1))
    world.work(world.ana.says(world.ana.reports(order, Outcome.FAILED, "ValueError: no")))
    world.server.history.flush(5)
    assert state(world, "Bad_1") is State.DISABLED
    page = open_page(f"{world.server.url}/tasks/Bad_1")
    page.wait_for_selector(".why >> text=It failed once, and rests until")
    page.click(".actions >> text=Enable again")
    said(page, "Enabled again.")
    assert state(world, "Bad_1") is State.PENDING


def test_whoever_may_only_look_is_told_so_at_each_step(world: World, open_page: Callable[..., Page]) -> None:
    world.server.stop()
    world.server.access_terms = AccessTerms(asks=True, names=None, fresh=0.1)
    world.server.start()
    token, shown = issue(Role.VIEWER, "ana", 1000.0, None)
    with closing(StateAccessBook(world.server.folder)) as book:
        book.add(token)
    page = open_page(world.server.url, is_strict=False)
    page.fill("input[name=token]", shown)
    page.click("button[type=submit]")
    page.wait_for_selector(".numbers")
    before = {id: task.state for id, task in world.server.daemon.coordinator.machine.tasks.items()}
    steps = {
        "tasks/Clean_1": ["Try again", "Mark as done"],
        "tasks/Fetch_1": ["Cancel task", "Send a message"],
        "runs/run-2": ["Cancel run"],
        "resources": ["Change"],
        "workers": ["Slots: ", "Drain", "Disable"],
        "": ["Pause"],
    }
    for path, verbs in steps.items():
        for verb in verbs:
            page.goto(f"{world.server.url}/{path}")
            page.locator("main button", has_text=verb).first.click()
            page.wait_for_selector("dialog, .words div")
            if page.locator("dialog").count():
                if page.locator("dialog textarea").count():
                    page.fill("dialog textarea", "hello")
                page.click("dialog button[type=submit]")
            said(page, "Not allowed: This takes a token of the role operator or admin")
    machine = world.server.daemon.coordinator.machine
    assert {id: task.state for id, task in machine.tasks.items()} == before
    assert not machine.paused


def test_cells_of_the_grid_are_chosen_and_changed(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/grid?family=Fetch&x=name")
    page.hover("[data-cell='3,0']")
    page.mouse.down()
    page.hover("[data-cell='6,0']")
    page.mouse.up()
    page.click(".bulk >> text=Cancel tasks")
    page.click("dialog button[type=submit]")
    said(page, "4 tasks cancelled.")


def test_the_command_to_run_a_task_again_can_be_copied(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks/Clean_1")
    page.click(".actions >> text=Run again")
    page.wait_for_selector("dialog >> text=cd /project && rumbo run -m flights Clean --name Clean_1")


def test_the_page_follows_what_happens(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs/run-2?tab=tasks")
    page.wait_for_selector("[data-index='0'] >> text=running")
    page.evaluate("window.isTheSame = true")
    world.finish_fetch()
    page.wait_for_selector("[data-index='0'] >> text=done")
    page.wait_for_selector("[data-index='1'] >> text=running")
    world.finish_fetch(Outcome.FAILED, "OSError: no room")
    page.wait_for_selector("[data-index='1'] >> text=failed")
    assert page.evaluate("window.isTheSame")


def test_a_log_grows_while_it_is_read(world: World, open_page: Callable[..., Page]) -> None:
    world.log("run-2", "Fetch_1", b"first\n", last=False)
    page = open_page(f"{world.server.url}/tasks/Fetch_1")
    page.wait_for_selector(".log .lines >> text=first")
    world.log("run-2", "Fetch_1", b"second\n", offset=6)
    page.wait_for_selector(".log .lines >> text=second")
    page.fill(".log input[type=search]", "second")
    page.wait_for_selector(".log mark >> text=second")
    assert page.inner_text(".log .lines") == "second"


def test_after_a_restart_of_the_server_the_page_goes_on(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs/run-2?tab=tasks", is_strict=False)
    page.wait_for_selector("[data-index='0'] >> text=running")
    page.evaluate("window.isTheSame = true")
    world.server.stop()
    page.wait_for_selector(".link-state.off")
    world.server.start()
    page.wait_for_selector(".link-state:not(.off)")
    world.finish_fetch()
    page.wait_for_selector("[data-index='0'] >> text=done")
    assert page.evaluate("window.isTheSame")


def test_a_page_that_follows_for_long_needs_no_more_memory(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(world.server.url)
    page.wait_for_selector(".numbers")
    row = page.wait_for_selector("main .list li")
    session = page.context.new_cdp_session(page)

    def work_off(first: int, last: int) -> float:
        """Let tasks begin and end, about as many a second as there can be; gives megabytes in use after it."""
        for number in range(first, last):
            quick = codec.Described(spec(f"Quick_{number}", priority=9), "run", "not complete")
            orders = world.work(world.ana.says(codec.Describing("run-2", [quick]), slots=1))
            reports = [world.ana.reports(order) for order in orders if order.verb == "start"]
            world.work(world.ana.says(*reports))
        page.wait_for_timeout(1500)
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    work_off(0, 100)
    before = work_off(100, 200)
    after = work_off(200, 600)
    assert after - before < 1.0
    assert row.evaluate("(element) => element.isConnected")
