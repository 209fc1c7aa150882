"""The sweeper of this project as a plugin of Hydra, which expands the sweep; `fmnist_lab.sweeps` runs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from fmnist_lab.compose import compose_jobs, config_dir, split_jobs
from hydra_plugins.fmnist_lab_launcher import FmnistLabLauncher


class FmnistLabSweeper(BasicSweeper):
    """Runs every combination of values, as Hydra's own sweeper; but checks all first, and skips finished runs."""

    def sweep(self, arguments: list[str]) -> Any:
        from fmnist_lab.sweeps.execute import run_sweep
        from fmnist_lab.sweeps.job import Job
        from fmnist_lab.sweeps.launchers.serial import in_turn
        from fmnist_lab.sweeps.plan import command_line, default_name

        assert self.hydra_context is not None
        assert self.config is not None
        loader = self.hydra_context.config_loader
        jobs = split_jobs(loader, self.params, arguments)
        configs = compose_jobs(loader, self.config, jobs)
        beside = config_dir(self.config.hydra.runtime)
        commands = [command_line([*beside, *job], sweep=True) for job in jobs]

        def launch(todo: Sequence[Job]) -> None:
            """Train the runs without composing each of them again, as the launcher of a plugin does."""
            if isinstance(self.launcher, BasicLauncher):
                in_turn([job.config for job in todo])
            elif isinstance(self.launcher, FmnistLabLauncher):
                self.launcher.adapted.train([job.config for job in todo])
            else:  # of a plugin; without force, as the records have been discarded
                assert self.launcher is not None
                self.launcher.launch([[*jobs[job.place], "force=false"] for job in todo], initial_job_idx=0)

        sys.exit(run_sweep(configs, commands, default_name(arguments), launch))
