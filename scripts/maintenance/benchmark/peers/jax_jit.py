"""JAX: one jitted training step whose parameters are donated, on images resident as floats.

Its loss is differentiated by `jax.value_and_grad`. With one thread, XLA gets flags for one thread, and the
process is bound to one core where the system can do so.
"""

import os

from common import LR, Rows, batches, measure, parse_arguments, problem

arguments = parse_arguments()
if arguments.threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax  # noqa: E402  (reads its flags when it is imported)
import jax.numpy as jnp  # noqa: E402

jax.config.update("jax_enable_x64", arguments.dtype == "float64")
given = problem(arguments)
images, labels = jnp.asarray(given.inputs()), jnp.asarray(given.labels.astype("int32"))


def mean_loss(weights, x, y):
    *hidden, (last, bias) = weights
    for weight, offset in hidden:
        x = jax.nn.relu(x @ weight.T + offset)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(x @ last.T + bias), y[:, None], axis=1)
    return -chosen.mean()


def one_step(weights, images, labels, rows):
    loss, gradients = jax.value_and_grad(mean_loss)(weights, images[rows], labels[rows])
    return loss, jax.tree.map(lambda weight, gradient: weight - LR * gradient, weights, gradients)


step = jax.jit(one_step, donate_argnums=0)
weights = [(jnp.array(weight), jnp.array(bias)) for weight, bias in given.weights]


def train(rows: Rows) -> list[float]:
    global weights
    losses = []
    for batch in batches(rows.astype("int32"), arguments.batch):
        loss, weights = step(weights, images, labels, batch)
        losses.append(loss)
    jax.block_until_ready(weights)
    return jax.device_get(losses)


measure(arguments, given, train)
