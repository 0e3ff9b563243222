"""The verb ``watch``: a film of what slots see."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from pretrain.config import Amount, Flags, Seed


@dataclass(frozen=True, kw_only=True)
class WatchConfig(Flags):
    """Film random play or an agent, with what each slot sees marked on the frame."""

    encoder: str
    """A ready-made encoder (pong), an encoder folder, a run folder or a hub id."""
    out: Path
    """The film: a name that ends in .gif, or in .mp4 (smaller)."""
    env: str | None = None
    """Environment, played on the encoder's own frames. Default: the one it was pretrained on."""
    agent: Path | None = None
    """Agent saved by Stable-Baselines3 (a .zip, which holds pickles: only from people you trust),
    on slots of this encoder or on its frames. Default: random play."""
    algo: Literal["ppo", "a2c", "dqn"] = "ppo"
    """Algorithm of the agent."""
    frame_stack: Amount = 1
    """Observations that the agent was given at once (VecFrameStack)."""
    normalize: Path | None = None
    """Statistics that VecNormalize saved with the agent (a pickle, too), if it was trained so."""
    hold: bool = False
    """Whether the agent was trained on held slots: hidden objects where they were last seen."""
    deterministic: bool = False
    """Let the agent take its most likely action in place of drawing one."""
    steps: Amount = 200
    """Steps to film."""
    fps: Amount = 8
    """Steps shown per second; an Atari game runs at 15."""
    seed: Seed = 0
    """Decides the play."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out.suffix.lower() not in (".gif", ".mp4"):
            raise ValueError(f"out must end in .gif or .mp4, got {self.out}")

    def __call__(self, command: list[str]) -> None:
        """Film, and print where the film lies."""
        from pretrain.watch import watch
        from pretrain.watch.film import Play

        asked = Play(**{each.name: getattr(self, each.name) for each in fields(Play)})
        film = watch(self.encoder, self.out, env=self.env, asked=asked, fps=self.fps)
        print(f"film: {film}")
