"""The progress of runs, read from their records at little cost."""

from rich.progress import Progress

from fmnist_lab.runs.run import bind_to_machine, locate
from fmnist_lab.sweeps import job
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job
from fmnist_lab.sweeps.progress import Watch


def test_the_cost_of_a_run_is_computed_once(small, monkeypatch):
    computed = []
    monkeypatch.setattr(job, "epoch_cost", lambda config: computed.append(config) or 1.0)
    configs = [bind_to_machine(small(f"seed={seed}")) for seed in range(2)]
    jobs = [Job(place, config, locate(config), "", "") for place, config in enumerate(configs)]
    watch = Watch(jobs, Console(None), Progress(disable=True))
    for _ in range(3):
        watch.look()
    assert computed == configs
