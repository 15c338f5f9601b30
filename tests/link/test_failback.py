"""When a link to a fallback is left for a better hub: decided without a clock."""

from __future__ import annotations

import math

from hivemind_sdk.engine.failback import Ask, FailbackPlan, Leave, Missed
from hivemind_sdk.engine.life import Wait


def test_better_hubs_are_asked_in_order_when_it_is_time_and_the_first_that_greets_is_taken():
    plan = FailbackPlan([0, 1, 2], 10.0, patience=30.0)
    assert plan.next_step(9.0, busy=False) == Wait(10.0)
    assert plan.next_step(10.0, busy=False) == Ask(0)
    plan.asked(0, greets=False, now=11.0)
    assert plan.next_step(11.0, busy=False) == Ask(1)
    plan.asked(1, greets=True, now=12.0)
    assert plan.next_step(12.0, busy=False) == Leave(1)


def test_all_are_asked_again_later_where_none_greets():
    plan = FailbackPlan([0, 1], 0.0, patience=30.0)
    for hub in (0, 1):
        plan.asked(hub, greets=False, now=1.0)
    assert plan.next_step(1.0, busy=False) == Missed()
    plan.wait_until(60.0)
    assert plan.next_step(59.0, busy=False) == Wait(60.0)
    assert plan.next_step(60.0, busy=False) == Ask(0)
    plan.wait_until(None)
    assert plan.next_step(1e9, busy=False) == Wait(math.inf)


def test_requests_that_wait_keep_the_link_until_patience_ends():
    plan = FailbackPlan([0], 0.0, patience=30.0)
    plan.asked(0, greets=True, now=100.0)
    step = plan.next_step(100.0, busy=True)
    assert isinstance(step, Wait)
    assert 100.0 < step.until < 101.0
    assert plan.next_step(129.95, busy=True) == Wait(130.0)
    assert plan.next_step(130.0, busy=True) == Leave(0)
    assert plan.next_step(101.0, busy=False) == Leave(0)
