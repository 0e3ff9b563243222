"""Which files are changed, and which tests read each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("slotenv", "pretrain")

TABLES = (  # Numbers copied from elsewhere: a test could only repeat them.
    "slotenv/labels/pixel/*.py",
    "slotenv/labels/tables_scn.py",
    "slotenv/probe/paper.py",
)
LOOKS = (  # Numbers here are sizes, colours and places on a picture.
    "pretrain/watch/pages.py",
    "pretrain/watch/panels.py",
    "pretrain/bench/results/plots.py",
    "pretrain/report/figures.py",
    "pretrain/drawing/*_frame.py",
    "pretrain/drawing/files.py",
    "pretrain/drawing/marks.py",
)
EVERYWHERE = ("tests/test_values.py",)
"""Tests of what holds in every file."""

OTHER_NAMES = {
    "pretrain/__init__.py": "pretrain/test_command.py",
    "pretrain/__main__.py": "pretrain/test_command.py",
    "pretrain/data": "pretrain/data/test_store.py pretrain/data/test_store_damage.py",
    "pretrain/data/store.py": "pretrain/data/test_store_damage.py",
    "pretrain/runtime": "pretrain/runtime/test_lock.py",
    "pretrain/training": "pretrain/training/test_loop.py",
    "pretrain/upkeep": "pretrain/upkeep/test_labels_check.py",
    "pretrain/bench": (
        "pretrain/bench/test_bench.py pretrain/bench/results/test_tables.py"
        " pretrain/bench/results/test_render.py"
    ),
    "pretrain/bench/results/aggregate.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_render.py"
        " pretrain/bench/results/test_sampling.py"
    ),
    "pretrain/bench/results/render.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_sampling.py"
    ),
    "pretrain/bench/results/rows.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_render.py"
        " pretrain/bench/results/test_sampling.py"
    ),
    "pretrain/config.py": ("pretrain/test_cli_errors.py pretrain/training/test_loop.py"),
    "pretrain/data/writer.py": (
        "pretrain/data/test_store.py pretrain/data/test_store_damage.py"
        " pretrain/data/test_collect.py"
    ),
    "pretrain/methods.py": "pretrain/training/test_loop.py",
    "pretrain/runtime/metrics_log.py": (
        "pretrain/test_damaged_training.py pretrain/test_resume.py"
    ),
    "pretrain/training/encoders.py": (
        "pretrain/test_damaged_training.py pretrain/training/test_loop.py"
    ),
    "pretrain/runtime/resumable.py": (
        "pretrain/bench/test_identity.py pretrain/bench/test_players.py"
    ),
    "pretrain/runtime/workers.py": "pretrain/test_methods.py pretrain/bench/test_outside.py",
    "pretrain/runtime/progress.py": "pretrain/training/test_loop.py",
    "pretrain/drawing": "pretrain/drawing/test_marked_frame.py pretrain/report/test_pictures.py",
    "pretrain/drawing/estimate.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_aggregate.py"
    ),
    "pretrain/report": (
        "pretrain/report/test_write_report.py pretrain/report/test_pictures.py"
        " pretrain/report/test_slots.py"
    ),
    "pretrain/run.py": "pretrain/test_cli.py",
    "pretrain/upkeep/ready_card.py": "pretrain/upkeep/test_ready.py",
    "pretrain/upkeep/ready_figures.py": "pretrain/upkeep/test_ready.py",
    "pretrain/upkeep/ready_game.py": "pretrain/upkeep/test_ready.py",
    "pretrain/upkeep/plays.py": "pretrain/upkeep/test_ready.py",
    "pretrain/data/run_files.py": (
        "pretrain/report/test_write_report.py pretrain/test_cli.py pretrain/test_probe.py"
    ),
    "pretrain/data/shards.py": ("pretrain/data/test_store.py pretrain/data/test_store_damage.py"),
    "pretrain/training/state.py": ("pretrain/test_damaged_training.py pretrain/test_resume.py"),
    "pretrain/training/data_parallel.py": "pretrain/training/test_launch.py",
    "pretrain/training/step.py": "pretrain/training/test_validation.py",
    "pretrain/verbs": "pretrain/test_cli_errors.py pretrain/test_cli.py",
    "pretrain/verbs/bench.py": "pretrain/bench/test_matrix.py pretrain/bench/test_bench.py",
    "pretrain/verbs/labels.py": "pretrain/upkeep/test_galleries.py",
    "pretrain/verbs/ready.py": "pretrain/upkeep/test_ready.py",
    "pretrain/verbs/slots.py": "pretrain/upkeep/test_galleries.py",
    "pretrain/watch": "pretrain/test_watch.py pretrain/test_watch_boxes.py",
    "slotenv/__init__.py": "test_layers.py",
    "slotenv/encoders/__init__.py": "encoders/test_contract.py",
    "slotenv/encoders/base.py": (
        "encoders/test_contract.py test_checkpoint.py test_checkpoint_names.py"
        " test_checkpoint_damage.py test_checkpoint_saving.py"
    ),
    "slotenv/encoders/description.py": "encoders/test_description.py",
    "slotenv/encoders/encoding.py": "encoders/test_modes.py test_wrapper_boxes.py",
    "slotenv/encoders/saving.py": (
        "test_checkpoint.py test_checkpoint_names.py test_checkpoint_damage.py"
        " test_checkpoint_saving.py encoders/test_devices.py encoders/test_weights.py"
    ),
    "slotenv/encoders/object_mixture/__init__.py": "encoders/object_mixture/test_encoder.py",
    "slotenv/encoders/object_mixture/encoder.py": (
        "encoders/test_modes.py encoders/test_weights.py encoders/test_sizes.py"
        " encoders/object_mixture/test_refit.py"
    ),
    "slotenv/encoders/object_mixture/fit.py": (
        "encoders/object_mixture/test_fit_steps.py encoders/object_mixture/test_refit.py"
        " encoders/object_mixture/test_time_contrast.py"
    ),
    "slotenv/encoders/object_mixture/foreground.py": (
        "encoders/object_mixture/test_foreground.py encoders/object_mixture/test_refit.py"
    ),
    "slotenv/encoders/object_mixture/mixture.py": "encoders/object_mixture/test_fit_steps.py",
    "slotenv/encoders/object_mixture/slot_count.py": (
        "encoders/object_mixture/test_fit_steps.py encoders/object_mixture/test_fit.py"
    ),
    "slotenv/encoders/fitted.py": (
        "encoders/test_modes.py encoders/test_weights.py encoders/test_diagnosis.py"
    ),
    "slotenv/encoders/objects/__init__.py": "encoders/objects/test_encoder.py",
    "slotenv/encoders/objects/background.py": "encoders/objects/test_refit.py",
    "slotenv/encoders/objects/encoder.py": (
        "encoders/test_modes.py encoders/test_weights.py encoders/test_sizes.py"
        " encoders/objects/test_refit.py"
    ),
    "slotenv/encoders/objects/fit.py": "encoders/objects/test_refit.py",
    "slotenv/encoders/objects/parts.py": "encoders/objects/test_things.py",
    "slotenv/encoders/palette.py": "encoders/test_palette.py",
    "slotenv/encoders/readout.py": "encoders/test_readout.py encoders/test_boxes.py",
    "slotenv/encoders/trunk.py": "encoders/test_slot_maps.py",
    "slotenv/encoders/usual_colours.py": (
        "encoders/object_mixture/test_foreground.py encoders/object_mixture/test_usual_sets.py"
    ),
    "slotenv/encoders/unique_patches.py": (
        "encoders/test_window_hashes.py encoders/test_row_cache.py"
    ),
    "slotenv/environments": "test_environments.py test_environment_messages.py",
    "slotenv/environments/atari.py": "test_atari_stack.py",
    "slotenv/checkpoint.py": (
        "test_checkpoint_names.py test_checkpoint_damage.py test_checkpoint_saving.py"
    ),
    "slotenv/compatibility.py": "test_compatibility_counts.py test_compatibility_games.py",
    "slotenv/checks.py": "test_frames.py sb3/test_stack.py",
    "slotenv/extractor.py": (
        "sb3/test_extractor.py sb3/test_extractor_agents.py test_old_folders.py"
    ),
    "slotenv/labels": "labels/test_tables.py",
    "slotenv/labels/base.py": "labels/test_tables.py",
    "pretrain/upkeep/poke.py": "pretrain/upkeep/test_judge.py",
    "slotenv/objectives/__init__.py": "objectives/test_base.py",
    "slotenv/objectives/cswm.py": "objectives/test_base.py",
    "slotenv/objectives/reconstruction.py": "objectives/test_base.py",
    "slotenv/objectives/slot_contrastive.py": "objectives/test_base.py",
    "slotenv/observations.py": "test_tracking.py test_wrapper_tracking.py test_wrapper.py",
    "slotenv/markdown.py": "probe/test_run.py pretrain/bench/results/test_tables.py",
    "slotenv/probe": "probe/test_run.py",
    "slotenv/probe/report.py": "probe/test_run.py probe/test_identity.py",
    "slotenv/probe/run.py": "probe/test_transfer.py",
    "slotenv/probe/scores.py": "probe/test_regressors.py",
    "slotenv/ready/__init__.py": "test_ready.py",
    "slotenv/sb3/wrapper.py": (
        "sb3/test_atari.py sb3/test_stack.py sb3/test_lives.py test_compatibility.py"
        " test_compatibility_counts.py test_compatibility_games.py test_misuse.py"
    ),
    "slotenv/sb3/atari.py": "sb3/test_lives.py test_misuse.py",
    "slotenv/sb3/extractor.py": (
        "sb3/test_extractor_on_slots.py sb3/test_extractor_attention.py sb3/test_extractor_env.py"
    ),
    "slotenv/sb3/frame_encoder.py": "sb3/test_extractor.py sb3/test_extractor_checks.py",
    "slotenv/sb3/pretrained.py": "sb3/test_extractor_checks.py sb3/test_extractor_agents.py",
    "slotenv/sb3/spaces.py": "sb3/test_extractor_on_slots.py",
    "slotenv/set_extractor.py": "sb3/test_set_extractor.py",
    "slotenv/lazy_encoder.py": "test_wrapper_spec.py test_wrapper_threads.py test_misuse.py",
    "slotenv/sb3": "sb3/test_wrapper.py",
    "slotenv/vector.py": "test_vector_infos.py test_vector_atari.py test_vector_misuse.py",
    "slotenv/wrapper.py": "test_wrapper_tracking.py",
    "slotenv/zoo/__init__.py": "test_zoo.py test_misuse.py",
    "slotenv/zoo": "test_zoo.py",
}
"""Tests, below ``tests/``, of a file or of a folder's files that have none of their own name."""


def sources() -> list[Path]:
    """Return the files that are changed, from the root of the project."""
    paths = (path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    return sorted(path for path in paths if not any(path.match(table) for table in TABLES))


def tests_of(source: Path) -> list[str]:
    """Return the tests of a file.

    Args:
        source: From the root of the project.

    Returns:
        Of ``slotenv/a/b.py``: ``tests/a/test_b.py``, what :data:`OTHER_NAMES` says of it or of a
        folder around it; else every test that imports it. Then :data:`EVERYWHERE`.

    Raises:
        ValueError: If there are none of its own.
    """
    inside = source.relative_to("slotenv") if source.parts[0] == "slotenv" else source
    found = [f"tests/{inside.with_name(f'test_{inside.name}').as_posix()}"]
    found += [f"tests/{name}" for name in OTHER_NAMES.get(source.as_posix(), "").split()]
    tests = _present(found) or _importing(source)
    for folder in source.parents:
        if not tests:
            names = OTHER_NAMES.get(folder.as_posix(), "").split()
            tests = _present([f"tests/{name}" for name in names])
    if not tests:
        raise ValueError(
            f"{source} has no tests: write {found[0]}, or name others in OTHER_NAMES of "
            f"{Path(__file__).name}"
        )
    return tests + _present(EVERYWHERE)


def _present(names: Iterable[str]) -> list[str]:
    return [name for name in names if (ROOT / name).exists()]


def _importing(source: Path) -> list[str]:
    """Return the tests that import a file, by its name in their text."""
    module = ".".join(source.with_suffix("").parts)
    needle = re.compile(rf"\b{re.escape(module)}\b")
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    return [p.relative_to(ROOT).as_posix() for p in paths if needle.search(p.read_text())]
