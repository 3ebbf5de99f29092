"""Recipes for tables: CTGAN as its paper gives it, and the default."""

from __future__ import annotations

from gantlet.config import Config, Optimiser, Stop, Train, Validation
from gantlet.data.settings import DataSettings
from gantlet.games.versus import Versus
from gantlet.networks.table import TableMLP
from gantlet.privacy.settings import ColumnPrivacy, Privacy
from gantlet.schedules import Schedule
from gantlet.spec import DataSpec

__all__ = ["ctgan", "table", "table_private"]

_BATCH, _PACK = 500, 10
_EPOCHS = 300
_ROWS = 10_000
"""Where the data do not tell how many rows there are."""
_SAMPLES, _GROUP = 1_600_000, 128
_PRIVATE_STEPS, _PRIVATE_BATCH, _PRIVATE_TAU = 800, 512, 0.5
_RATE, _GAMMA, _TAU, _RARE = 1e-3, 0.1, 0.7, 0.1


def ctgan(spec: DataSpec) -> Config:
    """CTGAN: Wasserstein distance, gradient penalty, packs of 10 rows, rows asked for by category.

    300 epochs in batches of 500 with Adam; weights as in the paper. What a row is asked for it
    has by construction, in place of a cross-entropy that teaches it, and there is no dropout.

    Source: Xu et al. (2019), Modeling Tabular data using Conditional GAN, https://arxiv.org/abs/1907.00503
    """
    adam = Optimiser(lr=2e-4, beta1=0.5, beta2=0.9)
    return Config(
        recipe="ctgan",
        network=TableMLP(),
        game=Versus(objective="wasserstein", penalties={"gp": 10.0}, pack=_PACK, group=_BATCH),
        optimisers={
            "generator": Optimiser(lr=2e-4, beta1=0.5, beta2=0.9, weight_decay=1e-6),
            "discriminator": adam,
        },
        train=Train(batch=_BATCH, tick=_EPOCHS * _rows(spec) // 10, precision="float32"),
        stop=Stop(samples=_EPOCHS * _rows(spec)),
    )


def table(spec: DataSpec) -> Config:
    """Relativistic pairing with R1 and R2 on typed-head perceptrons: the default for tables.

    The generator has batch norm on groups of 128 rows, and choices at a temperature of 0.7. Rates
    fall to a hundredth over the last half of the run. A row in ten is drawn by the logarithm of
    counts, the others as the table has them: with all rows drawn so, pairs of columns were
    farther from the table's. Rows are judged one by one: packs of 4 made rows that are easier to
    tell from real ones.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    fall = Schedule(start=_RATE, end=_RATE / 100, samples=_SAMPLES // 2, delay=_SAMPLES // 2)
    adam = Optimiser(lr=fall, beta1=0.0, beta2=0.99)
    return Config(
        recipe="table",
        data=DataSettings(rare=_RARE),
        network=TableMLP(tau=_TAU),
        game=Versus(pairing="pair", penalties={"r1": _GAMMA, "r2": _GAMMA}, group=_GROUP),
        optimisers={"generator": adam, "discriminator": adam},
        train=Train(batch=512, tick=_SAMPLES // 8, precision="float32"),
        stop=Stop(samples=_SAMPLES),
    )


def table_private(spec: DataSpec) -> Config:
    """Differentially private: each row's part in the critic is cut and hidden in noise (DP-SGD).

    Rows are drawn alike, each by itself, and asked for nothing; the generator learns from the
    critic alone, in one step for every five of the critic's.

    Source: Xie et al. (2018), Differentially Private Generative Adversarial Network, https://arxiv.org/abs/1802.06739;
    Abadi et al. (2016), Deep Learning with Differential Privacy, https://arxiv.org/abs/1607.00133;
    Bie et al. (2023), Private GANs, Revisited, https://arxiv.org/abs/2302.02936
    """
    steps, batch = _PRIVATE_STEPS, _PRIVATE_BATCH
    return Config(
        recipe="table-private",
        data=DataSettings(held_out=False, private=_paid(spec)),
        network=TableMLP(hidden=(128, 128), tau=_PRIVATE_TAU, latent=64),
        game=Versus(penalties={"r1": 0.1}, critic_steps=5, group=_GROUP),
        optimisers={
            "generator": Optimiser(lr=1e-3, beta1=0.0, beta2=0.99),
            "discriminator": Optimiser(lr=1e-3, beta1=0.0, beta2=0.99),
        },
        train=Train(batch=batch, tick=steps * batch // 8, precision="float32"),
        validation=Validation(extractor=None),
        stop=Stop(samples=steps * batch),
        privacy=Privacy(),
    )


def _paid(spec: DataSpec) -> ColumnPrivacy | None:
    """What the columns were allowed to cost; none where the data do not tell."""
    ledger = spec.table.get("privacy")
    return None if ledger is None else ColumnPrivacy(**ledger["asked"])


def _rows(spec: DataSpec) -> int:
    return int(spec.table.get("rows", _ROWS))
