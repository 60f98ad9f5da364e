package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.nn.ParameterList;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.SymbolBlock;
import ai.djl.nn.convolutional.Conv1d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import io.github.lora4j.LoraException;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class BlockTreeTest {

  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  private List<String> paths(Block block) {
    return BlockTree.of(block).modules().modules().stream().map(TargetModule::path).toList();
  }

  private static List<String> names(ModuleTree tree) {
    return tree.parameters().stream().map(ParameterInfo::name).toList();
  }

  @Test
  void sequenceIsNamedAndPrintedAsInPyTorch() throws IOException {
    ModuleTree tree = BlockTree.of(Sample.SEQUENTIAL.ready(manager, 1)).modules();

    assertThat(names(tree))
        .containsExactly("0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias");
    String pyTorch =
        Files.readString(Path.of("src/test/resources/golden/block/tree.txt"))
            .strip()
            .replace("Sequential(", "SequentialBlock(")
            .replace("ReLU()", "LambdaBlock(ReLU)")
            .replace("Tanh()", "LambdaBlock(Tanh)");
    assertThat(tree).hasToString(pyTorch);
  }

  @Test
  void namesOfFieldsLoseTheirNumbersOnly() {
    assertThat(paths(Sample.BERT.ready(manager, 1)))
        .contains(
            "0.tokenEmbedding",
            "0.transformer_1.selfAttention.queryProjection",
            "0.transformer_1.outputBlock.0",
            "0.poolingProjection",
            "2")
        .doesNotHaveDuplicates();
  }

  @Test
  void parametersOfNormsAndEmbeddingsAreWeightAndBiasAndAveragesAreNone() {
    ModuleTree tree = BlockTree.of(Sample.BERT.ready(manager, 1)).modules();

    assertThat(names(tree))
        .contains(
            "0.positionEmbedding",
            "0.tokenEmbedding.weight",
            "0.embeddingNorm.weight",
            "0.embeddingNorm.bias")
        .noneMatch(name -> name.contains("running"));
  }

  /** Two children of one name, one whose name begins with digits, one with a dot. */
  private static final class Oddly extends AbstractBlock {
    private final Linear first = addChildBlock("same", Linear.builder().setUnits(2).build());

    Oddly() {
      addChildBlock("same", Linear.builder().setUnits(2).build());
      addChildBlock("03rd", Linear.builder().setUnits(2).build());
      addChildBlock("a.b", Linear.builder().setUnits(2).build());
      addChildBlock("again", first);
      addChildBlock("", LayerNorm.builder().build());
    }

    @Override
    protected NDList forwardInternal(
        ParameterStore store, NDList inputs, boolean training, PairList<String, Object> params) {
      return first.forward(store, inputs, training);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] shapes) {
      return shapes;
    }

    @Override
    protected void initializeChildBlocks(NDManager manager, DataType type, Shape... shapes) {
      getChildren().values().forEach(child -> child.initialize(manager, type, shapes));
    }
  }

  @Test
  void namesAreUniqueAndATwiceUsedBlockIsListedOnce() {
    Block block = new Oddly();
    block.initialize(manager, DataType.FLOAT32, new Shape(1, 2));

    assertThat(paths(block)).containsExactly("", "01same", "02same", "03rd", "a_b", "06");
    assertThat(BlockTree.of(block).modules().parameterCount()).isEqualTo(4 * (2 * 2 + 2) + 2 * 2);
  }

  @Test
  void convolutionIsNoLinearMap() {
    Block block =
        new SequentialBlock()
            .add(Conv1d.builder().setFilters(2).setKernelShape(new Shape(3)).build());
    block.initialize(manager, DataType.FLOAT32, new Shape(1, 1, 8));

    TargetModule conv = BlockTree.of(block).modules().modules().get(1);

    assertThat(conv.kind()).isEqualTo(TargetModule.Kind.OTHER);
    assertThat(conv.type()).isEqualTo("Conv1d");
  }

  @Test
  void blockWithoutWeightsIsRefusedWithWhatToCall() {
    assertThatThrownBy(() -> BlockTree.of(Sample.mlp()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the SequentialBlock is not initialised")
        .hasMessageContaining("block.initialize(manager, DataType.FLOAT32, shape of an input)");
  }

  @Test
  void importedModelIsRefusedWhereverItStandsWithTheWayOut() {
    Block imported = SymbolBlock.newInstance(manager);

    assertThatThrownBy(() -> BlockTree.of(imported))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("the block is a PtSymbolBlock, an imported model")
        .hasMessageContaining("CausalLm.load")
        .hasMessageContaining("DJL's blocks");
    Block around = Sample.mlp();
    around.initialize(manager, DataType.FLOAT32, new Shape(1, 6));
    ((SequentialBlock) around).add(new Always(imported));
    assertThatThrownBy(() -> BlockTree.of(around))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("the block at '5.model' is a PtSymbolBlock");
  }

  /** Says that it is ready whatever stands in it. */
  private static final class Always extends AbstractBlock {
    Always(Block child) {
      addChildBlock("model", child);
      inputShapes = new Shape[] {new Shape(1)};
    }

    @Override
    public ParameterList getParameters() {
      return getDirectParameters();
    }

    @Override
    protected NDList forwardInternal(
        ParameterStore store, NDList inputs, boolean training, PairList<String, Object> params) {
      return inputs;
    }

    @Override
    public Shape[] getOutputShapes(Shape[] shapes) {
      return shapes;
    }
  }
}
