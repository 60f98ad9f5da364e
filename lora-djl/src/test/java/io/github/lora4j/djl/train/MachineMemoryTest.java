package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class MachineMemoryTest {

  private static final List<String> STATUS = List.of("VmRSS:\t 900 kB", "RssAnon:\t 200 kB");
  private static final List<String> MEMINFO = List.of("MemFree: 5 kB", "MemAvailable:  1000 kB");

  @Test
  void ownMemoryAndMostOfWhatIsAvailable() {
    assertThat(MachineMemory.budget(STATUS, MEMINFO, Long.MAX_VALUE)).hasValue(1100 * 1024);
  }

  @Test
  void containerIsTheLimit() {
    assertThat(MachineMemory.budget(STATUS, MEMINFO, 1000 * 1024)).hasValue(900 * 1024);
  }

  @Test
  void systemThatDoesNotTellGivesNoBudget() {
    assertThat(MachineMemory.budget(List.of(), MEMINFO, 1)).isEmpty();
    assertThat(MachineMemory.budget(STATUS, List.of(), 1)).isEmpty();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void linuxTells() {
    assertThat(MachineMemory.budget(Device.cpu(), 0).orElseThrow()).isGreaterThan(1 << 24);
  }
}
