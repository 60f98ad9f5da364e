package io.github.lora4j.spi;

import java.util.ArrayList;
import java.util.List;

/** Prints modules the way {@code torch.nn.Module.__repr__} does. */
final class TreePrinter {

  private TreePrinter() {}

  static String print(List<TargetModule> modules) {
    Node root = new Node(modules.get(0));
    for (TargetModule module : modules.subList(1, modules.size())) {
      Node parent = root;
      String[] segments = module.path().split("\\.", -1);
      for (int i = 0; i < segments.length - 1; i++) {
        parent = parent.child(segments[i]);
      }
      parent.children.add(new Node(module));
    }
    return root.text();
  }

  private static final class Node {
    final TargetModule module;
    final List<Node> children = new ArrayList<>();

    Node(TargetModule module) {
      this.module = module;
    }

    Node child(String name) {
      for (Node child : children) {
        if (child.module.name().equals(name)) {
          return child;
        }
      }
      throw new IllegalArgumentException(
          "module '%s' has no child '%s'".formatted(module.path(), name));
    }

    String text() {
      if (children.isEmpty()) {
        return module.type() + "(" + module.description() + ")";
      }
      StringBuilder out = new StringBuilder(module.type()).append("(\n");
      for (int first = 0; first < children.size(); ) {
        String text = children.get(first).text();
        int last = first;
        while (last + 1 < children.size()
            && "ModuleList".equals(module.type())
            && children.get(last + 1).text().equals(text)) {
          last++;
        }
        String name = children.get(first).module.name();
        String label =
            first == last
                ? "(" + name + "): "
                : "(%s-%s): %d x "
                    .formatted(name, children.get(last).module.name(), last - first + 1);
        out.append("  ").append(label).append(text.replace("\n", "\n  ")).append('\n');
        first = last + 1;
      }
      return out.append(")").toString();
    }
  }
}
