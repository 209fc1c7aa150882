"""The saddle at zero: predictions of theory for deep linear networks at W = 0, compared with real data.

`docs/saddle.md` has the statements and their proofs. All numbers are float64. The command writes to `outputs/saddle/`:

* `checks.csv`, one row for each prediction: `check` (its family, as in `checks=[...]`), `what` (a description), `basis`
  (`theorem`; `limit`: the leading order of a theorem, compared at a finite scale; `observed`: no theorem), `relation`
  (`=`, `<=`, `>=`), `prediction`, `observation`, `error`, `tolerance`, `ok` (True, False). If a prediction is an array,
  the row shows the entry that fits worst. The error is relative to the scale that the prediction gives, or else to the
  largest predicted value. The file, its first column and the key `checks` keep these names as users rely on them.
* `checks.json`, the same rows with the configuration and the provenance;
* `figures/`, those of the chosen families, each as PNG and SVG: `slopes`, `surface`, `hessian`,
  `escape`, `staircase`, `relu`.
"""
