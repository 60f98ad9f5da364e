package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class ProcessMemoryTest {

  @Test
  void highWaterMarkIsReadInBytes() {
    assertThat(ProcessMemory.peakBytes(List.of("VmPeak:\t 99 kB", "VmHWM:\t  1234 kB")))
        .isEqualTo(1234 * 1024);
  }

  @Test
  void systemThatDoesNotTellGivesMinusOne() {
    assertThat(ProcessMemory.peakBytes(List.of("Name:\tjava"))).isEqualTo(-1);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void thisProcessHasUsedMoreThanItsHeap() {
    assertThat(ProcessMemory.peakBytes()).isGreaterThan(1 << 24);
  }
}
