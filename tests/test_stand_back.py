"""Who works long makes way for who answers."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.stand_back import NICE, stand_back


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a process's elsewhere")
def test_a_thread_stands_back_with_those_it_starts_and_no_other() -> None:
    def started() -> int:
        with ThreadPoolExecutor(1) as below:
            return below.submit(os.nice, 0).result()

    before = os.nice(0)
    with ThreadPoolExecutor(1, initializer=stand_back) as pool:
        assert pool.submit(os.nice, 0).result() == min(19, before + NICE)
        assert pool.submit(started).result() == min(19, before + NICE)
    assert os.nice(0) == before
