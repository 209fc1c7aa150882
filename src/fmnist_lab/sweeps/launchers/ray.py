"""Tasks of a Ray cluster, or of Ray started on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from fmnist_lab.config.checks import wrong
from fmnist_lab.config.constraints import TEXT
from fmnist_lab.config.schema import Config, key
from fmnist_lab.errors import Terminated
from fmnist_lab.runs.provenance import cores
from fmnist_lab.runs.run import locate
from fmnist_lab.sweeps.launchers.base import Launcher, threads_per_run, train_run_in, write_reason


@dataclass
class Ray(Launcher):
    """Tasks of the Ray cluster at `address`, or of one that is started here, on all cores, if that is None."""

    package, extra = "ray", "ray"

    address: str | None = key(TEXT)

    def train(self, configs: Sequence[Config]) -> None:
        with self._cluster() as ray:
            cpus = threads_per_run(configs)
            nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
            if cpus > max(nodes):
                raise wrong("threads", cpus, f"at most {max(nodes)}, the cores of the cluster's largest node")
            at_once = min(len(configs), sum(cores // cpus for cores in nodes))
            task = ray.remote(num_cpus=cpus)(train_run_in)
            started = [task.remote(Path.cwd(), config, at_once) for config in configs]
            for config, run in zip(configs, started, strict=True):
                try:
                    ray.get(run)
                except ray.exceptions.RayError as error:
                    write_reason(locate(config), f"ray: {type(error).__name__}")

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[Any]:
        """Give the module `ray`, connected. Started here, it uses this machine only and sends no usage report."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the future default, without its warning
        os.environ.setdefault("RAY_worker_niceness", "0")  # not 15, with which other work on the machine slows the runs
        import ray

        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        handler, received = signal.getsignal(signal.SIGTERM), []

        def terminate(number: int, frame: FrameType | None) -> None:
            received.append(number)
            raise Terminated

        try:
            if self.address is None:
                ray.init("local", num_cpus=cores(), include_dashboard=False, **quiet)
            else:
                _require_listener(self.address)
                ray.init(self.address, **quiet)
            signal.signal(signal.SIGTERM, terminate)  # Ray's handler would end the process at once
            yield ray
        except ConnectionError:
            expected = "a Ray cluster that answers (RAY_AUTH_MODE=token, if it wants a token)"
            raise wrong("hydra.launcher.address", self.address, expected) from None
        except KeyboardInterrupt:  # into which Ray turns whatever a handler raises
            if received:
                raise Terminated from None
            raise
        finally:
            signal.signal(signal.SIGTERM, handler)
            ray.shutdown()


def _require_listener(address: str) -> None:
    """Raise ConnectionError if no process listens at host:port, which Ray would try to reach for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise ConnectionError(address) from error
