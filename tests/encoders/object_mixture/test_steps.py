"""Every step of a fit can be replaced, and what replaces it is what is done."""

from dataclasses import fields, replace

import torch
from moving_blocks import scene

from slotenv.encoders.object_mixture.fit import FINAL, Parts, Steps, fit_parts


def fit(steps: Steps, max_slots: int = 12) -> Parts:
    frames = scene(80).frames
    return fit_parts(
        frames[:-1],
        frames[1:31],
        pooled=False,
        max_slots=max_slots,
        seed=0,
        announce=lambda line: None,
        steps=steps,
    )


def test_each_step_is_taken_and_noting_it_changes_nothing() -> None:
    taken: set[str] = set()

    def noted(name: str):  # type: ignore[no-untyped-def]
        step = getattr(FINAL, name)

        def run(*arguments, **options):  # type: ignore[no-untyped-def]
            taken.add(name)
            return step(*arguments, **options)

        return run

    names = {field.name for field in fields(Steps)} - {"added"}
    parts = fit(Steps(**{name: noted(name) for name in names}))
    assert taken == names
    for name, value in fit(FINAL).sizes_and_state()[1].items():
        torch.testing.assert_close(parts.sizes_and_state()[1][name], value, rtol=0, atol=0)


def test_no_more_slots_than_are_added() -> None:
    assert len(fit(replace(FINAL, added=(2, 0))).mixture.weight) <= 2
    assert len(fit(FINAL).mixture.weight) > 3
