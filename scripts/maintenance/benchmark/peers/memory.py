"""A whole run of the project, with its record, in a temporary folder; parts.py watches its memory."""

import dataclasses
import tempfile

from common import configure, parse_arguments, show

from fmnist_lab.runs import run

arguments = parse_arguments()
with tempfile.TemporaryDirectory() as folder:
    config = dataclasses.replace(configure(arguments), epochs=arguments.epochs, outputs=folder)
    summary = run.train(config).summary()
show(fit_seconds=summary["fit_seconds"])
