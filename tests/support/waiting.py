"""Waiting for what a command that goes on will bring about."""

import time


def wait_for(condition, process, seconds=180):
    """Wait until something holds, while the command goes on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
