"""C-SWM: slots that a graph network can predict from the last slots and the action."""

import operator
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slotenv import checks
from slotenv.encoders.base import SlotEncoder
from slotenv.objectives.base import DataFacts, Objective, ObjectiveOutput, Transition

_LARGEST = 4096  # numbers in a layer, eight times the paper's; actions of Atari are 18


class TransitionModel(nn.Module):
    """A graph network over K slots: how each moves, given all of them and the action.

    ``e_ij = edge([s_i, s_j])`` for all ordered pairs i != j, then
    ``delta_i = node([s_i, a, sum_j e_ij])``. Both MLPs are Linear, ReLU, Linear, LayerNorm, ReLU,
    Linear, of width ``hidden_dim``; a is the one-hot action, which every slot is given. With one
    slot there are no edges, and only the node MLP is made.

    Edges are most of the work. The edge MLP's first layer, ``A s_i + B s_j``, is applied to slots
    instead of pairs, and its last one to the sum over j: the same up to rounding.

    Source: https://arxiv.org/abs/1911.12247, section "Transition model"; the layers are those of
    the authors' code.
    """

    def __init__(self, *, slot_dim: int, num_slots: int, num_actions: int, hidden_dim: int) -> None:
        super().__init__()
        self._num_slots, self._num_actions = num_slots, num_actions
        inputs = slot_dim + num_actions
        if num_slots > 1:
            inputs += hidden_dim
            self.edge_in = nn.Linear(2 * slot_dim, hidden_dim)
            self.edge_hidden = nn.Sequential(
                nn.ReLU(inplace=True),
                nn.Linear(hidden_dim, hidden_dim),
                nn.LayerNorm(hidden_dim),
                nn.ReLU(inplace=True),
            )
            self.edge_out = nn.Linear(hidden_dim, hidden_dim)
        self.node = nn.Sequential(
            nn.Linear(inputs, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LayerNorm(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, slot_dim),
        )

    def forward(self, slots: Tensor, actions: Tensor) -> Tensor:
        """Predict the next slots minus these, (B, K, D), after whole numbers (B,) as actions."""
        one_hot = F.one_hot(actions.long(), self._num_actions).to(slots)
        inputs = [slots, one_hot.unsqueeze(1).expand(-1, self._num_slots, -1)]
        if self._num_slots > 1:
            inputs.append(self._summed_edges(slots))
        change: Tensor = self.node(torch.cat(inputs, -1))
        return change

    def _summed_edges(self, slots: Tensor) -> Tensor:
        """Return the sum over j != i of the edges (i, j), (B, K, hidden)."""
        own, other = self.edge_in.weight.chunk(2, 1)
        own_part = F.linear(slots, own, self.edge_in.bias)
        other_part = F.linear(slots, other)
        # Rolled copies pair every slot with every other one. The gradient of an index would be a
        # scattered sum: slow on a CPU, not deterministic on a GPU. All shifts at once would need
        # the memory of all edges.
        hidden = torch.zeros_like(own_part)
        for shift in range(1, self._num_slots):
            hidden = hidden + self.edge_hidden(own_part + other_part.roll(shift, 1))
        edges = self._num_slots - 1
        return F.linear(hidden, self.edge_out.weight) + edges * self.edge_out.bias


class StructuredWorldModel(Objective):
    """C-SWM: predicted slots close to the next ones, other moments' slots at a distance.

    With ``d(x, y)`` the squared distance over ``2 sigma^2``, summed over D and averaged over K, T
    the transition model and z the slots, the loss is the mean over the batch of

        ``d(z_t + T(z_t, a_t), z_t+1) + max(0, hinge - d(z'_t, z_t+1))``

    where ``z'_t`` are the slots at time t of another sample, one for each. This is the paper's
    object-factorized contrastive loss; the authors' code measures the second distance from ``z_t``.

    The negative of sample b is sample ``b - B // 2`` (cyclic), not one of a random permutation:
    batches are random already, and an interrupted training goes on to the same weights. The
    neighbour would not do where consecutive pairs are drawn together (``run_length``).

    Every slot is told the action, as in the authors' Atari experiments (``copy_action``): one
    joystick may move any object. Slots that are the same for all frames cost ``hinge``: a loss near
    it means that nothing was learned.

    Source: https://arxiv.org/abs/1911.12247, section 2; widths and constants from the authors'
    code.

    Args:
        slot_dim: D.
        num_slots: K.
        num_actions: Number of discrete actions.
        hidden_dim: Width of the transition model's MLPs, at most 4096.
        sigma: Scale of distances, positive.
        hinge: Energy from which on a negative is far enough, positive.
    """

    first_action: int = 0  # what the lowest action is called, unless for_data is told another

    def __init__(
        self,
        *,
        slot_dim: int,
        num_slots: int,
        num_actions: int,
        hidden_dim: int = 512,
        sigma: float = 0.5,
        hinge: float = 1.0,
    ) -> None:
        super().__init__()
        sizes = dict(
            slot_dim=slot_dim, num_slots=num_slots, num_actions=num_actions, hidden_dim=hidden_dim
        )
        for name, size in sizes.items():
            sizes[name] = checks.whole_number(name, size, low=1, high=_LARGEST)
        self.sigma = checks.finite_number("sigma", sigma)
        self.hinge = checks.finite_number("hinge", hinge)
        self.transition_model = TransitionModel(**sizes)

    @classmethod
    def for_data(cls, encoder: SlotEncoder, facts: DataFacts, **settings: Any) -> Self:
        """Take the number of actions from the data, or raise a ValueError if not discrete."""
        if facts.num_actions is None:
            raise ValueError(
                f"C-SWM needs discrete actions; for {facts.env_id}, use another method"
            )
        objective = super().for_data(encoder, facts, num_actions=facts.num_actions, **settings)
        objective.first_action = operator.index(facts.first_action)
        return objective

    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Return the loss; metrics ``positive_energy`` and ``negative_energy`` (before the hinge).

        A batch needs two samples, of which one is the other's negative, or more.
        """
        slots_t, slots_tp1 = transition.output_t.slots, transition.output_tp1.slots
        samples = checks.whole_number("samples in a batch of C-SWM", len(slots_t), low=2)
        checks.shape("the discrete actions that C-SWM needs", transition.actions_t, samples)
        actions = transition.actions_t.long() - self.first_action
        predicted = slots_t + self.transition_model(slots_t, actions)
        positive = self.energy(predicted, slots_tp1)
        negative = self.energy(slots_t.roll(len(slots_t) // 2, 0), slots_tp1)
        loss = positive.mean() + F.relu(self.hinge - negative).mean()
        metrics = {
            "loss": loss.detach(),
            "positive_energy": positive.detach().mean(),
            "negative_energy": negative.detach().mean(),
        }
        return ObjectiveOutput(loss, metrics)

    def energy(self, slots: Tensor, others: Tensor) -> Tensor:
        """Return the energy (B,) between slots (B, K, D): their scaled squared distance."""
        return (slots - others).square().sum(2).mean(1) / (2 * self.sigma**2)
