"""What every slot encoder is: frames in, K slot vectors out, saved and loaded as a folder."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike
from typing import Any, ClassVar, Self, overload

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.checkpoint import find_folder
from slotenv.checks import whole_number
from slotenv.encoders.description import SlotDescription, describe_slots
from slotenv.encoders.encoding import SlotOutput as SlotOutput
from slotenv.encoders.encoding import boxes_of, no_boxes, run, to_unit_float
from slotenv.encoders.saving import check_numbers, load, parse_device, register, save
from slotenv.frames import FramePreset

MOST_SLOTS = 1024  # upper limit of K, far above the number of things on a screen
_MOST_NUMBERS = 1024  # upper limit of D; the largest in the literature is 256
_SLOT_DIM = 32  # D of the convolutional encoders, as in the paper's code
_AT_ONCE = 256  # frames that are described


def silent(line: str) -> None:
    """Say nothing of progress."""


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

    fit_pairs: ClassVar[int] = 0
    """For how many of them it looks at the next frame as well."""

    slot_fields: ClassVar[tuple[str, ...] | None] = None
    """What each of the D numbers of a slot is, for encoders whose slots say where they are; among
    them ``presence``, ``x`` and ``y``. None where the numbers have no meaning of their own."""

    has_boxes: ClassVar[bool] = False
    """Whether the encoder says where its slots are in a frame: :class:`SlotOutput` has boxes."""

    @property
    def alike_slots(self) -> tuple[tuple[int, ...], ...]:
        """Groups of slots whose things are alike and roam.

        A frame does not tell which of them is which: wrappers follow them from step to step. Their
        numbers mean the same, so that a thing may have any slot of its group.
        """
        return ()

    @property
    def held_slots(self) -> tuple[int, ...]:
        """Slots whose things flicker or hide for a while: wrappers hold them with ``hold``.

        What is in another slot is gone when it is not seen. By default all may come back.
        """
        return tuple(range(self.num_slots))

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
                look at what changes, :attr:`fit_pairs` of them.
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
        slots = run(self, frames).slots
        return slots if isinstance(frames, Tensor) else slots.numpy()

    @overload
    def encode_with_boxes(
        self, frames: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
    @overload
    def encode_with_boxes(self, frames: Tensor) -> tuple[Tensor, Tensor]: ...
    def encode_with_boxes(self, frames: Any) -> Any:
        """Encode raw frames, and say where each slot is in them, in one pass.

        Args:
            frames: As for :meth:`encode`.

        Returns:
            Slots (B, K, D), equal to those of :meth:`encode`, and float32 boxes (B, K, 5): presence
            from 0 to 1; x and y of the middle, width and height in pixels
            (:data:`slotenv.encoders.BOX_FIELDS`). A box never leaves the frame: as pixel 0 reaches
            from -0.5 to 0.5, x - width / 2 is at least -0.5. Where presence is 0, the other numbers
            mean nothing.

        Raises:
            TypeError: If the encoder does not say where its slots are (:attr:`has_boxes`), or as
                for :meth:`encode`.
            ValueError: As for :meth:`encode`.

        Example:
            >>> slots, boxes = encoder.encode_with_boxes(frames)  # doctest: +SKIP
            >>> boxes[0, boxes[0, :, 0] > 0.5]  # of those seen in the first  # doctest: +SKIP
        """
        self._check_has_boxes()
        output = run(self, frames, what="encode_with_boxes")
        both = output.slots, boxes_of(output)
        return both if isinstance(frames, Tensor) else tuple(part.numpy() for part in both)

    def boxes(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the boxes of :meth:`encode_with_boxes` alone, (B, K, 5)."""
        return self.encode_with_boxes(frames)[1]

    def foreground(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which pixels of frames, uint8 (B, H, W, 3), are no background, (B, H, W).

        All of them for encoders that do not tell objects from a background.
        """
        self.preprocess.check_frames(frames)
        return np.ones(frames.shape[:3], np.bool_)

    def describe(self, frames: NDArray[np.uint8]) -> list[SlotDescription]:
        """Say what each slot holds, from a few hundred frames in the order they were played.

        Args:
            frames: uint8 (T, H, W, 3), one step after the other: speed is how far slots get from
                one to the next. Where one episode follows another, the jump counts as well.

        Returns:
            One description for each slot, in the order of slots.

        Raises:
            TypeError: If the encoder does not say where its slots are (:attr:`has_boxes`), or
                frames are not uint8.
            ValueError: If there are no frames, or they have another shape than ``preprocess`` says.

        Example:
            >>> for slot in encoder.describe(frames):  # doctest: +SKIP
            ...     print(slot)
            slot 0: green, 4 x 16, moves: seen in 100% of frames, around (142, 69), 6 pixels a step
        """
        self._check_has_boxes()
        self.preprocess.check_frames(frames)
        if len(frames) == 0:
            raise ValueError("describe needs frames to see slots in, a few hundred; got none")
        starts = range(0, len(frames), _AT_ONCE)
        parts = [frames[start : start + _AT_ONCE] for start in starts]
        boxes = np.concatenate([self.boxes(part) for part in parts])
        return describe_slots(frames, boxes, np.concatenate([*map(self.foreground, parts)]))

    def _check_has_boxes(self) -> None:
        if not self.has_boxes:
            raise no_boxes(type(self))

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
