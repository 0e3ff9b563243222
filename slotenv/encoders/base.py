"""What every slot encoder is: frames in, K slot vectors out, saved and loaded as a folder."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike
from typing import Any, ClassVar, NamedTuple, Self, overload

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checkpoint import find_folder
from slotenv.checks import whole_number
from slotenv.encoders.modes import refuse_recording, untraced
from slotenv.encoders.saving import check_numbers, load, parse_device, register, save
from slotenv.frames import FramePreset

MOST_SLOTS = 1024  # upper limit of K, far above the number of things on a screen
_MOST_NUMBERS = 1024  # upper limit of D; the largest in the literature is 256
_SLOT_DIM = 32  # D of the convolutional encoders, as in the paper's code


def silent(line: str) -> None:
    """Say nothing of progress."""


class SlotOutput(NamedTuple):
    """What an encoder returns for B frames.

    Attributes:
        slots: (B, K, D) float slot vectors.
        maps: (B, K, C, h, w) evidence behind each slot, where an encoder has such maps.
    """

    slots: Tensor
    maps: Tensor | None = None


class SlotEncoder(
    nn.Module,
    PyTorchModelHubMixin,
    ABC,
    library_name="slotenv",
    license="mit",
    paper_url="https://arxiv.org/abs/2007.09294",
    tags=["reinforcement-learning", "object-centric", "atari"],
):
    """Base of all encoders; :meth:`from_pretrained` on it loads any of them.

    Attributes:
        num_slots: K.
        slot_dim: D.
        preprocess: The frames it was trained on.

    Example:
        >>> encoder = SlotEncoder.from_pretrained("runs/pong")  # doctest: +SKIP
        >>> encoder.encode(frames).shape  # uint8 (B, 210, 160, 3)  # doctest: +SKIP
        (8, 3, 32)
    """

    architecture: ClassVar[str]
    """Name in ``config.json`` and in :data:`slotenv.encoders.ENCODERS`, which a subclass enters by
    being defined. A class that is saved needs one of its own, which no other class has."""

    fit_frames: ClassVar[int] = 0
    """How many frames :meth:`from_frames` looks at; 0 for encoders that start at random."""

    slot_fields: ClassVar[tuple[str, ...] | None] = None
    """What each of the D numbers of a slot is, for encoders whose slots say where they are; among
    them ``presence``, ``x`` and ``y``. None where the numbers have no meaning of their own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "architecture" in vars(cls):
            register(cls)

    def __init__(self, *, num_slots: int, slot_dim: int, preprocess: FramePreset | dict[str, Any]):
        super().__init__()
        if isinstance(preprocess, dict):
            preprocess = FramePreset.from_dict(preprocess)
        self.num_slots = whole_number("num_slots", num_slots, low=1, high=MOST_SLOTS)
        self.slot_dim = whole_number("slot_dim", slot_dim, low=1, high=_MOST_NUMBERS)
        self.preprocess = preprocess
        self.provenance: dict[str, Any] = {}
        """How the weights came about (data, objective, updates, versions); saved with them."""

    @classmethod
    @torch.inference_mode(False)  # weights made in that mode could never be trained
    def from_frames(
        cls,
        frames: NDArray[np.uint8],
        *,
        preprocess: FramePreset | dict[str, Any],
        num_slots: int | None = None,
        slot_dim: int | None = None,
        seed: int = 0,
        next_frames: NDArray[np.uint8] | None = None,
        announce: Callable[[str], object] = silent,
    ) -> Self:
        """Make an encoder for a kind of frames; what pretraining starts from.

        Args:
            frames: (N, H, W, 3) uint8, :attr:`fit_frames` of them drawn from all of the data.
            preprocess: Their preset.
            num_slots: K; the upper limit for encoders that count the objects, which need none.
            slot_dim: D; None for the architecture's own.
            seed: Decides what is random; but architectures that do not look at frames draw their
                weights from PyTorch's global generator.
            next_frames: (M, H, W, 3) uint8, one step after the first M frames, for encoders that
                look at what changes.
            announce: Called with a line about progress now and then, by encoders that take long.

        Raises:
            TypeError: If a size is no whole number.
            ValueError: If the architecture cannot have that many slots, slots of that length, or
                frames of that size.
        """
        if num_slots is None:
            raise ValueError(f"{cls.__name__} needs to be told num_slots")
        slot_dim = _SLOT_DIM if slot_dim is None else slot_dim
        return cls(num_slots=num_slots, slot_dim=slot_dim, preprocess=preprocess)

    @abstractmethod
    def forward(self, images: Tensor) -> SlotOutput:
        """Encode images, float (B, 3, H, W) in [0, 1]."""

    def architecture_kwargs(self) -> dict[str, Any]:
        """Return the JSON-able keyword arguments that rebuild this module without its weights.

        As in scikit-learn, what the constructor takes is kept under the same name; a TypeError says
        if it is not.
        """
        taken = inspect.signature(type(self)).parameters.values()
        named = [each.name for each in taken if each.kind is not each.VAR_KEYWORD]
        names = dict.fromkeys(["num_slots", "slot_dim", *named])
        for name in names:
            if not hasattr(self, name):
                raise TypeError(
                    f"{type(self).__name__} takes {name} and does not keep it, so that it cannot "
                    f"be rebuilt: set self.{name}, or override architecture_kwargs"
                )
        kwargs = {name: getattr(self, name) for name in names if name != "preprocess"}
        return {**kwargs, "preprocess": self.preprocess.to_dict()}

    def prepare(self, frames: NDArray[np.uint8]) -> Any:
        """Do the part of encoding frames (B, H, W, 3) uint8 that needs no weights or gradients.

        A training loop calls this in another thread, one batch ahead.
        """
        return torch.from_numpy(frames)

    def forward_prepared(self, prepared: Any) -> SlotOutput:
        """Encode what :meth:`prepare` returned; equal to :meth:`forward` on the same frames."""
        return self.forward(to_unit_float(prepared.to(self.device)))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def check_weights(self) -> None:
        """Raise a ValueError, which names it, if a weight is not finite, too large or no float32.

        Called before an encoder is saved and after it has been loaded. A subclass whose weights
        have a meaning adds what they must keep to.
        """
        check_numbers(self)

    @overload
    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]: ...
    @overload
    def encode(self, frames: Tensor) -> Tensor: ...
    @untraced
    def encode(self, frames: NDArray[np.uint8] | Tensor) -> NDArray[np.float32] | Tensor:
        """Encode raw frames, without gradients, in evaluation mode.

        Args:
            frames: uint8 (B, H, W, 3), values 0..255, array or tensor; B may be 0.

        Returns:
            float32 (B, K, D), the same whatever mode of PyTorch (autocast) the caller is in: a new
            array for an array, a tensor on the input's device for a tensor.

        Raises:
            TypeError: If frames are not uint8.
            ValueError: If they have another shape than ``preprocess`` says, or the weights are not
                float32.
        """
        refuse_recording("encode")
        self.preprocess.check_frames(frames)
        if len(frames) == 0:
            empty = torch.zeros(0, self.num_slots, self.slot_dim, dtype=torch.float32)
            return empty.to(frames.device) if isinstance(frames, Tensor) else empty.numpy()
        weight = next(self.parameters())
        if weight.dtype != torch.float32:
            raise ValueError(f"encode needs float32 weights, got {weight.dtype}: encoder.float()")
        was_training = self.training
        if was_training:
            self.eval()
        # What an encoder remembers from one call to the next must serve outside of inference mode.
        kind = weight.device.type
        try:
            with torch.inference_mode(False), torch.no_grad(), torch.autocast(kind, enabled=False):
                if isinstance(frames, Tensor):
                    prepared = frames if frames.is_cuda else self.prepare(frames.numpy())
                    return self.forward_prepared(prepared).slots.float().to(frames.device)
                prepared = self.prepare(np.ascontiguousarray(frames))
                return self.forward_prepared(prepared).slots.float().cpu().numpy()
        finally:
            if was_training:
                self.train()

    @classmethod
    def from_pretrained(  # type: ignore[override]  # unknown arguments are an error here
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
        token: str | bool | None = None,
        cache_dir: str | PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> Self:
        """Load an encoder, strictly and without pickle, in evaluation mode.

        Args:
            pretrained_model_name_or_path: A name of :func:`slotenv.ready.names`, an encoder folder,
                a run folder that holds one in ``encoder/``, or an id on the Hugging Face hub.
            revision: Branch, tag or commit on the hub.
            device: Where to put the weights.
            token: This and the rest are for :func:`huggingface_hub.snapshot_download`.
            cache_dir: Where downloads are kept.
            local_files_only: Whether to look at downloads only.
            force_download: Whether to download anew.

        Raises:
            FileNotFoundError: If there is neither such a folder nor such a hub id.
            ValueError: If the folder is damaged, from another version, its weights do not fit, or
                there is no such device.
            TypeError: If it holds another kind of encoder than the class it is called on.
        """
        place = parse_device(device)
        folder = find_folder(
            pretrained_model_name_or_path,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        encoder = load(folder, place)
        if not isinstance(encoder, cls):
            raise TypeError(
                f"{folder} holds a {type(encoder).__name__}, asked for a {cls.__name__}: "
                "use SlotEncoder.from_pretrained"
            )
        return encoder

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **hub_kwargs: Any,
    ) -> str | None:
        """Write ``model.safetensors``, ``config.json`` and a model card; a kill harms nothing.

        Args:
            save_directory: Folder, made if missing; an encoder that is already there is replaced.
            repo_id: Hub id for ``push_to_hub``; the folder's name by default.
            push_to_hub: Whether to upload as well; then the commit's address is returned.
            **hub_kwargs: For ``push_to_hub`` of the mixin (``token``, ``private``, ...).
        """
        folder = save(self, save_directory)
        if not push_to_hub:
            return None
        return self.push_to_hub(repo_id=repo_id or folder.name, **hub_kwargs)


def to_unit_float(frames: Tensor) -> Tensor:
    """Turn uint8 (B, H, W, 3) frames into float32 (B, 3, H, W) in [0, 1], channels last in memory.

    The only place in the package that scales and transposes pixels.
    """
    return frames.permute(0, 3, 1, 2).float() / 255.0
