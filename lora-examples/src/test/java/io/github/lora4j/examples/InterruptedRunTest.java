package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C while training, in a JVM of its own. */
class InterruptedRunTest {

  private static final int STEPS = 120;
  private static final int SIGINT = 2;

  private final Path directory;

  InterruptedRunTest(@TempDir Path directory) {
    this.directory = directory;
  }

  private List<String> arguments(Path output, String... more) throws IOException {
    List<String> args =
        new ArrayList<>(
            List.of(
                "--model=" + TinyFiles.checkpoint(),
                "--data=" + TinyFiles.mails(directory),
                "--output=" + output,
                "--batch-size=2",
                "--matrix-library=mkl", // two processes must not each find another one faster
                "--steps=" + STEPS));
    args.addAll(List.of(more));
    return args;
  }

  @Test
  void interruptedRunGoesOnAsIfItHadNotBeen() throws IOException, InterruptedException {
    assumeSignalsArrive();
    Path output = directory.resolve("interrupted");
    Path err = directory.resolve("err.txt");

    int exitCode = interruptAfterFirstLine(arguments(output), err);

    assertThat(exitCode).isEqualTo(130);
    assertThat(Files.readAllLines(err))
        .singleElement()
        .asString()
        .matches("lora4j: stopped after step \\d+ of 120; the same command with --resume goes on");
    assertThat(output.resolve("adapter")).doesNotExist();

    Ran resumed =
        Ran.example(TrainMailAdapter::new, arguments(output, "--resume").toArray(String[]::new));
    Path whole = directory.resolve("whole");
    Ran uninterrupted = Ran.example(TrainMailAdapter::new, arguments(whole).toArray(String[]::new));

    assertThat(resumed.err() + uninterrupted.err()).isEmpty();
    assertThat(output.resolve("adapter/adapter_model.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("adapter/adapter_model.safetensors"));
    assertThat(output.resolve("checkpoints")).doesNotExist();
  }

  /** Some ways to start a build in the background make all its children deaf to Ctrl-C. */
  private static void assumeSignalsArrive() throws IOException {
    Path status = Path.of("/proc/self/status");
    assumeTrue(Files.exists(status), "kill -INT and /proc are wanted, as Linux has them");
    String ignored =
        Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .findFirst()
            .orElseThrow()
            .substring("SigIgn:".length())
            .strip();
    boolean deaf = (Long.parseUnsignedLong(ignored, 16) >> (SIGINT - 1) & 1) == 1;
    assumeTrue(!deaf, "this build was started with SIGINT ignored");
  }

  private static int interruptAfterFirstLine(List<String> arguments, Path err)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path", "."),
                TrainMailAdapter.class.getName()));
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).redirectError(err.toFile()).start();
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      String line = out.readLine();
      while (line != null && !line.startsWith("step ")) {
        line = out.readLine();
      }
      assertThat(line).as("a line that tells of a step").isNotNull();
      new ProcessBuilder("kill", "-INT", Long.toString(process.pid()))
          .redirectErrorStream(true)
          .redirectOutput(new File("/dev/null"))
          .start()
          .waitFor();
      out.transferTo(Writer.nullWriter()); // the child must never wait for a reader
      assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("the run ended").isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }
}
