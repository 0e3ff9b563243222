"""A film of play: what each slot looks at, drawn on the frame, and its numbers beside it."""

from __future__ import annotations

import importlib.util
import io
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecFrameStack,
    VecNormalize,
    VecTransposeImage,
)

from pretrain.config import WatchConfig
from pretrain.progress import Progress
from pretrain.report.attention import Occlusion
from pretrain.report.scenes import sample_rows
from slotenv.atomic import write_atomic
from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env
from slotenv.wrapper import ObjectSlotObservation

_ALGORITHMS: dict[str, Any] = {"ppo": PPO, "a2c": A2C, "dqn": DQN}
_SAMPLE = 100  # frames of random play, and as many of the film, that background and spread are from
_SAMPLE_EVERY = 4  # steps between two of them
_SMOOTH = 0.5  # share of the newest change in the shown motion
_SHARPNESS = 4  # power of the effects in the centroid: what matters little must not pull it away
_FAINTEST = 0.15  # strength below which a slot looks at nothing in particular

_FRAME_HEIGHT, _PANEL, _NAME, _GAP, _HEAD, _LEGEND = 420, 340, 84, 14, 30, 100  # pixels
_LEAST_ROW, _MOST_ROW, _LEAST_ARROW, _MOST_ARROW = 32, 90, 14, 70
_ARROW_STEPS = 3
_DIM = 0.7  # brightness of the game's frame
_PAPER, _INK, _FAINT = (16, 18, 24), (236, 238, 242), (160, 166, 176)
_SHADES = 14  # of each colour
# Okabe and Ito's colours, told apart by colour-blind eyes; grey for their blue, dim on dark.
_COLOURS = (
    (86, 180, 233),
    (240, 228, 66),
    (204, 121, 167),
    (0, 158, 115),
    (230, 159, 0),
    (213, 94, 0),
    (187, 187, 187),
)


@dataclass(frozen=True, kw_only=True)
class Film:
    """What was played.

    Attributes:
        frames: (n, H, W, 3) uint8.
        starts: (n,) whether a frame is the first of an episode.
        scores: (n,) sum of the rewards of the episode so far, as the environment gave them.
    """

    frames: NDArray[np.uint8]
    starts: NDArray[np.bool_]
    scores: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """What each slot looks at in each frame.

    Attributes:
        places: (n, K, 2) row and column in pixels, the centroid of its attention; NaN where it
            looks at nothing.
        strengths: (n, K) in 0..1, against what is usual for the slot's strongest frames.
        motions: (n, K, 2) change of the place per step, smoothed; 0 at the start of an episode.
    """

    places: NDArray[np.float64]
    strengths: NDArray[np.float64]
    motions: NDArray[np.float64]


def watch(config: WatchConfig) -> Path:
    """Play, look and write the film.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: If there is no such encoder or agent.
        ValueError: If the environment is not known or does not fit, the agent does not fit, or
            .mp4 cannot be written here.
    """
    as_gif = config.out.suffix.lower() == ".gif"
    if not as_gif and any(
        importlib.util.find_spec(m) is None for m in ("imageio", "imageio_ffmpeg")
    ):
        raise ValueError("an .mp4 needs: pip install imageio imageio-ffmpeg (a .gif needs nothing)")
    encoder = SlotEncoder.from_pretrained(config.encoder)
    env_id = config.env or encoder.provenance.get("env_id")
    if env_id is None:
        raise ValueError(f"{config.encoder} does not say what it was pretrained on: give --env")
    film = play(config, env_id, encoder)
    sample = np.concatenate(
        [
            _random_frames(env_id, encoder, config.seed + 1),
            film.frames[sample_rows(len(film.frames), _SAMPLE)],
        ]
    )
    occlusion = Occlusion.fit(encoder.encode, sample)
    with Progress("watch", total=len(film.frames), unit="frames") as progress:
        effects = []
        for frame in film.frames:
            effects.append(occlusion(frame))
            progress.advance(1)
    tracks = follow(np.stack(effects), film.starts, occlusion.block)
    player = f"{config.algo} agent" if config.agent else "random play"
    pages = Pages(
        title=f"{env_id}, {player}",
        film=film,
        effects=np.stack(effects),
        block=occlusion.block,
        tracks=tracks,
        shades=_shades(encoder, film.frames, sample),
        constant=occlusion.spread == 0,
    )
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(config.out, gif(pages, config.fps) if as_gif else mp4(pages, config.fps))
    return config.out


def play(config: WatchConfig, env_id: str, encoder: SlotEncoder) -> Film:
    """Play, and keep the frames; an episode that ends is followed by the next."""
    set_random_seed(config.seed)  # actions that an agent draws
    env = _Keeper(make_env(env_id, encoder.preprocess))
    model = _load(config)
    venv = DummyVecEnv([lambda: env]) if model is None else agent_env(env, encoder, model, config)
    venv.seed(config.seed)
    venv.action_space.seed(config.seed)
    observations: Any = venv.reset()
    frames, starts, scores = [env.frame], [True], [0.0]
    for _ in range(config.steps - 1):
        if model is None:
            actions = np.array([venv.action_space.sample()])
        else:
            actions, _ = model.predict(observations, deterministic=config.deterministic)
        observations, rewards, dones, _ = venv.step(actions)
        frames.append(env.frame)
        starts.append(bool(dones[0]))
        scores.append(0.0 if dones[0] else scores[-1] + float(rewards[0]))
    venv.close()
    return Film(frames=np.stack(frames), starts=np.array(starts), scores=np.array(scores))


def agent_env(
    env: gym.Env[Any, Any], encoder: SlotEncoder, model: Any, config: WatchConfig
) -> VecEnv:
    """Give an environment the observations that an agent was trained on.

    Raises:
        ValueError: If it was trained on something else than slots of this encoder or its frames.
    """
    wanted = model.observation_space
    layouts = itertools.product((False, True), repeat=3)
    offered: list[gym.Env[Any, Any]] = [env]
    offered += [
        ObjectSlotObservation(env, encoder, flatten=f, motion=m, keep_pixels=p)
        for f, m, p in layouts
    ]
    for candidate in offered:
        if not _same_space(_vec_env(candidate, config.frame_stack).observation_space, wanted):
            continue
        venv = _vec_env(candidate, config.frame_stack, config.normalize)
        if venv.action_space != model.action_space:
            raise ValueError(
                f"{config.agent} was trained on actions {model.action_space}, this environment "
                f"has {venv.action_space}: give the --env that it was trained on"
            )
        return venv
    raise ValueError(
        f"{config.agent} was trained on observations {wanted}, and this encoder gives slots "
        f"({encoder.num_slots}, {encoder.slot_dim}) of frames {encoder.preprocess.shape}: give the "
        "encoder that it was trained with, and --frame-stack if observations were stacked"
    )


def _vec_env(env: gym.Env[Any, Any], frame_stack: int, normalize: Path | None = None) -> VecEnv:
    venv: VecEnv = DummyVecEnv([lambda: env])
    if normalize is not None:
        try:
            venv = VecNormalize.load(str(normalize), venv)
        except (ValueError, AssertionError) as error:
            raise ValueError(f"{normalize} is of other observations: {error}") from error
        venv.training = venv.norm_reward = False
    return VecFrameStack(venv, frame_stack) if frame_stack > 1 else venv


def follow(
    effects: NDArray[np.float64], starts: NDArray[np.bool_], block: tuple[int, int]
) -> Tracks:
    """Turn attention into places, strengths and motions.

    Args:
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        starts: (n,) whether a frame is the first of an episode.
        block: Height and width of a block in pixels.
    """
    _, _, height, width = effects.shape
    weights = effects**_SHARPNESS
    total = weights.sum(axis=(2, 3))
    rows = (np.arange(height) + 0.5) * block[0]
    cols = (np.arange(width) + 0.5) * block[1]
    with np.errstate(invalid="ignore"):
        places = np.stack(
            [
                (weights.sum(axis=3) * rows).sum(axis=2) / total,
                (weights.sum(axis=2) * cols).sum(axis=2) / total,
            ],
            axis=-1,
        )
    peaks = effects.max(axis=(2, 3))  # (n, K)
    usual = np.percentile(peaks, 95, axis=0)
    strengths = np.zeros_like(peaks)
    np.divide(peaks, usual, out=strengths, where=usual > 0)
    motions = np.zeros_like(places)
    for t in range(1, len(places)):
        if not starts[t]:
            change = np.nan_to_num(places[t] - places[t - 1])
            motions[t] = (1 - _SMOOTH) * motions[t - 1] + _SMOOTH * change
    return Tracks(places=places, strengths=strengths.clip(0, 1), motions=motions)


class _Keeper(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps the last frame where the film can find it."""

    frame: NDArray[np.uint8]

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        self.frame, info = self.env.reset(**kwargs)
        return self.frame, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.frame, reward, terminated, truncated, info = self.env.step(action)
        return self.frame, reward, terminated, truncated, info


def _load(config: WatchConfig) -> Any:
    if config.agent is None:
        return None
    if not config.agent.is_file():
        raise FileNotFoundError(f"no agent {config.agent}: give the .zip that model.save wrote")
    try:
        return _ALGORITHMS[config.algo].load(config.agent, device="cpu")
    except ImportError as error:
        raise ValueError(f"{config.agent} needs a package: pip install {error.name}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{config.agent} is no {config.algo} agent that can be loaded here ({error}): give its "
            "--algo"
        ) from error


def _same_space(offered: gym.Space[Any], wanted: gym.Space[Any]) -> bool:
    """Whether two spaces hold the same arrays; images may be channels first in ``wanted``."""
    if isinstance(offered, Dict) and isinstance(wanted, Dict):
        return offered.keys() == wanted.keys() and all(
            _same_space(space, wanted[key]) for key, space in offered.items()
        )
    if not isinstance(offered, Box) or not isinstance(wanted, Box) or offered.dtype != wanted.dtype:
        return False
    image = offered.dtype == np.uint8 and len(offered.shape) == 3
    return wanted.shape == offered.shape or (
        image and wanted.shape == VecTransposeImage.transpose_space(offered).shape
    )


def _random_frames(env_id: str, encoder: SlotEncoder, seed: int) -> NDArray[np.uint8]:
    """Return frames (n, H, W, 3) of random play."""
    env = make_env(env_id, encoder.preprocess)
    env.action_space.seed(seed)
    frame, _ = env.reset(seed=seed)
    frames = [frame]
    for step in range(_SAMPLE * _SAMPLE_EVERY):
        frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            frame, _ = env.reset()
        if step % _SAMPLE_EVERY == 0:
            frames.append(frame)
    env.close()
    return np.stack(frames)


def _shades(
    encoder: SlotEncoder, frames: NDArray[np.uint8], sample: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return (n, K, D) slots in 0..1: 0.5 is the mean over the sample, the ends two deviations."""
    usual = encoder.encode(sample).astype(np.float64)
    slots = encoder.encode(frames).astype(np.float64)
    spread = usual.std(axis=0)
    shades = np.full_like(slots, 0.5)
    np.divide(slots - usual.mean(axis=0), 4 * spread, out=shades, where=spread > 1e-6)
    shades[:, spread > 1e-6] += 0.5
    return shades.clip(0, 1)


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The film's pictures, one for each frame.

    Attributes:
        title: First line.
        film: What was played.
        effects: (n, K, gh, gw) effect of hiding each block, on each slot.
        block: Height and width of a block in pixels.
        tracks: What each slot looks at.
        shades: (n, K, D) slots in 0..1.
        constant: (K,) slots that never change.
    """

    title: str
    film: Film
    effects: NDArray[np.float64]
    block: tuple[int, int]
    tracks: Tracks
    shades: NDArray[np.float64]
    constant: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.film.frames)

    def __iter__(self) -> Iterator[Image.Image]:
        return (self[t] for t in range(len(self)))

    def __getitem__(self, t: int) -> Image.Image:
        """Draw the picture of frame t."""
        height, width = self.film.frames.shape[1:3]
        zoom = max(1, round(_FRAME_HEIGHT / height)) if height < _FRAME_HEIGHT else 1
        num_slots = len(self.constant)
        lines = max(height * zoom, num_slots * _LEAST_ROW + _LEGEND)
        size = (3 * _GAP + width * zoom + _PANEL, 2 * _GAP + _HEAD + lines)
        page = Image.new("RGB", (size[0] + size[0] % 2, size[1] + size[1] % 2), _PAPER)  # for .mp4
        dimmed = (self.film.frames[t] * _DIM).astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
        picture = Image.fromarray(dimmed)
        draw = ImageDraw.Draw(picture)
        for k in reversed(range(num_slots)):
            self._draw_boxes(draw, t, k, zoom)
        self._draw_markers(draw, t, zoom)
        page.paste(picture, (_GAP, _GAP + _HEAD))
        draw = ImageDraw.Draw(page)
        draw.text((_GAP, _GAP), self.title, fill=_INK, font=_font(17))
        left = 2 * _GAP + width * zoom
        count = f"step {t + 1} of {len(self)}   score: {self.film.scores[t]:g}"
        draw.text((page.width - _GAP, _GAP + 2), count, fill=_FAINT, font=_font(14), anchor="ra")
        row = min(_MOST_ROW, (lines - _LEGEND) / num_slots)
        for k in range(num_slots):
            self._draw_row(draw, t, k, (left, _GAP + _HEAD + k * row), row)
        _draw_legend(draw, (left, page.height - _GAP - _LEGEND))
        return page

    def _draw_boxes(self, draw: ImageDraw.ImageDraw, t: int, k: int, zoom: int) -> None:
        """Outline the area whose hiding changes a slot at least half as much as any does."""
        effect, strength = self.effects[t, k], self.tracks.strengths[t, k]
        if strength < _FAINTEST:
            return
        inside = np.pad(effect >= effect.max() / 2, 1)
        height, width = (n * zoom for n in self.block)
        inset = 2 * k % max(2, min(height, width) // 2 - 2)  # outlines of equal areas lie nested
        colour = _shade(k, 0.35 + 0.4 * strength)
        for row, col in np.argwhere(inside).tolist():
            up, down, before, after = (
                bool(inside[row + i, col + j]) for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
            )
            top, left = (row - 1) * height + inset * (not up), (col - 1) * width
            left += inset * (not before)
            bottom = row * height - 1 - inset * (not down)
            right = col * width - 1 - inset * (not after)
            for neighbour, box in (
                (up, (left, top, right, top + 1)),
                (down, (left, bottom - 1, right, bottom)),
                (before, (left, top, left + 1, bottom)),
                (after, (right - 1, top, right, bottom)),
            ):
                if not neighbour:
                    draw.rectangle(box, fill=colour)

    def _draw_markers(self, draw: ImageDraw.ImageDraw, t: int, zoom: int) -> None:
        """Draw each slot's disc, with its number, and the arrow of its motion."""
        discs: list[tuple[float, float, float, int]] = []
        height, width = self.film.frames.shape[1:3]
        size = (width * zoom, height * zoom)
        for k, strength in enumerate(self.tracks.strengths[t].tolist()):
            if strength < _FAINTEST:
                continue
            y, x = (self.tracks.places[t, k] * zoom).tolist()
            down, right = (self.tracks.motions[t, k] * zoom * _ARROW_STEPS).tolist()
            _draw_arrow(draw, (x, y), (x + right, y + down), _shade(k, 1.0))
            discs.append((*_free_place((x, y), 6 + 5 * strength, discs, size), k))
        for x, y, radius, k in discs:
            _draw_disc(draw, (x, y), radius, k, str(k))

    def _draw_row(
        self, draw: ImageDraw.ImageDraw, t: int, k: int, corner: tuple[float, float], height: float
    ) -> None:
        """Draw a slot's name, strength and numbers."""
        left, top = corner
        slot_dim, middle = self.shades.shape[2], top + (height - 8) / 2
        _draw_disc(draw, (left + 9, middle), 9, k, str(k))
        draw.text(
            (left + 26, middle), f"slot {k}", fill=_shade(k, 1.0), font=_font(15), anchor="lm"
        )
        left, right = left + _NAME, left + _PANEL
        if self.constant[k]:
            draw.text((left, middle), "never changes", fill=_FAINT, font=_font(14), anchor="lm")
            return
        draw.rectangle((left, top, right - 1, top + 4), fill=_shade(k, 0.12))
        full = left + (right - 1 - left) * float(self.tracks.strengths[t, k])
        draw.rectangle((left, top, full, top + 4), fill=_shade(k, 0.75))
        edges = np.linspace(left, right, slot_dim + 1).round().tolist()
        gap = 1 if slot_dim <= (right - left) // 4 else 0
        for start, end, value in zip(edges, edges[1:], self.shades[t, k].tolist(), strict=False):
            cell = (start, top + 8, max(start, end - 1 - gap), top + height - 9)
            draw.rectangle(cell, fill=_shade(k, value))


def _draw_legend(draw: ImageDraw.ImageDraw, corner: tuple[float, float]) -> None:
    left, top = corner
    draw.line((left, top + 4, left + _PANEL, top + 4), fill=_shade(-1, 0.3))
    rows = [
        "what the slot looks at: hiding it changes the slot",
        "its middle; larger: stronger (also the thin bar)",
        "where the middle is moving",
        "the slot's numbers, from low to high",
    ]
    for i, text in enumerate(rows):
        y = top + 19 + i * 21
        draw.text((left + 42, y), text, fill=_FAINT, font=_font(12), anchor="lm")
        if i == 0:
            draw.rectangle((left + 4, y - 7, left + 24, y + 7), outline=_shade(-1, 0.75), width=2)
        elif i == 1:
            _draw_disc(draw, (left + 14, y), 7, -1, "")
        elif i == 2:
            _draw_arrow(draw, (left + 2, y), (left + 26, y), _shade(-1, 1.0))
        else:
            for step in range(5):
                cell = (left + 5 * step + 2, y - 6, left + 5 * step + 5, y + 6)
                draw.rectangle(cell, fill=_shade(-1, step / 4))


def _draw_disc(
    draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, k: int, text: str
) -> None:
    x, y = middle
    draw.ellipse((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1), fill=_PAPER)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_shade(k, 1.0))
    draw.text((x, y), text, fill=_PAPER, font=_font(12), anchor="mm")


def _free_place(
    middle: tuple[float, float],
    radius: float,
    discs: list[tuple[float, float, float, int]],
    size: tuple[int, int],
) -> tuple[float, float, float]:
    """Return the place and radius of a disc: beside those that are there, so all can be read."""
    for ring in range(0, max(size), 3):
        for angle in np.linspace(0, 2 * math.pi, max(1, ring), endpoint=False).tolist():
            x, y = middle[0] + ring * math.cos(angle), middle[1] + ring * math.sin(angle)
            inside = 0 <= x < size[0] and 0 <= y < size[1]
            if inside and all(math.hypot(x - a, y - b) > radius + r - 2 for a, b, r, _ in discs):
                return x, y, radius
    return *middle, radius  # no room at all


def _draw_arrow(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    """Draw an arrow with a dark rim, not too long, and none that its disc would hide."""
    (x, y), (right, down) = start, (end[0] - start[0], end[1] - start[1])
    length = math.hypot(right, down)
    if length < _LEAST_ARROW:
        return
    ux, uy = right / length, down / length
    end = (x + ux * min(length, _MOST_ARROW), y + uy * min(length, _MOST_ARROW))
    tip = (end[0] + 7 * ux, end[1] + 7 * uy)
    head = [tip, (end[0] - 6 * uy, end[1] + 6 * ux), (end[0] + 6 * uy, end[1] - 6 * ux)]
    draw.line((x, y, *end), fill=_PAPER, width=5)
    draw.line((x, y, *end), fill=colour, width=3)
    draw.polygon(head, fill=colour, outline=_PAPER)


def _shade(k: int, value: float) -> tuple[int, int, int]:
    """Return one of the shades of a slot's colour: 0 is close to the paper, 1 the colour itself."""
    colour = np.array(_INK if k < 0 else _COLOURS[k % len(_COLOURS)])
    share = 0.1 + 0.9 * round(value * (_SHADES - 1)) / (_SHADES - 1)
    red, green, blue = (np.array(_PAPER) * (1 - share) + colour * share).round().astype(int)
    return int(red), int(green), int(blue)


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size=size)


def gif(pages: Pages, fps: int) -> bytes:
    """Write pages as a GIF with one palette, in which the slots' colours are exact."""
    own = [_PAPER, _INK, _FAINT]
    own += [
        _shade(k, i / (_SHADES - 1))
        for k in range(-1, min(len(pages.constant), len(_COLOURS)))
        for i in range(_SHADES)
    ]
    shown = pages.film.frames[sample_rows(len(pages), 8)] * _DIM  # the rest is the game's
    strip = Image.fromarray(np.concatenate(list(shown)).astype(np.uint8))
    rest = strip.quantize(256 - len(own), method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*itertools.chain(*own), *rest])
    indexed = (page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages)
    buffer = io.BytesIO()
    next(indexed).save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=indexed,
        duration=round(100 / fps) * 10,  # in the format's hundredths of a second
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def mp4(pages: Pages, fps: int) -> bytes:
    """Write pages as an MP4."""
    from imageio import v3

    pictures = np.stack([np.asarray(page) for page in pages])
    content: bytes = v3.imwrite(
        "<bytes>", pictures, extension=".mp4", plugin="FFMPEG", fps=fps, macro_block_size=2
    )
    return content
