"""How far runs have come: told from their records, at little cost."""

from rich.progress import Progress

from fmnist_lab.runs.run import bind_to_machine, locate
from fmnist_lab.sweeps import job
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job
from fmnist_lab.sweeps.progress import Watch


def test_looking_again_works_out_nothing_again(small, monkeypatch):
    worked_out = []
    monkeypatch.setattr(job, "epoch_cost", lambda config: worked_out.append(config) or 1.0)
    configs = [bind_to_machine(small(f"seed={seed}")) for seed in range(2)]
    jobs = [Job(place, config, locate(config), "", "") for place, config in enumerate(configs)]
    watch = Watch(jobs, Console(None), Progress(disable=True))
    for _ in range(3):
        watch.look()
    assert worked_out == configs
