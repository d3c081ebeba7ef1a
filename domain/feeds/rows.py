"""Text into rows of cells, each with the physical line where it starts; a badly quoted row spoils only itself.

What lives here: quoting, line ends, line numbers. What may not: names of columns and what they mean.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import InputError
from domain.feeds.bounds import MAX_CELL_CHARS, MAX_LINES, MAX_RECORD_LINES, MAX_REREAD_COST, MAX_ROWS

LINE_COST = 32  # characters that one line costs on top of its length, for MAX_REREAD_COST
NEVER_CLOSED = 'a quote (") opened in this row is never closed'


@dataclass(frozen=True)
class Row:
    """One row. `line` is where it starts, `last_line` where it ends (1-based, physical lines of the file).

    `fault` is why it cannot be read ("" when it can); then `cells` are those that the first line seems to have.
    """

    line: int
    last_line: int
    cells: tuple[str, ...]
    fault: str = ""

    @property
    def blank(self) -> bool:
        return not self.fault and not any(cell.strip() for cell in self.cells)


def physical_lines(text: str, *, name: str) -> list[str]:
    """Lines with their ends, as an editor counts them: LF, CRLF or CR. InputError over MAX_LINES."""
    if text.count("\n") + text.count("\r") > 2 * MAX_LINES:
        raise InputError(f"the feed has over {MAX_LINES:,} lines", where=name)
    lines = list(io.StringIO(text, newline=""))
    if len(lines) > MAX_LINES:
        raise InputError(f"the feed has {len(lines):,} lines, the limit is {MAX_LINES:,}", where=name)
    return lines


class RowReader:
    """Reads rows one by one. Iterating gives every row, blank ones too, and covers each line exactly once.

    A row whose quotes make no sense is given with its `fault`, as one line, and reading goes on with the next line: so
    a quote that is never closed cannot swallow the rows behind it. With `width` set and tabs as delimiter, such a row
    is taken as it stands if it has that many cells, because many TSV writers do not quote at all (`5" nail`).
    """

    def __init__(self, lines: list[str], *, delimiter: str, name: str) -> None:
        self._lines, self._delimiter, self._name = lines, delimiter, name
        self._at = 0  # index of the next line
        self._reread_cost = 0
        self._rows = 0
        self.width = 0

    def __iter__(self) -> Iterator[Row]:
        while self._at < len(self._lines):
            row = self._next()
            self._rows += 0 if row.blank else 1
            if self._rows > MAX_ROWS + 1:  # the header is a row as well
                raise InputError(f"the feed has over {MAX_ROWS:,} rows", where=self._name, hint="Split it")
            yield row

    def _next(self) -> Row:
        start = self._at
        try:
            cells = next(csv.reader(self._supply(), delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            return self._recover(start, str(error))
        return Row(start + 1, self._at, tuple(cells))

    def _supply(self) -> Iterator[str]:
        """Lines for one row; csv asks for the next only inside an open quote."""
        end = min(len(self._lines), self._at + MAX_RECORD_LINES)
        while self._at < end:
            self._at += 1
            yield self._lines[self._at - 1]

    def _recover(self, start: int, error: str) -> Row:
        end = self._end_of_balanced(start) if "field larger" in error else None
        if end is not None:
            self._at = end
            return Row(start + 1, end, self._raw(start), f"a cell is longer than {MAX_CELL_CHARS:,} characters")
        self._charge(start)
        reached, self._at = self._at, start + 1
        raw = self._raw(start)
        if self._delimiter == "\t" and len(raw) == self.width:
            return Row(start + 1, start + 1, raw)
        return Row(start + 1, start + 1, raw, self._quoting_fault(start, reached, error))

    def _quoting_fault(self, start: int, reached: int, error: str) -> str:
        if "unexpected end" in error:
            return f"{NEVER_CLOSED} (looked up to line {reached})"
        where = f" (seen on line {reached})" if reached > start + 1 else ""
        return f'badly quoted: text follows a closing quote; a quote inside a cell is written ""{where}'

    def _end_of_balanced(self, start: int) -> int | None:
        """Index behind the line where the quotes of a row are even again: the end of a long, well-quoted row."""
        quotes = 0
        for index in range(start, min(len(self._lines), start + MAX_RECORD_LINES)):
            quotes += self._lines[index].count('"')
            if quotes % 2 == 0:
                return index + 1
        return None

    def _raw(self, index: int) -> tuple[str, ...]:
        return tuple(self._lines[index].rstrip("\r\n").split(self._delimiter))

    def _charge(self, start: int) -> None:
        read = self._lines[start : self._at]
        self._reread_cost += sum(map(len, read)) + LINE_COST * len(read)
        if self._reread_cost > MAX_REREAD_COST:
            raise InputError("too many badly quoted rows to make sense of", where=f"{self._name}, line {start + 1}")
