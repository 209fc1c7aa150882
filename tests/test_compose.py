"""From the words of a command line to configurations: of one run and of a sweep; wrong words get one line."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from hypothesis import given, settings
from hypothesis import strategies as st

from fmnist_lab.compose import compose, compose_jobs, expand, register
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.errors import InputError


@pytest.mark.promise
@given(
    jobs=st.lists(
        st.tuples(
            st.sampled_from(["model=custom", "model=torch"]),
            st.sampled_from(["architecture=one_layer", "architecture=two_layer", "architecture.hidden=[3,4]"]),
            st.sampled_from(["lr=0.5", "lr=1e-3", "optimizer=adam", "optimizer.momentum=0.5"]),
            st.sampled_from(["experiment=figures", "seed=7", "model.init=zeros", "data.validation=0"]),
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=8)
def test_jobs_are_composed_as_each_would_be_alone(jobs):
    assert composed_together(jobs) == [compose(*job) for job in jobs]


def composed_together(jobs):
    register()
    with initialize_config_dir(conf_folder(), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        sweep = hydra.compose_config("config", [], run_mode=RunMode.MULTIRUN, from_shell=False)
        return compose_jobs(hydra.config_loader, sweep, jobs)


@pytest.mark.promise
def test_a_sweep_is_expanded_as_the_command_line_would():
    widths = ("[8,128]", "[16,128]", "[64,128]", "[256,128]", "[1024,128]")
    assert expand("experiment=table1", "epochs=3") == [
        compose(f"model={model}", f"architecture.hidden={hidden}", "epochs=3")
        for model in ("custom", "torch")
        for hidden in widths
    ]
    assert expand() == [compose("model=custom"), compose("model=torch")]
    assert expand("model=torch", "lr=1,2") == [compose("model=torch", f"lr={lr}") for lr in (1, 2)]


def test_expanding_refuses_wrong_input():
    with pytest.raises(InputError, match=r"^lr=-1\.0: must be"):
        expand("lr=0.1,-1")
