package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraInit;
import io.github.lora4j.LoraLinear;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class PeftBlockTest {

  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  /** PEFT: test_disable_adapters. The base is what is left without the adapter. */
  @ParameterizedTest
  @EnumSource(Sample.class)
  void freshAdapterLeavesOutputUnchangedAndTheBaseNeverHasOne(Sample sample) {
    Block base = sample.ready(manager, 1);
    float[] before = sample.predict(base, manager);

    try (PeftModel<Block> fresh = PeftModel.wrap(base, sample.config().build());
        PeftModel<Block> other = PeftModel.wrap(base, sample.random())) {
      float[] adapted = sample.predict(other.model(), manager);

      assertThat(sample.predict(fresh.model(), manager)).isEqualTo(before);
      assertThat(adapted).isNotEqualTo(before);
      assertThat(sample.predict(base, manager)).isEqualTo(before);
      assertThat(sample.predict(other.model(), manager)).isEqualTo(adapted);
    }
    assertThat(sample.predict(base, manager)).isEqualTo(before);
  }

  @Test
  void outputIsTheEquationOfLora() {
    Block base =
        new SequentialBlock().add(Linear.builder().setUnits(3).build()); // one map, all there is
    base.initialize(manager, DataType.FLOAT32, new Shape(2, 4));
    LoraConfig config = Sample.SEQUENTIAL.config().targetModules("0").init(LoraInit.RANDOM).build();
    NDArray x = Sample.floats(manager, 2, 5, 4);

    try (PeftModel<Block> peft = PeftModel.wrap(base, config)) {
      NDArray y = forward(peft.model(), x);

      LoraLinear pair = peft.plan().pairs().get(0);
      NDArray a = Arrays32.write(manager, tensor(peft, "0.lora_A")); // (r, in)
      NDArray b = Arrays32.write(manager, tensor(peft, "0.lora_B")); // (out, r)
      NDArray update = x.matMul(a.transpose()).matMul(b.transpose()).mul(pair.scaling());
      NDArray wanted = forward(base, x).add(update);
      assertThat(y.getShape()).isEqualTo(new Shape(2, 5, 3));
      assertThat(pair.scaling()).isEqualTo(3);
      assertThat(y.sub(wanted).abs().max().getFloat()).isCloseTo(0, within(1e-6f));
    }
  }

  private static TensorData tensor(PeftModel<Block> peft, String name) {
    return Objects.requireNonNull(peft.tensors().get(name), name);
  }

  private NDArray forward(Block block, NDArray x) {
    return block.forward(new ParameterStore(manager, false), new NDList(x), false).head();
  }

  @Test
  void countsArePeftsAndThePlanIsTheCores() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    LoraConfig config = Sample.SEQUENTIAL.config().build();

    try (PeftModel<Block> peft = PeftModel.wrap(base, config)) {
      // 2·(6+16) + 2·(16+12) + 2·(12+5) beside 112 + 204 + 65
      assertThat(peft.parameterCount())
          .hasToString("trainable params: 134 || all params: 515 || trainable%: 26.0194");
      assertThat(LoraPlan.of(base, config).pairs()).isEqualTo(peft.plan().pairs());
      assertThat(peft.nativeBytes()).isEqualTo(2 * 4 * 134);
      assertThat(peft.model().getParameters().keys())
          .containsExactlyElementsOf(peft.tensors().keySet());
    }
  }

  @ParameterizedTest
  @EnumSource(Bias.class)
  void biasesAreTheAdaptersOwnCopies(Bias bias) {
    Block base = Sample.BERT.ready(manager, 1);
    float[] before = Sample.BERT.predict(base, manager);
    List<Integer> bits = Sample.bits(base);

    try (PeftModel<Block> peft = PeftModel.wrap(base, Sample.BERT.config().bias(bias).build())) {
      Map<String, TensorData> tensors = peft.tensors();
      assertThat(Sample.BERT.predict(peft.model(), manager)).isEqualTo(before);
      List<Parameter> copies =
          peft.model().getParameters().values().stream()
              .filter(parameter -> parameter.getName().endsWith(".bias"))
              .toList();

      copies.forEach(copy -> copy.getArray().setRequiresGradient(false));
      copies.forEach(copy -> copy.getArray().addi(1));

      assertThat(tensors.containsKey("0.poolingProjection.bias")).isEqualTo(bias != Bias.NONE);
      assertThat(tensors.containsKey("0.embeddingNorm.bias")).isEqualTo(bias == Bias.ALL);
      if (bias != Bias.NONE) {
        assertThat(Sample.BERT.predict(peft.model(), manager)).isNotEqualTo(before);
      }
      assertThat(Sample.bits(base)).isEqualTo(bits);
    }
  }

  @Test
  void dropoutIsRefusedWithTheReasonAndTheWayOut() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    base.freezeParameters(false);
    LoraConfig config = Sample.SEQUENTIAL.config().dropout(0.05).build();

    assertThatThrownBy(() -> PeftModel.wrap(base, config))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("dropout acts on inputs")
        .hasMessageContaining("[0 (0.05), 2 (0.05), 4 (0.05)]")
        .hasMessageContaining("dropout(0)");
    assertThat(base.getParameters().values()).allMatch(Parameter::requiresGradient);
  }

  @Test
  void whatIsNoLinearMapIsRefusedByName() {
    Block bert = Sample.BERT.ready(manager, 1);

    assertThatThrownBy(() -> PeftModel.wrap(bert, config("tokenEmbedding")))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("not beside an embedding: [0.tokenEmbedding]");
    assertThatThrownBy(() -> PeftModel.wrap(bert, config("tokenEmbedding", "embeddingNorm")))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("0.embeddingNorm, a BatchNorm");
  }

  private static LoraConfig config(String... targets) {
    return LoraConfig.builder().rank(2).alpha(4).dropout(0).targetModules(targets).build();
  }

  @Test
  void targetThatMatchesNothingNamesWhatThereIs() {
    Block base = Sample.ATTENTION.ready(manager, 1);

    assertThatThrownBy(() -> PeftModel.wrap(base, config("q_proj")))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("q_proj")
        .hasMessageContaining("queryProjection");
  }

  @Test
  void allLinearAdaptsEveryLinearMap() {
    Block base = Sample.BERT.ready(manager, 1);
    LoraConfig config =
        LoraConfig.builder().rank(2).dropout(0).targetModules(TargetModules.allLinear()).build();

    assertThat(LoraPlan.of(base, config).pairs()).hasSize(2 * (4 + 2) + 2);
  }

  @Test
  void blockThatHasAnAdapterIsNotWrappedAgain() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);

    try (PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random())) {
      assertThatThrownBy(() -> PeftModel.wrap(peft.model(), Sample.SEQUENTIAL.random()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the block has an adapter already; wrap the base");
      Block around = new SequentialBlock().add(peft.model());
      around.initialize(manager, DataType.FLOAT32, new Shape(1, 6));
      assertThatThrownBy(() -> PeftModel.wrap(around, Sample.SEQUENTIAL.random()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the block at '0' has an adapter already");
    }
  }

  @Test
  void closedAdapterIsNotComputedWith() {
    Block base = Sample.SEQUENTIAL.ready(manager, 1);
    PeftModel<Block> peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());

    peft.close();
    peft.close();

    assertThat(peft.nativeBytes()).isZero();
    assertThatThrownBy(() -> Sample.SEQUENTIAL.predict(peft.model(), manager))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the adapter is closed");
    assertThat(Sample.SEQUENTIAL.predict(base, manager)).isNotEmpty();
  }

  @Test
  void forwardThatBeganBeforeTheCloseFinishes() {
    Runnable[] midway = {() -> {}};
    Block base =
        new SequentialBlock()
            .add(Linear.builder().setUnits(4).build())
            .add(
                inputs -> {
                  midway[0].run();
                  return inputs;
                })
            .add(Linear.builder().setUnits(3).build());
    base.initialize(manager, DataType.FLOAT32, new Shape(1, 6));
    PeftModel<Block> peft =
        PeftModel.wrap(base, Sample.SEQUENTIAL.config().targetModules("0", "2").build());
    float[] wanted = Sample.SEQUENTIAL.predict(peft.model(), manager);
    List<Long> bytes = new ArrayList<>();

    midway[0] =
        () -> {
          peft.close();
          bytes.add(peft.nativeBytes());
        };
    float[] finished = Sample.SEQUENTIAL.predict(peft.model(), manager);

    assertThat(finished).isEqualTo(wanted);
    assertThat(bytes).singleElement().isEqualTo(2L * 4 * (2 * (6 + 4) + 2 * (4 + 3)));
    assertThat(peft.nativeBytes()).isZero();
    assertThatThrownBy(peft::tensors).hasMessageContaining("the adapter is closed");
  }

  @Test
  void closingTheModelGivesTheAdapterBackToo() {
    PeftModel<Block> peft;
    try (Model model = Model.newInstance("mlp")) {
      Block base = Sample.SEQUENTIAL.ready(model.getNDManager(), 1);
      peft = PeftModel.wrap(base, Sample.SEQUENTIAL.random());
      assertThat(peft.nativeBytes()).isPositive();
    }

    assertThat(peft.nativeBytes()).isZero();
    peft.close();
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT64", "FLOAT16"})
  void otherFloatingTypesKeepTheirType(DataType type) {
    Block base = Sample.mlp();
    base.initialize(manager, type, new Shape(2, 6));
    NDArray x = Sample.floats(manager, 2, 6).toType(type, true);

    try (PeftModel<Block> peft =
        PeftModel.wrap(base, Sample.SEQUENTIAL.config().bias(Bias.ALL).build())) {
      NDArray y = forward(peft.model(), x);

      assertThat(y.getDataType()).isEqualTo(type);
      assertThat(y.toByteBuffer()).isEqualTo(forward(base, x).toByteBuffer());
    }
  }
}
