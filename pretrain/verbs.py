"""The verbs of the command line: which there are, and what each of them calls."""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
import warnings
from typing import Annotated, Any

import ale_py
import tyro
from rich.console import Console

from pretrain.bench.config import BenchConfig, PlayersConfig, TablesConfig
from pretrain.bench.identity import IdentityConfig, measure_identity
from pretrain.config import (
    CollectConfig,
    ProbeVerbConfig,
    ReportVerbConfig,
    RunConfig,
    TrainVerbConfig,
    WatchConfig,
)
from pretrain.training.refit import RefitConfig, refit
from pretrain.upkeep.labels_config import LabelsConfig
from pretrain.upkeep.ready_config import ReadyConfig
from pretrain.upkeep.slots_config import SlotsConfig
from slotenv import records

Verb = (
    Annotated[RunConfig, tyro.conf.subcommand("run")]
    | Annotated[CollectConfig, tyro.conf.subcommand("collect")]
    | Annotated[TrainVerbConfig, tyro.conf.subcommand("train")]
    | Annotated[RefitConfig, tyro.conf.subcommand("refit")]
    | Annotated[ProbeVerbConfig, tyro.conf.subcommand("probe")]
    | Annotated[ReportVerbConfig, tyro.conf.subcommand("report")]
    | Annotated[BenchConfig, tyro.conf.subcommand("bench")]
    | Annotated[PlayersConfig, tyro.conf.subcommand("players")]
    | Annotated[IdentityConfig, tyro.conf.subcommand("identity")]
    | Annotated[TablesConfig, tyro.conf.subcommand("tables")]
    | Annotated[WatchConfig, tyro.conf.subcommand("watch")]
    | Annotated[LabelsConfig, tyro.conf.subcommand("labels")]
    | Annotated[SlotsConfig, tyro.conf.subcommand("slots")]
    | Annotated[ReadyConfig, tyro.conf.subcommand("ready")]
)


def run_verb(command: list[str]) -> None:
    """Run the verb that a command line names.

    Args:
        command: The arguments, the verb first.

    Raises:
        SystemExit: If help was asked for or a flag is none.
        ValueError: If a config refuses a value.
        Exception: What the verb raises.
    """
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    _dispatch(_parsed(command), command)


def _parsed(command: list[str]) -> Any:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                Verb,
                prog="python -m pretrain",
                description="Pretrain slot encoders on frames of a random agent, and judge them.",
                args=command,
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except SystemExit as stopped:
        if (refusal := _refusal(stopped)) is not None:
            raise refusal from None
        sys.stderr.write(said.getvalue())
        raise


def _refusal(stopped: BaseException) -> ValueError | None:
    """Return the error of a config behind a stop, which tyro words in a frame of several lines."""
    error = stopped.__context__
    while error is not None:
        raised_in = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
        if isinstance(error, ValueError) and raised_in.f_globals["__name__"].startswith("pretrain"):
            return error
        error = error.__context__
    return None


def _dispatch(config: Any, command: list[str]) -> None:
    # Imported here, so that --help and a wrong flag answer at once.
    match config:
        case RunConfig():
            from pretrain.run import run

            run(config, command)
        case CollectConfig():
            _collect(config)
        case TrainVerbConfig() | RefitConfig():
            _train(config)
        case ProbeVerbConfig():
            _probe(config)
        case ReportVerbConfig():
            from pretrain.report import write_report

            print(f"report: {write_report(config.out)}")
        case BenchConfig() | PlayersConfig() | IdentityConfig() | TablesConfig() | ReadyConfig():
            _bench(config)
        case WatchConfig():
            from pretrain.watch import watch

            print(f"film: {watch(config)}")
        case LabelsConfig():
            _labels(config)
        case SlotsConfig():
            _slots(config)


def _collect(config: CollectConfig) -> None:
    from pretrain.data.collect import collect
    from pretrain.data.store import DataDescription
    from slotenv.environments import preset_for

    description = DataDescription(
        env_id=config.env,
        preset=preset_for(config.env, config.preset).to_dict(),
        seed=config.seed,
        num_steps=config.frames,
        player=config.player,
    )
    checksum = collect(config.out, description, workers=config.workers)
    print(f"{config.out}: {config.frames:,} frames, sha256 {checksum}")


def _train(config: TrainVerbConfig | RefitConfig) -> None:
    if isinstance(config, RefitConfig):
        refit(config)
    else:
        from pretrain.data.store import FrameStore
        from pretrain.training.build import slots_of
        from pretrain.training.loop import train

        store = FrameStore(config.data)
        slots = slots_of(config.train, store.description.env_id)
        train(store, config.train, config.out, num_slots=slots)
    print(f"encoder: {config.out / 'encoder'}")


def _bench(
    config: BenchConfig | PlayersConfig | IdentityConfig | TablesConfig | ReadyConfig,
) -> None:
    if isinstance(config, BenchConfig):
        from pretrain.bench.run import bench

        bench(config)
    elif isinstance(config, PlayersConfig):
        from pretrain.bench.players import probe_players

        print(f"table: {probe_players(config)}")
    elif isinstance(config, IdentityConfig):
        print(f"table: {measure_identity(config)}")
    elif isinstance(config, TablesConfig):
        from pretrain.bench.results.render import render
        from pretrain.bench.results.rows import read_rows

        print(f"tables: {render(read_rows(config.rows), config.out)}")
    else:
        from pretrain.upkeep.ready import make_ready

        make_ready(config)


def _labels(config: LabelsConfig) -> None:
    if config.out is None:  # the config lets draw have a folder, and check none
        from pretrain.upkeep.labels_check import check_games

        check_games(config.games, moments=config.moments, seed=config.seed)
    else:
        from pretrain.upkeep.labels_draw import draw_games

        draw_games(config.games, config.out, moments=config.moments, seed=config.seed)


def _slots(config: SlotsConfig) -> None:
    from pretrain.upkeep.slots_draw import draw_games

    play = {"moments": config.moments, "seed": config.seed}
    draw_games(config.games, config.out, bench=config.bench, **play)


def _probe(config: ProbeVerbConfig) -> None:
    from pretrain.data.store import FrameStore
    from pretrain.probe import probe_encoder
    from slotenv import SlotEncoder

    report = probe_encoder(
        SlotEncoder.from_pretrained(config.encoder),
        FrameStore(config.data),
        view=config.view,
        shuffle_labels=config.shuffle_labels,
        fit_on=None if config.fit_on is None else FrameStore(config.fit_on),
        hold=config.hold,
    )
    print(report.to_markdown())
    if config.json is not None:
        records.write(config.json, report)


def _show_warning(message: Warning | str, *details: Any) -> None:
    Console(stderr=True).print(f"warning: {message}", highlight=False, markup=False)
