"""Methods by name, and methods from outside the package with their classes."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_objective
from ray import cloudpickle

from pretrain.config import RunConfig, TrainConfig
from pretrain.methods import HELD, METHODS, Method, find_method
from pretrain.runtime.workers import pack, unpack
from slotenv.encoders import ENCODERS, ObjectEncoder, SlotMapEncoder
from slotenv.objectives import OBJECTIVES, SlotContrastive

SMALL = Method(name="small", title="Small", objective=small_objective.Small)


@pytest.fixture
def small_encoder() -> Iterator[type[SlotMapEncoder]]:
    """An encoder from outside, gone after the test: others go through all encoders there are."""
    from small_encoder import SmallEncoder

    yield SmallEncoder
    del ENCODERS["small_maps"], sys.modules["small_encoder"]


def test_names_in_the_table_mean_classes() -> None:
    assert METHODS["scn"].encoder_class is SlotMapEncoder
    assert METHODS["scn"].objective_class is SlotContrastive
    assert METHODS["objects"].encoder_class is ObjectEncoder
    assert METHODS["objects"].objective_class is None
    for name, method in METHODS.items():
        assert method.name == name
        assert method.encoder in ENCODERS
        assert method.objective is None or method.objective in OBJECTIVES
    assert all(plain in METHODS and held not in METHODS for held, plain in HELD.items())


def test_the_command_line_knows_methods_without_pytorch() -> None:
    code = "import pretrain.methods, pretrain.config, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_method_from_outside_stands_where_a_name_does() -> None:
    config = TrainConfig(method=SMALL, updates=3)
    assert config.resolved_method == SMALL
    assert (SMALL.objective_name, SMALL.encoder_name) == ("Small", "slot_maps")
    assert config.num_updates == 3
    assert RunConfig(env="Pong", out=Path("out"), train=config).train.method is SMALL


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a/b"])
def test_a_name_that_no_folder_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and underscores, not"):
        Method(name=name, title="Odd")


def test_a_name_that_is_taken_is_refused() -> None:
    taken = Method(name="scn", title="Mine", objective=small_objective.Small)
    with pytest.raises(ValueError, match="there is another method 'scn': give yours another name"):
        find_method(taken)
    assert find_method(METHODS["scn"]) is METHODS["scn"]


def test_a_method_travels_by_where_its_classes_are_defined() -> None:
    (config,) = unpack(pack(TrainConfig(method=SMALL, updates=3)))
    assert config.resolved_method.objective_class is small_objective.Small


def test_a_class_inside_a_function_is_refused_before_anything_starts() -> None:
    class Local(small_objective.Small):
        pass

    with pytest.raises(ValueError, match=r"Local.*: define its objective and encoder at the top"):
        pack(Method(name="local", title="Local", objective=Local))


def test_a_class_that_is_not_there_says_so() -> None:
    packed = pack(SMALL).replace(b"small_objective", b"small_elsewhere")
    with pytest.raises(ValueError, match=r"No module named 'small_elsewhere'.*top of a module"):
        unpack(packed)


def test_an_encoder_that_was_copied_by_value_is_known_where_it_arrives(
    small_encoder: type[SlotMapEncoder],
) -> None:
    # As Ray copies what a script defines. Its definition does not run on the other side.
    method = Method(name="small", title="Small", encoder=small_encoder)
    module = sys.modules["small_encoder"]
    cloudpickle.register_pickle_by_value(module)
    try:
        content = cloudpickle.dumps(method)
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    code = (
        "import pickle, sys; from slotenv.encoders import ENCODERS; "
        "method = pickle.loads(sys.stdin.buffer.read()); "
        "assert method.encoder_class is ENCODERS['small_maps'], ENCODERS; "
        "assert 'small_encoder' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], input=content, check=True)
    assert pickle.loads(pickle.dumps(method)).encoder_class is small_encoder
