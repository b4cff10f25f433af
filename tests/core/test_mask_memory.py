"""What a client has learnt of its models' masks."""

from __future__ import annotations

import pytest

from hf_fillmask import MaskNotFoundError
from hf_fillmask._address import resolve
from hf_fillmask._mask_memory import MaskMemory

HERE = resolve("bert", "https://a.example")
THERE = resolve("bert", "https://b.example")


def _memory(mask_token: str | None = None, *, translates: bool = True) -> MaskMemory:
    memory = MaskMemory(translates=translates)
    memory.remember(HERE, mask_token)
    return memory


def test_memory_is_per_base_url() -> None:
    """What is known of a model at one address says nothing of its namesake at another."""
    memory = _memory("<mask>")
    assert memory.written("a [MASK]", HERE) == ("a <mask>", "<mask>")
    assert memory.written("a [MASK]", THERE) == ("a [MASK]", None)
    assert [memory.has_asked(target) for target in (HERE, THERE)] == [True, False]


def test_what_the_hub_does_not_know_undoes_nothing() -> None:
    """None is remembered as an answer, but not in the place of a mask."""
    memory = _memory(None)
    assert memory.has_asked(HERE)
    memory.remember(HERE, "<mask>")
    memory.remember(HERE, None)
    assert memory.written("{mask}", HERE) == ("<mask>", "<mask>")


@pytest.mark.parametrize(
    ("memory", "inputs", "expected"),
    [
        (_memory(None), "a [MASK]", ("a [MASK]", None)),
        (_memory("<mask>"), "", ("", "<mask>")),
        (_memory("<mask>", translates=False), "a [MASK]", ("a [MASK]", None)),
    ],
    ids=["unknown", "empty-text", "switched-off"],
)
def test_what_is_sent_as_it_is(memory: MaskMemory, inputs: str, expected: tuple[str, str | None]) -> None:
    """A text stays as it is while its model's mask is unknown, if it is empty, or if nothing may be translated."""
    assert expected == memory.written(inputs, HERE)


def test_a_text_without_a_mask_is_not_sent() -> None:
    """Once the mask is known, a text without any is an error that names it and was not asked for."""
    with pytest.raises(MaskNotFoundError, match="the mask of this model is <mask>") as raised:
        _memory("<mask>").written("no mask here", HERE)
    assert (raised.value.mask_token, raised.value.status_code, raised.value.model) == ("<mask>", None, "bert")


@pytest.mark.parametrize(
    ("mask_token", "inputs", "again"),
    [
        ("<mask>", "a [MASK]", "a <mask>"),
        ("<mask>", "a <mask>", None),
        ("<mask>", "nothing", None),
        (None, "a [MASK]", None),
    ],
    ids=["another-family", "its-own", "no-mask", "nameless"],
)
def test_learning(mask_token: str | None, inputs: str, again: str | None) -> None:
    """The mask that a server names is remembered; the text is written anew only if that says something new."""
    memory = MaskMemory(translates=True)
    error = MaskNotFoundError("no", mask_token=mask_token, status_code=400)
    assert again == memory.learn(error, inputs, inputs, HERE)
    assert memory.has_asked(HERE) is (mask_token is not None)


def test_nothing_is_learnt_where_nothing_is_translated() -> None:
    """A client that does not translate does not send a text twice."""
    memory = MaskMemory(translates=False)
    error = MaskNotFoundError("no", mask_token="<mask>", status_code=400)
    assert memory.learn(error, "a [MASK]", "a [MASK]", HERE) is None
