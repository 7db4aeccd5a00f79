"""A net up to its asked layers, made of the net's own modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from torch import fx, nn
from torchvision.models import feature_extraction
from torchvision.models.feature_extraction import DualGraphModule, NodePathTracer


def inlined(nodes: Iterable[str]) -> frozenset[str]:
    """The names of the modules that have one of ``nodes`` inside: what they compute is spelled out, and they are not called themselves."""
    return frozenset(node.rsplit(".", depth)[0] for node in nodes for depth in range(1, node.count(".") + 1))


def tracer_of(net: nn.Module, whole: Collection[str] = ()) -> tuple[NodePathTracer, fx.Graph]:
    """``net`` traced through all modules, but for those called in ``whole``."""
    tracer = _Tracer(frozenset(whole))
    return tracer, tracer.trace(net)


def cut_after(net: nn.Module, nodes: Sequence[str]) -> nn.Module:
    """A net of the modules of ``net`` that gives ``nodes`` (modules' outputs, or operations by their names), as a dict, and ends with the
    last of them.

    Modules without one of ``nodes`` inside are called as they are, so that hooks on them and in them run. (torchvision's own
    ``create_feature_extractor`` calls the innermost modules only.)
    """
    around = inlined(nodes)
    whole = [name for name, _ in net.named_modules() if name and name not in around]
    graphs, mode = [], net.training
    for training in (True, False):
        tracer, graph = tracer_of(net.train(training), whole)
        for node in reversed(graph.nodes):
            if node.op == "output":
                graph.erase_node(node)
        # The last node of a name, for a module that is asked for and spelled out, too.
        found = {
            name: [node for node, path in tracer.node_to_qualname.items() if f"{path}.".startswith(f"{name}.")][-1]
            for name in nodes
        }
        graph.output(found)
        fx.GraphModule(tracer.root, graph).graph.eliminate_dead_code()
        graphs.append(graph)
    return DualGraphModule(net, graphs[0], graphs[1], class_name=type(net).__name__).train(net.train(mode).training)


class _Tracer(NodePathTracer):
    def __init__(self, whole: frozenset[str]) -> None:
        super().__init__(**feature_extraction._set_default_tracer_kwargs(None))
        self._whole = whole

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name in self._whole or super().is_leaf_module(m, module_qualified_name)

    def _get_node_qualname(self, module_qualname: str, node: fx.Node) -> str:
        """The module's own name, also where it ends in a number (``ln_2``), which torchvision takes for a count of calls."""
        if node.op != "call_module":
            return str(super()._get_node_qualname(module_qualname, node))
        calls = sum(made.op == "call_module" and made.target == node.target for made in self.node_to_qualname)
        return f"{module_qualname}_{calls}" if calls else module_qualname
