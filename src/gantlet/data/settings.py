"""What a person may choose about their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Interval

from gantlet.errors import UsageError
from gantlet.privacy.settings import ColumnPrivacy

__all__ = ["DataSettings"]


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """How a source becomes a set of data.

    Raises:
        UsageError: a side of `size` is below 1, `labels` is an empty text, `delimiter` is not one
            character.
    """

    size: tuple[int, int] | None = None
    """Height and width of the images. None: their own size; where sizes are mixed, the size that
    at least half of them have, else the median height and width."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How images of another aspect come to the size. crop: the centre cut out. pad: the whole
    image on black (on nothing where alpha is a channel). stretch: the whole."""
    channels: Literal["auto", "first", "last"] = "auto"
    """Which axis of arrays of images (N, ., ., .) holds the channels: the one after N (first), or
    the last. auto: the one with at most 4 entries; failing that, of square images, the odd one."""
    alpha: Literal["keep", "white"] = "keep"
    """Transparency of image files. keep: a fourth channel of all images where at least one uses
    it. white: laid on white."""
    labels: bool | str = True
    """Use class labels where the data has them. The name of a CSV or JSON file beside the images:
    take them, or conditions, from it."""
    conditions: tuple[str, ...] = ()
    """Of a label file: the columns that tell what each image is to be asked for; none: all beside
    the name of the file, where no column is named label or class."""
    flip: bool = False
    """Train on mirror images too: left and right of each image are swapped every other time, by
    chance. Only for images whose mirror images could be data; never of letters or digits."""
    held_out: bool = True
    """Set a tenth of the data aside (100 to 10,000 samples; none under 200), never trained on."""
    columns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Of a table: what columns are, where it is not to be detected: integer, real, boolean,
    categorical, ordinal, datetime, duration, identifier or text; a list is an ordinal's order;
    email, phone, name, address and others are masked (`gantlet.tables.personal`)."""
    public: bool | tuple[str, ...] = False
    """Of a table: whether its bounds and values of fewer than 5 rows may be stored, or the
    columns of which they may."""
    rare: Annotated[float, Interval(ge=0, le=1)] = 1.0
    """Of a table: how far rare categories are preferred in training. 1: categories are drawn by
    the logarithm of their count, as CTGAN does. 0: as often as the table has them."""
    locale: str = "en_US"
    """Of a table: language and country of made-up personal data, as Faker names them."""
    query: str | None = None
    """Of the URL of a database: the query in SQL whose rows are the data. With `order by` a run
    finds the same rows in the same order when it goes on."""
    constraints: tuple[str, ...] = ()
    """Of a table: what all of its rows meet, and generated rows will: `end >= start`,
    `total = net + tax`, `city by zip`, `combination(make, model)`, `0 <= age <= 120`,
    `exactly_one(rent, price)`, `at_most_one(rent, price)`."""
    twins: bool = True
    """Of a table: columns that follow from each other in all rows, one to one, are stored as one,
    so that generated rows never contradict themselves; not of a private table."""
    private: ColumnPrivacy | None = None
    """Of a table: what the bounds and values of columns that are not public may cost, which are
    then told from noisy counts; none: they are stored. The recipe table-private sets it."""
    header: bool | None = None
    """Of a CSV: whether the first line holds names; none: as it looks."""
    delimiter: str | None = None
    """Of a CSV: what separates cells; none: the likeliest of comma, semicolon, tab and bar."""
    encoding: str = "utf-8"
    """Of text: its encoding."""
    missing: tuple[str, ...] = ()
    """Of a CSV: words that mark a missing value, besides NA, NaN, null and nothing."""

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            raise UsageError(
                "data.size",
                expected="a height and a width of at least 1",
                received=str(list(self.size)),
                remedy="Give both sides in pixels, as in data.size=[64,64]",
            )
        if self.labels == "":
            raise UsageError(
                "data.labels", expected="true, false or the name of a file", received="nothing"
            )
        if self.conditions and not isinstance(self.labels, str):
            raise UsageError(
                "data.conditions",
                expected="a label file that has them, as in data.labels=labels.csv",
                received=f"data.labels={str(self.labels).lower()}",
            )
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise UsageError(
                "data.delimiter",
                expected="one character",
                received=repr(self.delimiter),
                remedy='For a tab write data.delimiter="\\t"',
            )
