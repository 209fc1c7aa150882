"""The saddle at zero: what theory says of deep linear networks at W = 0, checked on real data.

`python -m fmnist_lab saddle` is the door; `docs/saddle.md` has the statements and their proofs. Everything is in
float64. A check is a prediction and an observation. It leaves, in `outputs/saddle/`:

* `checks.csv`, a row a check: `check` (its family, as in `checks=[...]`), `what` (in words), `basis` (`theorem`;
  `limit`: a theorem's leading order, met at a finite scale; `observed`: no theorem), `relation` (`=`, `<=`, `>=`),
  `prediction`, `observation`, `error`, `tolerance`, `ok` (True, False). Of arrays, the entry that fits worst is shown;
  errors are relative to the scale the check names, else to the largest prediction.
* `checks.json`, the same with the configuration and the circumstances;
* `figures/`, those of the checks asked for, each as PNG and SVG: `slopes`, `surface`, `hessian`,
  `escape`, `staircase`, `relu`.
"""
