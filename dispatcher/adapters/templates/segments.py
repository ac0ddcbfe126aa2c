"""Values that are a whole segment of a URL's path: they must not be empty."""

from jinja2 import nodes

from dispatcher.adapters.templates.language import filtered

_ENDS = ("/", "?")


def with_whole_segments(tree: nodes.Template) -> nodes.Template:
    """The tree, in which each value that stands alone between two slashes is asked to be there. Where an `if` or a loop
    stands beside it, its author has decided what may be missing."""
    parts: list[nodes.Node] = []
    for node in tree.body:
        parts += node.nodes if isinstance(node, nodes.Output) else [node]
    whole = {id(parts[index]) for index in range(1, _path_length(parts)) if _is_alone(parts, index)}
    for output in tree.body:
        if isinstance(output, nodes.Output):
            output.nodes = [filtered(each, "_segment") if id(each) in whole else each for each in output.nodes]
    return tree


def _path_length(parts: list[nodes.Node]) -> int:
    """How many parts there are before the query."""
    queries = (index for index, part in enumerate(parts) if isinstance(part, nodes.TemplateData) and "?" in part.data)
    return next(queries, len(parts))


def _is_alone(parts: list[nodes.Node], index: int) -> bool:
    if not isinstance(parts[index], nodes.Expr) or isinstance(parts[index], nodes.TemplateData):
        return False
    before, after = parts[index - 1], parts[index + 1] if index + 1 < len(parts) else None
    begins = isinstance(before, nodes.TemplateData) and before.data.endswith("/")
    return begins and (after is None or (isinstance(after, nodes.TemplateData) and after.data.startswith(_ENDS)))
