package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.hub.testing.DoubleRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several who want the same file at once. */
class HubLocksTest {

  @TempDir Path directory;
  private HubLab lab;

  @BeforeEach
  void start() throws IOException {
    lab = new HubLab(directory);
  }

  @AfterEach
  void stop() {
    lab.close();
  }

  @Test
  void threadsThatWantOneFileLoadItOnce() throws IOException {
    List<Callable<Path>> tasks = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      tasks.add(() -> lab.client().download(HubLab.MODEL, HubLab.WEIGHTS));
    }

    Parallel.run(tasks, tasks.size());

    assertThat(lab.ranges()).containsExactly("all");
    assertThat(Files.readAllBytes(lab.pointer(HubLab.WEIGHTS))).isEqualTo(lab.weights);
  }

  @Test
  void processesThatWantOneFileLoadItOnce() throws Exception {
    CountDownLatch both = new CountDownLatch(2);
    lab.hub.add(
        exchange -> {
          if (exchange.method().equals("HEAD")) {
            both.countDown(); // each has found nothing in the cache
            awaitQuietly(both);
          }
          return false;
        });

    List<Process> processes = List.of(process(), process());

    for (Process process : processes) {
      assertThat(process.waitFor()).as(process.info().toString()).isZero();
    }
    assertThat(lab.hub.requests())
        .filteredOn(request -> request.host().equals("storage"))
        .extracting(DoubleRequest::method)
        .containsExactly("GET");
    assertThat(Files.readAllBytes(lab.pointer(HubLab.WEIGHTS))).isEqualTo(lab.weights);
  }

  private Process process() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            HubProcess.class.getName(),
            lab.hub.endpoint().toString(),
            lab.cache.toString(),
            "download",
            HubLab.ID,
            "main",
            HubLab.WEIGHTS)
        .inheritIO()
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the double is being closed
    }
  }
}
