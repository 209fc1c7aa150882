"""The launcher of this project as a plugin of Hydra. The jobs themselves do not need Hydra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from fmnist_lab.compose import compose_jobs
from fmnist_lab.sweeps.launchers import registry


class FmnistLabLauncher(Launcher):
    """Adapts the launcher of this name, with the options of its file in `conf/hydra/launcher/`."""

    def __init__(self, launcher: str, **options: Any) -> None:
        self.name, self.options = launcher, options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.loader, self.config = hydra_context.config_loader, config
        self.adapted = registry.build_launcher(self.name, self.options)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Train the runs for a sweeper other than this project's, which calls the launcher directly."""
        from fmnist_lab.runs.run import bind_to_machine

        self.adapted.train(
            [bind_to_machine(config) for config in compose_jobs(self.loader, self.config, job_overrides)]
        )
        return []
