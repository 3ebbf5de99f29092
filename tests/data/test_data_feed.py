"""Batches: every epoch a permutation, any range the same as its parts, on any layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gantlet import rng
from gantlet.data import DataSettings, open_data
from gantlet.data.dataset import let_go
from gantlet.data.feed import Feed, resident
from gantlet.errors import UsageError


def numbered(n=10, channels=1):
    """Images whose values tell their number."""
    x = np.zeros((n, channels, 5, 6), np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None]
    x[:, :, 0, 1] = np.arange(100, 100 + channels)
    return x


def numbers(batch):
    return ((batch.x[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


DATA = open_data((numbered(), np.arange(10) % 2))


def test_an_epoch_is_the_permutation_of_its_number():
    indices = np.array([7, 2, 5, 4, 9])
    feed = Feed(DATA, indices, seed=3)
    for epoch in range(3):
        batch = feed.batch("real", 5 * epoch, 5)
        order = rng.permutation(3, "real", epoch, 5)
        assert numbers(batch) == indices[order.numpy()].tolist()
        assert batch.y.tolist() == [i % 2 for i in numbers(batch)]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 40), st.lists(st.integers(0, 25), max_size=4), st.integers(1, 10))
def test_a_batch_equals_its_parts(start, counts, n):
    feed = Feed(DATA, np.arange(n), seed=0)
    whole = feed.batch("a", start, sum(counts))
    parts, at = [], start
    for count in counts:
        parts.append(Feed(DATA, np.arange(n), seed=0).batch("a", at, count))
        at += count
    assert len(whole) == sum(counts)
    assert torch.equal(whole.x, torch.cat([whole.x[:0], *(part.x for part in parts)]))
    assert torch.equal(whole.y, torch.cat([whole.y[:0], *(part.y for part in parts)]))


def test_batches_that_follow_one_another_are_fetched_together_and_stay_the_same(monkeypatch):
    """Twice as many each time, as many as 2 MiB hold; after a jump one alone."""
    fetched, size = [], 2**21 // (30 * 4) // 6  # a sixth of what may be fetched at once
    inner = Feed._fetched

    def counted(self, stream, start, count):
        fetched.append(count / size)
        return inner(self, stream, start, count)

    monkeypatch.setattr(Feed, "_fetched", counted)
    feed = Feed(DATA, np.arange(10), seed=0)
    for start in [*range(0, 20 * size, size), 0, 50 * size, 51 * size, 52 * size]:
        found = feed.batch("a", start, size)
        alone = inner(feed, "a", start, size)
        assert torch.equal(found.x, alone.x)
        assert torch.equal(found.y, alone.y)
    assert fetched == [1, 2, 4, 6, 6, 6, 1, 1, 2]
    feed.batch("a", 52 * size, size - 1)  # of another size
    assert len(feed.batch("b", 53 * size, size)) == size
    assert fetched[-2:] == [1 - 1 / size, 1]


def test_streams_and_seeds_differ():
    one, other = (Feed(DATA, np.arange(10), seed=seed) for seed in (0, 1))
    orders = [numbers(feed.batch(s, 0, 10)) for feed in (one, other) for s in ("a", "b")]
    assert len({tuple(order) for order in orders}) == 4


def test_take_gives_fixed_samples_again_and_again():
    feed = Feed(DATA, np.array([8, 3, 6]), seed=0)
    assert numbers(feed.take([2, 0, 0])) == [6, 8, 8]
    assert numbers(feed.take(range(3))) == [8, 3, 6]


def layouts(tmp_path):
    """One set of images in every layout in which arrays come."""
    first = numbered(6, 3)
    last = np.ascontiguousarray(first.transpose(0, 2, 3, 1))
    np.save(tmp_path / "last.npy", last)
    np.save(tmp_path / "first.npy", first)
    spaced = np.repeat(first, 2, axis=3)[..., ::2]
    return [first, last, spaced, tmp_path / "last.npy", tmp_path / "first.npy"]


@pytest.mark.parametrize("layout", range(5))
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_every_layout_gives_the_same_batch(tmp_path, layout, memory_format):
    data = open_data(layouts(tmp_path)[layout])
    feed = Feed(data, np.arange(6), seed=0, memory_format=memory_format, dtype=torch.float64)
    x = feed.take([4, 1]).x
    expected = torch.from_numpy(numbered(6, 3)[[4, 1]]).double() * 2 / 255 - 1
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-15)
    assert x.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_batches_of_every_type_decode_to_the_raw_values(dtype):
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    raw = (np.random.default_rng(0).uniform(0, 1, (9, 4, 5)) * top).astype(dtype)
    raw[0, 0, 0], raw[1, 0, 0] = 0, top
    data = open_data(raw)
    x = Feed(data, np.arange(9), seed=0).take(range(9)).x
    assert (x.min(), x.max()) == (-1, 1)
    decoded = data.spec.decode(x).numpy()[:, 0]
    np.testing.assert_allclose(decoded, raw, rtol=0, atol=1e-6 if dtype is np.float32 else 0)


def test_bfloat16_is_the_rounding_of_float32():
    whole = Feed(DATA, np.arange(10), seed=0).batch("a", 0, 10).x
    half = Feed(DATA, np.arange(10), seed=0, dtype=torch.bfloat16).batch("a", 0, 10).x
    assert torch.equal(half, whole.bfloat16())


def test_one_channel_is_channels_last_by_its_strides():
    x = Feed(DATA, np.arange(10), seed=0).batch("a", 0, 4).x
    assert x.stride() == (30, 1, 6, 1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
def test_rows_held_on_a_device_are_those_of_the_data(dtype):
    rows = torch.tensor([[0, 1], [2, 255], [60000 % 256, 7]]).to(dtype).numpy()
    rows[2, 0] = 60000 if dtype is torch.uint16 else 9
    gather = resident(rows, np.array([2, 0]), torch.device("cpu"))
    held = gather(np.array([0, 1, 0]))
    assert held.dtype is dtype
    assert np.array_equal(held.numpy(), rows[[2, 0, 2]])


def test_points():
    data = open_data("ring")
    feed = Feed(data, np.arange(50, 60), seed=0)
    batch = feed.take([0, 9])
    assert torch.equal(batch.x, torch.from_numpy(data.raw[[50, 59]]))
    assert batch.y is None


def test_a_batch_does_not_change_the_data():
    before = DATA.raw.copy()
    Feed(DATA, np.arange(10), seed=0).batch("a", 0, 10).x.zero_()
    assert np.array_equal(DATA.raw, before)


def test_read_only_places_and_maps_raise_no_warning(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    places = np.arange(4)
    places.flags.writeable = False
    data = open_data(tmp_path / "a.npy")
    assert torch.equal(
        Feed(data, np.arange(20), seed=0).take(places).x,
        data.spec.encode(torch.tensor(np.array(data.raw[:4]))),
    )


def test_no_samples_are_refused():
    with pytest.raises(UsageError, match="at least one sample"):
        Feed(DATA, np.arange(0), seed=0)


def test_pages_of_a_map_that_was_read_are_let_go_of(tmp_path):
    def resident():
        """Bytes of the file that this process maps in memory, from /proc/self/smaps."""
        sections = Path("/proc/self/smaps").read_text().split(str(tmp_path / "x.npy"))[1:]
        return sum(int(part.split("Rss:")[1].split()[0]) * 1024 for part in sections)

    np.save(tmp_path / "x.npy", np.zeros((3000, 3, 64, 64), np.uint8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    view = mapped.transpose(0, 2, 3, 1)
    assert int(view.sum()) == 0
    assert resident() > mapped.nbytes // 2
    let_go(view)
    assert resident() < mapped.nbytes // 10
    assert int(view[-1].sum()) == 0


def test_maps_that_can_be_written_to_keep_what_was_written(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((10, 4096), np.uint8))
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    private[3] = 7
    let_go(private)
    assert int(private[3, 0]) == 7


RANDOM = open_data(np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5)).astype(np.uint8))


def mirrored(plain, flipped):
    """Which samples are mirrored; asserts that the others are as they are."""
    found = []
    for one, other in zip(plain.x, flipped.x, strict=True):
        same, turned = torch.equal(one, other), torch.equal(one.flip(-1), other)
        assert same != turned
        found.append(turned)
    return torch.tensor(found)


def flipping(n=50, seed=0, **more):
    return Feed(RANDOM, np.arange(n), seed=seed, flip=True, **more)


def test_samples_are_mirrored_by_seed_stream_and_place():
    plain = Feed(RANDOM, np.arange(50), seed=0).batch("a", 0, 2000)
    found = mirrored(plain, flipping().batch("a", 0, 2000))
    assert torch.equal(found, rng.rows(0, "a/flip", 0, 2000, (), torch.rand) < 0.5)
    assert abs(found.double().mean() - 0.5) < 4 * 0.5 / 2000**0.5  # four standard errors
    assert not torch.equal(found[:50], found[50:100])  # another epoch


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 90), st.integers(0, 30), st.integers(0, 30))
def test_mirrored_batches_equal_their_parts(start, one, other):
    whole = flipping(20).batch("a", start, one + other)
    parts = flipping(20).batch("a", start, one), flipping(20).batch("a", start + one, other)
    assert torch.equal(whole.x, torch.cat([part.x for part in parts]))


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_mirroring_keeps_layout_and_data(memory_format, dtype):
    before = RANDOM.raw.copy()
    x = flipping(memory_format=memory_format, dtype=dtype).batch("a", 0, 10).x
    assert x.is_contiguous(memory_format=memory_format)
    assert x.dtype is dtype
    assert np.array_equal(RANDOM.raw, before)


def test_samples_taken_by_place_are_as_they_are():
    plain = Feed(RANDOM, np.arange(50), seed=0)
    assert torch.equal(flipping().take(range(50)).x, plain.take(range(50)).x)


def test_points_have_no_mirror_images():
    with pytest.raises(UsageError, match=r"data\.flip.*no left and right"):
        open_data("ring", DataSettings(flip=True))
