"""Prepare digits as `formreader train` does, and train their network on them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import lru_cache

from formreader.core.options import TrainOptions
from formreader.training.data.mixture import prepare_data
from gpu_training.made_batches import MadeBatches
from shared.batches import Batch


def fit_digits(given: Namespace, tell: Callable[[str], None]) -> None:
    """Train as `formreader train` does, with the options of the command line."""
    options = TrainOptions(
        data=tuple(given.digits), writers=given.writers, nondigits=given.nondigits,
        pages=given.pages, seed=given.seed, batch=given.batch,
    )  # fmt: skip
    data = prepare_data(options, tell)
    tell(f"{len(data.training)} examples and {len(data.scanned)} crops of pages")
    from formreader.training.fit.fitting import TrainingBatches

    @lru_cache(1)
    def epoch(number: int) -> TrainingBatches:
        return TrainingBatches(data.training, data.scanned, given.batch, True, given.seed, number)

    steps_per_epoch = len(epoch(0))

    def make(step: int) -> Batch:
        number, place = divmod(step, steps_per_epoch)
        return epoch(number)[place]

    with MadeBatches(make, given.processes) as made:
        # Imported once the processes are there: they must not have a GPU.
        import keras

        from formreader.training.fit.optimiser import smoothed_crossentropy
        from gpu_training.jax_fitting import fit_in_time
        from shared.fitting import Optimisation

        keras.utils.set_random_seed(given.seed)
        network = keras.saving.load_model(given.base / "model.keras", compile=False)
        how = Optimisation(warm_up=1000, weight_decay=0.02, averaging=0.9995)
        # The network of digits takes bytes.
        fit_in_time(network, smoothed_crossentropy(0.0), made, how, given, tell, brightest=1)
