"""Text of separated values: which delimiter, whether names lead, and that every row fits."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from gantlet.errors import UsageError
from gantlet.tables.writing import DELIMITERS, TEXTS, suffix_of

__all__ = ["Shape", "opened", "shape_of"]

_LOOKED_AT = 200
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Shape:
    """How a file of separated values is laid out."""

    delimiter: str
    names: tuple[str, ...]
    """From the first line, or `column_1`, `column_2`, ... where it holds values."""
    is_headed: bool
    """Whether the first line holds the names."""
    lines_are_rows: bool
    """Whether no row spans several lines, so that row numbers tell lines."""
    encoding: str
    padded: tuple[str, ...] = ()
    """Columns with numbers that begin with a zero, such as the code 01067."""


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[IO[str]]:
    """The text of a file, through gzip where it is so compressed.

    Raises UsageError for bytes that the encoding does not know and for a damaged gzip file.
    """
    with path.open("rb") as raw:
        head = raw.read(4)
    packed = head[:2] == _GZIP
    opens = gzip.open if packed else open
    try:
        with opens(path, "rt", encoding=encoding, newline="") as text:
            yield text
    except UnicodeError as error:
        raise UsageError(
            str(path),
            expected=f"text in {encoding}",
            received=f"bytes that are none{_where(path, encoding, packed)}",
            remedy="Say the encoding it is in, such as data.encoding=latin-1 (or cp1252, utf-16)",
        ) from error
    except LookupError as error:
        raise UsageError(
            "data.encoding", expected="an encoding such as utf-8 or latin-1", received=encoding
        ) from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise UsageError(
            str(path),
            expected="a whole gzip file",
            received=f"one that is damaged ({error})",
            remedy="Copy or download it again",
        ) from error


def _where(path: Path, encoding: str, packed: bool) -> str:
    """The first line that cannot be read, as `, first in line 3`."""
    opens = gzip.open if packed else open
    with opens(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return f", first in line {number}"
    return ""


def shape_of(path: Path, *, delimiter: str | None, header: bool | None, encoding: str) -> Shape:
    """Read a file once, row by row, and see that all rows have as many cells.

    Without a `delimiter`, the one of comma, semicolon, tab and bar that parts most of the first
    200 rows, and the largest share of them into the same number of cells; the one that the path's
    ending tells where several do, or none. Without a word on the `header`, the first line holds
    names unless it has a number in every column of numbers and in no column a text that never
    comes again.

    Raises:
        UsageError: nothing in it, rows of different lengths, names that are empty or come twice,
            bytes of another encoding, quotes that never close.
    """
    encoding = _marked(path) or encoding
    with opened(path, encoding) as text:
        first = list(islice(_without_zeros(path, text, encoding), _LOOKED_AT))
    if not any(line.strip() for line in first):
        raise UsageError(str(path), expected="rows of values", received="an empty file")
    found = delimiter or _likeliest(path, first)
    if delimiter is not None:
        _check_delimiter(path, first, delimiter)
    rows = list(csv.reader(first, delimiter=found))
    rows = [row for row in rows if row]
    is_headed = _is_headed(rows) if header is None else header
    names = _names(path, rows[0], found) if is_headed else _numbered(len(rows[0]))
    whole, padded = _check_rows(path, found, encoding, len(names), is_headed)
    return Shape(
        found, names, is_headed, whole, encoding, tuple(names[place] for place in sorted(padded))
    )


def _marked(path: Path) -> str | None:
    """The encoding that a mark at the beginning of a file tells."""
    with path.open("rb") as raw:
        head = raw.read(3)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig" if head == b"\xef\xbb\xbf" else None


def _likeliest(path: Path, lines: Sequence[str]) -> str:
    told = TEXTS.get(suffix_of(path), ",")
    best, most = told, 0.0
    for delimiter in (told, *DELIMITERS):
        lengths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        parted = [rows for cells, rows in lengths.items() if cells > 1]
        if 2 * sum(parted) > lengths.total() and max(parted) / lengths.total() > most:
            best, most = delimiter, max(parted) / lengths.total()
    return best


def _check_delimiter(path: Path, lines: Sequence[str], delimiter: str) -> None:
    """UsageError for a delimiter that is nowhere, where another one would do."""
    other = _likeliest(path, lines)
    if not any(delimiter in line for line in lines) and other in lines[0]:
        raise UsageError(
            f"data.delimiter={delimiter!r} for {path}",
            expected="what separates its cells",
            received=f"none of it in the first {len(lines)} lines",
            remedy=f"It looks like {other!r}: leave the setting away",
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of some rows holds names."""
    if len(rows) < 2:
        return True
    columns = [[cell.strip() for cell in column] for column in zip(*rows, strict=False)]
    numeric = [c for c in columns if _are_numbers(c[1:])]
    if numeric and not all(_is_number(c[0]) for c in numeric):
        return True
    texts = [c for c in columns if not _are_numbers(c[1:])]
    return not any(c[0] in c[1:] for c in texts) if numeric or texts else True


def _are_numbers(cells: Sequence[str]) -> bool:
    told = [cell for cell in cells if cell]
    return bool(told) and all(map(_is_number, told))


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"column_{i}" for i in range(1, count + 1))


def _names(path: Path, row: Sequence[str], delimiter: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in row)
    for place, name in enumerate(names, start=1):
        if not name:
            raise UsageError(
                f"{path}, line 1",
                expected="a name for each column",
                received=f"none for column {place} of {len(names)}",
                remedy="Name it (an index that pandas wrote goes with to_csv(index=False)), or "
                "say data.header=false where the first line holds values",
            )
        if name in names[: place - 1]:
            raise UsageError(
                f"{path}, line 1",
                expected="a name of its own for each column",
                received=f"{name!r} for columns {names.index(name) + 1} and {place}",
                remedy="Rename one, or say data.header=false where the first line holds values",
            )
    return names


def _check_rows(
    path: Path, delimiter: str, encoding: str, columns: int, is_headed: bool
) -> tuple[bool, set[int]]:
    """UsageError for a row of another length; whether every line is a row, columns with zeros."""
    padded: set[int] = set()
    with opened(path, encoding) as text:
        lines = _without_zeros(path, text, encoding)
        reader, rows, before, blank = csv.reader(lines, delimiter=delimiter), 0, 0, False
        try:
            for row in reader:
                rows += 1
                blank |= not row
                if row and len(row) != columns:
                    raise _ragged(path, before + 1, columns, len(row), delimiter)
                before = reader.line_num
                if rows > 1 or not is_headed:
                    zeros = [i for i, cell in enumerate(row) if "0" < cell < "1"]  # 0 and more
                    padded.update(i for i in zeros if row[i].isdigit())
        except csv.Error as error:
            raise UsageError(
                f"{path}, line {before + 1}",
                expected="cells of text, quotes closed",
                received=str(error),
                remedy="Mend the line, or say what it is: data.delimiter, data.encoding",
            ) from error
    return rows == before and not blank, padded


def _without_zeros(path: Path, lines: Iterable[str], encoding: str) -> Iterator[str]:
    """The lines; UsageError for one with a zero, at which pandas would cut its cell."""
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise UsageError(
                f"{path}, line {number}",
                expected=f"text in {encoding}",
                received="a character of zero",
                remedy="Say the encoding it is in, such as data.encoding=utf-16-le, or mend the "
                "line",
            )
        yield line


def _ragged(path: Path, line: int, columns: int, cells: int, delimiter: str) -> UsageError:
    return UsageError(
        f"{path}, line {line}",
        expected=f"{columns} cells, as in the first line",
        received=str(cells),
        remedy=f"Mend the line (put quotes around cells that hold {delimiter!r}), or say what "
        "separates cells: data.delimiter=';'",
    )
