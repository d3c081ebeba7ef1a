"""YAML that somebody wrote by hand, as plain data. Lives here: bounds and what a slip of the pen means; no fields.

PyYAML itself takes the last of two equal keys, and an alias of aliases grows without bound in whoever walks the data.
"""

from collections.abc import Iterator

import yaml

from domain.errors import InputError

MAX_VALUES = 20_000
"""Values in one file, with every alias written out."""
MAX_DEPTH = 40


def parse_yaml(data: bytes, where: str) -> object:
    """The one document in `data`. Raises InputError naming `where` with the line."""
    try:
        loader = yaml.SafeLoader(data)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, where)
        return loader.construct_document(node)
    except RecursionError as error:
        raise InputError("nested too deeply", where=where) from error
    except yaml.reader.ReaderError as error:
        line = data[: error.position].count(b"\n") + 1
        raise InputError(f"not YAML: no UTF-8 text ({error.reason})", where=f"{where}:{line}") from error
    except yaml.MarkedYAMLError as error:
        line_of = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"not YAML: {error.problem or error.context}", where=f"{where}{line_of}") from error


def _check(root: yaml.Node, where: str) -> None:
    left = MAX_VALUES
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        left -= 1
        if left < 0:
            raise InputError(f"more than {MAX_VALUES} values, aliases written out", where=where)
        if depth > MAX_DEPTH:
            raise InputError("nested too deeply", where=f"{where}:{node.start_mark.line + 1}")
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, where)
        waiting.extend((child, depth + 1) for child in _children(node))


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (part for pair in node.value for part in pair)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_keys(node: yaml.MappingNode, where: str) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        if key.value in first:
            raise InputError(f"{key.value!r} stands here and on line {first[key.value]}", where=f"{where}:{line}")
        first[key.value] = line
