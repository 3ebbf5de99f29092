"""Setting aside by content: disjoint, complete, whole classes of copies, whatever the order."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantlet.data import DataSettings, open_data
from gantlet.data.dataset import content_hashes
from gantlet.data.split import halves, split, split_hashes


@st.composite
def many_hashes(draw):
    n, distinct = draw(st.integers(0, 3000)), draw(st.integers(1, 3000))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    pool = random.integers(0, 2**64, distinct, dtype=np.uint64)
    return random.choice(pool, n)


@settings(max_examples=60, deadline=None)
@given(many_hashes())
def test_no_copy_straddles_and_all_samples_are_used_once(hashes):
    made = split_hashes(hashes)
    both = np.concatenate([made.train, made.held_out])
    assert np.array_equal(np.sort(both), np.arange(len(hashes)))
    assert not np.intersect1d(hashes[made.train], hashes[made.held_out]).size
    assert len(made.train) or not len(hashes)
    assert (len(made.held_out) == 0) >= (len(hashes) < 200)
    floor, reference = halves(made.held_out, hashes)
    assert np.array_equal(np.sort(np.concatenate([floor, reference])), made.held_out)
    assert not np.intersect1d(hashes[floor], hashes[reference]).size


@settings(max_examples=30, deadline=None)
@given(many_hashes(), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order(hashes, random):
    order = np.array(random.sample(range(len(hashes)), len(hashes)), dtype=np.int64)
    one, other = split_hashes(hashes), split_hashes(hashes[order])
    assert np.array_equal(np.sort(hashes[one.held_out]), np.sort(hashes[order][other.held_out]))


@pytest.mark.parametrize(
    ("n", "held"),
    [(199, 0), (200, 100), (1000, 100), (1797, 180), (60_000, 6000), (200_000, 10_000)],
)
def test_a_tenth_between_100_and_10000(n, held):
    made = split_hashes(np.random.default_rng(n).permutation(n).astype(np.uint64))
    assert (len(made.train), len(made.held_out)) == (n - held, held)
    assert f"{held:,} of" in made.note or (held == 0 and "fewer than 200" in made.note)
    floor, reference = halves(made.held_out, np.arange(n, dtype=np.uint64))
    assert (len(floor), len(reference)) == (held // 2, held - held // 2)


def test_samples_that_are_all_alike_stay_in_training():
    made = split_hashes(np.zeros(500, np.uint64))
    assert (len(made.train), len(made.held_out)) == (500, 0)
    assert "copies" in made.note


def test_nothing_is_set_aside_when_told_so():
    data = open_data("digits")
    made = split(data, DataSettings(held_out=False))
    assert (len(made.train), len(made.held_out)) == (1797, 0)
    assert len(split(data, DataSettings()).held_out) == 180


def test_hashes_are_those_of_the_bytes_in_any_layout():
    x = np.random.default_rng(0).integers(0, 65536, (7, 3, 4, 5)).astype(np.uint16)
    digests = [hashlib.blake2b(one.tobytes(), digest_size=8).digest() for one in x]
    expected = [int.from_bytes(digest, "little") for digest in digests]
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert content_hashes(x).tolist() == content_hashes(last).tolist() == expected


def test_the_fingerprint_tells_order_labels_and_values():
    x = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    y = np.array([0, 1, 0, 1, 0, 1])
    changed = x.copy()
    changed[3, 1, 2] ^= 1
    sources = [x, x[::-1], changed, (x, y), (x, 1 - y), x.reshape(6, 2, 8), x.astype(float)]
    prints = [open_data(source).fingerprint for source in sources]
    assert len(set(prints)) == len(sources)
    assert open_data(x.copy()).fingerprint == prints[0]


def test_mirror_images_change_nothing_of_what_is_set_aside():
    x = np.random.default_rng(0).integers(0, 256, (300, 4, 4)).astype(np.uint8)
    plain, flipped = (DataSettings(flip=flip) for flip in (False, True))
    one, other = open_data(x, plain), open_data(x, flipped)
    assert one.fingerprint == other.fingerprint
    assert np.array_equal(split(one, plain).held_out, split(other, flipped).held_out)
