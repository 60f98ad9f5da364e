package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.io.AtomicFile;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A directory of {@code checkpoint-N} directories. Each is made aside and renamed, so that whatever
 * bears the name is complete; what a killed process leaves begins with a dot.
 */
final class Checkpoints {

  static final String OPTIMIZER = "optimizer.safetensors";

  private static final String PREFIX = "checkpoint-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d{1,9})");
  private static final String ASIDE = ".incomplete";

  private final Path directory;

  Checkpoints(Path directory) {
    this.directory = directory;
  }

  /**
   * Makes the directory and clears what a killed run left in it.
   *
   * @param resumed the checkpoint that the run goes on from
   * @throws LoraException if it holds the checkpoints of another run: they would mix
   */
  void prepare(Optional<Path> resumed) throws IOException {
    Files.createDirectories(directory);
    List<Path> standing = all();
    if (!standing.isEmpty() && !(resumed.isPresent() && contains(standing, resumed.get()))) {
      throw new LoraException(
          "%s belongs to an earlier run: resume from it, delete it, or choose another directory"
              .formatted(standing.get(standing.size() - 1)));
    }
    for (Path leftover : list(directory, Checkpoints::isAside)) {
      delete(leftover);
    }
  }

  private static boolean isAside(String name) {
    return name.startsWith("." + PREFIX) && name.contains(ASIDE);
  }

  static String nameOf(int step) {
    return PREFIX + step;
  }

  Path of(int step) {
    return directory.resolve(nameOf(step));
  }

  /** Complete checkpoints, the oldest first. */
  List<Path> all() throws IOException {
    return all(directory);
  }

  private static List<Path> all(Path directory) throws IOException {
    List<Path> found = new ArrayList<>(list(directory, name -> NAME.matcher(name).matches()));
    found.removeIf(path -> !Files.exists(path.resolve(TrainingState.FILE_NAME)));
    found.sort(Comparator.comparingInt(Checkpoints::step));
    return found;
  }

  private static int step(Path checkpoint) {
    return Integer.parseInt(checkpoint.getFileName().toString().substring(PREFIX.length()));
  }

  /** A checkpoint itself, or the newest one in a directory of them. */
  static Optional<Path> find(Path path) throws IOException {
    if (Files.exists(path.resolve(TrainingState.FILE_NAME))) {
      return Optional.of(path);
    }
    if (!Files.isDirectory(path)) {
      return Optional.empty();
    }
    List<Path> found = all(path);
    return found.isEmpty() ? Optional.empty() : Optional.of(found.get(found.size() - 1));
  }

  /**
   * Writes a checkpoint; one of the same step is replaced.
   *
   * @return its directory
   */
  Path write(PeftModel<?> peft, Map<String, TensorData> moments, TrainingState state)
      throws IOException {
    Path target = of(state.step());
    Path aside = Files.createTempDirectory(directory, "." + target.getFileName() + ASIDE);
    try {
      Path complete = aside.resolve(target.getFileName());
      peft.save(complete);
      SafetensorsWriter optimizer = new SafetensorsWriter();
      moments.forEach((name, tensor) -> optimizer.add(name, tensor.shape(), tensor.values()));
      optimizer.writeTo(complete.resolve(OPTIMIZER));
      AtomicFile.write(
          complete.resolve(TrainingState.FILE_NAME),
          state.toJson().getBytes(StandardCharsets.UTF_8));
      if (Files.exists(target)) {
        Files.move(target, aside.resolve("replaced"));
      }
      Files.move(complete, target);
      AtomicFile.syncDirectory(directory);
    } finally {
      delete(aside);
    }
    return target;
  }

  /**
   * Deletes the oldest checkpoints.
   *
   * @param keep how many shall be left; 0 for all
   * @param needed are not deleted even if more are left then
   */
  void prune(int keep, List<Path> needed) throws IOException {
    if (keep == 0) {
      return;
    }
    List<Path> standing = all();
    int excess = standing.size() - keep;
    for (Path checkpoint : standing) {
      if (excess > 0 && !contains(needed, checkpoint)) {
        Path aside = Files.createTempDirectory(directory, "." + checkpoint.getFileName() + ASIDE);
        Files.move(checkpoint, aside.resolve(checkpoint.getFileName()));
        delete(aside);
        excess--;
      }
    }
  }

  /** Whether a path is among others, however they are written. */
  private static boolean contains(List<Path> paths, Path wanted) throws IOException {
    for (Path path : paths) {
      if (Files.exists(path) && Files.isSameFile(path, wanted)) {
        return true;
      }
    }
    return false;
  }

  private static List<Path> list(Path directory, Predicate<String> name) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(entry -> name.test(entry.getFileName().toString())).toList();
    }
  }

  private static void delete(Path tree) throws IOException {
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(tree)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }
}
