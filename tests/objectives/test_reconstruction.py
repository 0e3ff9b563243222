import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fake_envs import SPRITES, random_frames

from pretrain.config import TrainConfig
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from pretrain.runtime.metrics_log import read_metrics
from pretrain.training.loop import train
from slotenv.encoders import SlotEncoder, SlotOutput
from slotenv.frames import plain
from slotenv.objectives import DataFacts, SlotReconstruction, Transition

PAPER = {"add_mean_frame": False, "standardise": False}
NUMBERS = 12 * 8 * 3  # in a target of the frames below
HEIGHT, WIDTH = 26, 19  # neither a multiple of 8: 3 x 2 places, a target of 12 x 8 pixels


def small(num_slots: int, **settings: bool) -> SlotReconstruction:
    return SlotReconstruction(
        num_slots=num_slots,
        slot_dim=5,
        height=HEIGHT,
        width=WIDTH,
        hidden=7,
        frequencies=2,
        **settings,
    )


@pytest.fixture
def objective() -> SlotReconstruction:
    torch.manual_seed(0)
    return small(3, **PAPER)


def transition(slots: torch.Tensor, frames: np.ndarray | None) -> Transition:
    output = SlotOutput(slots)
    images = None if frames is None else torch.from_numpy(frames)
    actions = torch.zeros(len(slots), dtype=torch.long)
    return Transition(output, SlotOutput(torch.full_like(slots, math.nan)), actions, None, images)


def slow_target(frame: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Average the pixels that each pixel of the target touches, (rows, columns, 3)."""
    height, width, _ = frame.shape
    target = np.zeros((rows, columns, 3))
    for r in range(rows):
        for c in range(columns):
            top, bottom = r * height // rows, -(-(r + 1) * height // rows)
            left, right = c * width // columns, -(-(c + 1) * width // columns)
            target[r, c] = frame[top:bottom, left:right].mean((0, 1)) / 255
    return target


def as_images(blocks: torch.Tensor, places: tuple[int, int]) -> torch.Tensor:
    """Put blocks (B, places, 3, 16) together to images (B, 3, height, width)."""
    flat = blocks.flatten(2).transpose(1, 2)  # (B, 48, places)
    return F.pixel_shuffle(flat.reshape(*flat.shape[:2], *places), 4)


def slow_image(objective: SlotReconstruction, slots: torch.Tensor) -> torch.Tensor:
    """Paint one frame pixel by pixel: (12, 8, 3)."""
    _, first, _, last = objective.mlp
    image = torch.zeros(12, 8, 3)
    for r in range(12):
        for c in range(8):
            y, x = (r // 4 + 0.5) / 3, (c // 4 + 0.5) / 2
            position = [y, x, 1 - y, 1 - x]
            for octave in (1, 2):
                position += [math.sin(math.pi * octave * v) for v in (y, x)]
                position += [math.cos(math.pi * octave * v) for v in (y, x)]
            weight = torch.cat([objective.from_slot.weight, objective.from_position.weight], 1)
            paints, logits = [], []
            for slot in slots:
                both = torch.cat([slot, torch.tensor(position)])  # side by side, as in the paper
                hidden = (weight @ both + objective.from_slot.bias).clamp(min=0)
                hidden = (first.weight @ hidden + first.bias).clamp(min=0)
                block = (last.weight @ hidden + last.bias).view(4, 4, 4)[:, r % 4, c % 4]
                paints.append(block[:3])
                logits.append(block[3].exp())
            for paint, logit in zip(paints, logits, strict=True):
                image[r, c] += logit / sum(logits) * paint
    return image


@torch.no_grad()
@pytest.mark.parametrize("num_slots", [1, 3])
def test_loss_and_image_match_loops_over_pixels(
    objective: SlotReconstruction, num_slots: int
) -> None:
    slots, frames = torch.randn(2, num_slots, 5), random_frames(2, HEIGHT, WIDTH)
    images = torch.stack([slow_image(objective, s) for s in slots])
    targets = np.stack([slow_target(f, 12, 8) for f in frames])
    painted = as_images(objective.paint(slots)[0], objective.places).permute(0, 2, 3, 1)
    torch.testing.assert_close(painted, images)
    target = as_images(objective.target(torch.from_numpy(frames)), objective.places).permute(
        0, 2, 3, 1
    )
    np.testing.assert_allclose(target, targets, atol=1e-6)
    error = float(((images.numpy() - targets) ** 2).mean())
    output = objective(transition(slots, frames))
    assert output.loss.item() == pytest.approx(NUMBERS * error, rel=1e-5)
    explained = 1 - error / ((targets - targets.mean(0)) ** 2).mean()
    assert output.metrics["explained"].item() == pytest.approx(explained, rel=1e-4)


def test_the_mean_frame_is_added_to_every_slots_paint(objective: SlotReconstruction) -> None:
    objective.add_mean_frame = True
    slots, frames = torch.randn(5, 3, 5), random_frames(5, HEIGHT, WIDTH)
    target = objective.target(torch.from_numpy(frames))
    each = torch.stack([objective.paint(slots[:, k : k + 1])[0] for k in range(3)], 1)
    _, masks = objective.paint(slots)
    mixed = (masks * (each + target.mean(0))).sum(1)
    output = objective(transition(slots, frames))
    torch.testing.assert_close(output.loss, NUMBERS * F.mse_loss(mixed, target))
    paint_one_colour(objective, (0.0, 0.0, 0.0))
    silent = objective(transition(slots, frames))
    variance = (target - target.mean(0)).square().mean()
    torch.testing.assert_close(silent.loss, NUMBERS * variance)
    assert silent.metrics["explained"].item() == pytest.approx(0, abs=1e-6)


def test_masks_are_shared_out_among_slots(objective: SlotReconstruction) -> None:
    _, masks = objective.paint(torch.randn(2, 3, 5))
    assert masks.shape == (2, 3, 6, 1, 16)
    torch.testing.assert_close(masks.sum(1), torch.ones(2, 6, 1, 16))


def test_many_frames_are_scored_as_one_batch(objective: SlotReconstruction) -> None:
    slots, frames = torch.randn(70, 2, 5), random_frames(70, HEIGHT, WIDTH)
    target = objective.target(torch.from_numpy(frames))
    error = F.mse_loss(objective.paint(slots)[0], target)
    output = objective(transition(slots, frames))
    torch.testing.assert_close(output.loss, NUMBERS * error)
    variance = (target - target.mean(0)).square().mean()
    assert output.metrics["explained"].item() == pytest.approx(
        1 - error.item() / variance.item(), rel=1e-3
    )


def test_atari_frames_are_halved() -> None:
    objective = SlotReconstruction(num_slots=2, slot_dim=4, height=210, width=160)
    frames = torch.from_numpy(random_frames(1, 210, 160))
    images = as_images(objective.target(frames), objective.places)
    expected = F.interpolate(frames.permute(0, 3, 1, 2).float() / 255, size=(104, 80), mode="area")
    torch.testing.assert_close(images, expected)


def paint_one_colour(objective: SlotReconstruction, colour: tuple[float, float, float]) -> None:
    """Set the decoder by hand to paint the same colour everywhere, whatever the slots."""
    last = objective.mlp[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([*colour, 0.0]).repeat_interleave(16))


def test_one_colour_is_painted_exactly_by_hand_set_weights(objective: SlotReconstruction) -> None:
    frames = np.full((3, HEIGHT, WIDTH, 3), (51, 102, 255), np.uint8)
    paint_one_colour(objective, (0.2, 0.4, 1.0))
    assert objective(transition(torch.randn(3, 2, 5), frames)).loss.item() < 1e-10


def test_black_paint_leaves_the_mean_square_of_the_frame(objective: SlotReconstruction) -> None:
    frames = np.full((3, HEIGHT, WIDTH, 3), (51, 102, 255), np.uint8)
    paint_one_colour(objective, (0.0, 0.0, 0.0))
    loss = objective(transition(torch.randn(3, 2, 5), frames)).loss.item()
    assert loss == pytest.approx(NUMBERS * (0.04 + 0.16 + 1) / 3)


def test_the_mean_frame_explains_nothing(objective: SlotReconstruction) -> None:
    frames = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)
    frames[1] = 255
    paint_one_colour(objective, (0.5, 0.5, 0.5))
    output = objective(transition(torch.randn(2, 2, 5), frames))
    assert output.loss.item() == pytest.approx(NUMBERS * 0.25)
    assert output.metrics["explained"].item() == pytest.approx(0, abs=1e-6)


@torch.no_grad()
def test_standardised_slots_match_loops_and_forget_size_and_place() -> None:
    torch.manual_seed(0)
    objective = small(2, add_mean_frame=False)
    slots, frames = torch.randn(6, 2, 5), random_frames(6, HEIGHT, WIDTH)
    expected = torch.empty_like(slots)
    for k in range(2):
        for d in range(5):
            values = slots[:, k, d]
            spread = (values - values.mean()).square().mean().sqrt()
            expected[:, k, d] = (values - values.mean()) / spread + objective.codes[k, d]
    paper = small(2, **PAPER)
    paper.load_state_dict({n: t for n, t in objective.state_dict().items() if n != "codes"})
    loss = objective(transition(slots, frames)).loss
    torch.testing.assert_close(loss, paper(transition(expected, frames)).loss)
    torch.testing.assert_close(
        objective(transition(7 + 0.01 * slots, frames)).loss, loss, rtol=1e-3, atol=0
    )


def test_slots_that_never_change_stay_finite() -> None:
    slots = torch.ones(4, 2, 5, requires_grad=True)
    loss = small(2)(transition(slots, random_frames(4, HEIGHT, WIDTH))).loss
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(slots.grad).all()


def test_order_of_slots_does_not_matter(objective: SlotReconstruction) -> None:
    slots, frames = torch.randn(2, 3, 5), random_frames(2, HEIGHT, WIDTH)
    shuffled = objective(transition(slots[:, [2, 0, 1]], frames)).loss
    torch.testing.assert_close(shuffled, objective(transition(slots, frames)).loss)


@pytest.mark.parametrize("settings", [PAPER, {}])
def test_gradients_reach_decoder_and_slots_and_metrics_are_detached(
    settings: dict[str, bool],
) -> None:
    torch.manual_seed(0)
    objective, slots = small(3, **settings), torch.randn(4, 3, 5, requires_grad=True)
    output = objective(transition(slots, random_frames(4, HEIGHT, WIDTH)))
    output.loss.backward()
    for tensor in (slots, *objective.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.any()
    assert slots.grad is not None
    assert slots.grad.flatten(2).abs().sum(-1).all()
    assert not any(value.requires_grad for value in output.metrics.values())
    assert output.metrics["loss"] == output.loss


def test_for_data_takes_the_size_of_the_encoders_frames(tiny_encoder: SlotEncoder) -> None:
    facts = DataFacts("x", None, np.zeros((9, 0), np.uint8))
    objective = SlotReconstruction.for_data(tiny_encoder, facts, hidden=3)
    assert objective.places == (10, 10)
    assert objective.from_slot.weight.shape == (3, 4)
    assert objective.codes.shape == (3, 4)
    assert SlotReconstruction.reads == {"frames"}


def test_missing_frames_and_wrong_numbers_are_named(objective: SlotReconstruction) -> None:
    with pytest.raises(ValueError, match=r"needs Transition\.frames_t"):
        objective(transition(torch.randn(2, 2, 5), None))
    with pytest.raises(
        ValueError, match="height of frames to reconstruct must be at least 8, got 7"
    ):
        SlotReconstruction(num_slots=2, slot_dim=4, height=7, width=9)
    with pytest.raises(
        ValueError, match="width of frames to reconstruct must be at least 8, got 7"
    ):
        SlotReconstruction(num_slots=2, slot_dim=4, height=9, width=7)
    for settings in ({"hidden": 0}, {"frequencies": -1}, {"hidden": 10**9}, {"frequencies": 17}):
        with pytest.raises(ValueError, match=rf"{next(iter(settings))} must lie in .*, got"):
            SlotReconstruction(num_slots=2, slot_dim=4, height=84, width=84, **settings)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    folder = tmp_path_factory.mktemp("data")
    description = DataDescription(
        env_id=f"fake_envs:{SPRITES}", preset=plain(84, 84).to_dict(), seed=0, num_steps=2000
    )
    collect(folder, description, workers=1)
    return FrameStore(folder)


def validation_rows(
    store: FrameStore, folder: Path, method: str, **settings: float
) -> list[dict[str, float]]:
    config = TrainConfig(
        method=method, updates=150, slot_dim=16, validate_every=50, threads=1, **settings
    )
    train(store, config, folder, num_slots=3)
    return [row for row in read_metrics(folder) if row["split"] == "validation"]


def test_reconstruction_learns_more_than_the_background(store: FrameStore, tmp_path: Path) -> None:
    rows = validation_rows(store, tmp_path, "slot_attention", batch_size=32, learning_rate=2e-3)
    assert rows[0]["loss"] > rows[1]["loss"] > rows[2]["loss"]
    assert rows[-1]["explained"] > 0.03


def test_slots_that_compete_tell_moments_apart_over_time(store: FrameStore, tmp_path: Path) -> None:
    rows = validation_rows(
        store, tmp_path, "slot_attention_contrast", batch_size=16, learning_rate=1e-3
    )
    assert "diversity" not in rows[-1]
    assert rows[-1]["loss"] < 0.8 * math.log(16)
