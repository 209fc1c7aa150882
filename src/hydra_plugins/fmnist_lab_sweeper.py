"""Hydra's sweeper for the lab: Hydra expands the sweep and launches the jobs, `fmnist_lab.sweeps` decides which."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from fmnist_lab.config import compose_jobs, split_jobs
from fmnist_lab.provenance import cores


class FmnistLabSweeper(BasicSweeper):
    """Every combination of values, as Hydra's own; but all are checked before one runs, and finished ones skipped."""

    def sweep(self, arguments: list[str]) -> Any:
        from fmnist_lab.sweeps import command_line, conduct, default_name

        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        jobs = split_jobs(loader, self.params, arguments)
        configs = compose_jobs(loader, self.config, jobs)
        commands = [command_line(job, sweep=True) for job in jobs]
        most = max(1, cores() // max(config.threads for config in configs))  # runs at once

        def launch(places: Sequence[int]) -> None:
            self._launch([jobs[place] for place in places], most)

        sys.exit(conduct(configs, commands, default_name(arguments), launch))

    def _launch(self, jobs: Sequence[list[str]], most: int) -> None:
        """Start the jobs, `most` at once at most; those that fail leave their reason in their record."""
        assert self.config is not None
        assert self.launcher is not None
        told = ["force=false"]  # what is to be done anew has been taken back: a run is never trained twice
        if "n_jobs" in self.config.hydra.launcher:
            # Said outright, so that each run can write down how many went on beside it.
            asked = self.config.hydra.launcher.n_jobs
            told.append(f"hydra.launcher.n_jobs={min(asked if asked > 0 else most, most, len(jobs))}")
        self.launcher.launch([[*job, *told] for job in jobs], initial_job_idx=0)
