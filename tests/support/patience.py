"""Waiting with a deadline instead of sleeping."""

import os
import time

# Builds with sanitizers are slower: limits of tests are multiplied by this.
FACTOR = float(os.environ.get("COATCHECK_TEST_PATIENCE", "1"))


def until(is_so, seconds=5.0, every=0.01):
    """Returns what `is_so()` returns as soon as that is true; fails when it is not within `seconds`, scaled."""
    give_up = time.monotonic() + seconds * FACTOR
    while True:
        answer = is_so()
        if answer:
            return answer
        assert time.monotonic() < give_up, f"not so within {seconds * FACTOR} s"
        time.sleep(every)
