"""Hydra's sweeper for the lab: Hydra expands the sweep and launches the jobs, `fmnist_lab.sweeps` decides which."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from fmnist_lab.config import compose_jobs, split_jobs


class FmnistLabSweeper(BasicSweeper):
    """Every combination of values, as Hydra's own; but all are checked before one runs, and finished ones skipped."""

    def sweep(self, arguments: list[str]) -> Any:
        from fmnist_lab.sweeps import command_line, conduct, default_name

        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        jobs = split_jobs(loader, self.params, arguments)
        configs = compose_jobs(loader, self.config, jobs)
        commands = [command_line(job, sweep=True) for job in jobs]

        def launch(places: Sequence[int]) -> None:
            assert self.launcher is not None
            # What is to be done anew has been taken back: a run is never trained twice.
            self.launcher.launch([[*jobs[place], "force=false"] for place in places], initial_job_idx=0)

        sys.exit(conduct(configs, commands, default_name(arguments), launch))
