import pytest
import torch

from slotenv import SlotEncoder
from slotenv.encoders.saving import parse_device


def test_a_processor_is_always_there() -> None:
    assert parse_device("cpu") == parse_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "xpu:99", "mps:99", "meta", torch.device("meta")])
def test_devices_that_are_not_here_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"device '{name}' here: there are \d devices of type"):
        parse_device(name)


def test_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert parse_device("cuda").type == parse_device("cuda:1").type == "cuda"
    with pytest.raises(ValueError, match="'cuda:2' here: there are 2 devices of type cuda"):
        parse_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"'cuda' here: there are 0 .*use device='cpu'"):
        SlotEncoder.from_pretrained("pong", device="cuda")


@pytest.mark.parametrize(
    ("device", "error", "words"),
    [
        ("gpu", ValueError, "no device 'gpu': use 'cpu', 'cuda'"),
        ("cuda:x", ValueError, "no device 'cuda:x'"),
        (0, TypeError, "must be 'cpu', 'cuda' or a torch.device, got 0"),
        (None, TypeError, "got None"),
    ],
)
def test_what_is_no_device_is_named(device: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_device(device)  # type: ignore[arg-type]
