"""The typed heads of network `table`: choices are made as their logits say, conditions hold."""

from dataclasses import replace

import pytest
import torch

from gantlet.config import override
from gantlet.errors import UsageError
from gantlet.games import Versus
from gantlet.networks import MLP
from gantlet.networks.folded import FoldedGenerator, folded
from gantlet.networks.table import Heads, TableMLP
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.recipes import recipe
from gantlet.spec import DataSpec
from tests.tables_for import TABLE

ASKED = replace(TABLE, classes=("sex=a", "sex=b", "sex=c"), frequencies=(0.5, 0.3, 0.2))
N = 40_000
POINTS = DataSpec(kind="points", shape=(2,))


def test_choices_with_gumbel_noise_are_drawn_by_the_softmax_of_their_logits():
    """P(argmax_k l_k + g_k = k) = exp(l_k) / sum exp(l) (Maddison et al. 2017)."""
    torch.manual_seed(0)
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5, 0.0, 2.0, 0.0, 1.0, 0.0])
    x = Heads(TABLE, tau=0.2)(logits.expand(N, -1), None, torch.randn(N, 9))
    raw = TABLE.decode(x)
    for head, span in ((1, slice(1, 5)), (2, slice(5, 8))):
        width = span.stop - span.start
        found = torch.bincount(raw[:, head].long(), minlength=width) / N
        assert torch.allclose(found, logits[span].softmax(0), atol=0.01)
    assert torch.allclose(x[:, 1:5].sum(1), torch.ones(N))
    assert torch.allclose(x[:, 5:8].sum(1), torch.ones(N))


def test_without_noise_a_choice_is_the_softmax_at_its_temperature():
    h = torch.randn(5, 9, dtype=torch.float64)
    x = Heads(TABLE, tau=0.5)(h, None, None)
    assert torch.allclose(x[:, [0, 8]], torch.tanh(h[:, [0, 8]]))
    assert torch.allclose(x[:, 1:5], (h[:, 1:5] / 0.5).softmax(1))
    assert torch.allclose(x[:, 5:8], (h[:, 5:8] / 0.5).softmax(1))


def test_what_is_asked_for_is_had_and_nothing_else_changes():
    h, y = torch.randn(6, 9), torch.arange(6) % 3
    heads = Heads(ASKED, tau=0.2)
    free, asked = heads(h, None, None), heads(h, y, None)
    assert torch.equal(asked[:, 5:8], torch.eye(3)[y])
    others = [0, 1, 2, 3, 4, 8]
    assert torch.equal(asked[:, others], free[:, others])


def test_every_row_of_a_game_has_what_it_was_asked_for():
    game = Versus(pack=2, group=4).build(ASKED, TableMLP.tiny())
    generator = game.players["generator"]
    z, gumbel = torch.randn(64, 8), torch.randn(64, 9)
    y = torch.randint(3, (64,))
    assert torch.equal(ASKED.decode(generator(z, y, {"gumbel": gumbel}))[:, 2].long(), y)


@pytest.mark.parametrize("spec", [TABLE, ASKED], ids=["free", "asked"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_folded_generator_makes_the_rows_of_the_generator(spec, norm):
    torch.manual_seed(0)
    network = replace(TableMLP.tiny(), generator_norm=norm)
    players = torch.nn.ModuleDict({"generator": network.generator(spec, group=4)}).double()
    for module in players.modules():
        if isinstance(module, GroupedBatchNorm):  # as training would leave it
            for tensor in (module.mean, module.weight, module.bias):
                torch.nn.init.normal_(tensor)
            torch.nn.init.uniform_(module.var, 0.5, 2)
    made, z, gumbel = folded(players.eval()), torch.randn(N, 8), torch.randn(N, 9)
    given = z.double(), torch.randint(3, (N,)), {"gumbel": gumbel.double()}
    with torch.no_grad():
        whole, quick = (spec.decode(p["generator"](*given)) for p in (players, made))
    choices = spec.layout.choices
    assert isinstance(made["generator"], FoldedGenerator)
    assert torch.equal(quick[:, choices], whole[:, choices])
    torch.testing.assert_close(quick, whole)


def test_players_of_other_families_are_not_folded():
    players = torch.nn.ModuleDict({"generator": MLP.tiny().generator(POINTS)})
    assert dict(folded(players)) == dict(players)


def test_a_norm_by_a_reference_batch_is_refused_where_there_is_none():
    with pytest.raises(UsageError, match=r"network\.generator_norm: expected 'none' or 'batch'"):
        override(recipe("table", TABLE), ["network.generator_norm=virtual"])


def test_packs_are_judged_with_the_classes_of_all_their_rows():
    torch.manual_seed(0)
    D = TableMLP.tiny().discriminator(ASKED, pack=2)
    x, y = torch.randn(3, 18), torch.tensor([0, 1, 2, 0, 1, 2])
    other = y.clone()
    other[3] = 1
    moved = D(x, other).logits != D(x, y).logits
    assert moved.tolist() == [False, True, False]


def test_other_data_are_refused():
    with pytest.raises(UsageError, match="Use the recipe mlp"):
        TableMLP().generator(POINTS)
