"""The matrix: which cells a command line asks for. Nothing unknown gets past here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pretrain.bench.references import REFERENCES
from pretrain.config import TrainConfig, TrainingFlags
from pretrain.methods import HELD, METHODS, Method, find_method
from slotenv.labels import labelled_games
from slotenv.labels.tables import find_game
from slotenv.probe import PAPER_ACCURACY

if TYPE_CHECKING:
    from pretrain.verbs.bench import BenchConfig

PAPER_GAMES = tuple(sorted(set(PAPER_ACCURACY) - {"overall"}))
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
        return not self.is_reference and self.definition.objective is not None

    @property
    def is_fitted(self) -> bool:
        """Whether its encoder is made from frames, with or without updates after that."""
        return not self.is_reference and self.definition.encoder_class.fit_frames > 0

    @property
    def hold(self) -> bool:
        """Whether slots are probed as the wrappers' ``hold=True`` gives them."""
        return self.method in HELD

    @property
    def definition(self) -> Method:
        """The method without the cell's settings."""
        if self.outside is not None:
            return self.outside
        if self.is_reference:  # one that names it
            return Method(
                name=self.method, title=REFERENCES[self.method].title, encoder=self.method
            )
        plain = find_method(HELD.get(self.method, self.method))
        if self.hold:
            return replace(plain, name=self.method, title=f"{plain.title}, held")
        return plain

    @property
    def resolved(self) -> Method:
        """The method with its settings."""
        if self.is_reference:
            return self.definition
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

    def folder_name(self, config: BenchConfig) -> str:
        """Return a folder name with everything in it that makes another training.

        The number of updates is not: more of them extend a training where it lies.
        """
        parts = [self.argument.replace(":", "-")]
        if self.is_trained and config.batch_size != TrainingFlags.batch_size:
            parts.append(f"b{config.batch_size}")
        if self.is_trained and config.run_length != TrainingFlags.run_length:
            parts.append(f"r{config.run_length}")
        name = "-".join([*parts, f"s{self.seed}"])
        plain = re.sub(r"[^\w=.,+-]", "_", name)
        if plain == name:
            return name
        return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def cells_of(config: BenchConfig) -> list[Cell]:
    """Return all cells, game by game in the order given.

    A reference has no training seed: it is one cell a game, under the first seed.

    Raises:
        ValueError: If a game, a method or a setting is unknown.
    """
    games = dict.fromkeys(_game(name) for name in config.games or PAPER_GAMES)
    methods = dict.fromkeys(_method(given) for given in config.methods)
    cells = []
    for game in games:
        for method in methods:
            seeds = config.seeds[:1] if method.is_reference else dict.fromkeys(config.seeds)
            cells += [replace(method, game=game, seed=seed) for seed in seeds]
    return cells


def _game(name: str) -> str:
    return find_game(name, labelled_games("scn"), what="labels to probe")


def _method(method: str | Method) -> Cell:
    """Parse ``name`` or ``name:SETTING=VALUE,...``, or a method, into a cell without a game."""
    if isinstance(method, Method):
        if method.name in HELD | REFERENCES:
            raise ValueError(f"there is another {method.name!r}: give your method another name")
        return Cell("", find_method(method).name, outside=method)
    text = method
    name, _, given = text.partition(":")
    settings = tuple(sorted(_BETWEEN_SETTINGS.split(given))) if given else ()
    if name in REFERENCES:
        if settings:
            raise ValueError(f"{name!r} is a reference and has no settings, got {text!r}")
        return Cell("", name)
    if name not in METHODS | HELD:
        raise ValueError(
            f"no method named {name!r}; there are {', '.join(METHODS | HELD)}, and the references "
            f"{', '.join(REFERENCES)}"
        )
    cell = Cell("", name, settings)
    known = cell.definition.takes()
    for setting in settings:
        key = setting.partition("=")[0]
        if "=" in setting and key not in known:
            takes = f"its settings are {', '.join(known)}" if known else "it has none"
            raise ValueError(f"method {name!r} has no setting {key!r} ({text!r}): {takes}")
    _ = cell.resolved  # refuses what is no NAME=VALUE
    return cell
