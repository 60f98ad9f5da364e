package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterLease;
import io.github.lora4j.AdapterPool;
import io.github.lora4j.AdapterSource;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.train.ManagedArrays;
import io.github.lora4j.spi.ParameterInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters come and go by the thousand; memory and the base stay. */
final class AdapterLifecycleTest {

  private static final int CYCLES = 10_000;
  private static final int RESIDENT = 1_000;
  private static final int[] ROW = {7, 90, 12, 33};

  private final CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, LoadOptions.builder().build());
  private final Path adapter;
  private final long fileBytes;

  AdapterLifecycleTest(@TempDir Path temp) throws IOException {
    this.adapter = temp.resolve("adapter");
    LoraConfig config =
        LoraConfig.builder()
            .rank(16)
            .alpha(16)
            .init(LoraInit.RANDOM)
            .targetModules(TargetModules.allLinear())
            .build();
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      peft.save(adapter);
    }
    this.fileBytes = Files.size(adapter.resolve("adapter_model.safetensors"));
  }

  @AfterEach
  void close() {
    base.close();
  }

  /** All arrays and managers of the process. */
  private int managed() {
    return ManagedArrays.below(base.decoder().manager().getParentManager());
  }

  private List<Integer> hashes() {
    List<Integer> hashes = new ArrayList<>();
    for (ParameterInfo parameter : base.modules().parameters()) {
      hashes.add(Arrays.hashCode(base.decoder().parameter(parameter.name()).values()));
    }
    return hashes;
  }

  @Test
  void tenThousandLoadsAndClosesLeaveNothing() throws IOException {
    AdapterFiles memory =
        AdapterFiles.of(
            "memory",
            Files.readString(adapter.resolve("adapter_config.json")),
            ByteBuffer.wrap(Files.readAllBytes(adapter.resolve("adapter_model.safetensors"))));
    AdapterSource source = id -> id.equals("memory") ? memory : AdapterFiles.in(adapter);
    List<Integer> hashes = hashes();
    int before = managed();
    long open = 0;

    for (int i = 0; i < CYCLES; i++) {
      PeftModel<CausalLm> peft =
          PeftModel.fromPretrained(base, source, i % 2 == 0 ? "memory" : "file");
      if (i % 1000 == 0) {
        peft.model().logits(ROW);
        peft.replaceWith(adapter);
        peft.model().logits(ROW);
      }
      peft.close();
      open += peft.nativeBytes();
    }

    assertThat(open).isZero();
    assertThat(managed()).isEqualTo(before);
    assertThat(hashes()).isEqualTo(hashes);
  }

  @Test
  void aThousandResidentAdaptersTakeTheBytesOfTheirFiles() throws IOException {
    int before = managed();
    List<PeftModel<CausalLm>> views = new ArrayList<>();
    List<Integer> hashes = hashes();
    float[][][] alone = logitsOfOne();

    for (int i = 0; i < RESIDENT; i++) {
      views.add(PeftModel.fromPretrained(base, adapter));
    }

    long bytes = views.stream().mapToLong(PeftModel::nativeBytes).sum();
    assertThat((double) bytes / RESIDENT).isCloseTo((double) fileBytes, within(0.1 * fileBytes));
    assertThat(views.get(RESIDENT - 1).model().logits(ROW)).isDeepEqualTo(alone);
    assertThat(views.get(0).model().logits(ROW)).isDeepEqualTo(alone);
    // to select is to name a view: its model is there already, whatever else is
    assertThat(views).allSatisfy(view -> assertThat(view.model()).isSameAs(view.model()));
    assertThat(managed()).isGreaterThan(before + RESIDENT);
    views.forEach(PeftModel::close);
    assertThat(views.stream().mapToLong(PeftModel::nativeBytes).sum()).isZero();
    assertThat(managed()).isEqualTo(before);
    assertThat(hashes()).isEqualTo(hashes);
  }

  private float[][][] logitsOfOne() throws IOException {
    try (PeftModel<CausalLm> view = PeftModel.fromPretrained(base, adapter)) {
      return view.model().logits(ROW);
    }
  }

  @Test
  void poolServesAndGivesBackNativeMemory() throws Exception {
    int before = managed();
    float[][][] expected = logitsOfOne();
    AdapterSource source = id -> AdapterFiles.in(adapter);

    try (AdapterPool<CausalLm> pool =
        AdapterPool.builder(base, source).byteBudget(3 * fileBytes).build()) {
      for (int i = 0; i < 50; i++) {
        try (AdapterLease<CausalLm> lease = pool.acquire("adapter " + i % 7)) {
          assertThat(lease.model().logits(ROW)).isDeepEqualTo(expected);
        }
        assertThat(pool.snapshot().bytes()).isLessThanOrEqualTo(3 * fileBytes);
      }
      assertThat(pool.snapshot().resident()).isEqualTo(3);
      assertThat(managed()).isGreaterThan(before);
    }

    assertThat(managed()).isEqualTo(before);
  }
}
