"""Worker processes of this machine, through joblib."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist_lab.config.schema import Config, key
from fmnist_lab.sweeps.launchers.base import COUNT, Launcher, costly_first, runs_at_once, threads_per_run, train_run_in

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # read when a worker first imports NumPy
FEEDER = "QueueFeederThread"  # as loky names the threads that send runs to the workers
IDLE = 300  # seconds until a worker without work ends; joblib's own default


@dataclass
class Joblib(Launcher):
    """Worker processes of this machine, each of which trains one run after another."""

    package, extra = "joblib", "joblib"

    n_jobs: int = key(COUNT)

    def train(self, configs: Sequence[Config]) -> None:
        # Not joblib.Parallel: where one worker is enough, it trains in the process of the command, which then ends too
        # when the run is killed, for its memory for example.
        from joblib.externals.loky import get_reusable_executor

        at_once = runs_at_once(configs, self.n_jobs)
        environment = dict.fromkeys(THREADS, str(threads_per_run(configs)))
        workers = get_reusable_executor(max_workers=at_once, env=environment, kill_workers=True, timeout=IDLE)
        with warnings.catch_warnings():
            # A worker that imports PyTorch grows; loky takes that for a leak and replaces it, which is harmless.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor")
            try:
                futures = [
                    workers.submit(train_run_in, Path.cwd(), config, at_once) for config in costly_first(configs)
                ]
                for future in futures:
                    future.result()
            except BaseException:
                workers.shutdown(kill_workers=True)
                _join_feeders()
                raise


def _join_feeders() -> None:
    """Wait for the threads that feed runs to the workers, which loky closes without waiting.

    They release semaphores as they end. Ended by the interpreter in the middle of that, they leave one registered, and
    loky's resource tracker then warns of a leaked semlock on standard error.
    """
    for thread in threading.enumerate():
        if thread.name == FEEDER:
            thread.join(timeout=5)  # without work to send it ends at once; the limit is for one that is not loky's
