"""What is kept on disk is used again only where it is whole and of the same content."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file
from torch import nn

from gantlet.data.dataset import Rows, content_hashes
from gantlet.metrics.extractors import Answers, Extractor, answers, cache
from gantlet.metrics.extractors.cache import kept, key_of
from gantlet.spec import DataSpec

SPEC = DataSpec(kind="points", shape=(3,), dtype="float32", low=-1, high=1)
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


class Counted(nn.Module):
    """x, and x twice as logits; counts its batches."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1), requires_grad=False)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return Answers(x * self.weight, 2 * x)


@pytest.fixture
def extractor():
    return Extractor(name="counted", spec=SPEC, preprocessing="none", network=Counted())


def test_what_is_kept_is_what_was_computed(extractor, tmp_path):
    folder = tmp_path / "made" / "for it"
    first = answers(extractor, VALUES, folder)
    again = answers(extractor, VALUES.copy(), folder)
    assert extractor.network.calls == 1
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(first.features, torch.tensor(VALUES))
    (path,) = folder.iterdir()
    assert torch.equal(load_file(path)["logits"], first.logits)


def test_without_logits_there_are_none_again(tmp_path):
    class Plain(nn.Module):
        def forward(self, x):
            return Answers(x)

    plain = Extractor(name="plain", spec=SPEC, preprocessing="none", network=Plain())
    answers(plain, VALUES, tmp_path)
    assert answers(plain, VALUES, tmp_path).logits is None


def test_without_a_folder_nothing_is_kept(extractor):
    answers(extractor, VALUES)
    answers(extractor, VALUES)
    assert extractor.network.calls == 2


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x + np.float32(1e-6) * (np.arange(12).reshape(4, 3) == 7),
        lambda x: x[::-1],
        lambda x: x[:3],
        lambda x: np.concatenate([x, x[:1]]),
    ],
    ids=["a value", "order", "fewer", "more"],
)
def test_data_that_changed_are_computed_anew(other, extractor, tmp_path):
    answers(extractor, VALUES, tmp_path)
    changed = other(VALUES).astype(np.float32)
    found = answers(extractor, changed, tmp_path)
    assert extractor.network.calls == 2
    assert torch.equal(found.features, torch.tensor(changed.copy()))


def test_data_that_change_in_place_are_computed_anew(extractor, tmp_path):
    values = VALUES.copy()
    answers(extractor, values, tmp_path)
    values[2, 1] = 99
    assert answers(extractor, values, tmp_path).features[2, 1] == 99


def test_other_weights_and_other_preprocessing_are_computed_anew(extractor, tmp_path):
    answers(extractor, VALUES, tmp_path)
    other = replace(extractor, network=Counted())
    other.network.weight.fill_(2)
    assert torch.equal(answers(other, VALUES, tmp_path).features, torch.tensor(2 * VALUES))
    answers(replace(extractor, preprocessing="another"), VALUES, tmp_path)
    answers(replace(extractor, name="another"), VALUES, tmp_path)
    assert extractor.network.calls == 3


def test_another_format_is_computed_anew(extractor, tmp_path, monkeypatch):
    answers(extractor, VALUES, tmp_path)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    answers(extractor, VALUES, tmp_path)
    assert extractor.network.calls == 2


def damaged(content):
    """Ways to damage a file's content."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    flat = json.loads(json.dumps(header).replace("[4, 3]", "[3, 4]")) | {}
    text = json.dumps(flat).encode()
    text += b" " * (-len(text) % 8)
    bare = {k: torch.zeros(4, 3) for k in ("features", "logits")}
    return {
        "empty": b"",
        "torn": content[:-5],
        "torn in the header": content[:40],
        "a bit of a value": content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
        "another shape": len(text).to_bytes(8, "little") + text + content[start:],
        "no checksum": save(bare),
        "a wrong checksum": save(bare, {"checksum": "0" * 32}),
        "no object": (8).to_bytes(8, "little") + b"[1, 2]  " + content[start:],
        "zeros": bytes(len(content)),
        "longer": content + b"0",
    }


@pytest.mark.parametrize("how", damaged(save({"a": torch.zeros(1)})))
def test_damaged_files_are_computed_anew_and_mended(how, extractor, tmp_path):
    wanted = answers(extractor, VALUES, tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    broken = damaged(whole)[how]
    assert broken != whole
    path.write_bytes(broken)
    found = answers(extractor, VALUES, tmp_path)
    assert extractor.network.calls == 2
    assert found.features.shape == (4, 3)
    assert torch.equal(found.features, wanted.features)
    assert path.read_bytes() == whole


def test_a_file_of_other_samples_under_this_name_would_be_told_by_its_checksum_alone(tmp_path):
    """Names are hashes: a file is trusted for its name and checksum, so both must be right."""
    kept(tmp_path, "features-x", lambda: {"a": torch.ones(2)})
    stale = load_file(tmp_path / "features-x.safetensors")
    save_file({"a": stale["a"] + 1}, tmp_path / "features-x.safetensors")
    assert kept(tmp_path, "features-x", lambda: {"a": torch.zeros(2)})["a"].tolist() == [0, 0]


def test_keys_depend_on_parts_and_their_borders():
    keys = [key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("ab", "c", ""), key_of()]
    assert len(set(keys)) == 5
    assert key_of("ab", b"c") == keys[0]


def test_a_file_appears_under_its_name_only_when_it_is_whole(extractor, tmp_path, monkeypatch):
    """Killed amid the write: the draft is no cache file, and the next call writes anew."""

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        answers(extractor, VALUES, tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    answers(extractor, VALUES, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_to_costs_time_alone(extractor, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    found = answers(extractor, VALUES, blocked / "cache")
    assert torch.equal(found.features, torch.tensor(VALUES))


def test_what_was_used_longest_ago_goes_when_the_folder_is_full(tmp_path, monkeypatch):
    def ones():
        return {"a": torch.ones(1000)}

    for age, name in enumerate(["c", "b", "a"]):
        kept(tmp_path, name, ones)
        os.utime(tmp_path / f"{name}.safetensors", (1000 + age, 1000 + age))
    kept(tmp_path, "c", ones)
    monkeypatch.setattr(cache, "LIMIT", 3 * 4200)
    kept(tmp_path, "d", ones)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["a", "c", "d"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_tensors_of_any_type_come_back_as_they_were(dtype, tmp_path):
    made = {"a": torch.arange(6).view(2, 3).T.to(dtype), "b": torch.tensor(3, dtype=dtype)}
    kept(tmp_path, "x", lambda: made)
    found = kept(tmp_path, "x", dict)
    assert all(torch.equal(found[name], tensor) for name, tensor in made.items())
    assert all(found[name].dtype == dtype for name in made)


def test_rows_of_a_set_are_named_by_its_hashes_and_read_in_blocks(extractor, tmp_path):
    """The same file as for an array of them, which is never made."""
    index = np.arange(len(VALUES))[::2]
    rows = Rows(VALUES, index, content_hashes(VALUES)[index])
    assert (len(rows), rows.shape, rows.dtype) == (len(index), VALUES[index].shape, VALUES.dtype)
    wanted = answers(extractor, VALUES[index], tmp_path)
    before = sorted(tmp_path.iterdir())
    found = answers(extractor, rows, tmp_path)
    assert torch.equal(found.features, wanted.features)
    assert sorted(tmp_path.iterdir()) == before
    assert torch.equal(answers(replace(extractor, batch=1), rows).features, wanted.features)
    others = Rows(VALUES, index, rows.hashes + np.uint64(1))
    answers(extractor, others, tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(before) + 1
