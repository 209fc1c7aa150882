"""A whole run of the project, record and all, in a folder that is thrown away: the driver watches its memory."""

import dataclasses
import tempfile

from common import configure, options, show

from fmnist_lab.runs import run

told = options()
with tempfile.TemporaryDirectory() as folder:
    config = dataclasses.replace(configure(told), epochs=told.epochs, outputs=folder)
    summary = run.train(config).summary()
show(fit_seconds=summary["fit_seconds"])
