package io.github.lora4j.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModuleTreeTest {

  @Test
  void repeatedLayersCollapseAsInPyTorch() {
    List<TargetModule> modules = new ArrayList<>();
    modules.add(TargetModule.other("", "Model", ""));
    modules.add(TargetModule.embedding("wte", 10, 4));
    modules.add(TargetModule.other("h", "ModuleList", ""));
    for (int i = 0; i < 4; i++) {
      modules.add(TargetModule.other("h." + i, "Block", ""));
      modules.add(TargetModule.linear("h." + i + ".fc", 4, i < 3 ? 8 : 16, i < 3));
    }
    modules.add(TargetModule.outputHead("lm_head", 4, 10, false));

    assertThat(new ModuleTree("", "", modules, List.of()))
        .hasToString(
            """
            Model(
              (wte): Embedding(10, 4)
              (h): ModuleList(
                (0-2): 3 x Block(
                  (fc): Linear(in_features=4, out_features=8, bias=True)
                )
                (3): Block(
                  (fc): Linear(in_features=4, out_features=16, bias=False)
                )
              )
              (lm_head): Linear(in_features=4, out_features=10, bias=False)
            )""");
  }

  @Test
  void equalChildrenOfOtherContainersDoNotCollapse() {
    List<TargetModule> modules =
        List.of(
            TargetModule.other("", "Model", ""),
            TargetModule.linear("q", 2, 2, true),
            TargetModule.linear("k", 2, 2, true));

    assertThat(new ModuleTree("", "", modules, List.of()).toString()).contains("(q): ", "(k): ");
  }

  @Test
  void parametersAreCounted() {
    ModuleTree tree =
        new ModuleTree(
            "bloom",
            "base",
            List.of(TargetModule.other("", "Model", "")),
            List.of(
                new ParameterInfo("a", List.of(3L, 4L)),
                new ParameterInfo("b", List.of()),
                new ParameterInfo("c", List.of(100_000L, 100_000L))));

    assertThat(tree.parameterCount()).isEqualTo(12 + 1 + 10_000_000_000L);
    assertThat(tree.modelClass()).isEqualTo("Model");
  }

  @Test
  void treeWithoutARootIsRefused() {
    assertThatThrownBy(() -> new ModuleTree("", "", List.of(), List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the first module must be the root with an empty path");
    assertThatThrownBy(
            () -> new ModuleTree("", "", List.of(TargetModule.linear("a", 1, 1, true)), List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void moduleOutsideItsParentIsRefusedWhenPrinted() {
    ModuleTree tree =
        new ModuleTree(
            "",
            "",
            List.of(TargetModule.other("", "Model", ""), TargetModule.linear("h.0", 1, 1, true)),
            List.of());

    assertThatThrownBy(tree::toString)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("module '' has no child 'h'");
  }

  @Test
  void tensorDataChecksItsShape() {
    assertThatThrownBy(() -> TensorData.matrix(2, 3, new float[5]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shape [2, 3] has 6 elements, got 5 values");
    assertThat(TensorData.matrix(1, 2, new float[] {0f, 1f}))
        .isEqualTo(TensorData.matrix(1, 2, new float[] {0f, 1f}))
        .isNotEqualTo(TensorData.matrix(2, 1, new float[] {0f, 1f}))
        .isNotEqualTo(TensorData.matrix(1, 2, new float[] {-0f, 1f}));
  }
}
