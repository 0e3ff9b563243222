"""The README of an encoder folder, as the hub shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slotenv import markdown

if TYPE_CHECKING:
    from slotenv.encoders import SlotEncoder


def model_card(encoder: SlotEncoder) -> str:
    """Return the README of an encoder folder, from what the encoder knows of itself."""
    frames, made = encoder.preprocess, encoder.provenance
    title = made.get("title", "a slot encoder")
    lines = [
        "---",
        "library_name: slotenv",
        "license: mit",
        "tags: [reinforcement-learning, object-centric, slots]",
        "---",
        "",
        f"# {encoder.num_slots} object slots of {encoder.slot_dim} numbers",
        "",
        f"{title}, architecture `{encoder.architecture}`, for frames of {frames.height} x "
        f"{frames.width} (preset `{frames.name}`).",
        "",
        "```python",
        "import slotenv",
        "",
        'encoder = slotenv.SlotEncoder.from_pretrained("this/folder")',
        f'env = slotenv.make_env("{made.get("env_id", "ALE/Pong-v5")}", encoder.preprocess)',
        "env = slotenv.ObjectSlotObservation(env, encoder)",
        "```",
        "",
    ]
    if made:
        lines += [*markdown.table(["made by", ""], made.items(), words=2), ""]
    return "\n".join(lines)
