"""A real SLURM on this machine: controller and node on the loopback address, all its files in a temporary folder.

Two partitions share the node: `usual`, and `urgent`, whose jobs put those of `usual` back into the queue.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fmnist_lab.runs.provenance import cores

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
CONFIGURATION = """
ClusterName=fmnist-lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=usual Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=10
"""


def missing() -> list[str]:
    """Return the programs of SLURM that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def install() -> None:
    """Install SLURM with apt-get if it is there and the user is root; do nothing otherwise."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        apt = ["apt-get", "--quiet", "--yes", "--no-install-recommends"]
        subprocess.run([*apt, "update"], check=False)
        subprocess.run(
            [*apt, "install", *PACKAGES], check=False, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        )


@contextlib.contextmanager
def running() -> Iterator[dict[str, str]]:
    """Start SLURM, yield the environment variables by which its commands find it, and stop it."""
    with (
        tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as ends,
    ):
        folder = Path(name)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "munge.key").write_bytes(secrets.token_bytes(1024))
        (folder / "munge.key").chmod(0o400)
        folder.chmod(0o755)
        settings = folder / "slurm.conf"
        settings.write_text(configuration(folder))
        environment = {"SLURM_CONF": str(settings)}
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        munge = [f"--{option}={folder}/munge.{ending}" for option, ending in files.items()]
        ends.enter_context(daemon(["munged", "--foreground", *munge], environment, folder))
        await_file(folder / "munge.socket")
        ends.enter_context(daemon(["slurmctld", "-D"], environment, folder))
        ends.enter_context(daemon(["slurmd", "-D"], environment, folder))
        await_node(environment, folder)
        yield environment


def configuration(folder: Path) -> str:
    """Return slurm.conf for one node with as many processors as this process may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    ports = free_ports(2)
    return CONFIGURATION.format(
        folder=folder,
        host=socket.gethostname().split(".")[0],
        user=getpass.getuser(),
        cpus=cores(),
        memory=memory * 9 // 10,
        controller_port=ports[0],
        node_port=ports[1],
    )


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def daemon(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Start a program, and stop it at the end of the block."""
    with (folder / f"{command[0]}.out").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def await_file(path: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path.name} was not created within {seconds:g} s")
        time.sleep(0.1)


def await_node(environment: dict[str, str], folder: Path, seconds: float = 60) -> None:
    """Wait until the node takes jobs. Raises RuntimeError with the end of the logs when it does not."""
    deadline = time.monotonic() + seconds
    command = ["sinfo", "--noheader", "--format=%T"]
    while time.monotonic() < deadline:
        found = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
        if found.returncode == 0 and "idle" in found.stdout:
            return
        time.sleep(0.5)
    logs = [path.read_text(errors="replace")[-2000:] for path in (*folder.glob("*.log"), *folder.glob("*.out"))]
    raise RuntimeError(f"SLURM did not start within {seconds:g} s:\n" + "\n".join(logs))
