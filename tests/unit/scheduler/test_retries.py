"""What follows a failure."""

from __future__ import annotations

import pytest

from rumbo.scheduler.records import RetryPolicy, TaskRecord, TaskSpec
from rumbo.scheduler.retries import judge


def failed(policy: RetryPolicy, *before: float, retries_used: int = 0) -> TaskRecord:
    task = TaskRecord(TaskSpec("a", retry=policy), 1, 0.0)
    task.failures = before
    task.retries_used = retries_used
    return task


def test_without_a_policy_a_failure_is_final():
    verdict = judge(failed(RetryPolicy()), True, 100.0)
    assert verdict == ((100.0,), None, None, False)


def test_a_retry_is_promised_while_there_are_some_left():
    policy = RetryPolicy(retries=2, delay=10.0)
    assert judge(failed(policy), True, 100.0) == ((100.0,), None, 110.0, True)
    assert judge(failed(policy, 100.0, retries_used=1), True, 200.0) == ((100.0, 200.0), None, 220.0, True)
    assert judge(failed(policy, 100.0, 200.0, retries_used=2), True, 300.0).retry_at is None


def test_an_error_that_is_not_worth_it_is_not_retried():
    assert judge(failed(RetryPolicy(retries=5)), False, 100.0) == ((100.0,), None, None, False)


def test_a_task_without_retries_may_reopen_later_without_a_promise():
    policy = RetryPolicy(reopen_after=900.0)
    assert judge(failed(policy), True, 100.0) == ((100.0,), None, 1000.0, False)
    assert judge(failed(policy), False, 100.0).retry_at == 1000.0


def test_promised_retries_come_before_reopening():
    policy = RetryPolicy(retries=1, delay=5.0, reopen_after=900.0)
    assert judge(failed(policy), True, 100.0).retry_at == 105.0
    assert judge(failed(policy, retries_used=1), True, 100.0) == ((100.0,), None, 1000.0, False)


def test_too_many_failures_disable_whatever_retries_are_left():
    policy = RetryPolicy(retries=9, disable_after=3, disable_for=3600.0)
    assert judge(failed(policy, 1.0), True, 2.0).disabled_until is None
    assert judge(failed(policy, 1.0, 2.0), True, 3.0) == ((1.0, 2.0, 3.0), 3603.0, None, False)


def test_failures_outside_the_window_do_not_count():
    policy = RetryPolicy(disable_after=2, window=60.0)
    assert judge(failed(policy, 0.0), True, 60.0) == ((60.0,), None, None, False)
    assert judge(failed(policy, 0.5), True, 60.0).failures == (0.5, 60.0)
    assert judge(failed(policy, 0.5), True, 60.0).disabled_until == 60.0 + 86_400.0


def test_a_task_that_fails_for_too_long_is_disabled():
    policy = RetryPolicy(hard_timeout=100.0)
    assert judge(failed(policy, 0.0), True, 99.9).disabled_until is None
    assert judge(failed(policy, 0.0), True, 100.0).disabled_until == 100.0 + 86_400.0


def test_the_hard_timeout_begins_with_the_first_failure():
    assert judge(failed(RetryPolicy(hard_timeout=0.0)), True, 100.0).disabled_until is None


@pytest.mark.parametrize(("failures", "wait"), [(1, 2.0), (2, 6.0), (3, 18.0), (4, 20.0), (5, 20.0), (10_000, 20.0)])
def test_waits_grow_up_to_a_bound(failures, wait):
    assert RetryPolicy(delay=2.0, factor=3.0, max_delay=20.0).wait(failures) == wait


def test_no_number_of_failures_is_too_large_for_a_float():
    assert RetryPolicy(delay=1.0, max_delay=3600.0).wait(1_000_000) == 3600.0


@pytest.mark.parametrize(("failures", "wait"), [(1, 1.0), (2, 60.0), (3, 5.0), (4, 5.0), (100, 5.0)])
def test_waits_can_be_spelled_out_and_the_last_is_used_again(failures, wait):
    assert RetryPolicy(delay=7.0, delays=(1.0, 60.0, 5.0)).wait(failures) == wait


def test_the_default_is_to_retry_at_once():
    assert RetryPolicy(retries=3).wait(3) == 0.0
