"""Features of a set of slots: one network for all slots, attention between them, pooling."""

import torch
from torch import Tensor, nn

from slotenv.checks import switch


class SelfAttentionPooling(nn.Module):
    """Turns K slots into features, treating them as a set rather than as one vector.

    Each slot goes through a shared two-layer network, one layer of pre-norm self-attention
    (https://arxiv.org/abs/2002.04745) lets slots see each other, and the mean and the maximum over
    slots become the features. Compared with flattened slots, what is learned about one slot holds
    for all, and the size of the policy does not grow with K.

    Args:
        num_slots: K.
        slot_dim: D, the numbers of a slot, those of stacked frames counted together.
        features_dim: Number of features.
        width: Numbers per slot inside; a multiple of ``heads``.
        heads: Attention heads.
        identity: Whether each slot has a learned vector of its own, which tells the slots apart.
            slotenv's encoders keep their slots in order, so a slot's number means something.
            Without it, features do not depend on the order of slots.

    Raises:
        ValueError: If a size is not positive, or ``width`` is no multiple of ``heads``.

    Example:
        >>> SelfAttentionPooling(5, 4)(torch.zeros(2, 5, 4)).shape
        torch.Size([2, 128])
    """

    def __init__(
        self,
        num_slots: int,
        slot_dim: int,
        *,
        features_dim: int = 128,
        width: int = 64,
        heads: int = 4,
        identity: bool = True,
    ) -> None:
        if min(features_dim, width, heads) < 1 or width % heads:
            raise ValueError(
                "attention needs positive sizes and a width that heads divide, got "
                f"features_dim={features_dim}, width={width}, heads={heads}"
            )
        super().__init__()
        self.features_dim = features_dim
        self.lift = nn.Linear(slot_dim, width)
        # Inside the shared network: there it lets one network treat slots differently.
        own = switch("identity", identity)
        self.slot_identity = nn.Parameter(0.1 * torch.randn(num_slots, width)) if own else None
        self.slot_network = nn.Sequential(nn.ReLU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * width, features_dim), nn.ReLU())

    def forward(self, slots: Tensor) -> Tensor:
        """Turn slots (B, K, D), or those of n frames (B, n, K, D / n), into (B, features_dim)."""
        if slots.dim() == 4:  # a slot's numbers side by side, as VecFrameStack puts them
            slots = slots.movedim(1, 2).flatten(2)
        lifted = self.lift(slots)  # (B, K, width)
        if self.slot_identity is not None:
            lifted = lifted + self.slot_identity
        tokens = self.slot_network(lifted)
        normed = self.norm(tokens)
        attended, _ = self.attention(normed, normed, normed, need_weights=False)
        tokens = tokens + attended
        pooled = torch.cat([tokens.mean(dim=1), tokens.amax(dim=1)], dim=-1)  # (B, 2 * width)
        features: Tensor = self.head(pooled)
        return features
