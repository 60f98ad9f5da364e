package io.github.lora4j;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RecentConfigsTest {

  private final RecentConfigs recent = new RecentConfigs();

  private static byte[] bytes(int rank) {
    return ("{\"r\": " + rank + "}").getBytes(UTF_8);
  }

  private static LoraConfig config(int rank) {
    return LoraConfig.builder().rank(rank).targetModules("up").build();
  }

  @Test
  void sameBytesAreTheSameConfiguration() {
    LoraConfig config = config(3);
    recent.add(bytes(3), config);

    assertThat(recent.find(bytes(3))).containsSame(config);
    assertThat(recent.find(bytes(4))).isEmpty();
  }

  @Test
  void onlyTheLastAreKept() {
    for (int rank = 1; rank <= 17; rank++) {
      recent.add(bytes(rank), config(rank));
    }

    assertThat(recent.find(bytes(1))).isEmpty();
    assertThat(recent.find(bytes(2))).isPresent();
    assertThat(recent.find(bytes(17))).isPresent();
  }

  @Test
  void largeFilesAreNotKept() {
    byte[] large = new byte[20_000];
    recent.add(large, config(1));

    assertThat(recent.find(large)).isEmpty();
  }
}
