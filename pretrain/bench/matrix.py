"""The matrix: which cells a command line asks for, and the frames that they need."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pretrain.bench.references import REFERENCES
from pretrain.config import MAX_SEED, BenchConfig, TrainConfig, TrainingFlags
from pretrain.data.collect import collect_data
from pretrain.methods import HELD, METHODS, Method, find_method
from slotenv.environments import atari_game
from slotenv.labels import find_game, labelled_games
from slotenv.probe import PAPER_ACCURACY

PAPER_GAMES = tuple(sorted(set(PAPER_ACCURACY) - {"overall"}))
PROBE_SEED, PRESET = MAX_SEED, "scn"
_BETWEEN_SETTINGS = re.compile(r",(?=[^\W\d]\w*=)")  # not the commas inside a value


@dataclass(frozen=True)
class Cell:
    """One entry of the matrix.

    Attributes:
        game: Key of the game, e.g. ``"pong"``.
        method: Name in ``METHODS``, ``HELD`` or ``REFERENCES``, or of a method from outside.
        settings: NAME=VALUE texts in place of the method's own settings, sorted.
        seed: Seed of the training.
        outside: The method, if it is one from outside.
    """

    game: str
    method: str
    settings: tuple[str, ...] = ()
    seed: int = 0
    outside: Method | None = field(default=None, compare=False, repr=False)

    @property
    def is_reference(self) -> bool:
        """Whether it has no encoder at all."""
        return self.method in REFERENCES

    @property
    def is_trained(self) -> bool:
        """Whether it takes updates."""
        return self.definition.objective is not None

    @property
    def needs_frames(self) -> bool:
        """Whether its encoder is made from frames: trained on them, or fitted to them."""
        fitted = not self.is_reference and self.definition.encoder_class.fit_frames > 0
        return fitted or self.is_trained

    @property
    def definition(self) -> Method:
        """The method without the cell's settings."""
        return self.outside or named_methods()[self.method]

    @property
    def resolved(self) -> Method:
        """The method with its settings."""
        return TrainConfig(method=self.definition, settings=self.settings).resolved_method

    @property
    def title(self) -> str:
        """The method as tables show it."""
        given = f" ({', '.join(self.settings)})" if self.settings else ""
        return self.resolved.title + given

    @property
    def argument(self) -> str:
        """The method as ``--methods`` takes it."""
        return self.method + (f":{','.join(self.settings)}" if self.settings else "")

    def __str__(self) -> str:
        return f"{self.game} {self.argument} seed {self.seed}"

    def folder(self, config: BenchConfig) -> Path:
        """Return where its training and rows lie: another folder for what makes another training.

        The number of updates is not in its name: more of them extend a training where it lies.
        """
        parts = [self.argument.replace(":", "-")]
        if self.is_trained and config.batch_size != TrainingFlags.batch_size:
            parts.append(f"b{config.batch_size}")
        if self.is_trained and config.run_length != TrainingFlags.run_length:
            parts.append(f"r{config.run_length}")
        name = "-".join([*parts, f"s{self.seed}"])
        plain = re.sub(r"[^\w=.,+-]", "_", name)
        if plain != name:
            plain += f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return config.out / self.game / plain


def cells_of(config: BenchConfig) -> list[Cell]:
    """Return all cells, game by game in the order given.

    A reference has no training seed: it is one cell a game, under the first seed.
    """
    known = labelled_games("scn")
    games = dict.fromkeys(
        find_game(name, known, what="labels to probe") for name in config.games or PAPER_GAMES
    )
    methods = dict.fromkeys(_method(given) for given in config.methods)
    cells = []
    for game in games:
        for method in methods:
            seeds = config.seeds[:1] if method.is_reference else dict.fromkeys(config.seeds)
            cells += [replace(method, game=game, seed=seed) for seed in seeds]
    return cells


def frames_folder(out: Path, game: str, seed: int = PROBE_SEED, player: str = "random") -> Path:
    """Return where a game's frames of a training seed lie, or, by default, those of its probe."""
    name = "probe" if seed == PROBE_SEED else f"pretrain-{seed}"
    return out / game / "data" / (name if player == "random" else f"{name}-{player}")


def collect_frames(
    out: Path,
    game: str,
    frames: int,
    workers: int | None,
    seed: int = PROBE_SEED,
    player: str = "random",
) -> Path:
    """Collect what is missing of the frames in :func:`frames_folder`, and return it."""
    folder, env = frames_folder(out, game, seed, player), str(atari_game(game))
    collect_data(
        folder, env=env, preset=PRESET, frames=frames, seed=seed, player=player, workers=workers
    )
    return folder


def collect_game(config: BenchConfig, cells: Sequence[Cell], workers: int | None) -> None:
    """Collect what is missing of the frames that some cells of one game need."""
    out, game = config.out, cells[0].game
    collect_frames(out, game, config.probe_frames, workers)
    for seed in sorted({cell.seed for cell in cells if not cell.is_reference}):
        collect_frames(out, game, config.frames, workers, seed)


def drop_frames(config: BenchConfig, game: str) -> None:
    """Delete the frames of a game that this benchmark uses; the same seeds give them again."""
    for seed in (PROBE_SEED, *config.seeds):
        shutil.rmtree(frames_folder(config.out, game, seed), ignore_errors=True)


def named_methods() -> dict[str, Method]:
    """Return all that ``--methods`` names; a reference is a method that only names it."""
    methods = dict(METHODS)
    for name, plain in HELD.items():
        methods[name] = replace(METHODS[plain], name=name, title=f"{METHODS[plain].title}, held")
    for name, reference in REFERENCES.items():
        methods[name] = Method(name=name, title=reference.title, encoder=name)
    return methods


def check_name(method: str) -> None:
    """Raise ValueError unless ``--methods`` takes this name."""
    if method not in (known := named_methods()):
        raise ValueError(f"no method named {method!r}; there are {', '.join(known)}")


def _method(method: str | Method) -> Cell:
    """Parse ``name`` or ``name:SETTING=VALUE,...``, or a method, into a cell without a game."""
    if isinstance(method, Method):
        if method.name in HELD | REFERENCES:
            raise ValueError(f"there is another {method.name!r}: give your method another name")
        return Cell("", find_method(method).name, outside=method)
    name, _, given = method.partition(":")
    check_name(name)
    if name in REFERENCES and given:
        raise ValueError(f"{name!r} is a reference and has no settings, got {method!r}")
    settings = tuple(sorted(_BETWEEN_SETTINGS.split(given))) if given else ()
    cell = Cell("", name, settings)
    objective = cell.definition.objective_class
    known = () if objective is None else objective.settings()
    for setting in settings:
        key = setting.partition("=")[0]
        if "=" in setting and key not in known:
            takes = f"its settings are {', '.join(known)}" if known else "it has none"
            raise ValueError(f"method {name!r} has no setting {key!r} ({method!r}): {takes}")
    _ = cell.resolved  # refuses what is no NAME=VALUE
    return cell
