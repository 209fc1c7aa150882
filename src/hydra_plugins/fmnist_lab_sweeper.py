"""Hydra's sweeper for the lab: Hydra expands the sweep and launches the jobs, `fmnist_lab.sweep` decides which."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from fmnist_lab.config import compose_jobs, split_jobs


class FmnistLabSweeper(BasicSweeper):
    """Every combination of values, as Hydra's own; but all are checked before one runs, and finished ones skipped."""

    def sweep(self, arguments: list[str]) -> Any:
        from fmnist_lab.sweep import conduct, default_name

        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        jobs = split_jobs(loader, self.params, arguments)
        configs = compose_jobs(loader, self.config, jobs)
        sys.exit(conduct(configs, default_name(arguments), lambda places: self._launch([jobs[n] for n in places])))

    def _launch(self, jobs: Sequence[list[str]]) -> None:
        """Start the jobs; those that fail leave their reason in their record."""
        from fmnist_lab.sweep import cores

        assert self.config is not None
        assert self.launcher is not None
        told: list[str] = []
        if "n_jobs" in self.config.hydra.launcher:
            # Said outright, so that each run can write down how many went on beside it.
            asked = self.config.hydra.launcher.n_jobs
            told = [f"hydra.launcher.n_jobs={min(asked if asked > 0 else cores(), len(jobs))}"]
        self.launcher.launch([[*job, *told] for job in jobs], initial_job_idx=0)
