"""The same commands give the same effects, byte for byte, under any hash seed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, random
from rumbo.scheduler.records import BatchKey, RetryPolicy
from rumbo.testing.simulation import Site, Weather, task

digest = hashlib.sha256()
for seed in range(3):
    chance = random.Random(seed)
    specs = [
        task(
            f"t{i}", *sorted({f"t{chance.randrange(i)}" for _ in range(chance.randrange(4)) if i}),
            priority=chance.randrange(3), retry=RetryPolicy(retries=99, delay=3.0),
            resources=chance.choice([{}, {"db": 1.0}, {"memory": 0.3, "db": 1.0}, {"db": 1.0, "memory": 0.3}]),
            batch=chance.choice([None, BatchKey("Family", (("x", "1"),), 3)]),
        )
        for i in range(20)
    ]
    more = {f"t{i}": (f"t{i // 2}",) for i in range(2, 20)}
    site = Site(specs, seed, capacity={"db": 2}, more=more, weather=Weather(lost=0.3, doubled=0.3, failure=0.3))
    site.run_until_done()
    digest.update("\\n".join(map(repr, site.driver.history)).encode())
print(digest.hexdigest(), len(site.driver.history))
"""


@pytest.mark.slow
def test_the_hash_seed_makes_no_difference():
    answers = []
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        )
        answers.append(ran.stdout)
    assert len(set(answers)) == 1
    assert int(answers[0].split()[1]) > 100
