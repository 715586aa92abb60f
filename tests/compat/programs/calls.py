"""Conversations with a scheduler by Luigi's methods: each function gives all replies. Time moves only by `wait`."""

from __future__ import annotations

import json
import time

import luigi.scheduler

NOW = [1_000_000_000.0]


def prepare():
    time.time = lambda: NOW[0]


def scheduler(**options):
    options.setdefault("state_path", "/nonexistent/state")
    return luigi.scheduler.Scheduler(**options)


def wait(seconds):
    NOW[0] += seconds


def add(sch, id, worker="W", **said):
    return sch.add_task(worker=worker, task_id=id, **said)


def a_chain():
    sch = scheduler()
    add(sch, "B", deps=("A",), family="B", params={"x": "1"}, priority=3)
    add(sch, "A", family="A", module="m")
    sch.add_worker("W", [("workers", 2), ("host", "here"), ("first_task", "B")])
    yield sch.get_work(worker="W", host="here")
    yield sch.get_work(worker="W", host="here")
    yield sch.task_list("RUNNING", "")
    add(sch, "A", status="DONE")
    yield sch.get_work(worker="W", host="here")
    add(sch, "B", status="DONE")
    yield sch.get_work(worker="W", host="here")
    yield sch.count_pending(worker="W")
    yield sch.task_list("DONE", "")


def what_was_never_described():
    sch = scheduler()
    add(sch, "B", deps=("A",))
    yield sch.get_work(worker="W")
    yield sch.task_list("", "")
    yield sch.dep_graph("B")
    yield sch.inverse_dep_graph("A")
    yield sch.dep_graph("nobody knows it")
    yield sch.task_search("A")


def failures_and_retries():
    sch = scheduler(retry_delay=100, retry_count=3, disable_window=1000, disable_persist=500)
    add(sch, "A", family="A", params={"p": "v"})
    for _ in range(2):
        yield sch.get_work(worker="W")
        add(sch, "A", status="FAILED", expl=json.dumps("it broke"))
        yield sch.fetch_error("A")
        yield sch.task_list("FAILED", "")
        wait(50)
        sch.ping(worker="W")
        sch.prune()
        yield list(sch.task_list("FAILED", ""))
        wait(51)
        sch.ping(worker="W")
        sch.prune()
        yield list(sch.task_list("PENDING", ""))
    yield sch.get_work(worker="W")
    add(sch, "A", status="FAILED")
    yield sch.task_list("DISABLED", "")
    add(sch, "A")
    yield sch.get_work(worker="W")["task_id"]
    add(sch, "A", status="DONE")
    yield sch.task_list("DONE", "")


def people():
    sch = scheduler()
    add(sch, "A")
    sch.get_work(worker="W")
    add(sch, "A", status="FAILED")
    yield sch.forgive_failures("A")
    yield sch.get_work(worker="W")["task_id"]
    yield sch.mark_as_done("A")
    yield sch.mark_as_done("unknown")
    yield sch.forgive_failures("A")
    yield sch.re_enable_task("A")
    yield sch.is_pause_enabled()
    sch.pause()
    add(sch, "B")
    yield [sch.is_paused(), sch.get_work(worker="W")["task_id"]]
    sch.unpause()
    yield [sch.is_paused(), sch.get_work(worker="W")["task_id"]]
    sch.disable_worker("W")
    add(sch, "C")
    yield sch.get_work(worker="W")
    yield sch.has_task_history()


def enabled_by_hand():
    sch = scheduler(retry_delay=100, retry_count=1)
    add(sch, "A")
    sch.get_work(worker="W")
    add(sch, "A", status="FAILED")
    yield sch.re_enable_task("A")
    yield {id: [task["status"], "re_enable_able" in task] for id, task in sch.task_list("", "").items()}
    wait(101)
    sch.ping(worker="W")
    sch.prune()
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    yield sch.get_work(worker="W")["task_id"]


def enabled_by_time():
    sch = scheduler(retry_count=1, disable_persist=50)
    add(sch, "A")
    sch.get_work(worker="W")
    add(sch, "A", status="FAILED")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    wait(51)
    sch.ping(worker="W")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    add(sch, "A")
    yield sch.get_work(worker="W")["task_id"]


def given_up_for_good_after_a_while():
    sch = scheduler(disable_hard_timeout=100, retry_count=99, retry_delay=10)
    add(sch, "A")
    for seconds in (50, 60):
        sch.get_work(worker="W")
        add(sch, "A", status="FAILED")
        yield {id: task["status"] for id, task in sch.task_list("", "").items()}
        wait(seconds)
        sch.ping(worker="W")
        sch.prune()
    sch.get_work(worker="W")
    add(sch, "A", status="FAILED")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}


def a_policy_of_its_own():
    sch = scheduler(retry_count=99)
    policy = {"retry_count": 1, "disable_hard_timeout": None, "disable_window": None}
    add(sch, "A", retry_policy_dict=policy)
    add(sch, "B")
    for id in ("A", "B"):
        sch.get_work(worker="W")
        add(sch, id, status="FAILED")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}


def more_work_than_it_runs_at_a_time():
    sch = scheduler(resources={"r1": 2, "r2": 1})
    add(sch, "A", resources={"r1": 1, "r2": 1})
    add(sch, "B", resources={"r1": 1, "r2": 1})
    add(sch, "C", resources={"r1": 1})
    yield [sch.get_work(worker="W")["task_id"] for _ in range(3)]


def a_clock_that_is_set_back():
    sch = scheduler(retry_delay=100)
    add(sch, "A")
    wait(-500_000_000)
    sch.get_work(worker="W")
    add(sch, "A", status="FAILED")
    for _ in range(2):
        wait(60)
        sch.ping(worker="W")
        sch.prune()
        yield {id: task["status"] for id, task in sch.task_list("", "").items()}


def resources():
    sch = scheduler(resources={"db": 2})
    sch.get_work(worker="V")
    add(sch, "A", resources={"db": 1})
    add(sch, "B", resources={"db": 2}, priority=5, worker="V")
    add(sch, "C", resources={"db": 1})
    yield sch.get_work(worker="W")["task_id"]
    yield sch.get_work(worker="V")["task_id"]
    yield sch.get_running_task_resources("B")
    sch.decrease_running_task_resources("B", {"db": 1})
    yield sch.get_running_task_resources("B")
    yield sch.get_work(worker="W")["task_id"]
    yield [{**each, "running": sorted(each["running"])} for each in sch.resource_list()]
    yield [sch.update_resource("db", 5), sch.update_resource("db", -1), sch.update_resource("new", 1)]
    sch.update_resources(db=7)
    yield [{**each, "running": sorted(each["running"])} for each in sch.resource_list()]
    yield sch.resources()


def batches():
    sch = scheduler()
    sch.add_task_batcher(worker="W", task_family="A", batched_args=["a"], max_batch_size=3)
    for number in range(4):
        add(sch, f"A_{number}", family="A", params={"a": str(number), "b": "x"}, batchable=True)
    work = sch.get_work(worker="W")
    work["batch_id"] = bool(work["batch_id"])
    yield work
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    id = sch.get_work(worker="W")["task_id"]
    yield id


def a_batch_to_its_end():
    sch = scheduler()
    sch.add_task_batcher(worker="W", task_family="A", batched_args=["a"])
    for number in range(3):
        add(sch, f"A_{number}", family="A", params={"a": str(number)}, batchable=True)
    work = sch.get_work(worker="W")
    add(sch, "A_all", family="A", params={"a": "0,1,2"}, status="RUNNING", batch_id=work["batch_id"])
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    sch.set_task_status_message("A_all", "halfway")
    sch.set_task_progress_percentage("A_all", 50)
    yield [sch.get_task_status_message("A_1"), sch.get_task_progress_percentage("A_2")]
    add(sch, "A_all", status="DONE")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}


def what_tasks_say():
    sch = scheduler()
    add(sch, "A", accepts_messages=True)
    sch.get_work(worker="W")
    sch.set_task_status_message("A", "half way")
    sch.set_task_progress_percentage("A", 50)
    add(sch, "A", status="RUNNING", tracking_url="http://there", accepts_messages=True)
    yield [sch.get_task_status_message("A"), sch.get_task_progress_percentage("A")]
    yield sch.task_list("RUNNING", "")
    id = sch.send_scheduler_message("W", "A", "are you well?")["message_id"]
    yield sch.worker_list(include_running=False)[0]["num_unread_rpc_messages"]
    told = sch.ping(worker="W")["rpc_messages"]
    yield [{"name": each["name"], "content": each["kwargs"]["content"]} for each in told]
    sch.add_scheduler_message_response("A", id, "yes")
    yield [sch.get_scheduler_message_response("A", id), sch.get_scheduler_message_response("A", id)]
    sch.set_worker_processes("W", 0)
    yield sch.ping(worker="W")


def workers_come_and_go():
    sch = scheduler(worker_disconnect_delay=60, retry_delay=100, remove_delay=1000)
    add(sch, "A", worker="X")
    sch.get_work(worker="X")
    add(sch, "B", worker="X")
    yield [each["name"] for each in sch.worker_list()]
    wait(61)
    sch.ping(worker="Y")
    sch.prune()
    yield [each["name"] for each in sch.worker_list()]
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    wait(1001)
    sch.prune()
    yield sch.task_list("", "")


def an_assistant():
    sch = scheduler()
    add(sch, "A", worker="X", module="m", family="A", params={"x": "1"})
    add(sch, "E", worker="X", runnable=False)
    yield sch.get_work(worker="Y")["task_id"]
    yield sch.get_work(worker="Z", assistant=True)
    yield sch.get_work(worker="Z", assistant=True)["task_id"]


def work_that_got_lost():
    sch = scheduler()
    add(sch, "A")
    yield sch.get_work(worker="W", current_tasks=[])["task_id"]
    yield sch.get_work(worker="W", current_tasks=[])["task_id"]
    yield sch.get_work(worker="W", current_tasks=["A"])["task_id"]
    yield sch.get_work(worker="W")["task_id"]


def searches():
    sch = scheduler(max_shown_tasks=3)
    for number in range(4):
        add(sch, f"T_{number}", family="T", params={"n": str(number), "day": "2026-01-01"})
    add(sch, "U", family="U", deps=("T_0",), status="PENDING")
    yield sch.task_list("PENDING", "")
    yield list(sch.task_list("PENDING", "", search="t( N=2"))
    yield len(sch.task_list("", "", limit=False))
    yield sch.task_list("", "", max_shown_tasks=1)
    yield {status: sorted(found) for status, found in sch.task_search("T_").items()}
    yield sorted(sch.graph())


def upstream():
    sch = scheduler(retry_count=1)
    add(sch, "X", status="FAILED", runnable=False, worker="V")
    add(sch, "B", deps=("X",))
    add(sch, "C", runnable=False)
    add(sch, "D", deps=("C",))
    sch2 = scheduler()
    for name in ("UPSTREAM_DISABLED", "UPSTREAM_MISSING_INPUT", "UPSTREAM_FAILED", "UPSTREAM_RUNNING"):
        yield [name, sorted(sch.task_list("PENDING", name))]
    add(sch2, "A")
    add(sch2, "B", deps=("A",))
    sch2.get_work(worker="W")
    yield sorted(sch2.task_list("PENDING", "UPSTREAM_RUNNING"))


def hidden_parameters():
    sch = scheduler()
    add(sch, "A", family="A", params={"a": "1", "b": "2"}, param_visibilities={"a": 0, "b": 1})
    yield sch.task_list("PENDING", "")
    yield sch.get_work(worker="W")["task_params"]


def what_is_done_stays_so_for_a_while():
    sch = scheduler(stable_done_cooldown_secs=10)
    add(sch, "A")
    sch.get_work(worker="W")
    add(sch, "A", status="DONE")
    wait(5)
    add(sch, "A")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}
    wait(6)
    add(sch, "A")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}


def tasks_that_belong_to_others():
    sch = scheduler()
    add(sch, "A", worker="X")
    add(sch, "A", worker="Y")
    yield sch.get_work(worker="X")["task_id"]
    add(sch, "A", worker="Y", status="PENDING")
    yield sch.get_work(worker="Y")
    add(sch, "A", worker="Y", status="DONE")
    yield {id: task["status"] for id, task in sch.task_list("", "").items()}


def priorities():
    sch = scheduler()
    add(sch, "low", priority=1)
    wait(1)
    add(sch, "high", priority=10)
    add(sch, "needed", priority=0)
    add(sch, "urgent", deps=("needed",), priority=20)
    yield [sch.get_work(worker="W")["task_id"] for _ in range(4)]
